/**
 * A quantiser of `src/tensor` as a TensorFlow.js kernel: x quantised and dequantised, in the memory of the wasm backend
 * where a WASM kernel exists, by the reference otherwise. It has no gradient of its own: how a gradient passes a
 * quantiser is the caller's choice (`tf.customGrad`).
 */
import type { Tensor } from '@tensorflow/tfjs';
import { ArgumentError } from '../errors.ts';
import { plainForm, type Quantizer, type QuantizerOptions, quantizer } from '../tensor/quantizers/index.ts';
import { isWasmBackend, kernelsOf, pointerOf } from './heap.ts';
import {
  type Backend,
  backendOf,
  engineOf,
  type KernelFunction,
  sizeOf,
  type TensorFlow,
  type TensorInfo,
} from './internals.ts';
import { addKernel } from './registry.ts';

export const fakeQuantizeName = 'HalfulpFakeQuantize';

/** The kernel for a backend; its attribute `quantizer` is a `Quantizer`. */
export function fakeQuantizeKernel(backendName: string, backend: Backend): KernelFunction {
  const inWasm = backendName === 'wasm' && isWasmBackend(backend);
  return ({ inputs, attrs }) => {
    const { x } = inputs as { x: TensorInfo };
    const given = (attrs as { quantizer: Quantizer }).quantizer;
    const { shape, dtype } = x;
    const size = sizeOf(shape);
    const plain = inWasm && size > 0 ? plainForm(given) : undefined;
    if (plain !== undefined && inWasm && (plain.from === 'absmax' || plain.per === 'tensor')) {
      const { from, per, limit, smallest } = plain;
      const out = backend.makeOutput(shape, dtype);
      const source = pointerOf(backend, x.dataId);
      const destination = pointerOf(backend, out.dataId);
      const length = per === 'row' ? (shape[shape.length - 1] ?? 1) : size;
      const bounds = { limit, smallest };
      if (from === 'absmean') kernelsOf(backend).fakeQuantizeAbsmean(source, destination, size, bounds);
      else kernelsOf(backend).fakeQuantizeRowsAbsmax(source, destination, size / length, length, bounds);
      return out;
    }
    const values = given.fakeQuantize(backend.readSync(x.dataId) as Float32Array, shape);
    return { dataId: backend.write(values, shape, dtype), shape, dtype };
  };
}

const quantizers = new WeakMap<QuantizerOptions, Quantizer>();

/** The quantiser that plain data describes, made once an object. */
function quantizerOf(given: Quantizer | QuantizerOptions): Quantizer {
  if ('fakeQuantize' in given) return given;
  let known = quantizers.get(given);
  if (known === undefined) {
    known = quantizer(given);
    quantizers.set(given, known);
  }
  return known;
}

/**
 * x quantised and dequantised by a quantiser, on the active backend, as one kernel. No gradient flows through it. While
 * a role is emulated its result is rounded like any other.
 *
 * @param x A float32 tensor; the last axis is a row.
 * @param given A quantiser or its options, which are read at the first use of the object.
 * @throws ArgumentError if x is not float32, or the options are not accepted.
 * @example
 * const ternary = fakeQuantize(tf, weights, { format: 'ternary', scale: { per: 'tensor', from: 'absmean' } });
 */
export function fakeQuantize<T extends Tensor>(tf: TensorFlow, x: T, given: Quantizer | QuantizerOptions): T {
  if (x.dtype !== 'float32') throw new ArgumentError('x', x.dtype, 'a float32 tensor');
  const backendName = tf.getBackend();
  if (tf.getKernel(fakeQuantizeName, backendName) === undefined)
    addKernel(tf, backendName, fakeQuantizeName, fakeQuantizeKernel(backendName, backendOf(tf)));
  return engineOf(tf).runKernel(fakeQuantizeName, { x }, { quantizer: quantizerOf(given) }) as T;
}
