/** Sweep files, their runs, and what comes out of runs that are there. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { halfInterval } from '../../src/cli/statistics.ts';
import { readSweep, type SweepRun, sweepRuns } from '../../src/cli/sweep/definition.ts';
import { sweepPage } from '../../src/cli/sweep/page.ts';
import { sweepCsv, sweepRows, sweepTable } from '../../src/cli/sweep/results.ts';
import { withFolder } from './cli-world.ts';

const file = {
  name: 'bits',
  steps: 10,
  seeds: [1, 2],
  baseline: 'float32',
  arms: [
    { name: 'float32', recipe: { recipe: 'float32' } },
    {
      name: 'dqt{bits}-{rate}',
      grid: { bits: [8, 1.58], rate: [0.001, 0.0005] },
      recipe: { recipe: 'dqt', bits: '{bits}' },
      learningRate: '{rate}',
    },
  ],
};

describe('a sweep file', () => {
  it('becomes arms and runs, seeds outside', () => {
    const sweep = readSweep(file);
    expect(sweep.arms.map(({ name, learningRate }) => [name, learningRate])).toEqual([
      ['float32', undefined],
      ['dqt8-0.001', 0.001],
      ['dqt8-0.0005', 0.0005],
      ['dqt1.58-0.001', 0.001],
      ['dqt1.58-0.0005', 0.0005],
    ]);
    const runs = sweepRuns(sweep, undefined);
    expect(runs.map(({ seed }) => seed)).toEqual([1, 1, 1, 1, 1, 2, 2, 2, 2, 2]);
    expect(new Set(runs.map(({ id }) => id)).size).toBe(10);
    // Ids go by what a run is, not by the sweep's name or its other arms.
    const other = readSweep({ ...file, name: 'other', arms: file.arms.slice(1), baseline: 'dqt8-0.001' });
    expect(sweepRuns(other, undefined)[0]!.id).toBe(runs[1]!.id);
    expect(sweepRuns(readSweep({ ...file, steps: 11 }), undefined)[0]!.id).not.toBe(runs[0]!.id);
  });

  it.each<[object, string]>([
    [{ stpes: 3 }, 'sweep.stpes'],
    [{ name: 'a/b' }, 'sweep.name'],
    [{ steps: 0 }, 'sweep.steps'],
    [{ seeds: [] }, 'sweep.seeds'],
    [{ model: 'llama' }, 'sweep.model'],
    [{ arms: [] }, 'sweep.arms'],
    [{ arms: [file.arms[0], file.arms[0]] }, 'sweep.arms'],
    [{ baseline: 'bitnet' }, 'sweep.baseline'],
    [{ arms: [{ name: 'a', recipe: { recipe: 'dqt', bits: 99 } }] }, 'sweep.arms[0].recipe.bits'],
    [{ arms: [{ name: 'a', recipe: { recipe: 'dqt', bit: 8 } }] }, 'sweep.arms[0].recipe.bit'],
    [{ arms: [{ name: 'a', recipe: { recipe: 'dqn' } }] }, 'sweep.arms[0].recipe.recipe'],
    [{ arms: [{ name: 'a', grid: { bits: 8 }, recipe: {} }] }, 'sweep.arms[0].grid'],
  ])('is refused by name: %j', (change, argument) => {
    expect(() => readSweep({ ...file, ...change })).toThrow(
      expect.objectContaining({ name: 'ArgumentError', argument }),
    );
  });
});

function finish(folder: string, { id, seed }: SweepRun, loss: number): void {
  mkdirSync(join(folder, id));
  const memory = { weights: 1, optimizerState: 2, gradients: 1, bytesPerParameter: 13 };
  const result = {
    validationLoss: loss + seed / 8,
    bitsPerWeight: 8,
    memory,
    inference: [],
    spike: null,
    seconds: 5,
    steps: 10,
  };
  writeFileSync(join(folder, id, 'result.json'), JSON.stringify(result));
  const records = [
    {
      type: 'step',
      step: 1,
      loss: 3,
      probes: { weights: { flipRate: 0.5, stepRatio: 2, zeroFraction: 0.25 } },
    },
    { type: 'evaluation', step: 5, loss: loss + 0.5 },
    { type: 'evaluation', step: 10, loss },
  ];
  writeFileSync(
    join(folder, id, 'metrics.jsonl'),
    records.map((record) => JSON.stringify(record)).join('\n'),
  );
}

describe('results', () => {
  it('are means, paired differences and intervals over the runs that finished', async () => {
    await withFolder(async (folder) => {
      const sweep = readSweep(file);
      const runs = sweepRuns(sweep, undefined);
      for (const run of runs)
        if (run.arm.name === 'float32') finish(folder, run, 2);
        else if (run.arm.name === 'dqt8-0.001') finish(folder, run, run.seed === 1 ? 2.25 : 2.75);
      const failed = runs.find(({ arm }) => arm.name === 'dqt1.58-0.001')!;
      const rows = sweepRows(sweep, runs, folder, new Map([[failed.id, 'out of memory']]));
      expect(rows[0]).toMatchObject({ finished: 2, difference: null, validationLoss: { mean: 2.1875 } });
      expect(rows[1]!.difference).toMatchObject({ mean: 0.5, count: 2 });
      // t(0.975, 1) = 12.706; the deviation is sqrt(2) / 4.
      expect(Math.abs(rows[1]!.interval! - 12.706 / 4)).toBeLessThan(1e-12);
      expect(rows[1]!.flipRate!.mean).toBe(0.5);
      expect(rows[3]).toMatchObject({ finished: 0, failures: [{ seed: 1, reason: 'out of memory' }] });
      const { columns, rows: cells } = sweepTable(rows);
      expect(columns.map(({ name }) => name)).not.toContain('spike nats');
      expect(cells[1]).toContain('+0.5000 ± 0.3536');
      expect(sweepCsv(rows).split('\n')[2]).toContain('dqt8-0.001,2,8,13,3.1765');
      const page = sweepPage(sweep, runs, rows, folder);
      expect(page).toContain('out of memory');
      expect(page.match(/<svg xmlns/g)).toHaveLength(2);
    });
  });

  it('have a page before any run is finished', async () => {
    await withFolder(async (folder) => {
      const sweep = readSweep(file);
      const runs = sweepRuns(sweep, undefined);
      const rows = sweepRows(sweep, runs, folder, new Map());
      expect(sweepPage(sweep, runs, rows, folder)).toContain('0 of 10 runs finished');
      expect(sweepTable(rows).rows[0]).toEqual(['float32', '0', '-']);
    });
  });

  it('have no interval of one seed', () => {
    expect(halfInterval({ mean: 1, deviation: null, count: 1 })).toBeNull();
  });
});
