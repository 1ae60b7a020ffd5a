/** Parts of a sweep, and results put together again. */
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { run } from '../../src/cli/main.ts';
import { readSweep, sweepRuns } from '../../src/cli/sweep/definition.ts';
import { mergeRuns } from '../../src/cli/sweep/merge.ts';
import { runsOfShard, shardOf } from '../../src/cli/sweep/shard.ts';
import { ArgumentError } from '../../src/errors.ts';
import { basis, testWorld, withFolder } from './cli-world.ts';

const sweep = readSweep({
  name: 'parts',
  steps: 10,
  seeds: [1, 2, 3, 4, 5],
  arms: ['float32', 'bitnet', 'float32'].map((recipe, i) => ({ name: `${recipe}${i}`, recipe: { recipe } })),
});
const runs = sweepRuns(sweep, basis);

describe('--shard', () => {
  it('parts the runs: each is in exactly one part, equal ones in the same', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 20 }), (of) => {
        const parts = Array.from({ length: of }, (_, i) => runsOfShard(runs, { index: i + 1, of }));
        expect(parts.flat()).toHaveLength(runs.length);
        expect(new Set(parts.flat())).toEqual(new Set(runs));
        const ids = parts.map((part) => new Set(part.map(({ id }) => id)));
        expect(ids.reduce((sum, { size }) => sum + size, 0)).toBe(10);
        const sizes = ids.map(({ size }) => size);
        expect(Math.max(...sizes) - Math.min(...sizes)).toBeLessThanOrEqual(1);
      }),
    );
  });

  it.each([
    ['3/16', {}, { index: 3, of: 16 }],
    [' 1/1 ', {}, { index: 1, of: 1 }],
    [true, { ID: '3', COUNT: '16' }, { index: 3, of: 16 }],
    [true, { ID: '0', COUNT: '4', MIN: '0', MAX: '3', STEP: '1' }, { index: 1, of: 4 }],
    [true, { ID: '30', COUNT: '3', MIN: '10', MAX: '30', STEP: '10' }, { index: 3, of: 3 }],
    [true, { ID: '4', COUNT: '4', MIN: '1', MAX: '4', STEP: '1' }, { index: 4, of: 4 }],
    [true, { ID: '5', COUNT: '3', MIN: '1', MAX: '5', STEP: '2' }, { index: 3, of: 3 }],
  ] as const)('%j with %j', (given, slurm, shard) => {
    const variables = Object.entries(slurm).map(([name, value]) => [`SLURM_ARRAY_TASK_${name}`, value]);
    expect(shardOf(given, Object.fromEntries(variables))).toEqual(shard);
  });

  it.each([
    ['0/16', {}],
    ['17/16', {}],
    ['1/0', {}],
    ['1', {}],
    ['-1/2', {}],
    ['1/10001', {}],
    ['1.5/3', {}],
    [true, {}],
    [true, { ID: '3' }],
    [true, { ID: '0', COUNT: '4' }],
    [true, { ID: '7', COUNT: '2', MIN: '3', STEP: '1' }],
    [true, { ID: '5', COUNT: '4', MIN: '0', STEP: '2' }],
    [true, { ID: 'x', COUNT: '4' }],
    // Of --array=5, 5-8, 3,7, 1,3 and 1-1: what was sent again of a larger array, perhaps.
    [true, { ID: '5', COUNT: '1', MIN: '5', MAX: '5', STEP: '1' }],
    [true, { ID: '5', COUNT: '4', MIN: '5', MAX: '8', STEP: '1' }],
    [true, { ID: '3', COUNT: '2', MIN: '3', MAX: '7', STEP: '1' }],
    [true, { ID: '1', COUNT: '2', MIN: '1', MAX: '3', STEP: '1' }],
    [true, { ID: '1', COUNT: '1', MIN: '1', MAX: '1', STEP: '1' }],
    [true, { ID: '0', COUNT: '2', MIN: '0', MAX: '0', STEP: '0' }],
  ] as const)('refuses %j with %j', (given, slurm) => {
    const variables = Object.entries(slurm).map(([name, value]) => [`SLURM_ARRAY_TASK_${name}`, value]);
    expect(() => shardOf(given, Object.fromEntries(variables))).toThrow(ArgumentError);
  });

  it('says how to give a part where Slurm does not', () => {
    const variables = { SLURM_ARRAY_TASK_ID: '5', SLURM_ARRAY_TASK_COUNT: '1', SLURM_ARRAY_TASK_MIN: '5' };
    expect(() => shardOf(true, variables)).toThrow(/got 5; .*--shard "\$SLURM_ARRAY_TASK_ID\/16"/);
  });
});

describe('--estimate', () => {
  it.each([
    [[], { runs: 10, left: 10 }],
    [['--shard', '2/3'], { part: '2/3', runs: 3, left: 3 }],
  ] as const)('says as JSON what %j leaves to do', async (words, counts) => {
    await withFolder(async (folder) => {
      const file = join(folder, 'parts.json');
      const arms = ['float32', 'bitnet'].map((recipe) => ({ name: recipe, recipe: { recipe } }));
      writeFileSync(file, JSON.stringify({ name: 'parts', steps: 10, seeds: [1, 2, 3, 4, 5], arms }));
      const world = testWorld();
      const given = [file, '--estimate', '--json', '--workers', '1', '--out', join(folder, 'runs'), ...words];
      expect(await run(['sweep', ...given], world.io), world.stderr()).toBe(0);
      const { title, hours, ...said } = JSON.parse(world.stdout());
      expect(said).toEqual({ name: 'parts', ...counts, workers: 1 });
    });
  });
});

describe('--merge', () => {
  const result = (loss: number, seconds: number) =>
    JSON.stringify({
      ...{ steps: 10, trainLoss: 2, validationLoss: loss, bitsPerWeight: 32, seconds, spike: null },
      ...{ inference: [], memory: { bytesPerParameter: 16 }, peakMemory: seconds },
    });
  const finish = (folder: string, id: string, loss = 2, seconds = 1): void => {
    mkdirSync(join(folder, id), { recursive: true });
    writeFileSync(
      join(folder, id, 'metrics.jsonl'),
      '{"type":"step","step":1,"loss":2}\n{"type":"result","steps":10}\n',
    );
    writeFileSync(join(folder, id, 'result.json'), result(loss, seconds));
  };
  const [one, other] = [...new Set(runs.map(({ id }) => id))] as [string, string];

  it('takes finished runs of this sweep, of folders with run folders and of run folders themselves', async () => {
    await withFolder((folder) => {
      const [a, b, out] = [join(folder, 'a'), join(folder, 'b'), join(folder, 'out')];
      finish(join(a, 'trained'), one);
      finish(join(a, 'trained'), '0123456789abcdef');
      finish(b, one, 2, 5);
      finish(b, other);
      mkdirSync(join(b, runs[3]!.id));
      expect(mergeRuns([a, b], runs, out)).toBe(2);
      expect(readFileSync(join(out, one, 'result.json'), 'utf8')).toBe(result(2, 1));
      expect(existsSync(join(out, other, 'metrics.jsonl'))).toBe(true);
      for (const id of ['0123456789abcdef', runs[3]!.id]) expect(existsSync(join(out, id))).toBe(false);
      expect(mergeRuns([a, b], runs, out)).toBe(0);
    });
  });

  it('refuses what is no folder, a damaged log, and runs of one name with other bits', async () => {
    await withFolder((folder) => {
      const [a, b, out] = [join(folder, 'a'), join(folder, 'b'), join(folder, 'out')];
      expect(() => mergeRuns([a], runs, out)).toThrow(
        /--merge: got '.*'; accepted: a folder with run folders/,
      );
      finish(a, one, 2);
      finish(b, one, 2.5);
      expect(() => mergeRuns([a, b], runs, out)).toThrow(/runs of one name have the same bits/);
      finish(a, other);
      writeFileSync(join(a, other, 'metrics.jsonl'), 'no JSON\n{}\n');
      expect(() => mergeRuns([a], runs, out)).toThrow(/line 1 is not JSON/);
    });
  });
});

describe('options that do not go together', () => {
  it.each([
    [['--queue', 'redis://127.0.0.1:1', '--workers', '2'], '--workers'],
    [['--queue', 'redis://127.0.0.1:1', '--shard', '1/2'], '--shard'],
    [['--queue', 'redis://127.0.0.1:1', '--report'], '--report'],
    [['--queue', 'redis://127.0.0.1:1', '--estimate'], '--estimate'],
    [['--queue', 'redis://127.0.0.1:1', '--merge', 'x'], '--merge'],
    [['--store', 'x'], '--store'],
    [['--shard', '1/2', '--report'], '--report'],
    [['--shard', '1/2', '--merge', 'x'], '--merge'],
    [['--merge', 'x', '--estimate'], '--estimate'],
    [['--report', '--estimate'], '--estimate'],
    [['--report', '--workers', '2'], '--workers'],
    [['--merge', 'x', '--workers', '2'], '--workers'],
    [['--report', '--arms', '^a'], '--arms'],
    [['--merge', 'x', '--arms', '^a'], '--arms'],
  ])('%j', async (words, named) => {
    const world = testWorld();
    expect(await run(['sweep', 'none.json', ...words], world.io)).toBe(2);
    expect(world.stderr()).toMatch(new RegExp(`^halfulp: ${named}: got .*beside`));
  });
});
