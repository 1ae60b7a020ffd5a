/** Ten-step runs of a very small model through the public entry point. */
import { beforeAll, describe, expect, it } from 'vitest';
import { type TensorFlow, wasmBackend } from '../../src/tfjs/index.ts';
import {
  type EvaluationRecord,
  type ModelConfig,
  type Recipe,
  recipes,
  type StepRecord,
  type TrainOptions,
  textData,
  train,
} from '../../src/train/index.ts';

const model: ModelConfig = {
  name: 'test',
  width: 16,
  layers: 1,
  heads: 2,
  hidden: 24,
  context: 8,
  sequences: 4,
  learningRate: 1e-2,
};
const data = textData('the quick brown fox jumps over the lazy dog. '.repeat(60));

let tf: TensorFlow;
beforeAll(async () => {
  tf = await wasmBackend();
});

function options(recipe: Recipe, more: Partial<TrainOptions> = {}): TrainOptions {
  return { tf, model, data, recipe, steps: 10, seed: 1, ...more };
}

async function lossesOf(recipe: Recipe, more: Partial<TrainOptions> = {}): Promise<number[]> {
  const losses: number[] = [];
  await train(options(recipe, { ...more, onStep: ({ loss }) => void losses.push(loss) }));
  return losses;
}

describe('train', () => {
  const arms = [
    recipes.float32(),
    recipes.bitnet(),
    recipes.bitnetTransition({ at: 0.5 }),
    recipes.bfloat16(),
  ];

  it.each(arms.map((recipe) => [recipe.name, recipe] as const))(
    '%s learns and leaves nothing',
    async (_, recipe) => {
      const before = tf.memory();
      const during: number[] = [];
      const steps: StepRecord[] = [];
      const result = await train(
        options(recipe, {
          steps: 60,
          onStep: (record) => {
            steps.push(record);
            during.push(tf.memory().numTensors);
          },
        }),
      );
      expect(new Set(during.slice(1)).size).toBe(1);
      expect(tf.memory().numTensors).toBe(before.numTensors);
      expect(tf.memory().numDataBuffers).toBe(before.numDataBuffers);
      expect(steps.map(({ step }) => step)).toEqual(Array.from({ length: 60 }, (_, i) => i + 1));
      expect(Math.abs(steps[0]!.loss - Math.log(data.vocabulary.length))).toBeLessThan(0.1);
      expect(result.trainLoss).toBeLessThan(steps[0]!.loss - 0.4);
      expect(result.validationLoss).toBeLessThan(steps[0]!.loss - 0.4);
      expect(Math.abs(Math.log(result.perplexity) - result.validationLoss)).toBeLessThan(1e-12);
      expect(result).toMatchObject({
        recipe,
        seed: 1,
        steps: 60,
        interrupted: false,
        validationPredictions: 208,
      });
      expect(result.predictionsPerSecond).toBe((60 * 32) / result.seconds);
    },
  );

  it('gives the same losses again', async () => {
    for (const recipe of arms) expect(await lossesOf(recipe)).toEqual(await lossesOf(recipe));
    expect(await lossesOf(arms[0]!)).not.toEqual(await lossesOf(arms[0]!, { seed: 2 }));
  });

  it('agrees with itself up to the transition', async () => {
    const firsts = [
      [recipes.float32(), 'binary32'],
      [recipes.bfloat16(), 'bfloat16'],
    ] as const;
    for (const [recipe, first] of firsts) {
      const plain = await lossesOf(recipe);
      const switched = await lossesOf(recipes.bitnetTransition({ at: 0.5, first }));
      expect(switched.slice(0, 5)).toEqual(plain.slice(0, 5));
      for (let i = 5; i < 10; i++) expect(switched[i]).not.toBe(plain[i]);
    }
    const late = await lossesOf(recipes.bitnetTransition({ at: 0.5 }));
    const reset = await lossesOf(recipes.bitnetTransition({ at: 0.5, optimizerState: 'reset' }));
    // The state decides the first update after the transition, which the next loss shows.
    expect(reset.slice(0, 6)).toEqual(late.slice(0, 6));
    expect(reset[6]).not.toBe(late[6]);
  });

  it('reports phases, evaluations and the spike', async () => {
    const phases: unknown[] = [];
    const evaluations: EvaluationRecord[] = [];
    const result = await train(
      options(recipes.bitnetTransition({ at: 0.4 }), {
        evaluateEvery: 5,
        evaluationWindows: 4,
        onPhase: (record) => void phases.push(record),
        onEvaluation: (record) => void evaluations.push(record),
      }),
    );
    expect(phases).toEqual([
      { step: 0, phase: 0 },
      { step: 4, phase: 1 },
    ]);
    expect(evaluations.map(({ step, predictions }) => [step, predictions])).toEqual([
      [5, 32],
      [10, 208],
    ]);
    expect(evaluations[1]!.loss).toBe(result.validationLoss);
    expect(result.spike!.step).toBe(4);
    expect(result.bitsPerWeight).toBe(Math.log2(3));
  });

  it('stops after the step in which it is aborted, with what was done', async () => {
    const controller = new AbortController();
    const before = tf.memory().numTensors;
    const result = await train(
      options(recipes.bitnetTransition({ at: 0.5 }), {
        signal: controller.signal,
        evaluationWindows: 4,
        onStep: ({ step }) => {
          if (step === 3) controller.abort();
        },
      }),
    );
    expect(result).toMatchObject({ steps: 3, interrupted: true, validationPredictions: 32, spike: null });
    expect(result.bitsPerWeight).toBe(16);
    expect(result.validationLoss).toBeGreaterThan(0);
    expect(tf.memory().numTensors).toBe(before);
  });

  it('lets the event loop run between steps', async () => {
    const controller = new AbortController();
    setTimeout(() => controller.abort(), 1);
    const result = await train(options(recipes.float32(), { steps: 100000, signal: controller.signal }));
    expect(result.interrupted).toBe(true);
  });

  it.each<[string, Partial<TrainOptions>]>([
    ['steps', { steps: 0 }],
    ['steps', { steps: 2.5 }],
    ['seed', { seed: -1 }],
    ['model', { model: 'llama-enormous' }],
    ['model.width', { model: { ...model, width: 0 } }],
    ['model.heads', { model: { ...model, heads: 3 } }],
    ['learningRate', { learningRate: 0 }],
    ['batch', { batch: 0 }],
    ['evaluateEvery', { evaluateEvery: -1 }],
    ['evaluationWindows', { evaluationWindows: 0 }],
    ['kernels', { kernels: 'fast' as 'own' }],
    ['recipe', { recipe: 'bitnet' as unknown as Recipe }],
    ['recipe.phases', { recipe: { ...recipes.float32(), phases: [] } }],
    ['data', { data: textData('ab'.repeat(20)) }],
  ])('refuses a wrong %s and leaves nothing', async (argument, wrong) => {
    const before = tf.memory().numTensors;
    await expect(train(options(recipes.float32(), wrong))).rejects.toMatchObject({
      name: 'ArgumentError',
      argument,
    });
    expect(tf.memory().numTensors).toBe(before);
  });
});
