/** Sweeps as processes: two at once that ask for the same runs, and a run folder that is being trained in. */
import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { beforeAll, expect, test } from 'vitest';
import { withFolder } from '../unit/cli-world.ts';

const script = fileURLToPath(new URL('../../dist/cli/main.js', import.meta.url));
const builder = fileURLToPath(new URL('../../scripts/start.js', import.meta.url));
const book = 'Call me Ishmael. Some years ago - never mind how long precisely.\n'.repeat(40);

interface Running {
  readonly child: ChildProcess;
  readonly ended: Promise<{ code: number | null; output: string }>;
}

function start(argv: readonly string[], program = script): Running {
  const child = spawn(process.execPath, [program, ...argv], { stdio: ['ignore', 'pipe', 'pipe'] });
  let output = '';
  for (const stream of [child.stdout, child.stderr])
    stream.on('data', (chunk) => {
      output += chunk;
    });
  return {
    child,
    ended: new Promise((resolve, reject) => {
      child.on('error', reject);
      child.on('close', (code) => resolve({ code, output }));
    }),
  };
}

async function until(isSo: () => boolean): Promise<void> {
  while (!isSo()) await new Promise((resolve) => setTimeout(resolve, 20));
}

beforeAll(async () => {
  expect((await start(['--help'], builder).ended).code).toBe(0);
}, 300_000);

test('two sweeps at once train what both ask for once', async () => {
  await withFolder(async (out) => {
    const text = join(out, 'book.txt');
    writeFileSync(text, book);
    const arm = (name: string) => ({ name, recipe: { recipe: name } });
    const files = [
      ['one', ['float32', 'bitnet']],
      ['two', ['bitnet', 'float32']],
    ].map(([name, arms]) => {
      const file = join(out, `${name}.json`);
      const sweep = { name, steps: 3, seeds: [1], baseline: 'float32', arms: (arms as string[]).map(arm) };
      writeFileSync(file, JSON.stringify({ ...sweep, evaluateEvery: 2, checkpointEvery: 0 }));
      return file;
    });
    const argv = (file: string): string[] => ['sweep', file, '--out', out, '--text', text, '--workers', '2'];
    const sweeps = files.map((file) => start(argv(file)).ended);
    for (const { code, output } of await Promise.all(sweeps)) {
      expect(output).toContain('finished: all 2 runs');
      expect(code).toBe(0);
    }
    const runs = readdirSync(join(out, 'trained'));
    expect(runs).toHaveLength(2);
    const results = runs.map((id) => join(out, 'trained', id, 'result.json'));
    for (const id of runs) {
      const folder = join(out, 'trained', id);
      expect(readdirSync(folder).filter((file) => file.startsWith('claim'))).toEqual([]);
      const steps = readFileSync(join(folder, 'metrics.jsonl'), 'utf8').match(/"type":"step"/g);
      expect(steps).toHaveLength(3);
      const { memory, peakMemory } = JSON.parse(readFileSync(join(folder, 'result.json'), 'utf8'));
      expect(peakMemory).toBeGreaterThan(memory.total);
    }
    // A third one trains nothing, and both folders hold a report.
    const times = results.map((path) => statSync(path).mtimeMs);
    const third = await start(argv(files[0]!)).ended;
    expect(third).toMatchObject({ code: 0 });
    expect(results.map((path) => statSync(path).mtimeMs)).toEqual(times);
    for (const path of ['one/report.html', 'two/results.json'])
      expect(existsSync(join(out, path))).toBe(true);
  });
}, 180_000);

test('a run folder is trained in by one process, until that one ends', async () => {
  await withFolder(async (out) => {
    const [text, recipe] = [join(out, 'book.txt'), join(out, 'recipe.json')];
    writeFileSync(text, book);
    writeFileSync(recipe, JSON.stringify({ recipe: 'float32' }));
    const argv = (steps: number): string[] => [
      ...['train', recipe, '--text', text, '--out', out, '--name', 'mine', '--resume', '--batch', '2'],
      ...['--steps', `${steps}`, '--quiet', '--checkpoint-every', '0'],
    ];
    const first = start(argv(100_000));
    await until(() => existsSync(join(out, 'mine', 'metrics.jsonl')));
    const second = await start(argv(100_000)).ended;
    expect(second.output).toBe(`halfulp: process ${first.child.pid} is training in ${join(out, 'mine')}\n`);
    expect(second.code).toBe(1);
    first.child.kill('SIGKILL');
    await first.ended;
    expect(readdirSync(join(out, 'mine')).filter((file) => file.startsWith('claim'))).toHaveLength(1);
    expect((await start(argv(2)).ended).code).toBe(0);
    expect(readdirSync(join(out, 'mine')).filter((file) => file.startsWith('claim'))).toEqual([]);
  });
}, 180_000);
