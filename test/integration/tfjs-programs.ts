/** Small TensorFlow.js programs and probes that the tests of emulation share. */
import type { LayersModel, Scalar, Tensor, Tensor2D, Variable } from '@tensorflow/tfjs';
import type { Backend, KernelFunction, TensorInfo } from '../../src/tfjs/internals.ts';
import { backendOf, type TensorFlow } from '../../src/tfjs/internals.ts';
import { carries } from '../../src/tfjs/moving.ts';
import type { Role } from '../../src/tfjs/policy.ts';
import { wrapKernels } from '../../src/tfjs/registry.ts';
import { purposeOf } from '../../src/tfjs/roles.ts';

/** A dense classifier, compiled, and data for it; the same every time. */
export function denseProgram(
  tf: TensorFlow,
  optimizer = 'adam',
): { model: LayersModel; xs: Tensor2D; ys: Tensor2D; dispose(): void } {
  const initializer = (seed: number) => tf.initializers.glorotUniform({ seed });
  const model = tf.sequential({
    layers: [
      tf.layers.dense({ units: 19, activation: 'relu', inputShape: [7], kernelInitializer: initializer(1) }),
      tf.layers.dense({ units: 5, activation: 'softmax', kernelInitializer: initializer(2) }),
    ],
  });
  model.compile({ optimizer, loss: 'categoricalCrossentropy', metrics: ['accuracy'] });
  const xs = tf.randomNormal([48, 7], 0, 1, 'float32', 3) as Tensor2D;
  const labels = tf.tidy(() => tf.argMax(tf.slice(xs, [0, 0], [48, 5]), 1));
  const ys = tf.tidy(() => tf.oneHot(labels, 5).toFloat() as Tensor2D);
  labels.dispose();
  return {
    model,
    xs,
    ys,
    dispose() {
      model.dispose();
      tf.dispose([xs, ys]);
    },
  };
}

/** One block of a transformer with tied embedding, as a user would write it with plain operations. */
export function attentionProgram(tf: TensorFlow): {
  variables: Variable[];
  loss: () => Scalar;
  dispose(): void;
} {
  const [sequences, length, width, heads, vocabulary] = [3, 6, 8, 2, 11];
  const random = (shape: [number, number], seed: number): Variable =>
    tf.tidy(() => tf.variable(tf.randomNormal(shape, 0, 0.4, 'float32', seed)));
  const embedding = random([vocabulary, width], 1);
  const [query, key, value, output, up, down] = [2, 3, 4, 5, 6, 7].map((seed) =>
    random([width, width], seed),
  );
  const gain = tf.tidy(() => tf.variable(tf.ones([width])));
  const tokens = tf.tensor1d(
    Array.from({ length: sequences * length }, (_, i) => (i * i + 3) % vocabulary),
    'int32',
  );
  const next = tf.tensor1d(
    Array.from({ length: sequences * length }, (_, i) => (i * 7 + 1) % vocabulary),
    'int32',
  );
  const norm = (x: Tensor): Tensor => x.mul(x.square().mean(-1, true).add(1e-5).rsqrt()).mul(gain);
  const split = (x: Tensor): Tensor =>
    x.reshape([sequences, length, heads, width / heads]).transpose([0, 2, 1, 3]);
  const loss = (): Scalar => {
    let stream = tf.gather(embedding, tokens) as Tensor;
    const x = norm(stream);
    const scores = tf
      .matMul(split(x.matMul(query!)), split(x.matMul(key!)), false, true)
      .mul(1 / Math.sqrt(width / heads));
    const mixed = tf.matMul(tf.softmax(scores), split(x.matMul(value!)));
    const joined = mixed.transpose([0, 2, 1, 3]).reshape([sequences * length, width]);
    stream = stream.add(joined.matMul(output!));
    const [left, right] = tf.split(norm(stream).matMul(up!), 2, 1);
    stream = stream.add(tf.concat([left!.sigmoid().mul(right!), right!.relu()], 1).matMul(down!));
    const logits = tf.matMul(norm(stream), embedding, false, true);
    return tf.losses.softmaxCrossEntropy(tf.oneHot(next, vocabulary), logits) as Scalar;
  };
  const variables = [embedding, query!, key!, value!, output!, up!, down!, gain];
  return {
    variables,
    loss,
    dispose() {
      tf.dispose([...variables, tokens, next]);
    },
  };
}

/** What a kernel call handed to the engine. */
export interface Observation {
  readonly kernel: string;
  readonly role: Role;
  /** Whether it does arithmetic on float32 tensors. */
  readonly isArithmetic: boolean;
  readonly inputs: readonly TensorInfo[];
  /** Copies of the float32 results. */
  readonly results: readonly Float32Array[];
}

/** Shows every outermost kernel call of the active backend to `look`; returns the function that ends it. */
export function observeKernels(tf: TensorFlow, look: (observation: Observation) => void): () => void {
  const backend: Backend = backendOf(tf);
  let inside = false;
  return wrapKernels(
    tf,
    tf.getBackend(),
    (name, kernel): KernelFunction =>
      (args) => {
        if (inside) return kernel(args);
        inside = true;
        try {
          const { role } = purposeOf(tf, args.inputs);
          const inputs = Object.values(args.inputs).filter((info) => info != null);
          const result = kernel(args);
          const floats = [result].flat().filter(({ dtype }) => dtype === 'float32');
          look({
            kernel: name,
            role,
            isArithmetic:
              inputs.some(({ dtype }) => dtype === 'float32') && !carries(name, args, () => false),
            inputs,
            results: floats.map(({ dataId }) => Float32Array.from(backend.readSync(dataId) as Float32Array)),
          });
          return result;
        } finally {
          inside = false;
        }
      },
  );
}

/** The bits of an array of floats, for comparison. */
export function bitsOf(values: ArrayLike<number>): number[] {
  return Array.from(new Uint32Array(Float32Array.from(values).buffer));
}

/** The bits of a tensor's values. */
export function tensorBits(tensor: Tensor): number[] {
  return bitsOf(tensor.dataSync() as Float32Array);
}

/** The registered function of every kernel of the active backend. */
export function registryOf(tf: TensorFlow): Map<string, unknown> {
  return new Map(tf.getKernelsForBackend(tf.getBackend()).map((config) => [config.kernelName, config]));
}
