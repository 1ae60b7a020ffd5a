/**
 * Recipes against models: what does nothing or cannot work is refused before the first step, and what is not refused
 * works; phases that begin at one step; validations with other weights.
 */
import fc from 'fast-check';
import { beforeAll, describe, expect, it } from 'vitest';
import { type TensorFlow, wasmBackend } from '../../src/tfjs/index.ts';
import {
  type AdamWSettings,
  checkRecipe,
  checkTraining,
  type LinearSlots,
  type Phase,
  plainSlots,
  type QuantizerSpec,
  type Recipe,
  recipes,
  type TrainOptions,
  textData,
  train,
} from '../../src/train/index.ts';
import { bitnetSlots } from '../../src/train/recipes/index.ts';

const model = {
  name: 'test',
  width: 16,
  layers: 1,
  heads: 2,
  hidden: 24,
  context: 8,
  sequences: 2,
  learningRate: 1e-2,
};
const data = textData('the quick brown fox jumps over the lazy dog. '.repeat(40));

let tf: TensorFlow;
beforeAll(async () => {
  tf = await wasmBackend();
});

const float32 = recipes.float32();
const [plain] = float32.phases as readonly [Phase];
const options = (recipe: Recipe, more: Partial<TrainOptions> = {}): TrainOptions => ({
  ...{ tf, model, data, recipe, steps: 2, seed: 1, evaluateEvery: 1, evaluationWindows: 2 },
  ...more,
});
/** The options without TensorFlow.js, which the check needs none of. */
const checked = ({ tf: _, ...given }: TrainOptions): void => checkTraining(given);
const withPhase = (more: Partial<Phase>): Recipe => ({ ...float32, phases: [{ ...plain, ...more }] });
const slot = (scale: QuantizerSpec['scale']): LinearSlots => ({
  ...plainSlots,
  forward: { x: null, w: { format: 'int8', scale } },
});

describe('a recipe that passes by itself', () => {
  const own = { linear: plainSlots };
  const grid = { kind: 'grid', format: 'int8', rounding: 'stochastic', range: 'absmean' } as const;
  const codec = (value: number[]): Recipe =>
    recipes.float32({
      optimizer: {
        first: {
          kind: 'quantizer',
          quantizer: { format: 'int8', scale: { per: 'block', size: 64, from: 'constant', value } },
          least: 0,
        },
      },
    });

  it.each<[string, Recipe, string]>([
    [
      'layers match none',
      withPhase({ layers: [{ match: 'mlp.sideways', ...own }] }),
      'phases[0].layers[0].match',
    ],
    [
      'layers match what has no slots',
      withPhase({ layers: [{ match: '^head$', ...own }] }),
      'phases[0].layers[0].match',
    ],
    [
      'layers match only what an earlier one does',
      withPhase({
        layers: [
          { match: 'mlp', ...own },
          { match: 'mlp.up', ...own },
        ],
      }),
      'phases[0].layers[1].match',
    ],
    ['store matches none', { ...float32, store: { ...grid, of: { match: 'biases' } } }, 'store.of.match'],
    [
      'list of scales for another shape',
      withPhase({ linear: slot({ per: 'row', from: 'constant', value: [1, 2, 3] }) }),
      'phases[0].linear.forward.w.shape',
    ],
    [
      'axis that there is not',
      withPhase({ linear: slot({ per: 'block', size: 4, axis: 2, from: 'absmax' }) }),
      'phases[0].linear.forward.w.axis',
    ],
    [
      'scale of rows where groups cross them',
      withPhase({
        linear: slot({
          per: 'block',
          size: 4,
          axis: 0,
          from: 'absmax',
          format: 'e4m3fn',
          tensorScale: 'row',
        }),
      }),
      'phases[0].linear.forward.w.scale.tensorScale',
    ],
    [
      'list of scales of a validation',
      {
        ...float32,
        inference: [
          { name: 'x', w: { format: 'int8', scale: { per: 'row', from: 'constant', value: [1, 2] } } },
        ],
      },
      'inference[0].w.shape',
    ],
    [
      'rule for what the models of the harness have not',
      { ...float32, rules: [{ where: { role: 'convolution' }, set: { frozen: true } }] },
      'rules[0].where',
    ],
    ['codec with a list for another shape', codec([1, 2]), 'optimizer.first.quantizer.shape'],
    [
      'codec of a rule that does not take the states of its parameters',
      {
        ...float32,
        rules: [
          { where: { role: 'linear' }, set: { first: (codec([1, 2]).optimizer as AdamWSettings).first! } },
        ],
      },
      'rules[0].set.first.quantizer.shape',
    ],
  ])('is refused before the first step: %s', async (_, recipe, argument) => {
    checkRecipe(recipe);
    const expected = { name: 'ArgumentError', argument: `recipe.${argument}` };
    expect(() => checked(options(recipe))).toThrow(expect.objectContaining(expected));
    const before = tf.memory().numTensors;
    await expect(train(options(recipe))).rejects.toMatchObject(expected);
    expect(tf.memory().numTensors).toBe(before);
  });

  it('may draw the signs of a rotation anew in every step', async () => {
    const turned: QuantizerSpec = {
      ...{ format: 'int8', scale: { per: 'row', from: 'absmax' }, invert: false },
      transform: { name: 'hadamard', size: 8, seed: 'step' },
    } as unknown as QuantizerSpec;
    const linear = { ...plainSlots, weightGradient: { g: turned, x: turned } };
    const { trainLoss } = await train(options(withPhase({ linear })));
    expect(Number.isFinite(trainLoss)).toBe(true);
  });

  it('is not refused for a batch smaller than others', () => {
    const list = (value: number[]): Recipe =>
      withPhase({
        linear: {
          ...plainSlots,
          forward: { x: { format: 'int8', scale: { per: 'row', from: 'constant', value } }, w: null },
        },
      });
    // A scale a row of a whole batch, which the last one of an evaluation need not be.
    expect(() => checked(options(list(new Array(16).fill(1))))).toThrow(
      expect.objectContaining({ argument: 'recipe.phases[0].linear.forward.x.shape' }),
    );
  });

  const formats = [
    ...['int8', 'int2', 'uint8', 'ternary', 'binary', 'e4m3fn', 'e5m2', 'e8m0', 'ue4m3', 'posit8', 'posit16'],
    ...['nf4', 'dynamic8', 'bfloat16', 'binary32', 'fixed(2,3)', 'logarithmic(3,3)', 'e2m1', 'binary8p3se'],
    ...['float(Infinity,7)', 'fourthRoots', 'mxfp4', 'binary64', 'posit32', 'int32', 'uint1'],
  ];
  const groupings = [
    { per: 'tensor' },
    { per: 'row' },
    { per: 'column' },
    { per: 'block', size: 5 },
    { per: 'block', size: 8, axis: 0 },
    { per: 'block', size: 8, axis: 2 },
    { per: 'tile', rows: 3, columns: 100 },
  ];
  const statistics = [
    ...['absmax', 'absmean', 'absmedian', 'rms', 'std', 'minmax', 'mse'].map((from) => ({ from })),
    { from: 'percentile', percentile: 99 },
    { from: 'constant', value: 0.5 },
    { from: 'constant', value: [1, 2] },
  ];
  const scales = [
    {},
    { format: 'e8m0' },
    { format: 'e4m3fn' },
    { format: 'e4m3fn', tensorScale: true },
    { format: 'e4m3fn', tensorScale: 'row' },
    { stored: 'decode' },
    { level: 'least-squares' },
  ];
  const spec = fc.record({
    format: fc.constantFrom(...formats),
    rounding: fc.constantFrom('nearest-even', 'stochastic', 'to-odd', 'toward-zero'),
    scale: fc
      .tuple(fc.constantFrom(...groupings), fc.constantFrom(...statistics), fc.constantFrom(...scales))
      .map((parts) => Object.assign({}, ...parts)),
  }) as fc.Arbitrary<QuantizerSpec & { readonly format: string }>;
  const places: readonly ((spec: QuantizerSpec & { readonly format: string }) => Recipe)[] = [
    (x) => withPhase({ linear: { ...plainSlots, forward: { x, w: null } } }),
    (w) => withPhase({ linear: { ...plainSlots, forward: { x: null, w } } }),
    (g) => withPhase({ linear: { ...plainSlots, inputGradient: { g, w: g } } }),
    (g) => withPhase({ linear: { ...plainSlots, weightGradient: { g, x: g } } }),
    (quantizer) => recipes.float32({ optimizer: { first: { kind: 'quantizer', quantizer, least: 0 } } }),
    (quantizer) =>
      recipes.float32({
        optimizer: { kind: 'adafactor', second: { kind: 'quantizer', quantizer, least: 0 } },
      }),
    ({ format, rounding }) => withPhase({ emulate: { format, rounding: rounding! } }),
    ({ format }) => ({
      ...float32,
      store: { kind: 'grid', format, rounding: 'stochastic', range: 'absmean', of: 'all' },
    }),
  ];

  it('trains, or is refused before its first step', async () => {
    let trained = 0;
    await fc.assert(
      fc.asyncProperty(spec, fc.constantFrom(...places), async (quantizer, place) => {
        const given = options(place(quantizer), { steps: 1, probeEvery: 1 });
        try {
          checked(given);
        } catch (error) {
          expect((error as Error).name).toBe('ArgumentError');
          return;
        }
        trained++;
        await train(given);
      }),
      { numRuns: 150 },
    );
    expect(trained).toBeGreaterThan(20);
  });
});

describe('phases that begin at one step', () => {
  const lossesOf = async (phases: readonly Phase[]): Promise<number[]> => {
    const losses: number[] = [];
    await train(options({ ...float32, phases }, { steps: 10, onStep: ({ loss }) => void losses.push(loss) }));
    return losses;
  };

  it('lose no reset', async () => {
    const reset: Phase = { ...plain, from: 0.5, optimizerState: 'reset' };
    const later: Phase = { ...plain, from: 0.51 };
    const wanted = await lossesOf([plain, reset]);
    expect(wanted).not.toEqual(await lossesOf([plain]));
    expect(await lossesOf([plain, reset, later])).toEqual(wanted);
    // The later one rules in everything else.
    const ternary: Phase = { ...plain, from: 0.51, linear: bitnetSlots };
    const both = await lossesOf([plain, reset, ternary]);
    expect(both).toEqual(await lossesOf([plain, { ...ternary, from: 0.5, optimizerState: 'reset' }]));
  });
});

describe('a validation with other weights', () => {
  const w = { format: 'ternary', scale: { per: 'tensor', from: 'absmean' } } as const;
  const inference = [{ name: 'ternary', w }];

  it('leaves layers with slots of their own as they are', async () => {
    const exempt = [{ match: '.', linear: plainSlots }];
    const losses = async (recipe: Recipe) => {
      const { validationLoss, inference: found } = await train(options(recipe, { steps: 3 }));
      return [validationLoss, found[0]!.loss] as const;
    };
    const [own, other] = await losses({ ...float32, inference });
    expect(other).not.toBe(own);
    const [same, spared] = await losses({ ...withPhase({ layers: exempt }), inference });
    expect(same).toBe(own);
    expect(spared).toBe(own);
    const some = [{ match: 'attention', linear: plainSlots }];
    const [, part] = await losses({ ...withPhase({ layers: some }), inference });
    expect(part).not.toBe(own);
    expect(part).not.toBe(other);
  });
});

describe('bits of a weight', () => {
  it('are those of the last step: an image that has not come to its strength is float32', async () => {
    const bits = async (over: number) =>
      (
        await train(
          options(recipes.bitnetTransition({ at: 0.5, phaseIn: { kind: 'linear', over } }), { steps: 10 }),
        )
      ).bitsPerWeight;
    expect(await bits(0.5)).toBe(32);
    expect(await bits(0.2)).toBe(Math.log2(3));
  });
});
