/** Files of the kinds that the product reads, all right, for fuzzers to change. */
import { recipes } from '../src/train/index.ts';

/** A text to train on. */
export const book = 'Call me Ishmael. Some years ago - never mind how long precisely.\n'.repeat(40);

/** Recipes in full, and by their names with options. */
export const wholeRecipes = [
  recipes.bitnetTransition({ at: 0.5, rewarm: 0.1, phaseIn: { kind: 'tanh', over: 0.1 } }),
  recipes.dqt({
    bits: 4,
    of: { match: '^layers\\.0' },
    range: { deviations: 4 },
    optimizer: { kind: 'adafactor' },
  }),
  recipes.adam8bit(),
  {
    ...recipes.groupInt8Weights(),
    phases: [
      {
        ...recipes.bitnet().phases[0]!,
        layers: [{ match: 'mlp', linear: recipes.float32().phases[0]!.linear }],
      },
    ],
  },
];
export const namedRecipes = [
  { recipe: 'dqt', bits: 8, rounding: 'nearest-even', range: 'absmean', ternaryInference: true },
  {
    recipe: 'bitnetTransition',
    at: 0.2,
    first: 'e5m2',
    optimizerState: 'reset',
    schedule: 'two-stage',
    name: 'mine',
  },
  { recipe: 'adam8bit', block: 256, least: 0, extraNorm: null, optimizer: { beta1: 0.8 } },
];

/** A sweep on a text. */
export const sweep = {
  ...{
    name: 'bits',
    title: 'Bits',
    claim: 'So.',
    model: 'llama-tiny',
    steps: 10,
    seeds: [1, 2],
    baseline: 'float32',
  },
  ...{ secondsPerStep: 0.1, evaluateEvery: 5, probeEvery: 0, checkpointEvery: 5 },
  arms: [
    { name: 'float32', recipe: { recipe: 'float32' } },
    {
      name: 'dqt{bits}-{rate}',
      grid: { bits: [8, 1.58], rate: [0.001] },
      recipe: { recipe: 'dqt', bits: '{bits}' },
      learningRate: '{rate}',
      seeds: [1],
    },
  ],
  contrasts: [
    {
      name: 'of {bits} bits',
      grid: { bits: [8] },
      arm: 'dqt{bits}-0.001',
      against: ['float32'],
      of: 'trainLoss',
      as: 'ratio',
    },
  ],
};

/** What a run leaves: its result, its configuration, its records. */
export const result = {
  ...{
    steps: 10,
    seconds: 36,
    validationLoss: 2,
    trainLoss: 2,
    validationPredictions: 94912,
    perplexity: 7,
  },
  ...{ bitsPerWeight: 32, interrupted: false, divergence: null, peakMemory: 1e8, validationAccuracy: 0.5 },
  memory: { weights: 1, optimizerState: 2, gradients: 1, total: 8, bytesPerParameter: 16 },
  inference: [{ name: 'ternary', loss: 3, accuracy: 0.5 }],
  spike: { step: 5, height: 0.5, excess10: 0.25, excess50: 0.1, recoverySteps: 3 },
};
export const config = {
  training: {},
  text: { name: 'Moby-Dick', trainingCharacters: 1091828, validationCharacters: 94942, vocabulary: 81 },
  environment: {
    cpu: 'EPYC',
    cores: 2,
    memoryGiB: 24,
    node: '20.1.0',
    packages: { '@tensorflow/tfjs': '4' },
  },
};
export const records = [
  { type: 'step', step: 1, loss: 3, gradientNorm: 1, probes: { weights: { flipRate: 0.5, stepRatio: 2 } } },
  { type: 'phase', step: 5, phase: 1 },
  { type: 'evaluation', step: 5, loss: 2.5, accuracy: 0.4 },
  { type: 'evaluation', step: 10, loss: 2.25, accuracy: 0.4 },
  { type: 'result', steps: 10 },
];
/** A `.npy` file of format version 1 or 2. */
export function npy(descr: string, shape: string, bytes: number, version = 1): Uint8Array {
  const header = `${`{'descr': '${descr}', 'fortran_order': False, 'shape': ${shape}, }`.padEnd(117, ' ')}\n`;
  const length = version === 1 ? [header.length, 0] : [header.length, 0, 0, 0];
  const begin = [0x93, ...Buffer.from('NUMPY'), version, 0, ...length, ...Buffer.from(header)];
  return Uint8Array.from([...begin, ...Array.from({ length: bytes }, (_, i) => (i * 37) % 256)]);
}

/** An IDX file of unsigned bytes. */
export const idx = (shape: number[], bytes: number): Uint8Array => {
  const head = shape.flatMap((extent) => [0, 0, extent >> 8, extent & 255]);
  return Uint8Array.from([0, 0, 8, shape.length, ...head, ...Array.from({ length: bytes }, (_, i) => i % 3)]);
};
