/** Run folders: new, never reused, whole files or none. */

import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { freeName, makeRunFolder, openRecordLog } from '../../src/cli/run-folder.ts';
import { withFolder } from './cli-world.ts';

const date = new Date(2026, 0, 2, 3, 4, 5);

test('default names have date and time, and a number if taken', async () => {
  await withFolder((out) => {
    expect(freeName(out, undefined, 'tiny', date)).toBe('tiny-2026-01-02-030405');
    mkdirSync(join(out, 'tiny-2026-01-02-030405'));
    expect(freeName(out, undefined, 'tiny', date)).toBe('tiny-2026-01-02-030405-2');
    mkdirSync(join(out, 'tiny-2026-01-02-030405-2'));
    expect(freeName(out, undefined, 'tiny', date)).toBe('tiny-2026-01-02-030405-3');
  });
});

test('a name that is taken is refused before and at making', async () => {
  await withFolder((out) => {
    mkdirSync(join(out, 'mine'));
    writeFileSync(join(out, 'mine', 'precious'), 'x');
    const message = `--name: got 'mine'; accepted: a name that is not taken: ${join(out, 'mine')} exists`;
    expect(() => freeName(out, 'mine', 'tiny', date)).toThrow(message);
    expect(() => makeRunFolder(out, 'mine')).toThrow(message);
    expect(readFileSync(join(out, 'mine', 'precious'), 'utf8')).toBe('x');
  });
});

test('a file in place of the folder for runs is refused', async () => {
  await withFolder((out) => {
    const file = join(out, 'file');
    writeFileSync(file, '');
    expect(() => makeRunFolder(file, 'mine')).toThrow(
      /^--out: got .*; accepted: a folder in which a folder can be made/,
    );
  });
});

test.runIf(process.platform === 'linux')('a place where no folder can be made is refused, at once', () => {
  expect(() => makeRunFolder('/proc/halfulp/runs', 'mine')).toThrow(
    "--out: got '/proc/halfulp/runs'; accepted: a folder in which a folder can be made (ENOENT: no such file or directory)",
  );
});

test('files are whole or not there, and leave no temporary name', async () => {
  await withFolder((out) => {
    const folder = makeRunFolder(join(out, 'deep', 'runs'), 'mine');
    folder.write('a.txt', 'one');
    folder.write('a.txt', 'two ±');
    expect(readFileSync(join(folder.path, 'a.txt'), 'utf8')).toBe('two ±');
    expect(() => folder.write('missing/b.txt', 'x')).toThrow(
      /^cannot write .*b\.txt: ENOENT: no such file or directory$/,
    );
    expect(readdirSync(folder.path)).toEqual(['a.txt']);
  });
});

test('records are on disk as soon as they are appended', async () => {
  await withFolder((out) => {
    const folder = makeRunFolder(out, 'mine');
    const log = openRecordLog(folder, 'metrics.jsonl');
    log.append({ type: 'step', loss: 1.5 });
    log.append({ type: 'step', loss: Number.NaN });
    const lines = readFileSync(join(folder.path, 'metrics.jsonl'), 'utf8').trimEnd().split('\n');
    expect(lines.map((line) => JSON.parse(line))).toEqual([
      { type: 'step', loss: 1.5 },
      { type: 'step', loss: 'NaN' },
    ]);
    log.close();
    expect(() => openRecordLog(folder, 'metrics.jsonl')).toThrow('EEXIST');
    expect(existsSync(join(folder.path, 'metrics.jsonl'))).toBe(true);
  });
});
