/** `halfulp vectors` and `halfulp verify`: streams, files, exit codes, and what is said of wrong arguments and lines. */
import { EventEmitter } from 'node:events';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { run } from '../../src/cli/main.ts';
import { vectorOperations } from '../../src/vectors/index.ts';
import { testWorld, withFolder } from './cli-world.ts';

interface Outcome {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

async function halfulp(argv: string, input: readonly string[] = []): Promise<Outcome> {
  const world = testWorld(undefined, input);
  const code = await run(argv.split(' '), world.io);
  return { code, stdout: world.stdout(), stderr: world.stderr() };
}

describe('vectors', () => {
  it('writes lines that verify finds right', async () => {
    for (const what of [
      'mul --format e4m3fn',
      'fma --format binary64 --rounding toward-positive --no-flags',
      'convert --from binary32 --format e5m2 --rounding stochastic --random-bits 8',
      'dot --format bfloat16 --terms 3 --accumulate binary32 --products exact --order 2',
      'mma --unit hopper-fp8',
      'mma --unit {"kind":"aligned","operands":"fp8_e4m3","group":5,"k":10,"fractionBits":20}',
      'quantize --format nvfp4 --blocks 2 --as csv',
      'exp --format posit16 --as jsonl',
      'sub --format int8 --saturation wrap --as readmemh --tininess before',
    ]) {
      const written = await halfulp(`vectors ${what} --count 200 --seed 4`);
      expect([written.code, written.stderr], what).toEqual([0, '']);
      const verified = await halfulp(`verify ${what}`, [written.stdout]);
      expect(verified, what).toMatchObject({ code: 0, stderr: '' });
      expect(verified.stdout).toMatch(/: \d+ lines, no difference\n$/);
    }
  });

  it('writes a file, whole or not at all', async () => {
    await withFolder(async (folder) => {
      const path = join(folder, 'add.npy');
      const written = await halfulp(`vectors add --format binary16 --count 5000 --as npy --out ${path}`);
      expect(written).toEqual({ code: 0, stdout: '', stderr: '' });
      expect(readdirSync(folder)).toEqual(['add.npy']);
      expect((await halfulp(`verify add --format binary16 --as npy ${path}`)).stdout).toContain(
        ': 5000 rows, no difference',
      );
      writeFileSync(path, 'good');
      const world = testWorld();
      const running = run(
        ['vectors', 'add', '--format', 'binary64', '--level', '2', '--out', path],
        world.io,
      );
      while (!readdirSync(folder).some((name) => name.includes('.tmp-'))) await pause(1);
      world.send('SIGINT');
      expect(await running).toBe(130);
      expect(readdirSync(folder)).toEqual(['add.npy']);
      expect(readFileSync(path, 'utf8')).toBe('good');
      const nowhere = await halfulp(`vectors add --format binary16 --out ${folder}`);
      expect(nowhere).toMatchObject({ code: 2, stderr: expect.stringContaining('--out: got') });
    });
  });

  it('waits for a slow reader, and ends when it has gone', async () => {
    const world = testWorld();
    let pieces = 0;
    const stdout = Object.assign(new EventEmitter(), {
      write: () => {
        pieces++;
        return false;
      },
      writable: true,
    });
    const isWaiting = (): boolean => stdout.listenerCount('drain') > 0;
    const running = run(['vectors', 'add', '--format', 'binary32'], { ...world.io, stdout });
    const drain = async (): Promise<void> => {
      while (!isWaiting()) await pause(1);
      stdout.emit('drain');
    };
    await drain();
    while (!isWaiting()) await pause(1);
    await pause(30);
    expect(pieces).toBe(2);
    stdout.writable = false;
    await drain();
    expect(await running).toBe(0);
    expect(pieces).toBe(2);
    expect(stdout.eventNames()).toEqual([]);
  });

  it.each([
    ['vectors ad --format binary16', "operation: got 'ad'; accepted: add"],
    ['vectors add', '--format: got undefined'],
    ['vectors add --format binary61', '--format: got'],
    ['vectors add --format binary16 --terms 3', '--terms: got 3; accepted: nothing with add'],
    ['vectors add --format binary16 --level 3', '--level: got'],
    ['vectors add --format binary32 --level exhaustive', '--level: got'],
    ['vectors add --format binary16 --missing-nan no', '--missing-nan: got'],
    ['vectors convert --format binary16', '--from: got undefined'],
    ['vectors mma --unit hoper', "--unit: got 'hoper'; accepted: "],
    ['vectors dot --format binary16 --order 0', '--order: got'],
    ['vectors quantize --format mxfp4 --four-over-six mae', '--four-over-six'],
    ['vectors dot --format binary16 --no-flags', '--flags'],
    ['verify add --format binary16 --as xml', '--as: got'],
    ['verify add --format binary16 no-such-file', "file: got 'no-such-file'; accepted: a readable file"],
    ['verify add --format binary16 /', 'this is a folder'],
  ])('%s: exit code 2 and one line', async (argv, words) => {
    const { code, stdout, stderr } = await halfulp(argv);
    expect([code, stdout]).toEqual([2, '']);
    expect(stderr).toContain(words);
    expect(stderr.trimEnd().split('\n')).toHaveLength(1);
  });
});

describe('verify', () => {
  const right = '3C00 3C00 4000 00\n';

  it('shows what differs, counts it by kind, and exits with 1', async () => {
    const lines = [
      right,
      '3C00 1001 3C00 01\n',
      '3C01 1000 3C01 01\n',
      '0000 8000 8000 00\n',
      '3C00 3C00 4000 01\n',
    ];
    const { code, stdout } = await halfulp('verify add --format binary16', lines);
    expect(code).toBe(1);
    expect(stdout).toBe(`add binary16, nearest-even: 5 lines, 4 differ

line 2: a=0x3C00 (1) b=0x1001 (~0.0004888)
  theirs 0x3C00 (1), ours 0x3C01 (~1.001): lost sticky bit
  exact 0x1.002008p+0: between 0x3C00 and 0x3C01, above the middle by bits that are cut off

line 3: a=0x3C01 (~1.001) b=0x1000 (2^-11)
  theirs 0x3C01 (~1.001), ours 0x3C02 (~1.002): wrong tie
  exact 0x1.006p+0: a tie between 0x3C01 and 0x3C02; nearest-even

line 4: a=0x0000 (0) b=0x8000 (-0)
  theirs 0x8000 (-0), ours 0x0000 (0): sign of zero
  the zero is positive

line 5: a=0x3C00 (1) b=0x3C00 (1)
  theirs inexact, ours none: wrong flag
  exact 0x1p+1: none is right, not inexact

wrong flag       1
wrong tie        1
lost sticky bit  1
sign of zero     1
`);
    const json = JSON.parse((await halfulp('verify add --format binary16 --json --first 1', lines)).stdout);
    expect(json).toMatchObject({ lines: 5, differing: 4, kinds: { 'wrong tie': 1 } });
    expect(json.first).toHaveLength(1);
    expect(json.first[0]).toMatchObject({ line: 2, operands: { a: '0x3C00' }, theirs: { z: '0x3C00' } });
  });

  it('reports what was verified before a line that is none, or an end in the middle: exit code 2', async () => {
    const wrong = await halfulp('verify add --format binary16', [right, right, '3C0 3C00 4000 00\n']);
    expect(wrong.code).toBe(2);
    expect(wrong.stdout).toContain(': 2 lines, no difference');
    expect(wrong.stderr).toBe(
      "halfulp: line 3: got '3C0 3C00 4000 00'; accepted: 4 hexadecimal digits for a, a code of binary16 of 16 bits\n",
    );
    const cut = await halfulp('verify add --format binary16', [right, '3C00 3C00 4001 00\n', '3C00 3C']);
    expect(cut.code).toBe(2);
    expect(cut.stdout).toContain(': 2 lines, 1 differ');
    expect(cut.stderr).toContain('line 3');
    expect(cut.stderr).toContain('the stream ends in the middle of this line');
  });

  it('works with a slow producer, and stops at a signal with what it has', async () => {
    const world = testWorld();
    async function* slowly(): AsyncGenerator<string> {
      for (const piece of [right.slice(0, 5), right.slice(5), right]) {
        await pause(20);
        yield piece;
      }
      await new Promise(() => {}); // says no more
    }
    const running = run(['verify', 'add', '--format', 'binary16'], { ...world.io, stdin: slowly() });
    await pause(150);
    world.send('SIGINT');
    expect(await running).toBe(130);
    expect(world.stdout()).toContain(': 2 lines, no difference');
  });

  it('of nothing: nothing differs', async () => {
    expect(await halfulp('verify add --format binary16')).toMatchObject({ code: 0 });
  });
});

it('the help of both lists every operation', async () => {
  for (const command of ['vectors', 'verify']) {
    const { stdout } = await halfulp(`${command} --help`);
    for (const name of vectorOperations) expect(stdout).toMatch(new RegExp(`[ \\n]${name}[ \\n]`));
  }
});
