/**
 * The command as a process whose surroundings go away: nobody reads what it writes, there is no room for it, the terminal
 * closes, the sweep that started it is killed. What it trains goes on or stops with a checkpoint, and nothing is claimed.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, openSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { beforeAll, describe, expect, it } from 'vitest';
import { withFolder } from '../unit/cli-world.ts';

const script = fileURLToPath(new URL('../../dist/cli/main.js', import.meta.url));
const builder = fileURLToPath(new URL('../../scripts/start.js', import.meta.url));
const book = 'Call me Ishmael. Some years ago - never mind how long precisely.\n'.repeat(40);

type Streams = NonNullable<Parameters<typeof spawn>[2]>['stdio'];

interface Ended {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Starts a program; `ended` says what it wrote where it had pipes. */
function start(argv: readonly string[], stdio: Streams = ['ignore', 'pipe', 'pipe'], program = script) {
  const child: ChildProcess = spawn(process.execPath, [program, ...argv], { stdio });
  const written = { stdout: '', stderr: '' };
  for (const name of ['stdout', 'stderr'] as const)
    child[name]?.on('data', (chunk) => {
      written[name] += chunk;
    });
  const ended = new Promise<Ended>((resolve, reject) => {
    child.on('error', reject);
    child.on('close', (code) => resolve({ code, ...written }));
  });
  return { child, ended };
}

async function until(isSo: () => boolean): Promise<void> {
  for (let i = 0; i < 3000 && !isSo(); i++) await delay(20);
  expect(isSo()).toBe(true);
}

const files = (folder: string): string[] => (existsSync(folder) ? readdirSync(folder).sort() : []);
const finishedFiles = [
  ...['checkpoint-00000020.safetensors', 'checkpoint.json', 'config.json', 'metrics.jsonl', 'result.json'],
];

/** Arguments of a short training in `out/NAME`. */
function training(out: string, name: string, steps: number): string[] {
  const [recipe, text] = [join(out, 'recipe.json'), join(out, 'book.txt')];
  writeFileSync(recipe, JSON.stringify({ recipe: 'dqt', bits: 8 }));
  writeFileSync(text, book);
  return [
    ...['train', recipe, '--text', text, '--out', out, '--name', name, '--steps', `${steps}`],
    ...['--batch', '2', '--checkpoint-every', '10'],
  ];
}

beforeAll(async () => {
  expect((await start(['--help'], undefined, builder).ended).code).toBe(0);
}, 300_000);

it('numbers without end stop where the reader has gone: yes 0.3 | halfulp round - | head -1', async () => {
  const { child, ended } = start(['round', '-', '--format', 'e4m3fn'], ['pipe', 'pipe', 'pipe']);
  const { stdin, stdout } = child;
  const feed = (): void => {
    while (stdin!.writable && stdin!.write('0.3\n'.repeat(1000)));
  };
  stdin!.on('error', () => {}).on('drain', feed);
  stdout!.once('data', () => stdout!.destroy());
  feed();
  expect(await ended).toMatchObject({ code: 0, stderr: '' });
}, 60_000);

describe.runIf(process.platform === 'linux')('a training', () => {
  it('goes on where its reader has gone: 2>&1 | head -1', async () => {
    await withFolder(async (out) => {
      const { child, ended } = start(training(out, 'a', 20));
      for (const name of ['stdout', 'stderr'] as const)
        child[name]!.once('data', () => child[name]!.destroy());
      expect((await ended).code).toBe(0);
      expect(files(join(out, 'a'))).toEqual(finishedFiles);
    });
  }, 60_000);

  it('goes on where there is no room for what it writes, and says so in one line', async () => {
    await withFolder(async (out) => {
      const full = openSync('/dev/full', 'w');
      const one = await start(training(out, 'a', 20), ['ignore', full, 'pipe']).ended;
      expect(one.code).toBe(1);
      expect(one.stderr).toMatch(
        /\nhalfulp: cannot write standard output: ENOSPC: no space left on device\n$/,
      );
      expect(one.stderr).not.toContain('    at ');
      expect(files(join(out, 'a'))).toEqual(finishedFiles);
      const other = await start(training(out, 'b', 20), ['ignore', 'pipe', full]).ended;
      expect(other).toMatchObject({ code: 0, stdout: expect.stringContaining('validation') });
      expect(files(join(out, 'b'))).toEqual(finishedFiles);
    });
  }, 60_000);

  it.each([
    ['SIGHUP', 129],
    ['SIGTERM', 143],
  ] as const)(
    'stops with a checkpoint at %s',
    async (signal, code) => {
      await withFolder(async (out) => {
        const { child, ended } = start(training(out, 'a', 2000));
        await until(() => files(join(out, 'a')).includes('metrics.jsonl'));
        child.kill(signal);
        expect((await ended).code).toBe(code);
        expect(files(join(out, 'a'))).toEqual([
          expect.stringMatching(/^checkpoint-\d{8}\.safetensors$/),
          ...['checkpoint.json', 'config.json', 'metrics.jsonl'],
        ]);
      });
    },
    60_000,
  );

  it('leaves no claim where it ends at a second signal', async () => {
    await withFolder(async (out) => {
      const { child, ended } = start(training(out, 'a', 2_000_000));
      await until(() => files(join(out, 'a')).includes('metrics.jsonl'));
      child.kill('SIGTERM');
      await delay(1100);
      child.kill('SIGTERM');
      expect((await ended).code).toBe(143);
      expect(files(join(out, 'a')).filter((name) => name.startsWith('claim'))).toEqual([]);
    });
  }, 60_000);
});

it.runIf(process.platform === 'linux')(
  'a comparison reports what it has when its terminal closes',
  async () => {
    await withFolder(async (out) => {
      const text = join(out, 'book.txt');
      writeFileSync(text, book);
      const { child, ended } = start([
        ...['compare', '--text', text, '--out', out, '--name', 'a', '--steps', '5000', '--batch', '1'],
        ...['--arms', 'float32,bitnet'],
      ]);
      await until(() => files(join(out, 'a')).includes('metrics.jsonl'));
      await delay(500);
      child.kill('SIGHUP');
      expect(await ended).toMatchObject({ code: 129, stdout: expect.stringContaining('stopped at step') });
      expect(files(join(out, 'a'))).toEqual(['config.json', 'loss.svg', 'metrics.jsonl', 'report.html']);
    });
  },
  60_000,
);

it.runIf(process.platform === 'linux')(
  'runs of a sweep that is killed stop with a checkpoint',
  async () => {
    await withFolder(async (out) => {
      const [file, text] = [join(out, 'sweep.json'), join(out, 'book.txt')];
      writeFileSync(text, book);
      writeFileSync(
        file,
        JSON.stringify({
          ...{ name: 'one', steps: 100_000, seeds: [1], data: { text } },
          arms: [{ name: 'float32', recipe: { recipe: 'float32' } }],
        }),
      );
      const { child, ended } = start(['sweep', file, '--out', out, '--workers', '1']);
      const folder = join(out, 'trained');
      // The folder is tried by a file of its own before.
      const run = (): string => join(folder, files(folder).find((name) => !name.startsWith('probe')) ?? '-');
      await until(() => files(run()).includes('metrics.jsonl'));
      const claim = files(run()).find((name) => name.startsWith('claim'))!;
      const worker = Number(/^claim-(\d+)-/.exec(claim)![1]);
      child.kill('SIGKILL');
      expect((await ended).code).toBeNull();
      await until(
        () => !existsSync(`/proc/${worker}`) || /\) Z /.test(readFileSync(`/proc/${worker}/stat`, 'latin1')),
      );
      expect(files(run())).toEqual([
        'basis.json',
        expect.stringMatching(/^checkpoint-\d{8}\.safetensors$/),
        ...['checkpoint.json', 'config.json', 'metrics.jsonl', 'recipe.json'],
      ]);
    });
  },
  60_000,
);
