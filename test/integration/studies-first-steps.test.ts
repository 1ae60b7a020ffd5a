/** The studies of states, updates, noise, learned scales and teachers: each arm takes its first steps, and the probes see what contrasts are of. */
import { readFileSync } from 'node:fs';
import * as tf from '@tensorflow/tfjs';
import { beforeAll, describe, expect, it } from 'vitest';
import { readSweep } from '../../src/cli/sweep/definition.ts';
import { measureOf } from '../../src/cli/sweep/measures.ts';
import { wasmBackend } from '../../src/tfjs/index.ts';
import { hashData, labelledData, type StepRecord, textData, train } from '../../src/train/index.ts';

beforeAll(async () => {
  await wasmBackend();
});

const text = textData('Call me Ishmael. Some years ago, never mind how long precisely. '.repeat(40));
const digits = labelledData(
  Array.from({ length: 60 * 784 }, (_, i) => (i * 7919) % 256),
  Array.from({ length: 60 }, (_, i) => String(i % 10)),
);

const names = [
  'x6-adam8bit',
  'x7-coat',
  'x12-bfloat16-weights',
  'x13-mantissa',
  'x14-stable-spam',
  'x17-weight-noise',
  'x19-qas',
  'x21-mlp',
  'x22-mlp',
];

describe.each(names)('%s', (name) => {
  const sweep = readSweep(JSON.parse(readFileSync(`docs/studies/${name}.json`, 'utf8')));
  // Arms that differ in their rates alone take the same first steps.
  const arms = new Map(sweep.arms.map((arm) => [hashData({ ...arm, name: '', learningRate: 0 }), arm]));
  const asked = new Map(
    sweep.contrasts.flatMap(({ arms: own, against, measure }) =>
      [...own, ...against].map((arm) => [`${arm} ${measure}`, measure] as const),
    ),
  );

  it.each([...arms.values()].map((arm) => [arm.name, arm] as const))('%s', async (_, arm) => {
    const { model = sweep.model, recipe } = arm;
    const steps: StepRecord[] = [];
    const result = await train({
      ...{ tf, model, recipe, seed: 1, steps: 2, batch: 2, evaluateEvery: 0, evaluationWindows: 2 },
      data: sweep.model === 'mlp' ? digits : text,
      probeEvery: sweep.probeEvery === 0 ? 0 : 1,
      onStep: (step) => void steps.push(step),
    });
    expect(result.divergence).toBeNull();
    expect(steps.map(({ loss }) => Number.isFinite(loss))).toEqual([true, true]);
    const finished = { run: { arm } as never, result, divergence: null, steps, evaluations: [] };
    for (const [key, measure] of asked)
      if (key.startsWith(`${arm.name} `))
        expect([key, measureOf(finished, measure)]).not.toEqual([key, null]);
  });
});
