import { describe, expect, it } from 'vitest';
import { blockQuantizerOptions } from '../../src/index.ts';
import { bitsPerWeight } from '../../src/train/bits-per-weight.ts';
import { fnv1a64, hashData } from '../../src/train/hash.ts';
import { plainSlots } from '../../src/train/linear-slots.ts';
import { defaultLion, defaultSgd } from '../../src/train/optimizers/index.ts';
import type { Recipe } from '../../src/train/recipe.ts';
import { checkRecipe } from '../../src/train/recipe-check.ts';
import { slotsOf } from '../../src/train/recipe-slots.ts';
import * as recipes from '../../src/train/recipes/index.ts';
import { type Schedule, scheduleFactor } from '../../src/train/schedule.ts';
import { lossSpike } from '../../src/train/spike.ts';
import { strengthAt } from '../../src/train/strength.ts';

type Path = readonly (string | number)[];

/** A copy of plain data with one field replaced. */
function withField(data: unknown, [key, ...rest]: Path, value: unknown): unknown {
  const copy = structuredClone(data) as Record<string | number, unknown>;
  copy[key!] = rest.length === 0 ? value : withField(copy[key!], rest, value);
  return copy;
}

/** A quantiser by the largest magnitude of a row, its scale with more options. */
const withScale = (more: object): object => ({
  format: 'int8',
  scale: { per: 'row', from: 'absmax', ...more },
});

/** A codec of states by the largest magnitude of a tensor, with more options. */
const codec = ({ scale, ...more }: { readonly scale?: object; readonly [option: string]: unknown }) => ({
  kind: 'quantizer',
  quantizer: { format: 'int8', scale: { per: 'tensor', from: 'absmax', ...scale }, ...more },
});

const all: Recipe[] = [
  recipes.float32(),
  recipes.bitnet({ extraNorm: null }),
  recipes.bitnetTransition({ at: 0.2 }),
  recipes.bitnetTransition({ at: 0.5, optimizerState: 'reset', extraNorm: { kind: 'layer', where: 'all' } }),
  recipes.bfloat16(),
  recipes.bitnet({ weights: 'absmedian', activations: false, schedule: 'two-stage' }),
  recipes.bitnetTransition({
    at: 0.4,
    optimizerState: 'reset',
    rewarm: 0.02,
    phaseIn: { kind: 'tanh', over: 0.2 },
  }),
  recipes.dqt({ bits: 8 }),
  recipes.dqt({ bits: 1.58, rounding: 'nearest-even', range: { deviations: 4 }, of: 'all' }),
  recipes.dqt({ bits: 4, optimizer: { kind: 'adafactor' } }),
  recipes.bfloat16Weights(),
  recipes.groupInt8Weights({ size: 128, rounding: 'nearest-even' }),
  recipes.adam8bit({ block: 256 }),
  recipes.nvfp4(),
  recipes.nvfp4({ hadamard: 'step' }),
  recipes.nvfp4({ hadamard: 'none', rounding: 'nearest-even' }),
  recipes.mxfp4(),
  recipes.mxfp4({ rounding: 'stochastic' }),
  recipes.adam8bit({ map: 'linear', per: 'tensor', embedding: '32-bit' }),
  recipes.adam8bit({ optimizer: { kind: 'lion' } }),
  recipes.qas(),
  recipes.qas({ scaling: false, per: 'tensor', rounding: 'nearest-even', blocks: 2, channels: 0.5 }),
  recipes.mesa(),
  recipes.mesa({ groups: 8, decay: 0.5, rounding: 'stochastic', exempt: ['*'] }),
  recipes.coat(),
  recipes.coat({ expansion: false, block: 64, operands: 'float32', activations: 'float32' }),
  recipes.mantissaMask(),
  recipes.mantissaMask({ mantissaBits: 7, rounding: 'nearest-even' }),
  recipes.spam({ threshold: 2000 }),
  recipes.stableSpam(),
  recipes.stableSpam({ operands: 'bfloat16', resetEvery: 1000 }),
  recipes.stableSpam({ operands: 'int4', decay1: 0.8, warmup: 5 }),
  recipes.galore({ rank: 16, of: 'all' }),
  recipes.qGalore({ adaptive: false, group: 128 }),
  recipes.dqt({ store: 'posit8', eco: true }),
  recipes.dqt({ store: 'fp16', of: 'all', environment: 'fp8' }),
  recipes.dqt({ bits: 8, of: 'all', environment: 'bfloat16' }),
  recipes.gaussianWeightSampling(),
  recipes.gaussianWeightSampling({ target: 8, learn: false, cast: 'e3m2' }),
  recipes.diffQ({ noise: 'uniform' }),
  recipes.adaPT({ gradients: 'all', normalize: true }),
  recipes.stableSpam({ fadeTo: 0.5 }),
];

describe('recipes', () => {
  it.each(all.map((recipe) => [recipe.name, recipe] as const))('%s is valid plain data', (_, recipe) => {
    checkRecipe(recipe);
    expect(JSON.parse(JSON.stringify(recipe))).toEqual(recipe);
  });

  it('of 4-bit floats read the formats of their standards', () => {
    const standard = (...given: Parameters<typeof blockQuantizerOptions>): unknown =>
      JSON.parse(JSON.stringify(blockQuantizerOptions(...given)));
    expect(recipes.nvfp4().phases[0]!.linear.forward).toEqual({
      x: standard('nvfp4'),
      w: standard('nvfp4', { tile: true }),
    });
    const { x, w } = recipes.mxfp4().phases[0]!.linear.forward;
    for (const operand of [x, w]) expect(operand).toEqual(standard('mxfp4'));
    expect(bitsPerWeight(recipes.mxfp4())).toBe(4.25);
  });

  it('differ in name', () => {
    expect(all.map(({ name }) => name)).toEqual([
      'float32',
      'bitnet',
      'transition@20',
      'transition@50-reset',
      'bfloat16',
      'bitnet-absmedian-weights-only',
      'transition@40-reset-rewarm-tanh',
      'dqt8',
      'dqt1.58-nearest-4sigma-all',
      'dqt4',
      'bfloat16-weights',
      'int8-group128-nearest',
      'adam8bit-256',
      'nvfp4',
      'nvfp4-step-signs',
      'nvfp4-plain-nearest',
      'mxfp4',
      'mxfp4-stochastic',
      'adam8bit-tensor-linear-embedding32',
      'lion8bit-2048',
      'qas',
      'integer-sgd-nearest-tensor-last2-channels0.5',
      'mesa',
      'mesa-8-decay0.5-stochastic-exempt',
      'coat',
      'coat-plain-block64-float32-operands-float32-activations',
      'e8m3',
      'e8m7-nearest',
      'spam-2000',
      'stable-spam',
      'stable-spam-bfloat16-reset1000',
      'stable-spam-0.999-0.8-0.9-int4-warmup5',
      'galore-r16-all',
      'q-galore-fixed-group128',
      'dqt-posit8-eco',
      'dqt-binary16-all-fp8',
      'dqt8-all-bfloat16',
      'gaussian-weights-4',
      'gaussian-weights-8-fixed-e3m2',
      'diffq-8-uniform',
      'adapt-8.4-all-unit',
      'stable-spam-to0.5',
    ]);
  });

  it('know the information of a weight', () => {
    expect(all.map((recipe) => bitsPerWeight(recipe))).toEqual([
      32,
      Math.log2(3),
      Math.log2(3),
      Math.log2(3),
      16,
      Math.log2(3),
      Math.log2(3),
      8,
      Math.log2(3),
      4,
      16,
      8 + 40 / 128,
      32,
      4.03125,
      4.03125,
      4.03125,
      4.25,
      4.25,
      32,
      32,
      8,
      8,
      32,
      32,
      8,
      32,
      12,
      16,
      32,
      32,
      16,
      4 + 36 / 256,
      32,
      8 + 40 / 128,
      8,
      16,
      8,
      6 + 32 / 1024,
      6,
      8,
      8,
      32,
    ]);
    expect(bitsPerWeight(recipes.bitnetTransition({ at: 0.5 }), 0)).toBe(16);
    expect(bitsPerWeight(recipes.bitnetTransition({ at: 0.5, first: 'binary32' }), 0)).toBe(32);
  });

  it.each([
    [{}, 'bits'],
    [{ bits: 8, store: 'e4m3fn' }, 'store'],
    [{ store: 'binary32' }, 'store'],
    [{ store: 'e4m3m' }, 'store'],
    [{ store: 'ue4m3' }, 'recipe.store.format'],
    [{ store: 'bfloat16', range: 'absmean' }, 'range'],
    [{ bits: 8, environment: 'fp8', of: { match: 'up$' } }, 'environment'],
    [{ bits: 8, environment: 'fp16' }, 'environment'],
    [{ bits: 8, eco: true, optimizer: { kind: 'lion' } }, 'recipe.store.feedback'],
  ] as const)('refuse direct quantised training with %j', (options, argument) => {
    const refusal = (() => {
      try {
        checkRecipe(recipes.dqt(options as never));
      } catch (error) {
        return (error as { argument?: string }).argument;
      }
      return undefined;
    })();
    expect(refusal).toBe(argument);
  });

  it.each([0, 1, -0.1, Number.NaN])('refuse a transition at %s', (at) => {
    expect(() => recipes.bitnetTransition({ at })).toThrow(/^at: got/);
  });

  it.each<[Path, unknown, string]>([
    [['name'], '', 'recipe.name'],
    [['title'], 3, 'recipe.title'],
    [['extraNorm'], undefined, 'recipe.extraNorm'],
    [['extraNorm', 'kind'], 'batch', 'recipe.extraNorm.kind'],
    [['extraNorm', 'where'], 'down', 'recipe.extraNorm.where'],
    [['phases'], [], 'recipe.phases'],
    [['phases', 0, 'from'], 0.1, 'recipe.phases[0].from'],
    [['phases', 1, 'from'], 0, 'recipe.phases[1].from'],
    [['phases', 1, 'from'], 1, 'recipe.phases[1].from'],
    [['phases', 1, 'optimizerState'], 'halve', 'recipe.phases[1].optimizerState'],
    [['phases', 1, 'emulate'], undefined, 'recipe.phases[1].emulate'],
    [['phases', 1, 'emulate'], { format: 'bfloat17' }, 'recipe.phases[1].emulate.format'],
    [['phases', 1, 'emulate'], { format: 'posit32' }, 'recipe.phases[1].emulate.format'],
    [
      ['phases', 1, 'emulate'],
      { format: 'bfloat16', saturation: 'wrap' },
      'recipe.phases[1].emulate.saturation',
    ],
    [
      ['phases', 1, 'linear', 'forward', 'x', 'format'],
      'binary64',
      'recipe.phases[1].linear.forward.x.format',
    ],
    [['phases', 1, 'emulate'], { format: 'bfloat16', rounding: 'up' }, 'recipe.phases[1].emulate.rounding'],
    [
      ['phases', 1, 'linear', 'forward', 'x', 'format'],
      'int9000',
      'recipe.phases[1].linear.forward.x.format',
    ],
    [['phases', 1, 'linear', 'forward', 'w', 'scale'], {}, 'recipe.phases[1].linear.forward.w.scale.per'],
    [
      ['phases', 1, 'linear', 'forward', 'w', 'scale', 'from'],
      'absmode',
      'recipe.phases[1].linear.forward.w.scale.from',
    ],
    [['phases', 1, 'linear', 'forward', 'w', 'strength'], 1.5, 'recipe.phases[1].linear.forward.w.strength'],
    [['phases', 1, 'linear', 'forward', 'w'], 'same', 'recipe.phases[1].linear.forward.w'],
    [['phases', 0, 'linear', 'inputGradient'], {}, 'recipe.phases[0].linear.inputGradient.g'],
    [['phases', 0, 'linear', 'weightGradient', 'x'], undefined, 'recipe.phases[0].linear.weightGradient.x'],
    [['phases', 0, 'linear'], null, 'recipe.phases[0].linear'],
    [['phases', 0, 'optimiserState'], 'keep', 'recipe.phases[0].optimiserState'],
    [['phases', 1, 'linear', 'forward', 'w', 'strenght'], 0.5, 'recipe.phases[1].linear.forward.w.strenght'],
    [['phases', 1, 'linear', 'forward', 'x', 'scale'], 'row', 'recipe.phases[1].linear.forward.x.scale'],
    [
      ['phases', 1, 'linear', 'forward', 'w', 'scale', 'decay'],
      1.9,
      'recipe.phases[1].linear.forward.w.scale.decay',
    ],
    [
      ['phases', 1, 'linear', 'forward', 'x', 'scale', 'history'],
      { length: 0 },
      'recipe.phases[1].linear.forward.x.scale.history.length',
    ],
    [
      ['phases', 1, 'linear', 'forward', 'x', 'scale'],
      { per: 'tensor', from: 'learned' },
      'recipe.phases[1].linear.forward.x.learn',
    ],
    [
      ['phases', 1, 'layers'],
      [
        {
          match: 'up',
          linear: { ...plainSlots, inputGradient: { g: withScale({ from: 'learned' }), w: 'same' } },
        },
      ],
      'recipe.phases[1].layers[0].linear.inputGradient.g.scale.from',
    ],
    [
      ['inference'],
      [{ name: 'averaged', w: withScale({ history: { length: 2 } }) }],
      'recipe.inference[0].w.scale.history',
    ],
    [
      ['phases', 1, 'linear', 'forward', 'x', 'transform'],
      { name: 'hadamar', size: 16 },
      'recipe.phases[1].linear.forward.x.transform.name',
    ],
    [
      ['phases', 1, 'linear', 'forward', 'x'],
      {
        format: 'int8',
        scale: { per: 'row', from: 'absmax' },
        transform: { name: 'hadamard', size: 16 },
        invert: false,
      },
      'recipe.phases[1].linear.forward.w.transform',
    ],
    [
      ['phases', 1, 'linear', 'inputGradient', 'g'],
      { norm: 'rms' },
      'recipe.phases[1].linear.inputGradient.g.norm',
    ],
    [['phases', 1, 'linear', 'forward', 'w'], { of: 'image' }, 'recipe.phases[1].linear.forward.w.of'],
    [
      ['phases', 1, 'linear', 'forward', 'accumulate'],
      'hopper-fp9',
      'recipe.phases[1].linear.forward.accumulate',
    ],
    [['rules'], [{ where: { role: 'linea' }, set: {} }], 'recipe.rules[0].where.role'],
    [['rules'], [{ where: {}, set: { store: { kind: 'grid' } } }], 'recipe.rules[0].set.store.format'],
    [['phases', 1, 'linear', 'forward', 'x', 'seed'], 1, 'recipe.phases[1].linear.forward.x.seed'],
    [['optimizer'], undefined, 'recipe.optimizer'],
    [['optimizer', 'beta1'], '0.9', 'recipe.optimizer.beta1'],
    [['optimizer', 'epsilon'], 1e-40, 'recipe.optimizer.epsilon'],
    [
      ['optimizer', 'first'],
      codec({ scale: { decay: 0.9 } }),
      'recipe.optimizer.first.quantizer.scale.decay',
    ],
    [
      ['optimizer', 'second'],
      codec({ scale: { history: { length: 4 } } }),
      'recipe.optimizer.second.quantizer.scale.history',
    ],
    [
      ['optimizer', 'second'],
      codec({ scale: { from: 'learned' } }),
      'recipe.optimizer.second.quantizer.scale.from',
    ],
    [
      ['optimizer', 'first'],
      codec({ transform: { name: 'hadamard', size: 16 } }),
      'recipe.optimizer.first.quantizer.transform',
    ],
    [['optimizer', 'first'], codec({ strength: 0.5 }), 'recipe.optimizer.first.quantizer.strength'],
    [['optimizer', 'first'], codec({ gradient: 'clipped' }), 'recipe.optimizer.first.quantizer.gradient'],
    [['optimizer', 'first'], codec({ nan: 'zero' }), 'recipe.optimizer.first.quantizer.nan'],
    [['optimizer', 'first'], codec({ invert: false }), 'recipe.optimizer.first.quantizer.invert'],
    [['optimizer', 'first'], codec({ stream: 3 }), 'recipe.optimizer.first.quantizer.stream'],
    [
      ['optimizer', 'first'],
      codec({ format: 'float(Infinity,7)' }),
      'recipe.optimizer.first.quantizer.format',
    ],
    [['optimizer', 'first'], codec({ format: 'binary' }), 'recipe.optimizer.first.quantizer.format'],
    [['optimizer', 'first'], { kind: 'quantizer' }, 'recipe.optimizer.first.quantizer'],
    [['optimizer', 'momentum'], 0.9, 'recipe.optimizer.momentum'],
    [['schedule', 'kind'], 'triangle', 'recipe.schedule.kind'],
    [['optimizer', 'kind'], 'adam', 'recipe.optimizer.kind'],
    [['optimizer'], { ...defaultLion, epsilon: 1e-8 }, 'recipe.optimizer.epsilon'],
    [['optimizer'], { ...defaultSgd, momentum: 1 }, 'recipe.optimizer.momentum'],
    [['optimizer'], { ...defaultSgd, momentum: 0, first: { kind: 'bfloat16' } }, 'recipe.optimizer.first'],
    [
      ['store'],
      { kind: 'grid', format: 'int8', rounding: 'stochastic', range: {} },
      'recipe.store.range.deviations',
    ],
    [['store'], { kind: 'format', format: 'uint8', rounding: 'stochastic' }, 'recipe.store.format'],
    [['optimizer', 'beta2'], 1, 'recipe.optimizer.beta2'],
    [['optimizer', 'clipNorm'], 0, 'recipe.optimizer.clipNorm'],
    [['optimizer', 'weightDecay'], -1, 'recipe.optimizer.weightDecay'],
    [['schedule', 'warmup'], 1, 'recipe.schedule.warmup'],
    [['schedule', 'final'], 2, 'recipe.schedule.final'],
    [['schedule'], { kind: 'wsd', warmup: 0.5, decay: 0.6, final: 0 }, 'recipe.schedule.decay'],
    [['decaySchedule'], { kind: 'step', at: 0.5, before: 1 }, 'recipe.decaySchedule.after'],
    [['optimizer', 'decay'], 'during', 'recipe.optimizer.decay'],
    [['optimizer', 'first'], { kind: 'dynamic8', block: 0 }, 'recipe.optimizer.first.block'],
    [['optimizer', 'second'], { kind: 'float64' }, 'recipe.optimizer.second.kind'],
    [
      ['store'],
      { kind: 'grid', format: 'int99', rounding: 'stochastic', range: 'absmean' },
      'recipe.store.format',
    ],
    [
      ['store'],
      { kind: 'grid', format: 'int8', rounding: 'down', range: 'absmean' },
      'recipe.store.rounding',
    ],
    [['store'], { kind: 'grid', format: 'int8', rounding: 'stochastic', range: 4 }, 'recipe.store.range'],
    [['store'], { kind: 'bfloat16', rounding: 'stochastic', of: { match: '(' } }, 'recipe.store.of.match'],
    [['store'], { kind: 'posit' }, 'recipe.store.kind'],
    [['phases', 1, 'phaseIn'], { kind: 'tan', over: 0.1 }, 'recipe.phases[1].phaseIn.kind'],
    [['phases', 1, 'phaseIn'], { kind: 'tanh', over: 0 }, 'recipe.phases[1].phaseIn.over'],
    [['phases', 1, 'rewarm'], -1, 'recipe.phases[1].rewarm'],
    [['phases', 1, 'layers'], [{ match: '', linear: {} }], 'recipe.phases[1].layers[0].match'],
    [['extraNorm', 'when'], 'never', 'recipe.extraNorm.when'],
    [['inference'], [{ name: 'ternary', w: null }], 'recipe.inference[0].w'],
  ])('%j = %j is refused by name', (path, value, argument) => {
    const broken = withField(recipes.bitnetTransition({ at: 0.2 }), path, value) as Recipe;
    expect(() => checkRecipe(broken)).toThrow(expect.objectContaining({ name: 'ArgumentError', argument }));
  });
});

describe('scheduleFactor', () => {
  const schedule = { kind: 'cosine', warmup: 0.05, final: 0.1 } as const;

  it('warms up, peaks and ends at the final part', () => {
    const factors = Array.from({ length: 1000 }, (_, step) => scheduleFactor(schedule, step, 1000));
    expect(factors[0]).toBe(1 / 50);
    expect(factors[49]).toBe(1);
    expect(factors[50]).toBe(1);
    expect(factors[999]).toBe(0.1);
    for (let step = 51; step < 1000; step++) expect(factors[step]!).toBeLessThan(factors[step - 1]!);
    // Half-way down the cosine.
    expect(Math.abs((factors[524]! + factors[525]!) / 2 - 0.55)).toBeLessThan(1e-12);
  });

  it('serves runs of any length', () => {
    expect(scheduleFactor(schedule, 0, 1)).toBe(1);
    expect([0, 1, 2].map((step) => scheduleFactor(schedule, step, 3))).toEqual([1, 0.55, 0.1]);
  });
});

describe('other schedules', () => {
  const at = (schedule: Schedule, steps: readonly number[]): number[] =>
    steps.map((step) => scheduleFactor(schedule, step, 101));

  it('follow their formulas', () => {
    expect(at({ kind: 'linear', warmup: 0, final: 0.5 }, [0, 50, 100])).toEqual([1, 0.75, 0.5]);
    const wsd: Schedule = { kind: 'wsd', warmup: 4 / 101, decay: 20 / 101, final: 0 };
    expect(at(wsd, [0, 3, 4, 80, 90, 100])).toEqual([0.25, 1, 1, 1, 0.5, 0]);
    expect(at({ kind: 'step', at: 0.5, before: 1, after: 0 }, [0, 50, 51, 100])).toEqual([1, 1, 0, 0]);
    const two: Schedule = { kind: 'two-stage', warmup: 1 / 101, at: 0.5, second: 0.5 };
    expect(at(two, [0, 1, 50, 51, 100])).toEqual([
      1,
      1,
      1 - 49 / 101,
      0.5 * (1 - 51 / 101),
      0.5 * (1 - 100 / 101),
    ]);
  });
});

describe('strengthAt', () => {
  it('is tanh(2.5 u / T), which jumps to 1 from 0.98661', () => {
    const phaseIn = { kind: 'tanh', over: 0.5 } as const;
    expect(strengthAt(phaseIn, 0, 100)).toBe(0);
    for (const u of [1, 10, 25, 49])
      expect(Math.abs(strengthAt(phaseIn, u, 100) - Math.tanh((2.5 * u) / 50))).toBeLessThan(1e-15);
    expect(strengthAt(phaseIn, 50, 100)).toBe(1);
    expect(Math.abs(strengthAt(phaseIn, 5e6 - 1, 1e7) - 0.98661)).toBeLessThan(1e-5);
  });

  it('has three other shapes', () => {
    expect([0, 5, 9, 10].map((u) => strengthAt({ kind: 'linear', over: 0.1 }, u, 100))).toEqual([
      0, 0.5, 0.9, 1,
    ]);
    expect([0, 5, 9, 10].map((u) => strengthAt({ kind: 'step', over: 0.1 }, u, 100))).toEqual([0, 0, 0, 1]);
    const normal = strengthAt({ kind: 'tanhNormalised', over: 0.1 }, 5, 100);
    expect(Math.abs(normal - Math.tanh(1.25) / Math.tanh(2.5))).toBeLessThan(1e-15);
  });

  it('weakens every quantiser of a phase, and is gone at 1', () => {
    const phase = recipes.bitnetTransition({ at: 0.5, phaseIn: { kind: 'linear', over: 0.1 } }).phases[1]!;
    expect(slotsOf(phase, 5, 100)('layers.0.mlp.up').forward.w!.strength).toBe(0.5);
    expect(slotsOf(phase, 10, 100)('layers.0.mlp.up')).toBe(phase.linear);
  });

  it('gives layers of their own their slots', () => {
    const phase = {
      ...recipes.bitnet().phases[0]!,
      layers: [{ match: '^layers\\.0\\.', linear: plainSlots }],
    };
    expect(slotsOf(phase, 0, 1)('layers.0.mlp.up')).toBe(plainSlots);
    expect(slotsOf(phase, 0, 1)('layers.1.mlp.up')).toBe(phase.linear);
  });
});

describe('hashRecipe', () => {
  it('does not depend on the order of fields, and does on values', () => {
    const recipe = recipes.dqt({ bits: 8 });
    const turned = Object.fromEntries(Object.entries(recipe).reverse());
    expect(hashData(turned)).toBe(hashData(recipe));
    expect(hashData({ ...recipe, title: 'other' })).not.toBe(hashData(recipe));
  });

  it('is FNV-1a', () => {
    // The published test vectors of the 64-bit version.
    expect(fnv1a64(new TextEncoder().encode(''))).toBe('cbf29ce484222325');
    expect(fnv1a64(new TextEncoder().encode('foobar'))).toBe('85944171f73967e8');
  });
});

describe('lossSpike', () => {
  const flat = new Array<number>(30).fill(2);

  it('measures height over the 20 losses before, and the steps to recovery', () => {
    const losses = [9, 9, 9, ...flat.slice(0, 20), 3, 2.75, 2, 1.5, 1.5, 1.5, 1.5, 1.5];
    // Means of five: 2.15 from the first, 1.85 from the second.
    expect(lossSpike(losses, 23)).toEqual({
      step: 23,
      height: 1,
      excess10: -0.09375,
      excess50: -0.09375,
      recoverySteps: 1,
    });
  });

  it('says when there was no recovery, or nothing to measure', () => {
    expect(lossSpike([...flat, 3, 3, 3, 3, 3, 3], 30)).toMatchObject({
      height: 1,
      excess10: 1,
      recoverySteps: null,
    });
    expect(lossSpike(flat, 30)).toBeNull();
    expect(lossSpike(flat, 0)).toBeNull();
  });

  it('looks 200 steps ahead', () => {
    const later = new Array<number>(200).fill(2);
    expect(lossSpike([...flat, ...later, 5], 30)!.height).toBe(0);
    expect(lossSpike([...flat, ...later.slice(1), 5], 30)!.height).toBe(3);
  });
});
