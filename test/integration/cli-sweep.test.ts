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

test('an arm with data of its own is trained on them, once, and again when they have changed', async () => {
  await withFolder(async (out) => {
    const at = (name: string): string => join(out, name);
    writeFileSync(at('book.txt'), book);
    writeFileSync(at('other.txt'), book.replaceAll('Ishmael', 'Ahab'));
    const float32 = { recipe: { recipe: 'float32' } };
    const arms = [
      { name: 'float32', ...float32 },
      { name: 'other', ...float32, data: { text: at('other.txt') } },
      { name: 'small', ...float32, data: { text: at('book.txt'), validation: 0.2 } },
    ];
    const sweep = { name: 'books', steps: 2, data: { text: at('book.txt') }, arms, evaluateEvery: 2 };
    writeFileSync(at('books.json'), JSON.stringify(sweep));
    const argv = ['sweep', at('books.json'), '--out', out, '--workers', '1'];
    // What was trained of an arm before is not trained again with the others.
    expect((await start([...argv, '--arms', 'other']).ended).code).toBe(0);
    const [before] = readdirSync(at('trained'));
    const time = statSync(join(out, 'trained', before!, 'result.json')).mtimeMs;
    const whole = await start(argv).ended;
    expect(whole.output).toContain('3 runs, 2 to do');
    expect(whole.output).toContain('finished: all 3 runs');
    expect(whole.output).not.toContain('do not count');
    expect(statSync(join(out, 'trained', before!, 'result.json')).mtimeMs).toBe(time);
    const runs = readdirSync(at('trained')).map((id) => {
      const { text } = JSON.parse(readFileSync(join(out, 'trained', id, 'config.json'), 'utf8'));
      return `${text.name} ${text.trainingCharacters} ${text.validationCharacters}`;
    });
    const length = (text: string, part: number) => Math.round(part * text.length);
    expect(runs.sort()).toEqual(
      [
        ['book.txt', book, 0.08],
        ['book.txt', book, 0.2],
        ['other.txt', book.replaceAll('Ishmael', 'Ahab'), 0.08],
      ]
        .map(([name, text, part]) => {
          const validation = length(text as string, part as number);
          return `${name} ${(text as string).length - validation} ${validation}`;
        })
        .sort(),
    );
    writeFileSync(at('other.txt'), book.replaceAll('Ishmael', 'Queequeg'));
    const changed = await start(argv).ended;
    expect(changed.output).toContain('3 runs, 1 to do');
    expect(changed.output).toContain('1 run has a result that does not count: it is of data');
    expect(changed.code).toBe(0);
    expect(readdirSync(at('trained'))).toHaveLength(4);
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
