/** The text table in wide, tight and narrow terminals, and the cells of a comparison. */

import { expect, test } from 'vitest';
import { parseArms } from '../../src/cli/compare/arms.ts';
import { planRuns, type Run } from '../../src/cli/compare/runs.ts';
import { summarise } from '../../src/cli/compare/summary.ts';
import { comparisonTable, decimals, formatSpread, grouped } from '../../src/cli/compare/table.ts';
import { type Column, formatTable, wrapText } from '../../src/cli/text-table.ts';

const columns: Column[] = [
  { heading: ['arm', ''], name: 'arm', align: 'left' },
  { heading: ['loss', 'nats'], name: 'loss in nats', align: 'right' },
  { heading: ['time', 's'], name: 'seconds', align: 'right' },
];
const rows = [
  ['float32', '1.81', '40.0'],
  ['bitnet *', '-', '-'],
];
const plain = { width: Number.POSITIVE_INFINITY, emphasise: (text: string): string => text };

test('a wide table has aligned columns', () => {
  expect(formatTable(columns, rows, plain)).toBe(
    [
      'arm       loss  time',
      '          nats     s',
      '--------  ----  ----',
      'float32   1.81  40.0',
      'bitnet *     -     -',
      '',
    ].join('\n'),
  );
});

test('a tight table has narrow gaps', () => {
  expect(formatTable(columns, rows, { ...plain, width: 19 }).split('\n')[3]).toBe('float32  1.81 40.0');
});

test('a narrow table becomes blocks without empty cells', () => {
  expect(formatTable(columns, rows, { ...plain, width: 17 })).toBe(
    ['float32', '  loss in nats  1.81', '  seconds       40.0', 'bitnet *', ''].join('\n'),
  );
});

test('headings are emphasised, cells are not', () => {
  const text = formatTable(columns, rows, { ...plain, emphasise: (line) => `<${line}>` });
  expect(text.split('\n').filter((line) => line.startsWith('<'))).toHaveLength(2);
});

test('wrapped text keeps to the width and loses no word', () => {
  expect(wrapText('one two three', 7)).toBe('one two\nthree\n');
  expect(wrapText('incomprehensibilities are long', 5)).toBe('incomprehensibilities\nare\nlong\n');
  expect(wrapText('one two', Number.POSITIVE_INFINITY)).toBe('one two\n');
});

test('numbers in cells', () => {
  expect(decimals(1.23456, 3)).toBe('1.235');
  expect(decimals(Number.NaN, 3)).toBe('NaN');
  expect(decimals(Number.POSITIVE_INFINITY, 3)).toBe('infinite');
  expect(grouped(1234567.4)).toBe('1 234 567');
  expect(grouped(999)).toBe('999');
  expect(formatSpread(null, 2)).toBe('-');
  expect(formatSpread({ mean: 0.5, deviation: null, count: 1 }, 2, true)).toBe('+0.50');
  expect(formatSpread({ mean: -0.5, deviation: 0.25, count: 3 }, 2, true)).toBe('-0.50 ± 0.25');
});

function finish(run: Run, validationLoss: number, status: Run['status'] = 'finished'): void {
  run.status = status;
  run.steps.push({ step: 1, loss: 4, learningRate: 1e-3, gradientNorm: 1, predictions: 64, seconds: 1 });
  run.result = {
    recipe: run.arm.recipe,
    seed: run.seed,
    steps: 1,
    interrupted: status !== 'finished',
    divergence: null,
    trainLoss: 4,
    validationLoss,
    validationPredictions: 640,
    perplexity: Math.exp(validationLoss),
    bitsPerWeight: 32,
    spike:
      run.arm.transition === null
        ? null
        : { step: 1, height: 0.5, excess10: 0, excess50: 0, recoverySteps: run.seed === 1 ? 10 : null },
    seconds: 1,
    predictionsPerSecond: 64,
    memory: {
      ...{ weights: 4, optimizerState: 8, gradients: 4, bytesPerParameter: 16 },
      savedActivations: 4,
      total: 20,
    },
    inference: [],
  };
}

test('differences are paired by seed and over finished runs only', () => {
  const arms = parseArms('float32,bitnet,transition@50');
  const runs = planRuns(arms, 1, 2);
  finish(runs[0]!, 1);
  finish(runs[1]!, 1.5);
  finish(runs[2]!, 1.25);
  finish(runs[3]!, 2);
  finish(runs[4]!, 7, 'interrupted');
  const [baseline, bitnet, transition] = summarise(arms, runs);
  expect(baseline!.difference).toBeNull();
  expect(baseline!.validationLoss).toEqual({ mean: 1.5, deviation: Math.SQRT1_2, count: 2 });
  expect(bitnet!.difference).toEqual({ mean: 0.5, deviation: null, count: 1 });
  expect(bitnet!.validationLoss!.mean).toBe(1.5);
  expect(bitnet!.stoppedAt).toBeNull();
  expect(transition!.difference!.mean).toBe(0.25);
  expect(transition!.notRecovered).toBe(0);

  const table = comparisonTable([baseline!, bitnet!, transition!], 1);
  expect(table.rows.map(([arm]) => arm)).toEqual(['float32', 'bitnet *', 'transition@50 *']);
  expect(table.notes).toEqual([
    '* bitnet: 1 of 2 seeds; transition@50: 1 of 2 seeds.',
    '± is the standard deviation over seeds; differences are paired by seed.',
  ]);
});

test('an arm without a finished run shows how far it came, and has no difference', () => {
  const arms = parseArms('float32,bitnet,bfloat16');
  const runs = planRuns(arms, 1, 1);
  finish(runs[0]!, 1);
  finish(runs[1]!, 3, 'interrupted');
  const summaries = summarise(arms, runs);
  expect(summaries.map(({ stoppedAt }) => stoppedAt)).toEqual([null, 1, null]);
  expect(summaries[1]!.validationLoss!.mean).toBe(3);
  expect(summaries[1]!.difference).toBeNull();
  expect(comparisonTable(summaries, 9).notes).toEqual([
    '* bitnet: stopped at step 1 of 9, not comparable; bfloat16: not begun.',
  ]);
});

test('recovery says when some seeds did not recover', () => {
  const arms = parseArms('transition@50');
  const runs = planRuns(arms, 1, 2);
  for (const run of runs) finish(run, 2);
  const { columns: fields, rows: cells } = comparisonTable(summarise(arms, runs), 1);
  const index = fields.findIndex(({ heading }) => heading[0] === 'recovery');
  expect(cells[0]![index]).toBe('10 (1 not)');
});
