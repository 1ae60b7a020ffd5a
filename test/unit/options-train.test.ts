/** Every function of halfulp/train refuses what it cannot take, and names it. */
import { beforeAll, describe, expect, test } from 'vitest';
import { type TensorFlow, wasmBackend } from '../../src/tfjs/index.ts';
import * as files from '../../src/train/files.ts';
import * as halfulp from '../../src/train/index.ts';
import { type Entry, functionNames, type PlainEntry, walk } from '../options-walk.ts';

const { defaultAdafactor, defaultOptimizer, labelledData, models, recipes, textData } = halfulp;

const wrong = (value: unknown): never => value as never;
const sensitive = [{ name: 'a', weights: Float32Array.of(1, 2, 3) }];
const candidates = [{ format: 'int8', scale: { per: 'tensor', from: 'absmax' } }] as const;
const nothing: readonly unknown[] = [undefined, null, 1, 'x', true, [], () => 1, new Map()];
const noNumbers: readonly unknown[] = ['1', null, true, NaN, Infinity, -1, 1.5, [1], {}, 2n ** 70n];

/** Calls with each of some arguments wrong. */
const refusing = (
  ...calls: readonly (readonly [readonly unknown[], (given: never) => unknown])[]
): PlainEntry => ({
  refused: calls.flatMap(([given, call]) => given.map((each) => () => call(wrong(each)))),
});

let tf: TensorFlow;
beforeAll(async () => {
  tf = await wasmBackend();
});

const float32 = recipes.float32();
const samples = labelledData([0, 1, 2, 3, 4, 5, 6, 7], ['a', 'b', 'a', 'b']);
const mlp = models['mlp']!;
const [idxImages, idxLabels] = [
  Uint8Array.of(0, 0, 8, 2, 0, 0, 0, 4, 0, 0, 0, 1, 1, 2, 3, 4),
  Uint8Array.of(0, 0, 8, 1, 0, 0, 0, 4, 0, 1, 0, 1),
];
const checkpoint: halfulp.Checkpoint = {
  state: { version: 1, identity: {} as halfulp.RunIdentity, step: 1, phase: 0, optimizer: {}, seconds: 1 },
  arrays: new Map([['losses', { dtype: 'F32', shape: [1], data: new Uint8Array(4) }]]),
};
const bytes = halfulp.encodeCheckpoint(checkpoint);

const state: halfulp.RecipeState = {
  state: {
    ...{
      version: 1,
      recipe: 'x',
      seed: 1,
      steps: 1,
      clocks: {},
      optimizers: [],
      draws: {},
      phase: 0,
    },
    emulation: {} as never,
  },
  arrays: checkpoint.arrays,
};
const stateBytes = halfulp.encodeState(state);

const isAnyNumber = (_: string, value: unknown): boolean => typeof value === 'number' && !Number.isNaN(value);
const sampleOptions = { name: 'x', validationFraction: 0.5, scaling: 'range' } as const;
const isName = (option: string, value: unknown): boolean => option === 'name' && value === 'no such value';

/** Neither a checkpoint nor a state: what is like one, with its parts wrong in turn. */
const noneLike = (right: { readonly state: object; readonly arrays: unknown }): readonly unknown[] => [
  ...nothing,
  ...[{ state: right.state }, { arrays: right.arrays }, { ...right, state: null }, { ...right, state: {} }],
  ...[
    { ...right, more: 1 },
    { ...right, state: { ...right.state, more: 1 } },
  ],
  ...[
    null,
    { dtype: 'F32', shape: [2], data: new Uint8Array(4) },
    { dtype: 'x', shape: [], data: new Uint8Array(4) },
    { dtype: 'F32', shape: [1], data: new Float32Array(1) },
  ].map((array) => ({ ...right, arrays: new Map([['a', array]]) })),
  ...[{}, [], new Set(), [['a', 1]]].map((arrays) => ({ ...right, arrays })),
];

const trainOptions = { model: 'mlp', data: samples, recipe: float32, steps: 1, seed: 1 } as const;
const cosine = { kind: 'cosine', warmup: 0.1, final: 0.1 } as const;

const exported: Readonly<Record<string, Entry>> = {
  DivergenceError: { refused: [] },
  adafactor: {
    call: (settings) => halfulp.adafactor(tf, settings),
    accepted: [{ ...defaultAdafactor, decay: 'after', second: { kind: 'bfloat16' } }],
    optional: true,
    also: (option, value) => option !== 'kind' && isAnyNumber(option, value),
  },
  adamW: {
    call: (settings) => halfulp.adamW(tf, settings),
    accepted: [
      { ...defaultOptimizer, decay: 'after', first: { kind: 'float32' }, second: { kind: 'bfloat16' } },
    ],
    optional: true,
  },
  applyRecipe: {
    call: async (options) => {
      const variable = tf.variable(tf.ones([2, 2]), true, `walk/${tf.memory().numTensors}`);
      try {
        const given = options as { variables?: unknown } | undefined;
        const own = given?.variables === undefined ? given : { ...given };
        const run = await halfulp.applyRecipe(tf, float32, own as never);
        run.stop();
      } finally {
        variable.dispose();
      }
    },
    accepted: [{ steps: 3, seed: 1, kernels: 'own', log: false }],
    optional: false,
  },
  bitsPerWeight: [
    {
      call: (reading) => halfulp.bitsPerWeight(float32, 0, reading),
      accepted: [
        {
          parameters: [{ name: 'a', role: 'linear', shape: [2, 2] }],
          slots: () => float32.phases[0]!.linear,
        },
      ],
    },
  ],
  canonicalJson: refusing([
    [
      undefined,
      NaN,
      -Infinity,
      1n,
      Symbol('x'),
      () => 1,
      new Map(),
      new Date(0),
      [undefined],
      { a: [NaN] },
      { a: { b: 1n } },
    ],
    (value) => halfulp.canonicalJson(value),
  ]),
  checkRecipe: refusing([
    [...nothing, { ...float32, x: 1 }, { ...float32, phases: [] }],
    (r) => halfulp.checkRecipe(r),
  ]),
  checkTraining: {
    call: (options) => halfulp.checkTraining(options),
    accepted: [
      {
        ...trainOptions,
        batch: 2,
        learningRate: 0.1,
        evaluateEvery: 1,
        evaluationWindows: 1,
        kernels: 'own',
      },
      { ...trainOptions, probeEvery: 1, gradientDraws: 1, checkpointEvery: 1 },
    ],
    optional: false,
    also: (option, value) => option === 'steps' && value === 1,
  },
  csvData: [
    {
      call: (options) => halfulp.csvData('a,1\nb,2\na,3\nb,4', options),
      accepted: [{ ...sampleOptions, header: false, label: 1, delimiter: ',' }],
      also: (option, value) => isName(option, value) || (option === 'label' && value === '1'),
    },
  ],
  decodeCheckpoint: refusing(
    [
      [...nothing, new Float32Array(2), new DataView(new ArrayBuffer(8))],
      (b) => halfulp.decodeCheckpoint(b, 'f'),
    ],
    [[null, 1, '', {}], (file) => halfulp.decodeCheckpoint(bytes, file)],
  ),
  decodeState: refusing(
    [[...nothing, new Float32Array(2), new DataView(new ArrayBuffer(8))], (b) => halfulp.decodeState(b, 'f')],
    [[null, 1, '', {}], (file) => halfulp.decodeState(stateBytes, file)],
  ),
  divergenceInWords: {
    call: (divergence) => halfulp.divergenceInWords(divergence),
    accepted: [{ step: 3, of: 'update', tensor: 'layers.0' }],
    optional: false,
    also: (option, value) => option === 'tensor' && (value === null || value === 'no such value'),
  },
  encodeCheckpoint: refusing([
    [...noneLike(checkpoint), { ...checkpoint, state: { ...checkpoint.state, identity: { x: 1n } } }],
    (given) => halfulp.encodeCheckpoint(given),
  ]),
  encodeState: refusing([
    [...noneLike(state), { ...state, state: { ...state.state, program: NaN } }],
    (given) => halfulp.encodeState(given),
  ]),
  hashData: refusing([[undefined, NaN, 1n, () => 1, { a: new Set() }], (value) => halfulp.hashData(value)]),
  idxData: [
    {
      call: (files) => halfulp.idxData(files),
      accepted: [
        { images: idxImages, labels: idxLabels, validation: { images: idxImages, labels: idxLabels } },
      ],
      optional: false,
    },
    {
      call: (options) => halfulp.idxData({ images: idxImages, labels: idxLabels }, options),
      accepted: [{ name: 'x', validationFraction: 0.5 }],
      also: isName,
    },
  ],
  isLabelled: refusing([nothing, (data) => halfulp.isLabelled(data)]),
  labelledData: [
    {
      call: (options) => labelledData([0, 1, 2, 3, 4, 5, 6, 7], ['a', 'b', 'a', 'b'], options),
      accepted: [sampleOptions],
      also: isName,
    },
  ],
  logitSharpness: {
    call: (options) => halfulp.logitSharpness([1, 2, 3, 4], [0, 1], options as never),
    accepted: [{ epsilon: 0.1 }],
  },
  lossSpike: refusing(
    [
      [undefined, null, 1, 'xx', {}, [1, '2'], [1, null], new Int32Array(3)],
      (losses) => halfulp.lossSpike(losses, 1),
    ],
    [[undefined, ...noNumbers], (at) => halfulp.lossSpike([1, 2], at)],
  ),
  mnist: { call: (options) => halfulp.mnist(options), accepted: [sampleOptions], also: isName },
  mobyDick: {
    call: (options) => halfulp.mobyDick(options),
    accepted: [{ name: 'x', validationFraction: 0.5 }],
    also: isName,
  },
  modelConfig: [
    {
      call: (config) => halfulp.modelConfig(config),
      accepted: [{ ...mlp }, { ...models['llama-tiny']!, kind: 'language' }],
      optional: false,
      also: isName,
    },
  ],
  assignFormats: refusing(
    [[...nothing, [], [{ name: 'a' }]], (layers) => halfulp.assignFormats(layers, candidates, 8)],
    [[...nothing, [], ['int99'], [{}]], (given) => halfulp.assignFormats(sensitive, given, 8)],
    [[undefined, 0, 65, ...noNumbers], (bits) => halfulp.assignFormats(sensitive, candidates, bits)],
    [
      [null, { by: 'luck' }, { how: 'exact' }],
      (given) => halfulp.assignFormats(sensitive, candidates, 8, given),
    ],
  ),
  formatFront: refusing(
    [[...nothing, [], [{ name: 'a' }]], (layers) => halfulp.formatFront(layers, candidates)],
    [[...nothing, [], ['int99'], [{}]], (given) => halfulp.formatFront(sensitive, given)],
    [[null, { by: 'luck' }, { how: 'exact' }], (given) => halfulp.formatFront(sensitive, candidates, given)],
  ),
  calibrate: refusing(
    [[...nothing, {}, { run: 5 }, { of: 'inputs' }], (given) => halfulp.calibrate(tf, given)],
    [
      [null, 0, 'many', 1e9],
      (windows) => halfulp.calibrate(tf, { run: () => tf.scalar(0), windows } as never),
    ],
    [[null, 'hessian', {}], (of) => halfulp.calibrate(tf, { run: () => tf.scalar(0), of } as never)],
  ),
  measuredLayers: refusing([
    [...nothing, {}, { by: 'loss' }, { loss: () => 0 }],
    (given) => halfulp.measuredLayers(tf, given),
  ]),
  assignXrNpe: refusing(
    [[...nothing, [], [{ name: 'a' }]], (layers) => halfulp.assignXrNpe(layers, 8)],
    [[undefined, 0, 65, ...noNumbers], (bits) => halfulp.assignXrNpe(sensitive, bits)],
    [[null, 'e2m1', [], ['int8']], (formats) => halfulp.assignXrNpe(sensitive, 8, formats)],
  ),
  sensitiveLayers: refusing([
    [...nothing, { state: {}, arrays: new Map() }],
    (given) => halfulp.sensitiveLayers(given),
  ]),
  numericsVersion: { refused: [] },
  parameterCounts: refusing(
    [[...nothing, { kind: 'mlp' }], (config) => halfulp.parameterCounts(config, 4)],
    [[undefined, 0, ...noNumbers], (inputs) => halfulp.parameterCounts(mlp, inputs)],
    [[0, ...noNumbers], (outputs) => halfulp.parameterCounts(mlp, 4, outputs)],
  ),
  readIdx: refusing(
    [[...nothing, new Float32Array(4), new ArrayBuffer(8)], (b) => halfulp.readIdx(b)],
    [[null, 1, '', {}], (argument) => halfulp.readIdx(idxLabels, argument)],
  ),
  recipeFrom: refusing([
    [
      ...nothing,
      {},
      { recipe: 'x' },
      { recipe: 'dqt' },
      { recipe: 'dqt', bits: '8' },
      { recipe: 'float32', bits: 8 },
    ],
    (data) => halfulp.recipeFrom(data),
  ]),
  roleTable: refusing(
    [[...nothing, { ...float32, phases: 1 }], (recipe) => halfulp.roleTable(recipe, mlp)],
    [nothing, (config) => halfulp.roleTable(float32, config)],
  ),
  rolesAsText: refusing([
    [undefined, null, 1, 'x', {}, [[]], [{}], [{ phase: 'x', rows: [['a']] }], [{ phase: 1, rows: [] }]],
    (phases) => halfulp.rolesAsText(phases),
  ]),
  scheduleFactor: [
    {
      call: (schedule) => halfulp.scheduleFactor(schedule, 0, 10),
      accepted: [
        cosine,
        { kind: 'linear', warmup: 0.1, final: 0 },
        { kind: 'wsd', warmup: 0.1, decay: 0.1, final: 0 },
        { kind: 'two-stage', warmup: 0.1, at: 0.5, second: 0.5 },
        { kind: 'step', at: 0.5, before: 1, after: 0 },
      ],
      optional: false,
    },
  ],
  strengthAt: {
    call: (phaseIn) => halfulp.strengthAt(phaseIn, 1, 10),
    accepted: [{ kind: 'tanh', over: 0.5 }],
    optional: false,
  },
  textData: [
    {
      call: (options) => textData('abc', options),
      accepted: [{ name: 'x', validationFraction: 0.5 }],
      also: isName,
    },
  ],
  lion: {
    call: (settings) => halfulp.lion(tf, settings),
    accepted: [{ ...halfulp.defaultLion, decay: 'after', first: { kind: 'bfloat16' } }],
    optional: true,
  },
  sgd: {
    call: (settings) => halfulp.sgd(tf, settings),
    accepted: [{ ...halfulp.defaultSgd, decay: 'after', first: { kind: 'bfloat16' } }],
    optional: true,
  },
  train: {
    call: (options) => {
      const isObject = typeof options === 'object' && options !== null;
      return halfulp.train(
        wrong(isObject ? Object.create(options, { tf: { value: tf, enumerable: true } }) : options),
      );
    },
    accepted: [
      {
        ...trainOptions,
        ...{ batch: 2, learningRate: 0.1, evaluateEvery: 1, evaluationWindows: 1, kernels: 'own' },
        ...{ probeEvery: 1, gradientDraws: 1, checkpointEvery: 1, signal: new AbortController().signal },
        ...{ onStep: () => {}, onEvaluation: () => {}, onPhase: () => {}, onCheckpoint: () => {} },
      },
    ],
    optional: false,
  },
};

/** What else these functions take, beside their options. */
const others: Readonly<Record<string, PlainEntry>> = {
  logitSharpness: refusing(
    [[undefined, null, 1, 'x', {}, [1, '2'], [1, 2, 3]], (logits) => halfulp.logitSharpness(logits, [0, 1])],
    [
      [undefined, null, 1, 'x', {}, [], [0, 2], [0, '1'], [0, -1]],
      (targets) => halfulp.logitSharpness([1, 2, 3, 4], targets),
    ],
  ),
  adamW: refusing(
    [nothing, (given) => halfulp.adamW(given, defaultOptimizer)],
    [[1, null, [], 'fast', { rate: 1 }], (options) => halfulp.adamW(tf, {}, options)],
  ),
  adafactor: refusing(
    [nothing, (given) => halfulp.adafactor(given, defaultAdafactor)],
    [[1, null, [], 'fast', { rate: 1 }], (options) => halfulp.adafactor(tf, {}, options)],
  ),
  lion: refusing(
    [nothing, (given) => halfulp.lion(given, {})],
    [[1, null, [], 'fast', { rate: 1 }], (options) => halfulp.lion(tf, {}, options)],
  ),
  sgd: refusing(
    [nothing, (given) => halfulp.sgd(given, {})],
    [[1, null, [], 'fast', { rate: 1 }], (options) => halfulp.sgd(tf, {}, options)],
  ),
  applyRecipe: refusing(
    [nothing, (given) => halfulp.applyRecipe(given, float32, { steps: 1, seed: 1 })],
    [nothing, (given) => halfulp.applyRecipe(tf, given, { steps: 1, seed: 1 })],
  ),
  bitsPerWeight: refusing(
    [nothing, (recipe) => halfulp.bitsPerWeight(recipe)],
    [[1, ...noNumbers], (phase) => halfulp.bitsPerWeight(float32, phase)],
  ),
  csvData: refusing([
    [undefined, null, 1, {}, [], new Float32Array(2), new ArrayBuffer(2)],
    (csv) => halfulp.csvData(csv),
  ]),
  labelledData: refusing(
    [
      [undefined, null, 1, '12345678', {}, [1, '2'], [[1]], new BigInt64Array(4)],
      (x) => labelledData(x, ['a', 'b']),
    ],
    [
      [undefined, null, 1, 'ab', {}, ['a', null], ['a', NaN], [['a'], 'b'], new Array(2)],
      (y) => labelledData([1, 2], y),
    ],
  ),
  modelConfig: refusing(
    [[0, ...noNumbers], (batch) => halfulp.modelConfig('mlp', batch)],
    [['no-such', '', 'toString'], (name) => halfulp.modelConfig(name)],
  ),
  scheduleFactor: refusing(
    [[undefined, 10, ...noNumbers], (step) => halfulp.scheduleFactor(cosine, step, 10)],
    [[undefined, 0, ...noNumbers], (steps) => halfulp.scheduleFactor(cosine, 0, steps)],
    [
      [{ kind: 'wsd', warmup: 0.6, decay: 0.6, final: 0 }],
      (schedule) => halfulp.scheduleFactor(schedule, 0, 10),
    ],
  ),
  strengthAt: refusing(
    [[undefined, ...noNumbers], (since) => halfulp.strengthAt({ kind: 'linear', over: 1 }, since, 10)],
    [[undefined, 0, ...noNumbers], (steps) => halfulp.strengthAt({ kind: 'linear', over: 1 }, 0, steps)],
  ),
  textData: refusing([
    [undefined, null, 1, '', 'aaa', {}, ['ab'], new String('ab')],
    (given) => textData(given),
  ]),
  train: refusing([nothing, (given) => halfulp.train({ tf: given, ...trainOptions })]),
};

describe('halfulp/train', () => {
  test('the table has every function', () => {
    expect(Object.keys(exported).sort()).toEqual(functionNames(halfulp));
  });
  for (const [name, entry] of Object.entries(exported)) test(name, () => walk(name, entry));
  for (const [name, entry] of Object.entries(others))
    test(`${name}, beside its options`, () => walk(name, entry));
});

describe('halfulp/train/files', () => {
  const paths = [undefined, null, 1, '', {}, [], Symbol('x'), new Uint8Array(2)];
  const table: Readonly<Record<string, Entry>> = {
    readCheckpoint: refusing([paths, (path) => files.readCheckpoint(path)]),
    readState: refusing([paths, (path) => files.readState(path)]),
    writeCheckpoint: refusing(
      [paths, (path) => files.writeCheckpoint(path, checkpoint)],
      [noneLike(checkpoint), (given) => files.writeCheckpoint('/no/such', given)],
    ),
    writeState: refusing(
      [paths, (path) => files.writeState(path, state)],
      [noneLike(state), (given) => files.writeState('/no/such', given)],
    ),
  };
  test('the table has every function', () => {
    expect(Object.keys(table).sort()).toEqual(functionNames(files));
  });
  for (const [name, entry] of Object.entries(table)) test(name, () => walk(name, entry));
});

describe('recipes', () => {
  const common = { extraNorm: null, optimizer: { beta1: 0.5 }, schedule: 'two-stage' };
  const bitnet = { ...common, weights: 'absmedian', activations: false };
  const rounding = { rounding: 'nearest-even' };
  const accepted: Readonly<Record<string, readonly [options: object, optional?: boolean]>> = {
    float32: [common],
    bitnet: [bitnet],
    bitnetTransition: [
      {
        ...bitnet,
        at: 0.5,
        first: 'e5m2',
        optimizerState: 'reset',
        rewarm: 0.1,
        phaseIn: { kind: 'tanh', over: 0.1 },
      },
      false,
    ],
    bfloat16: [common],
    dqt: [
      {
        ...common,
        ...rounding,
        ...{ bits: 8, eco: true, environment: 'fp8' },
        range: 'absmean',
        of: 'all',
        activations: true,
        ternaryInference: true,
      },
      false,
    ],
    bfloat16Weights: [{ ...common, ...rounding, of: 'all' }],
    groupInt8Weights: [{ ...common, ...rounding, size: 64 }],
    adam8bit: [{ ...common, block: 256, least: 4, map: 'linear', per: 'block', embedding: '32-bit' }],
    qas: [
      {
        ...common,
        optimizer: { momentum: 0.5 },
        scaling: false,
        rounding: 'nearest-even',
        per: 'tensor',
        blocks: 1,
        biases: 2,
        channels: 0.5,
      },
    ],
    mesa: [{ ...common, groups: 2, decay: 0.5, rounding: 'stochastic', least: 7, exempt: ['layers.*'] }],
    coat: [
      {
        ...{ ...common, block: 64, expansion: false, group: 8 },
        ...{ operands: 'float32', activations: 'fp8', least: 7 },
      },
    ],
    mantissaMask: [{ ...common, mantissaBits: 2, rounding: 'nearest-even' }],
    spam: [{ ...common, operands: 'int4', resetEvery: 7, warmup: 3, threshold: 100 }],
    stableSpam: [
      {
        ...{ ...common, operands: 'fp4', resetEvery: 7, warmup: 3 },
        ...{ clipDecay: 0.9, decay1: 0.5, decay2: 0.8, fadeTo: 0.5 },
      },
    ],
    adaPT: [
      {
        ...{ ...common, word: 12, fraction: 6, gradients: 'all', normalize: true, lookback: [5, 50] },
        ...{ bins: [10, 90], momentum: 0.5, buffer: 4, tolerance: 0.01 },
      },
    ],
    gaussianWeightSampling: [
      { ...common, target: 3, initial: 7, learn: true, learningRate: 0.1, penalty: 0.5, cast: 'e4m3fn' },
    ],
    diffQ: [
      {
        ...{ ...common, bits: 6, range: [3, 9], group: 4, noise: 'uniform' },
        ...{ learn: true, learningRate: 0.1, penalty: 2 },
      },
    ],
    galore: [{ ...common, rank: 4, period: 3, scale: 0.5, of: 'all' }],
    qGalore: [
      {
        ...{ ...common, rank: 4, period: 3, scale: 0.5, of: 'all' },
        ...{ adaptive: true, threshold: 0.3, queue: 2, group: 64 },
      },
    ],
    nvfp4: [
      {
        ...common,
        ...rounding,
        hadamard: 'step',
        weights: 'block',
        exempt: { first: 1, last: 2 },
        finish: { at: 0.5, of: 'forward' },
        fourOverSix: { of: 'all', error: 'mse', scaleMax: 256 },
        rowScaled: true,
      },
    ],
    mxfp4: [{ ...common, ...rounding, prescale: 0.75, direction: 'ceil', hadamard: 'step' }],
    fp4Dge: [
      {
        ...common,
        estimator: { sharpness: 4, clip: 2 },
        outliers: 0.9,
        activations: true,
        gradients: 'e5m2',
        moments: 'float32',
      },
    ],
    fp4Design: [
      {
        ...common,
        ...rounding,
        scaleFormat: 'e5m2',
        size: 32,
        tensorScale: true,
        hadamard: 'backward',
        estimator: 'dge',
        outliers: 0.9,
        lossScale: true,
      },
    ],
    fp8Hybrid: [
      {
        ...common,
        formats: 'e5m2',
        scaling: 'delayed',
        history: 4,
        take: 'latest',
        margin: 1,
        lossScale: { static: 8 },
      },
    ],
    switchBack: [{ ...common, variant: 'M', weightGradient: 'row', rest: 'binary32', updateClipping: false }],
    s2fp8: [{ ...common, of: 'linear' }],
    halo: [{ ...common, level: 1, format: 'e4m3fn' }],
    quartet: [{ ...common, forward: 'nearest-even', backward: 'aligned' }],
    quest: [{ ...common, bits: 3, activations: false }],
    lsq: [{ ...common, bits: 3, activations: 'affine', per: 'row', ends: 'binary32', scaleRate: 1e-3 }],
    whitepaperQat: [
      {
        ...{ ...common, weightBits: 4, activationBits: 7, per: 'tensor', decay: 0.9, delay: 0.2 },
        ...{ fold: true, freeze: 0.5 },
      },
    ],
    distillation: [
      [
        {
          ...{ ...common, ...rounding, alpha: 0.25, temperature: 4, features: 2, initial: true },
          ...{ bits: 3, group: 32, levels: 'learned', levelRate: 1e-2 },
        },
        { scaling: 'minmax' },
      ],
    ],
    teacherIntervention: [
      {
        ...{ ...common, alpha: 0.25, temperature: 4, features: 2, initial: false },
        ...{ bits: 4, until: 0.5, activations: false },
      },
    ],
    efficientDm: [
      { ...common, bits: 3, rank: 2, alpha: 8, activations: false, adapterRate: 1e-2, scaleRate: 1e-3 },
    ],
    efficientQat: [
      {
        ...{ ...common, bits: 3, group: 32, blocks: 3, blockwise: 0.5, scaleRate: 1e-3 },
        ...{ weightRate: 1e-2, endRate: 1e-5 },
      },
    ],
    gaqat: [
      {
        ...{ ...common, bits: 3, activations: 'affine', per: 'row', ends: 'binary32', scaleRate: 1e-3 },
        ...{ window: 9, above: 0.25 },
      },
    ],
    geta: [{ ...common, bits: [3, 9], initial: 5, activations: false, scaleRate: 1e-6, formRate: 1e-3 }],
    ifairy: [{ ...common, product: 'plain', activations: false }],
    l4q: [{ ...common, bits: 3, group: 32, rank: 2, alpha: 8, at: 0.25, adapterRate: 1e-2, scaleRate: 1e-3 }],
    mote: [
      [
        { ...common, at: 0.25, trains: 'experts', activations: false, experts: 'mlp', routers: 'gate' },
        { trains: 'all' },
      ],
    ],
    qvgen: [{ ...common, bits: 3, rank: 2, until: 0.5, branchRate: 1e-3, activations: false }],
    shiftQuant: [{ ...common, ...rounding, bits: 5, groups: 2 }],
    xrNpe: [{ ...common, format: 'e2m1', layers: { '**.down': 'posit(4,1)' } }],
    dfp16: [
      { ...common, preShift: 1, chunk: 8, rounding: 'stochastic', results: 'int16', first: 'binary32' },
    ],
  };
  /** Options that null switches off. */
  const switchedOff: Readonly<Record<string, readonly string[]>> = { fp4Dge: ['estimator', 'outliers'] };
  test('the table has every recipe', () => {
    expect(Object.keys(accepted).sort()).toEqual(functionNames(recipes));
  });
  for (const [name, [options, optional = true]] of Object.entries(accepted))
    test(name, () =>
      walk(name, {
        call: (given) => recipes[name as 'float32'](given as never),
        accepted: [options].flat() as Record<string, unknown>[],
        optional,
        also: (option, value) =>
          (value === null && ['extraNorm', ...(switchedOff[name] ?? [])].includes(option)) ||
          // Any text is a pattern of names.
          (name === 'mote' && typeof value === 'string' && ['experts', 'routers'].includes(option)),
      }),
    );
});
