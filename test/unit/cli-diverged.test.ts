/** Runs that diverged, wherever results are read: none of their numbers, and no mean of the others, passes for a result. */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { parseArms } from '../../src/cli/compare/arms.ts';
import { comparisonJson } from '../../src/cli/compare/outcome.ts';
import { planRuns, trainRuns } from '../../src/cli/compare/runs.ts';
import { summarise } from '../../src/cli/compare/summary.ts';
import { comparisonTable } from '../../src/cli/compare/table.ts';
import { divergedInWords } from '../../src/cli/diverged.ts';
import { pairedDifference, spread } from '../../src/cli/statistics.ts';
import { readSweep, sweepRuns } from '../../src/cli/sweep/definition.ts';
import { sweepFigures } from '../../src/cli/sweep/figures.ts';
import { finishedRun } from '../../src/cli/sweep/finished-run.ts';
import { measureNames } from '../../src/cli/sweep/measures.ts';
import { sweepPage } from '../../src/cli/sweep/page.ts';
import { statusOf, sweepResults } from '../../src/cli/sweep/results.ts';
import type { SweepRun } from '../../src/cli/sweep/sweep-run.ts';
import { contrastTable, notesOf, sweepCsv, sweepJson, sweepTable } from '../../src/cli/sweep/tables.ts';
import { jsonText, numberFrom } from '../../src/json.ts';
import { studyPage } from '../../src/studies/study-page.ts';
import type { TrainResult } from '../../src/train/index.ts';
import { fakeTrainer } from './cli-fake-trainer.ts';
import { basis, withFolder } from './cli-world.ts';

const sweep = readSweep({
  name: 'bits',
  steps: 60,
  seeds: [1, 2, 3],
  baseline: 'float32',
  arms: [
    { name: 'float32', recipe: { recipe: 'float32' } },
    { name: 'bitnet', recipe: { recipe: 'bitnet' } },
    { name: 'at50', recipe: { recipe: 'bitnetTransition', at: 0.5 } },
  ],
  contrasts: [
    { name: 'bitnet - float32', arm: 'bitnet', against: 'float32' },
    { name: 'at50 - float32', arm: 'at50', against: 'float32' },
    { name: 'bitnet / at50', arm: 'bitnet', against: ['float32', 'at50'], as: 'ratio' },
    { name: 'spikes', arm: 'at50', against: 'at50', of: 'spike' },
    { name: 'bytes', arm: 'bitnet', against: 'float32', of: 'bytesPerParameter' },
  ],
});

/** How a result says that a run diverged: as it does, or as versions did that had null in place of NaN. */
type Style = 'new' | 'old';

/** A run folder as training leaves it; `diverged` is the step, undefined for a run that did not. */
function finish(
  folder: string,
  { arm, seed, id }: SweepRun,
  diverged: number | undefined,
  style: Style,
): void {
  const path = join(folder, id);
  mkdirSync(path, { recursive: true });
  const loss = 1.5 + seed / 64;
  const steps = diverged ?? 60;
  const isTransition = arm.name === 'at50';
  const height = diverged === undefined ? 0.5 : Number.NaN;
  const result = {
    ...{ steps, seconds: steps, trainLoss: diverged ? Number.NaN : loss },
    validationLoss: diverged ? Number.NaN : loss,
    validationPredictions: diverged && style === 'new' ? 0 : 94912,
    perplexity: diverged ? Number.NaN : Math.exp(loss),
    bitsPerWeight: isTransition && steps < 30 ? 16 : arm.name === 'float32' ? 32 : 1.58,
    memory: { weights: 1, optimizerState: 2, gradients: 1, bytesPerParameter: 16, total: 20 },
    inference: [],
    spike:
      isTransition && steps >= 30
        ? { step: 30, height, excess10: height, excess50: height, recoverySteps: diverged ? null : 4 }
        : null,
    ...(style === 'old'
      ? {}
      : { divergence: diverged ? { step: diverged, of: 'update', tensor: 'layers.0.mlp.up' } : null }),
  };
  // A version that had no word for it went on to the last step.
  const count = style === 'old' ? 60 : steps;
  const records = Array.from({ length: count }, (_, i) => ({
    type: 'step',
    step: i + 1,
    loss: style === 'old' && diverged !== undefined && i + 1 >= diverged ? Number.NaN : 4 - i / 30,
    ...(i % 10 === 0 ? { probes: { operands: {}, weights: { flipRate: 0.25 } } } : {}),
  }));
  const evaluations = [20, 40, 60].flatMap((step) =>
    step > count ? [] : [{ type: 'evaluation', step, loss: 4 - step / 30 }],
  );
  const text = style === 'old' ? JSON.stringify : jsonText;
  writeFileSync(join(path, 'result.json'), text(result));
  writeFileSync(
    join(path, 'metrics.jsonl'),
    [...records, ...evaluations].map((record) => text(record)).join('\n'),
  );
  const config = {
    training: {},
    text: { name: 'Moby-Dick', trainingCharacters: 1091828, validationCharacters: 94942, vocabulary: 81 },
    environment: { cpu: 'EPYC', cores: 2, memoryGiB: 24, node: '20.1.0', packages: {} },
  };
  writeFileSync(join(path, 'config.json'), JSON.stringify(config));
}

/** Results in which the runs of `diverged`, such as `bitnet 2`, diverged at a step. */
async function withResults(
  diverged: Readonly<Record<string, number>>,
  style: Style,
  see: (results: ReturnType<typeof sweepResults>, folder: string) => void,
): Promise<void> {
  await withFolder((folder) => {
    const runs = sweepRuns(sweep, basis);
    for (const run of runs) finish(folder, run, diverged[`${run.arm.name} ${run.seed}`], style);
    see(sweepResults(sweep, runs, folder, new Map()), folder);
  });
}

const cellOf = (results: ReturnType<typeof sweepResults>, arm: string, column: string): string => {
  const { columns, rows } = sweepTable(results);
  const index = columns.findIndex(({ name }) => name === column);
  return index < 0 ? 'no column' : rows.find(([name]) => name === arm)![index]!;
};

describe.each(['new', 'old'] as const)('a sweep whose results are %s', (style) => {
  const some = { 'bitnet 1': 12, 'bitnet 3': 34 };

  it('says how many seeds of an arm diverged and when, and has no mean of the others', async () => {
    await withResults(some, style, (results) => {
      const row = results.rows[1]!;
      expect(row.seeds).toEqual([1, 2, 3]);
      expect(row.diverged.map(({ seed, step }) => [seed, step])).toEqual([
        [1, 12],
        [3, 34],
      ]);
      for (const value of [row.measures.validationLoss, row.measures.trainLoss, row.difference]) {
        expect(value!.mean).toBeNaN();
        expect(value!.count).toBe(3);
      }
      expect(row.interval).toBeNaN();
      expect(row.measures.flipRate!.mean).toBeNaN();
      // What a step costs is known all the same.
      expect(row.measures.bytesPerParameter!.mean).toBe(16);
      expect(row.measures.secondsPerStep!.mean).toBe(1);
      expect(row.bitsPerWeight).toBe(1.58);
      expect(cellOf(results, 'bitnet', 'diverged at step')).toBe('2 of 3: 12, 34');
      for (const column of ['validation nats', 'vs baseline', '95 % ±', 'flips /step'])
        expect(cellOf(results, 'bitnet', column)).toBe('diverged');
      expect(cellOf(results, 'float32', 'diverged at step')).toBe('-');
      expect(cellOf(results, 'at50', 'vs baseline')).toBe('+0.0000 ± 0.0000');
      expect(statusOf(results)).toBe('finished: all 9 runs, 2 of them diverged');
      expect(notesOf(results).join(' ')).toContain('bitnet: 2 of 3 seeds diverged, at steps 12, 34');
    });
  });

  it('has no difference to a baseline that diverged, and says that it was the baseline', async () => {
    await withResults({ 'float32 2': 7 }, style, (results) => {
      expect(results.rows[1]!.difference!.mean).toBeNaN();
      expect(cellOf(results, 'bitnet', 'vs baseline')).toBe('baseline diverged');
      expect(cellOf(results, 'bitnet', '95 % ±')).toBe('baseline diverged');
      expect(cellOf(results, 'bitnet', 'validation nats')).toBe('1.5313 ± 0.0156');
    });
  });

  it('has no contrast with a run that diverged, and never one that is better', async () => {
    await withResults(some, style, (results) => {
      const [difference, other, ratio, , bytes] = results.contrasts;
      for (const lost of [difference!, ratio!]) {
        expect(lost).toMatchObject({ seeds: [1, 2, 3], diverged: [1, 3] });
        expect([lost.value!.mean, lost.interval]).toEqual([Number.NaN, Number.NaN]);
      }
      expect(other!.value!.mean).toBe(0);
      expect(bytes!.value!.mean).toBe(0);
      const { columns, rows } = contrastTable(results);
      const shown = (row: number): string[] =>
        ['diverged', 'difference or ratio', '95 % interval', 'interval is'].map(
          (column) => rows[row]![columns.findIndex(({ name }) => name === column)]!,
        );
      expect(shown(0)).toEqual(['2 of 3', 'diverged', 'diverged', 'diverged']);
      expect(shown(2)).toEqual(['2 of 3', 'diverged', 'diverged', 'diverged']);
      expect(shown(1)).toEqual(['-', '+0.0000', '0.0000 to 0.0000', 'covers 0']);
      expect(shown(4).slice(1)).toEqual(['+0.0000', '0.0000 to 0.0000', 'covers 0']);
    });
  });

  it('counts a run that diverged before its transition among those that have a spike', async () => {
    await withResults({ 'at50 1': 5, 'at50 2': 40 }, style, (results) => {
      const row = results.rows[2]!;
      expect(row.measures.spike).toMatchObject({ mean: Number.NaN, count: 3 });
      expect(row.measures.recoverySteps).toMatchObject({ mean: Number.NaN, count: 3 });
      expect(row.notRecovered).toBe(0);
      expect(row.bitsPerWeight).toBe(1.58);
      expect(cellOf(results, 'at50', 'spike nats')).toBe('diverged');
      expect(results.contrasts[3]).toMatchObject({ seeds: [1, 2, 3], diverged: [1, 2] });
      expect(results.contrasts[3]!.value!.mean).toBeNaN();
    });
  });

  it('keeps NaN apart from what is absent in JSON and CSV', async () => {
    await withResults(some, style, (results) => {
      const { arms, contrasts, runs } = JSON.parse(jsonText(sweepJson(results)));
      expect(arms[1].validationLoss).toEqual({ mean: 'NaN', deviation: 'NaN', count: 3 });
      expect(arms[1].diverged.map(({ step }: { step: number }) => step)).toEqual([12, 34]);
      expect(arms[1].spike).toBeNull();
      expect(contrasts[0]).toMatchObject({ interval: 'NaN', diverged: [1, 3], value: { mean: 'NaN' } });
      const run = runs.find((one: { arm: string; seed: number }) => one.arm === 'bitnet' && one.seed === 3);
      expect(run).toMatchObject({ validationLoss: 'NaN', spike: null, divergence: { step: 34 } });
      const [head, , line] = sweepCsv(results)
        .split('\n')
        .map((row) => row.split(','));
      const at = (column: string): string => line![head!.indexOf(column)]!;
      expect(
        ['validationLoss', 'difference', 'interval95', 'spike', 'diverged', 'divergedAtSteps'].map(at),
      ).toEqual(['NaN', 'NaN', 'NaN', '', '2', '12 34']);
    });
  });

  it('has pages and pictures that say so', async () => {
    await withResults(some, style, (results, folder) => {
      const page = sweepPage(results, sweepFigures(results));
      expect(page).toContain('2 of 3: 12, 34');
      expect(page).toContain('bitnet, seed 1: step 12: the ');
      const { markdown, files } = studyPage(results, { name: 'x', folder, command: 'c', verdict: 'v' });
      expect(markdown).toContain('finished: all 9 runs, 2 of them diverged');
      expect(markdown).toContain('- bitnet, seed 3: step 34: the ');
      expect(markdown).toContain('validation on 94 912');
      expect([...files.keys()].filter((file) => file.endsWith('.json'))).toHaveLength(1);
      const figures = new Map(sweepFigures(results).map(({ name, svg }) => [name, svg]));
      expect(figures.get('final')).toContain('bitnet (2 of 3 diverged)');
      expect(figures.get('contrast-validationLoss-difference')).toContain('(2 of 3 diverged)');
      expect(figures.get('curves')).toContain(
        'bitnet: 2 of 3 seeds diverged, at steps 12, 34; its curve ends',
      );
      expect(figures.get('bits')).toContain('Not shown: bitnet, 2 of 3 seeds diverged, at steps 12, 34.');
      for (const svg of figures.values()) expect(svg).not.toMatch(/NaN|Infinity|undefined/);
    });
  });

  it('has pages and pictures where all runs diverged', async () => {
    const all = Object.fromEntries(
      sweepRuns(sweep, basis).map(({ arm, seed }) => [`${arm.name} ${seed}`, 9]),
    );
    await withResults(all, style, (results, folder) => {
      expect(sweepPage(results, sweepFigures(results))).toContain('3 of 3: 9, 9, 9');
      expect(studyPage(results, { name: 'x', folder, command: 'c', verdict: 'v' }).markdown).toContain(
        'all 9 runs, 9 of them diverged',
      );
      for (const { svg } of sweepFigures(results)) expect(svg).not.toMatch(/NaN|Infinity|undefined/);
    });
  });
});

describe('results of versions that had no word for divergence', () => {
  it('are read as NaN where they have null, and without loss otherwise', async () => {
    await withFolder((folder) => {
      const [run] = sweepRuns(sweep, basis) as [SweepRun];
      finish(folder, run, 12, 'old');
      expect(readFileSync(join(folder, run.id, 'result.json'), 'utf8')).toContain('"validationLoss":null');
      const lost = finishedRun(folder, run)!;
      expect(lost.divergence).toEqual({ step: 12, of: 'loss', tensor: null });
      expect(lost.result.validationLoss).toBeNaN();
      expect(lost.steps[11]!.loss).toBeNaN();
      finish(folder, run, undefined, 'old');
      expect(finishedRun(folder, run)!.divergence).toBeNull();
      expect(measureNames).toContain('validationLoss');
    });
  });
});

describe('a comparison', () => {
  const arms = parseArms('float32,bitnet,transition@50');

  /** A comparison in which runs diverge at a step: `bitnet 2`. */
  async function compared(diverged: Readonly<Record<string, number>>, seeds = 3) {
    const trainer = await fakeTrainer()({
      ...({ model: 'llama-tiny', steps: 40, evaluateEvery: 10 } as never as Parameters<
        ReturnType<typeof fakeTrainer>
      >[0]),
    });
    const runs = planRuns(arms, 1, seeds);
    const lose = async (request: Parameters<typeof trainer.train>[0]): Promise<TrainResult> => {
      const result = await trainer.train(request);
      const arm = arms.find(({ recipe }) => recipe === request.recipe)!;
      const step = diverged[`${arm.name} ${request.seed}`];
      if (step === undefined) return result;
      return {
        ...result,
        steps: step,
        divergence: { step, of: 'loss', tensor: null },
        ...{ trainLoss: Number.NaN, validationLoss: Number.NaN, validationPredictions: 0 },
        ...{ perplexity: Number.NaN, spike: null, bitsPerWeight: 16 },
      };
    };
    const silent = { runStarted() {}, step() {}, evaluation() {}, phase() {}, runEnded() {} };
    await trainRuns(runs, { ...trainer, train: lose }, new AbortController().signal, silent);
    return { runs, summaries: summarise(arms, runs) };
  }

  it('says how many seeds diverged and when, and has no mean of the others', async () => {
    const { runs, summaries } = await compared({ 'bitnet 2': 12, 'transition@50 1': 9 });
    expect(runs.map(({ status }) => status)).toEqual([
      ...['finished', 'finished', 'diverged'],
      ...['finished', 'diverged', 'finished'],
      ...['finished', 'finished', 'finished'],
    ]);
    const [, bitnet, transition] = summaries;
    expect(bitnet).toMatchObject({ finished: 3, stoppedAt: null, diverged: [{ seed: 2, step: 12 }] });
    expect([bitnet!.validationLoss!.mean, bitnet!.difference!.mean, bitnet!.perplexity]).toEqual([
      Number.NaN,
      Number.NaN,
      Number.NaN,
    ]);
    expect(transition!.spike).toMatchObject({ mean: Number.NaN, count: 3 });
    expect(transition!.bitsPerWeight).toBe(Math.log2(3));
    const { rows, notes } = comparisonTable(summaries, 40);
    expect(rows[1]!.slice(0, 4)).toEqual(['bitnet *', 'diverged', 'diverged', 'diverged']);
    expect(rows[2]![5]).toBe('diverged');
    expect(notes[0]).toBe(
      '* bitnet: 1 of 3 seeds diverged, at step 12; transition@50: 1 of 3 seeds diverged, at step 9.',
    );
    const { arms: written } = JSON.parse(
      jsonText(
        comparisonJson({ name: 'x', steps: 40, complete: true, summaries, runs, config: {} as never }),
      ),
    );
    expect(written[1].validationLoss.mean).toBe('NaN');
    expect(written[1].runs[1]).toMatchObject({ status: 'diverged', result: { validationLoss: 'NaN' } });
  });

  it('has no differences where the baseline diverged', async () => {
    const { summaries } = await compared({ 'float32 1': 5 }, 1);
    const { rows, notes } = comparisonTable(summaries, 40);
    expect(rows[0]!.slice(0, 2)).toEqual(['float32 *', 'diverged']);
    expect(rows[1]![2]).toBe('float32 diverged');
    expect(notes[0]).toBe('* float32: diverged at step 5.');
  });
});

describe('statistics', () => {
  it('are not finite with a value that is not', () => {
    expect(spread([1, Number.NaN, 3])).toEqual({ mean: Number.NaN, deviation: Number.NaN, count: 3 });
    const base = new Map([
      [1, 2],
      [2, 2],
    ]);
    const values = new Map([
      [1, Number.NaN],
      [2, 1],
    ]);
    expect(pairedDifference(values, base)!.mean).toBeNaN();
    expect(pairedDifference(base, values)!.mean).toBeNaN();
  });

  it('have words for one seed and for several', () => {
    expect(divergedInWords([{ step: 12 }], 1)).toBe('diverged at step 12');
    expect(divergedInWords([{ step: 12 }], 3)).toBe('1 of 3 seeds diverged, at step 12');
    expect(divergedInWords([{ step: 120 }, { step: 340 }], 3)).toBe(
      '2 of 3 seeds diverged, at steps 120, 340',
    );
  });
});

describe('numbers in JSON', () => {
  it('are read back, infinities and NaN too, and null is NaN', () => {
    for (const x of [1.5, -0, Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY])
      expect(numberFrom(JSON.parse(jsonText({ x })).x)).toBe(x);
    expect(numberFrom(null)).toBeNaN();
  });
});
