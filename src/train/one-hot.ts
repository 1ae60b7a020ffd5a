/** Indices as one-hot rows. Made here because the wasm backend's kernel writes integers into float32. */
import type { Tensor2D } from '@tensorflow/tfjs';
import type { TensorFlow } from '../tfjs/index.ts';

/** One row for each index: (indices, depth). */
export function oneHot(tf: TensorFlow, indices: Int32Array, depth: number): Tensor2D {
  const rows = new Float32Array(indices.length * depth);
  indices.forEach((index, row) => {
    rows[row * depth + index] = 1;
  });
  return tf.tensor2d(rows, [indices.length, depth]);
}
