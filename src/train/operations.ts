/**
 * The differentiable pieces of the models, each one forward rule and one backward rule instead of a dozen taped
 * operations: norms, biases, rotary positions, causal attention, the SwiGLU gate. Written with plain TensorFlow.js operations,
 * so that any backend and any emulation runs them. No parameters live here.
 */
import type { Tensor, Tensor1D, Tensor2D, Tensor3D } from '@tensorflow/tfjs';
import type { TensorFlow } from '../tfjs/index.ts';
import { type SavingRole, savingAs } from '../tfjs/saved-tensors.ts';

type Saver = (tensors: Tensor[]) => void;

/**
 * One operation with its own gradient. `forward` gets the inputs and `save`; `backward` the gradient and what was saved.
 * @param role of what is saved
 */
export function withGradient<T extends Tensor>(
  tf: TensorFlow,
  inputs: readonly Tensor[],
  forward: (save: Saver) => T,
  backward: (gradient: T, saved: readonly Tensor[]) => Tensor[],
  role?: SavingRole,
): T {
  const operation = tf.customGrad((...args: (Tensor | Saver)[]) => ({
    value: forward(args[args.length - 1] as Saver),
    gradFunc: (gradient: Tensor, saved: Tensor[]) => backward(gradient as T, saved),
  }));
  return role === undefined ? (operation(...inputs) as T) : savingAs(role, () => operation(...inputs) as T);
}

/** Gradient of y = (x - mean) * inverse, or without the mean of y = x * inverse, row by row. */
function normGradient(
  tf: TensorFlow,
  gradient: Tensor2D,
  normal: Tensor2D,
  inverse: Tensor,
  centred: boolean,
): Tensor2D {
  const along = tf.mul(normal, tf.mean(tf.mul(gradient, normal), 1, true));
  const rest = tf.sub(gradient, along);
  return tf.mul(centred ? tf.sub(rest, tf.mean(gradient, 1, true)) : rest, inverse);
}

/**
 * Root-mean-square norm of each row: x / sqrt(mean(x^2) + epsilon), times `gain` where one is given.
 * @param x (rows, columns)
 * @param gain (columns)
 */
export function rmsNorm(tf: TensorFlow, x: Tensor2D, epsilon: number, gain?: Tensor1D): Tensor2D {
  return withGradient<Tensor2D>(
    tf,
    gain === undefined ? [x] : [x, gain],
    (save) => {
      const inverse = tf.rsqrt(tf.add(tf.mean(tf.square(x), 1, true), epsilon));
      const normal = tf.mul<Tensor2D>(x, inverse);
      save(gain === undefined ? [normal, inverse] : [normal, inverse, gain]);
      return gain === undefined ? normal : tf.mul(normal, gain);
    },
    (gradient, saved) => {
      const [normal, inverse, scale] = saved as [Tensor2D, Tensor, Tensor1D?];
      if (scale === undefined) return [normGradient(tf, gradient, normal, inverse, false)];
      // A product with ones sums over the rows 20 times faster than the reduction along the outer axis does.
      const ones = tf.ones([1, gradient.shape[0]]) as Tensor2D;
      const gainGradient = tf.reshape(tf.matMul(ones, tf.mul<Tensor2D>(gradient, normal)), scale.shape);
      return [normGradient(tf, tf.mul(gradient, scale), normal, inverse, false), gainGradient];
    },
    'norm',
  );
}

/** Layer norm of each row without parameters: (x - mean) / sqrt(variance + epsilon). `x`: (rows, columns). */
export function layerNorm(tf: TensorFlow, x: Tensor2D, epsilon: number): Tensor2D {
  return withGradient<Tensor2D>(
    tf,
    [x],
    (save) => {
      const centred = tf.sub<Tensor2D>(x, tf.mean(x, 1, true));
      const inverse = tf.rsqrt(tf.add(tf.mean(tf.square(centred), 1, true), epsilon));
      const normal = tf.mul<Tensor2D>(centred, inverse);
      save([normal, inverse]);
      return normal;
    },
    (gradient, [normal, inverse]) => [normGradient(tf, gradient, normal as Tensor2D, inverse!, true)],
    'norm',
  );
}

/**
 * Norm of each row by its mean absolute deviation, without parameters: (x - mean) / (mean |x - mean| + epsilon). `x`: (rows, columns).
 */
export function deviationNorm(tf: TensorFlow, x: Tensor2D, epsilon: number): Tensor2D {
  return withGradient<Tensor2D>(
    tf,
    [x],
    (save) => {
      const centred = tf.sub<Tensor2D>(x, tf.mean(x, 1, true));
      const divisor = tf.add(tf.mean(tf.abs(centred), 1, true), epsilon);
      const normal = tf.div<Tensor2D>(centred, divisor);
      save([normal, divisor]);
      return normal;
    },
    (gradient, saved) => {
      const [normal, divisor] = saved as [Tensor2D, Tensor];
      const along = tf.mul(tf.sign(normal), tf.mean(tf.mul(gradient, normal), 1, true));
      const centred = tf.sub(gradient, along);
      return [tf.div(tf.sub(centred, tf.mean(centred, 1, true)), divisor)];
    },
    'norm',
  );
}

/** Multiplies each row of `x` (rows, columns) by `gain` (columns), element by element. */
export function scaleColumns(tf: TensorFlow, x: Tensor2D, gain: Tensor1D): Tensor2D {
  return withGradient<Tensor2D>(
    tf,
    [x, gain],
    (save) => {
      save([x, gain]);
      return tf.mul<Tensor2D>(x, gain);
    },
    (gradient, saved) => {
      const [given, scale] = saved as [Tensor2D, Tensor1D];
      const ones = tf.ones([1, gradient.shape[0]]) as Tensor2D;
      const gainGradient = tf.reshape(tf.matMul(ones, tf.mul<Tensor2D>(gradient, given)), scale.shape);
      return [tf.mul(gradient, scale), gainGradient];
    },
    'norm',
  );
}

/** Adds `bias` (columns) to each row of `x` (rows, columns). */
export function addBias(tf: TensorFlow, x: Tensor2D, bias: Tensor1D): Tensor2D {
  return withGradient<Tensor2D>(
    tf,
    [x, bias],
    () => tf.add<Tensor2D>(x, bias),
    (gradient) => {
      const ones = tf.ones([1, gradient.shape[0]]) as Tensor2D;
      return [gradient, tf.reshape(tf.matMul(ones, gradient), bias.shape)];
    },
  );
}

/** The tables of {@link rotate}: made once a model, (context, head width), and the signed permutation. */
export interface Rotation {
  readonly cosine: Tensor2D;
  readonly sine: Tensor2D;
  /** (head width, head width): maps (a, b), two halves, to (-b, a). */
  readonly quarterTurn: Tensor2D;
}

/**
 * Rotary position embedding: x cos + turn(x) sin, where turn maps the halves (a, b) of a head to (-b, a). The turn is a
 * product with a signed permutation: exact in every format, and one kernel instead of five that copy.
 * @param x (batch, context, head width)
 */
export function rotate(tf: TensorFlow, x: Tensor3D, { cosine, sine, quarterTurn }: Rotation): Tensor3D {
  const turn = (t: Tensor3D): Tensor3D =>
    tf.reshape(tf.matMul(tf.reshape(t, [-1, t.shape[2]]), quarterTurn), t.shape);
  return withGradient<Tensor3D>(
    tf,
    [x],
    () => tf.add(tf.mul(x, cosine), tf.mul(turn(x), sine)),
    // The turn is antisymmetric, so its transpose is a subtraction.
    (gradient) => [tf.sub(tf.mul(gradient, cosine), turn(tf.mul(gradient, sine)))],
  );
}

/**
 * Scaled dot-product attention in which no position sees a later one. The scale is in `query` already.
 * @param query, key, value (batch * heads, context, head width)
 * @param mask (context, context): 0 where a row may see a column, very negative elsewhere
 */
export function causalAttention(
  tf: TensorFlow,
  query: Tensor3D,
  key: Tensor3D,
  value: Tensor3D,
  mask: Tensor2D,
): Tensor3D {
  return withGradient<Tensor3D>(
    tf,
    [query, key, value],
    (save) => {
      const weights = tf.softmax(tf.add<Tensor3D>(tf.matMul(query, key, false, true), mask));
      save([query, key, value, weights]);
      return tf.matMul(weights, value);
    },
    (gradient, saved) => {
      const [q, k, v, weights] = saved as [Tensor3D, Tensor3D, Tensor3D, Tensor3D];
      const weighted = tf.mul(tf.matMul(gradient, v, false, true), weights);
      const scores = tf.sub<Tensor3D>(weighted, tf.mul(weights, tf.sum(weighted, 2, true)));
      return [
        tf.matMul(scores, k),
        tf.matMul(scores, q, true, false),
        tf.matMul(weights, gradient, true, false),
      ];
    },
    'attention',
  );
}

/** silu(gate) * up, silu(x) = x sigmoid(x). Both (rows, columns). */
export function swiglu(tf: TensorFlow, gate: Tensor2D, up: Tensor2D): Tensor2D {
  return withGradient<Tensor2D>(
    tf,
    [gate, up],
    (save) => {
      const sigmoid = tf.sigmoid(gate);
      const silu = tf.mul<Tensor2D>(gate, sigmoid);
      save([up, sigmoid, silu]);
      return tf.mul(silu, up);
    },
    (gradient, saved) => {
      const [u, sigmoid, silu] = saved as [Tensor2D, Tensor2D, Tensor2D];
      // silu' = sigmoid + silu - silu * sigmoid
      const slope = tf.sub(tf.add(sigmoid, silu), tf.mul(silu, sigmoid));
      return [tf.mul(tf.mul(gradient, u), slope), tf.mul(gradient, silu)];
    },
    'activation',
  );
}
