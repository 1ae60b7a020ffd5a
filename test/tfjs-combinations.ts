/** Every kind of layer, quantiser and accumulator of an emulation, for sweeps: a model of one kind takes a step and predicts. */
import type { SymbolicTensor } from '@tensorflow/tfjs';
import { matrixUnit, matrixUnitNames, type QuantizerOptions } from '../src/index.ts';
import { type AccumulatorSpec, emulate, type Policy, type TensorFlow } from '../src/tfjs/index.ts';

interface Kind {
  readonly input: readonly number[];
  /** Inputs are ids below this. */
  readonly ids?: number;
  /** TensorFlow.js has no gradient for it. */
  readonly untrained?: boolean;
  readonly output: (tf: TensorFlow, input: SymbolicTensor) => SymbolicTensor;
}

type Layers = TensorFlow['layers'];
type Layer = InstanceType<Layers['Layer']>;
type Step = (layers: Layers) => Layer;

/** Layers one after another, then a dense one. */
function chain(...steps: readonly Step[]): Kind['output'] {
  return ({ layers }, input) => {
    const apply = (x: SymbolicTensor, layer: Layer): SymbolicTensor => layer.apply(x) as SymbolicTensor;
    const x = steps.map((step) => step(layers)).reduce(apply, input);
    return apply(x.shape.length > 2 ? apply(x, layers.flatten()) : x, layers.dense({ units: 3 }));
  };
}

const image = [5, 5, 2];
const sequence = [4, 3];

export const kinds: Readonly<Record<string, Kind>> = {
  dense: {
    input: [5],
    output: chain(
      (l) => l.dense({ units: 4, activation: 'relu' }),
      (l) => l.dense({ units: 3, useBias: false, activation: 'softmax' }),
    ),
  },
  conv1d: { input: [6, 2], output: chain((l) => l.conv1d({ filters: 3, kernelSize: 2, padding: 'same' })) },
  conv2d: { input: image, output: chain((l) => l.conv2d({ filters: 3, kernelSize: 2, activation: 'relu' })) },
  dilated: {
    input: image,
    untrained: true,
    output: chain((l) => l.conv2d({ filters: 3, kernelSize: 2, dilationRate: 2 })),
  },
  conv3d: { input: [3, 4, 4, 2], output: chain((l) => l.conv3d({ filters: 3, kernelSize: 2 })) },
  depthwise: {
    input: image,
    output: chain((l) => l.depthwiseConv2d({ kernelSize: 2, depthMultiplier: 2 })),
  },
  separable: { input: image, output: chain((l) => l.separableConv2d({ kernelSize: 2, filters: 3 })) },
  transpose2d: {
    input: [4, 4, 2],
    output: chain((l) => l.conv2dTranspose({ kernelSize: 2, filters: 3, strides: 2, padding: 'same' })),
  },
  transpose3d: {
    input: [2, 3, 3, 2],
    untrained: true,
    output: chain((l) => l.conv3dTranspose({ kernelSize: 2, filters: 2, strides: 2, padding: 'same' })),
  },
  embedding: { input: [4], ids: 300, output: chain((l) => l.embedding({ inputDim: 300, outputDim: 4 })) },
  simpleRNN: { input: sequence, output: chain((l) => l.simpleRNN({ units: 3 })) },
  lstm: { input: sequence, output: chain((l) => l.lstm({ units: 3 })) },
  gru: { input: sequence, output: chain((l) => l.gru({ units: 3 })) },
  bidirectional: {
    input: sequence,
    output: chain((l) => l.bidirectional({ layer: l.gru({ units: 3 }) as never, mergeMode: 'concat' })),
  },
  convLstm: { input: [3, 4, 4, 2], output: chain((l) => l.convLstm2d({ filters: 2, kernelSize: 2 })) },
  timeDistributed: {
    input: sequence,
    output: chain((l) => l.timeDistributed({ layer: l.dense({ units: 3 }) })),
  },
  normalized: {
    input: image,
    output: chain(
      (l) => l.conv2d({ filters: 3, kernelSize: 2 }),
      (l) => l.batchNormalization(),
      (l) => l.layerNormalization(),
    ),
  },
  attention: {
    input: sequence,
    output: ({ layers }, input) => {
      const [query, key] = [0, 1].map(() => layers.dense({ units: 3 }).apply(input) as SymbolicTensor);
      const scores = layers.dot({ axes: [2, 2] }).apply([query!, key!]) as SymbolicTensor;
      const weights = layers.activation({ activation: 'softmax' }).apply(scores) as SymbolicTensor;
      const mixed = layers.dot({ axes: [2, 1] }).apply([weights, key!]) as SymbolicTensor;
      return chain()({ layers } as TensorFlow, mixed);
    },
  },
  pooled: {
    input: [6, 6, 2],
    output: chain(
      (l) => l.maxPooling2d({ poolSize: 2 }),
      (l) => l.averagePooling2d({ poolSize: 2 }),
    ),
  },
};

type Quantizing = string | QuantizerOptions;

export const quantizers: readonly Quantizing[] = [
  ...['mxfp8e4m3', 'mxfp8e5m2', 'mxfp6e2m3', 'mxfp6e3m2', 'mxfp4', 'mxint8', 'nvfp4', 'e4m3fn/tensor'],
  { format: 'int8', scale: { per: 'tensor', from: 'absmax' } },
  { format: 'int8', scale: { per: 'row', from: 'absmax' } },
  { format: 'int4', scale: { per: 'column', from: 'absmean' } },
  { format: 'ternary', scale: { per: 'tile', rows: 2, columns: 2, from: 'absmean' } },
  { format: 'nf4', scale: { per: 'block', size: 4, from: 'absmax' } },
  {
    format: 'e2m1',
    rounding: 'stochastic',
    scale: { per: 'block', size: 16, from: 'absmax', format: 'e4m3fn', tensorScale: true },
  },
];

export const accumulators: readonly AccumulatorSpec[] = [
  ...['bfloat16', 'binary16', 'tf32', 'e5m2', 'exact'],
  { accumulate: 'binary32', order: 'pairwise' },
  { accumulate: 'binary32', order: { chunk: 4 }, products: 'exact' },
  { accumulate: 'bfloat16', rounding: 'stochastic' },
];

/** Policies of the matrix units: each with operands of its own format. */
export const unitPolicies: readonly Policy[] = matrixUnitNames.map(({ alias }) => ({
  accumulator: alias,
  inputs: { format: matrixUnit(alias).operands.name, saturation: 'finite' },
}));

/** A model of a kind takes a step and predicts under a policy. Throws what any of it throws. */
export async function stepAndPredict(tf: TensorFlow, name: string, policy: Policy): Promise<void> {
  const { input: shape, ids, untrained, output } = kinds[name]!;
  const input = tf.input({ shape: [...shape] });
  const model = tf.model({ inputs: input, outputs: output(tf, input) });
  const optimizer = tf.train.sgd(0.01);
  const batch = 3;
  const size = shape.reduce((product, length) => product * length, batch);
  const xs =
    ids === undefined
      ? tf.randomNormal([batch, ...shape], 0, 1, 'float32', 1)
      : tf.tensor(
          Array.from({ length: size }, (_, i) => (i * 37) % ids),
          [batch, ...shape],
          'int32',
        );
  const ys = tf.randomUniform([batch, 3], 0, 1, 'float32', 2);
  try {
    await emulate.scope(tf, policy, async () => {
      model.compile({ optimizer, loss: 'meanSquaredError' });
      if (untrained !== true) await model.fit(xs, ys, { epochs: 1, batchSize: batch, verbose: 0 });
      tf.dispose(model.predict(xs));
    });
  } finally {
    model.dispose();
    optimizer.dispose();
    tf.dispose([xs, ys]);
  }
}
