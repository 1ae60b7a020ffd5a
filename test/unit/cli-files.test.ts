/** Files as strangers may make them: too deep, too large, in another encoding, no files at all. */
import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { describe, expect, it, test } from 'vitest';
import { run } from '../../src/cli/main.ts';
import { readJson, readText } from '../../src/cli/read-file.ts';
import { loadData } from '../../src/cli/training-data.ts';
import { loadText } from '../../src/cli/training-text.ts';
import { DamagedFileError, describe as describeValue } from '../../src/errors.ts';
import { deepestJson, parseJson, parseOwnJson } from '../../src/json.ts';
import { otherEncoding } from '../../src/train/encoding.ts';
import { readIdx } from '../../src/train/index.ts';
import { testWorld, withFolder } from './cli-world.ts';

const refusal = (message: RegExp) =>
  expect.objectContaining({ name: 'ArgumentError', message: expect.stringMatching(message) });

describe('JSON', () => {
  it('nests as deep as it may, and no deeper', () => {
    const nested = (depth: number): string => '['.repeat(depth) + ']'.repeat(depth);
    expect(() => parseJson(nested(deepestJson))).not.toThrow();
    expect(() => parseJson(nested(deepestJson + 1))).toThrow(/nests deeper than 64/);
    expect(() => parseJson('{"a":'.repeat(1e6))).toThrow(/nests deeper than 64/);
    expect(parseJson(JSON.stringify(nested(1000)))).toBe(nested(1000));
    expect(parseJson('"\\"[[["')).toBe('"[[[');
  });

  it('has no __proto__, however it is spelt', () => {
    for (const text of ['{"__proto__": 1}', '{"\\u005f_proto__": 1}', '[[{"a": {"__proto__": {}}}]]'])
      expect(() => parseJson(text)).toThrow(/__proto__/);
  });

  it('of settings has no key twice, however it is spelt', async () => {
    for (const text of ['{"a": 1, "a": 2}', '[{"b": {"a": 1, "\\u0061": 1}}]'])
      expect(() => parseOwnJson(text)).toThrow(/it has the key a twice/);
    expect(parseOwnJson('[{"a": "a"}, {"a": {"a": 1}}]')).toEqual([{ a: 'a' }, { a: { a: 1 } }]);
    await withFolder((folder) => {
      const path = join(folder, 'rules.json');
      writeFileSync(path, '[{"match": "w", "to": "int8", "to": "mxfp4"}]');
      expect(() => readJson(path, '--rules')).toThrow(refusal(/^--rules: .*the key to twice/));
    });
  });

  it('is refused by the argument, whatever the file is', async () => {
    await withFolder((folder) => {
      const at = (name: string, content: string | Uint8Array): string => {
        writeFileSync(join(folder, name), content);
        return join(folder, name);
      };
      const refused = (path: string) => expect(() => readJson(path, '<file>'));
      mkdirSync(join(folder, 'folder'));
      symlinkSync('circle', join(folder, 'circle'));
      refused(join(folder, 'folder')).toThrow(refusal(/^<file>: .*this is a folder/));
      refused(join(folder, 'circle')).toThrow(refusal(/circle, ELOOP/));
      refused(join(folder, 'none')).toThrow(refusal(/there is no such file/));
      refused(join(folder, 'a\0b')).toThrow(refusal(/zero characters/));
      refused(join(folder, 'x'.repeat(5000))).toThrow(refusal(/too long/));
      refused(join(at('plain', '1'), 'x')).toThrow(refusal(/no folder/));
      refused('/dev/zero').toThrow(refusal(/more than 16777216 bytes/));
      refused(at('deep', '['.repeat(1e6))).toThrow(refusal(/nests deeper/));
      refused(at('half', '{"a":')).toThrow(refusal(/a file with JSON/));
      refused(at('utf16', Buffer.from('{"a": 1}', 'utf16le'))).toThrow(refusal(/UTF-16, little endian/));
      expect(readJson(at('mark', '\ufeff{"a": 1}'), '<file>')).toEqual({ a: 1 });
    });
  });
});

describe('the encoding of a text', () => {
  const text = 'Müller; Straße; café\n'.repeat(20);
  it.each<[string, Uint8Array, string | null]>([
    ['UTF-8', Buffer.from(text), null],
    ['UTF-8 with a mark', Buffer.from(`\ufeff${text}`), null],
    ['ASCII', Buffer.from('a,b\n'), null],
    ['nothing', Buffer.alloc(0), null],
    ['Latin-1', Buffer.from(text, 'latin1'), 'Latin-1, Windows-1252'],
    ['UTF-16 LE', Buffer.from(`\ufeff${text}`, 'utf16le'), 'UTF-16, little endian'],
    ['UTF-16 BE', Buffer.from(`\ufeff${text}`, 'utf16le').swap16(), 'UTF-16, big endian'],
    ['UTF-16 LE without a mark', Buffer.from(text, 'utf16le'), 'UTF-16, little endian, it seems'],
    ['UTF-16 BE without a mark', Buffer.from(text, 'utf16le').swap16(), 'UTF-16, big endian, it seems'],
    ['UTF-32 LE', Uint8Array.from([0xff, 0xfe, 0, 0, 0x61, 0, 0, 0]), 'UTF-32, little endian'],
    ['zeros', new Uint8Array(100), 'zero bytes'],
    ['half a character at the end', Buffer.from('ü').subarray(0, 1), 'Latin-1'],
  ])('%s', (_, bytes, expected) => {
    if (expected === null) expect(otherEncoding(bytes)).toBeNull();
    else expect(otherEncoding(bytes)).toContain(expected);
  });

  it('is told of a character that straddles two pieces', () => {
    const bytes = Buffer.from(`${'a'.repeat(2 ** 20 - 1)}ü`);
    expect(otherEncoding(bytes)).toBeNull();
    expect(otherEncoding(bytes.subarray(0, -1))).toContain('Latin-1');
  });

  it('other than UTF-8 is refused by name: two classes never become one', async () => {
    await withFolder(async (folder) => {
      const csv = join(folder, 'a.csv');
      const table = 'é,1\nè,2\n'.repeat(10);
      writeFileSync(csv, Buffer.from(table, 'latin1'));
      await expect(loadData('mlp', { csv })).rejects.toThrow(refusal(/^--csv: .*UTF-8; it has Latin-1/));
      writeFileSync(csv, Buffer.from(`\ufeff${table}`, 'utf16le'));
      await expect(loadData('mlp', { csv })).rejects.toThrow(refusal(/UTF-16, little endian/));
      writeFileSync(csv, table);
      expect(await loadData('mlp', { csv })).toMatchObject({ classes: ['è', 'é'] });
      writeFileSync(csv, Buffer.from('Call me Ishmael.', 'utf16le'));
      await expect(loadText(csv)).rejects.toThrow(refusal(/^--text: .*not UTF-8 but UTF-16/));
      expect(() => readText(csv, '--x')).toThrow(refusal(/^--x: .*this is UTF-16/));
    });
  });
});

/** The header of an IDX file of unsigned bytes. */
function header(...shape: number[]): Uint8Array {
  const bytes = new Uint8Array(4 + 4 * shape.length);
  bytes.set([0, 0, 8, shape.length]);
  shape.forEach((extent, i) => {
    new DataView(bytes.buffer).setUint32(4 + 4 * i, extent);
  });
  return bytes;
}

describe('a gzip stream', () => {
  it('is unpacked no further than its header says', async () => {
    // 200 MB of zeros in 200 kB: what is kept of them shows in the memory of array buffers.
    const bomb = gzipSync(Buffer.concat([header(10, 2, 2), Buffer.alloc(2e8)]));
    const before = process.memoryUsage().arrayBuffers;
    await expect(readIdx(bomb)).rejects.toThrow(
      refusal(/more than 56 bytes.*56 bytes, as the sizes 10 x 2 x 2/),
    );
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(2e7);
    await expect(readIdx(gzipSync(Buffer.alloc(1e8)))).rejects.toThrow(refusal(/magic number 00 00 00 00/));
  });

  it('is refused by what its header promises', async () => {
    await expect(readIdx(gzipSync(header(65536, 65536)))).rejects.toThrow(refusal(/at most 2\^28 elements/));
    await expect(readIdx(gzipSync(header(4, 4)))).rejects.toThrow(refusal(/'12 bytes'.*28 bytes.*cut off/));
    await expect(readIdx(gzipSync(header(4, 4).subarray(0, 6)))).rejects.toThrow(
      refusal(/header of 12 bytes/),
    );
    await expect(readIdx(gzipSync(header(2)).subarray(0, 12))).rejects.toThrow(refusal(/whole gzip stream/));
    await expect(readIdx(header(2 ** 31, 0))).resolves.toMatchObject({ shape: [2 ** 31, 0] });
  });
});

describe('a message', () => {
  it('is bounded, whatever it is about, and shows no control characters', () => {
    const long = '\u001b]0;'.repeat(1e6);
    const { message } = new DamagedFileError(long, long);
    expect(message.length).toBeLessThan(12_000);
    // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is looked for
    expect(message).not.toMatch(/[\u0000-\u001f\u007f-\u009f]/);
    expect(describeValue({ toString: 1 })).toBe('{"toString":1}');
  });

  it('of a command is one line, also where names have white space by the megabyte', async () => {
    const world = testWorld();
    const begin = performance.now();
    expect(await run([`--x${' '.repeat(2e6)}\u001b[31m`], world.io)).toBe(2);
    expect(performance.now() - begin).toBeLessThan(2000);
    expect(world.stderr().length).toBeLessThan(3000);
    // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is looked for
    expect(world.stderr()).toMatch(/^halfulp: [^\u0000-\u001f]*\n$/);
  });
});

it('control characters of names reach no terminal', async () => {
  await withFolder(async (folder) => {
    const name = 'book\u001b]0;x\u0007\u009b31m.txt';
    writeFileSync(join(folder, name), 'Call me Ishmael. '.repeat(200));
    const world = testWorld(80);
    const argv = [
      'compare',
      '--text',
      join(folder, name),
      '--out',
      join(folder, 'o\u001b[2J'),
      '--steps',
      '1',
    ];
    const quick = ['--batch', '1', '--arms', 'float32', '--backend', 'cpu', '--kernels', 'stock'];
    expect(await run([...argv, ...quick], world.io)).toBe(0);
    expect(world.stderr()).toContain('o\\u001b[2J');
    const written = [world.stdout(), world.stderr()]
      .join('')
      .replaceAll('\u001b[1m', '')
      .replaceAll('\u001b[22m', '');
    const control = [...written].find((unit) => unit !== '\n' && /\p{Cc}/u.test(unit));
    expect(control).toBeUndefined();
  });
}, 60_000);

test.each([
  ['65536,65536', /product from 1 to 2\^28/],
  [Array(65).fill(1).join(), /up to 64 lengths/],
  [Array(100_000).fill(1).join(), /up to 64 lengths/],
])('a shape of %.20s is refused', async (shape, message) => {
  const world = testWorld();
  expect(await run(['analyze', '--shape', shape], world.io)).toBe(2);
  expect(world.stderr()).toMatch(message);
});
