/**
 * A quantiser of `src/quantizers` as a TensorFlow.js kernel: x quantised and dequantised, in the memory of the wasm backend
 * where a WASM kernel exists, by the reference otherwise. It has no gradient of its own: how a gradient passes a
 * quantiser is the caller's choice (`tf.customGrad`).
 */

import type { Tensor } from '@tensorflow/tfjs';
import { checkFields, checkObject, integerInRange, refusedAs } from '../check.ts';
import { ArgumentError } from '../errors.ts';
import { streamInPlace } from '../kernels/quantizers/quantizer-arrays.ts';
import type { QuantizerPlan } from '../kernels/quantizers/quantizer-plan.ts';
import {
  type CallOptions,
  callRounding,
  checkMemoryOptions,
  kernelLayout,
  kernelPlan,
  type Quantizer,
  type QuantizerOptions,
  quantizer,
} from '../quantizers/index.ts';
import { steppedOf } from '../quantizers/stepped.ts';
import { rotationOf } from '../quantizers/transforms/hadamard.ts';
import { integerOf64Bits } from '../rounding/options.ts';
import { sizeOf } from '../shape.ts';
import { checkTensorFlow } from './check-tensorflow.ts';
import { checkDtype } from './check-tensors.ts';
import { isWasmBackend, kernelsOf, pointerOf } from './heap.ts';
import {
  asFloat32,
  type Backend,
  backendOf,
  engineOf,
  type KernelFunction,
  type TensorFlow,
  type TensorInfo,
  type WasmBackend,
} from './internals.ts';
import { addKernel } from './registry.ts';

/** What one call says: where its random integers come from, and what averages make of it. */
export type QuantizerCall = Pick<CallOptions, 'seed' | 'stream' | 'offset' | 'update' | 'training'>;

const callNames: readonly (keyof QuantizerCall)[] = ['seed', 'stream', 'offset', 'update', 'training'];

function checkQuantizerCall(call: QuantizerCall | undefined): void {
  const given = checkFields('', call, callNames, 'call');
  const { seed, stream, offset } = given;
  integerOf64Bits('seed', seed);
  integerOf64Bits('stream', stream);
  integerInRange('offset', offset, 0, Number.MAX_SAFE_INTEGER, 0);
  checkMemoryOptions(given);
}

export const fakeQuantizeName = 'HalfulpFakeQuantize';

/** What kernels do for a quantiser: its plan, and whether they turn its values back; or the table that a tensor's sums give. */
interface Planned {
  readonly plan: QuantizerPlan | undefined;
  readonly inverts: boolean;
  readonly tableOf: ReturnType<typeof steppedOf>;
}

const plans = new WeakMap<Quantizer, Planned | undefined>();

/** The kernels' plan, if it and a rotation are all that the quantiser does, without memory. Kept. */
function planOf(given: Quantizer): Planned | undefined {
  if (!plans.has(given)) {
    const { nan, invert = true } = given.toJSON();
    const isAll = given.strength === 1 && nan !== 'zero' && nan !== 'max';
    const plan = kernelPlan(given);
    const tableOf = invert ? steppedOf(given) : undefined;
    plans.set(
      given,
      isAll ? { plan: plan?.form.isTracked ? undefined : plan, inverts: invert, tableOf } : undefined,
    );
  }
  return plans.get(given);
}

/** Quantises by a table in the memory of the wasm backend; undefined where the tensor's sums give none. */
function stepInWasm(
  backend: WasmBackend,
  { dataId, dtype, shape }: TensorInfo,
  tableOf: NonNullable<Planned['tableOf']>,
): TensorInfo | undefined {
  const { magnitudes } = kernelsOf(backend);
  const length = sizeOf(shape);
  const source = pointerOf(backend, dataId);
  const sums = magnitudes.sums(length, streamInPlace(source, source));
  const table = sums && tableOf(sums);
  if (table === undefined) return undefined;
  const out = backend.makeOutput(shape, dtype);
  magnitudes.place(length, streamInPlace(source, pointerOf(backend, out.dataId)), table);
  return out;
}

/** Quantises in the memory of the wasm backend; undefined where no kernel does it. */
function quantizeInWasm(
  backend: WasmBackend,
  x: TensorInfo,
  quantizer: Quantizer,
  call: QuantizerCall | undefined,
): TensorInfo | undefined {
  const planned = planOf(quantizer);
  if (planned === undefined) return undefined;
  const { plan, inverts, tableOf } = planned;
  if (tableOf !== undefined) return stepInWasm(backend, x, tableOf);
  if (plan === undefined) return undefined;
  const { dataId, dtype, shape: given } = x;
  // A scalar is a row of one.
  const shape = given.length === 0 ? [1] : given;
  const { transform, scale } = quantizer;
  const layout = kernelLayout(scale.grouping, shape, plan);
  const rounding = callRounding(quantizer.rounding, call ?? {}, sizeOf(shape));
  const rotation = transform && rotationOf(transform, shape);
  if (layout === undefined || rounding === undefined || (transform !== undefined && rotation === undefined))
    return undefined;
  const kernels = kernelsOf(backend);
  const out = backend.makeOutput(given, dtype);
  const [source, destination] = [pointerOf(backend, dataId), pointerOf(backend, out.dataId)];
  if (rotation === undefined) {
    kernels.fakeQuantize(source, destination, layout, plan, rounding);
    return out;
  }
  if (!kernels.rotate(source, destination, rotation.layout, rotation.signs, true)) {
    backend.disposeData(out.dataId);
    return undefined;
  }
  kernels.fakeQuantize(destination, destination, layout, plan, rounding);
  if (inverts) kernels.rotate(destination, destination, rotation.layout, rotation.signs, false);
  return out;
}

/** The kernel for a backend; its attributes: `quantizer`, a `Quantizer`, and `call`, the options of the call if there are any. */
export function fakeQuantizeKernel(backendName: string, backend: Backend): KernelFunction {
  const inWasm = backendName === 'wasm' && isWasmBackend(backend);
  return ({ inputs, attrs }) => {
    const { x } = inputs as { x: TensorInfo };
    const { quantizer: given, call } = attrs as { quantizer: Quantizer; call?: QuantizerCall };
    const done = inWasm ? quantizeInWasm(backend, x, given, call) : undefined;
    if (done !== undefined) return done;
    const { shape, dtype } = x;
    const rows = shape.length === 0 ? [1] : shape;
    const values = given.fakeQuantize(asFloat32(backend.readSync(x.dataId)), rows, undefined, call);
    return { dataId: backend.write(values, shape, dtype), shape, dtype };
  };
}

const quantizers = new WeakMap<QuantizerOptions, Quantizer>();
const namedQuantizers = new Map<string, Quantizer>();

/** The quantiser of a text or of plain data, made once. */
function quantizerOf(given: Quantizer | QuantizerOptions | string): Quantizer {
  if (typeof given !== 'string') {
    checkObject('quantizer', given, 'a quantiser, its options or its name');
    if ('fakeQuantize' in given) return given;
  }
  const known = typeof given === 'string' ? namedQuantizers.get(given) : quantizers.get(given);
  if (known !== undefined) return known;
  if (typeof given !== 'string') {
    const made = quantizer(given);
    quantizers.set(given, made);
    return made;
  }
  const named = refusedAs(
    () => quantizer(given),
    () => 'quantizer',
  );
  namedQuantizers.set(given, named);
  return named;
}

/**
 * x quantised and dequantised by a quantiser, on the active backend, as one kernel. No gradient flows through it. While
 * a role is emulated its result is rounded like any other.
 *
 * @param x A float32 tensor; the last axis is a row.
 * @param given A quantiser, its name (`'int4/row'`, as `namedQuantizer` reads it), or its options, which are read at the first use of the object.
 * @param call What this call says in place of the options.
 * @throws ArgumentError if x is not float32, or the options are not accepted.
 * @example
 * const ternary = fakeQuantize(tf, weights, { format: 'ternary', scale: { per: 'tensor', from: 'absmean' } });
 */
export function fakeQuantize<T extends Tensor>(
  tf: TensorFlow,
  x: T,
  given: Quantizer | QuantizerOptions | string,
  call?: QuantizerCall,
): T {
  checkTensorFlow(tf, x, given);
  if (!(x instanceof tf.Tensor)) throw new ArgumentError('x', x, 'a float32 tensor');
  checkDtype('x', x, 'float32');
  checkQuantizerCall(call);
  const backendName = tf.getBackend();
  if (tf.getKernel(fakeQuantizeName, backendName) === undefined)
    addKernel(tf, backendName, fakeQuantizeName, fakeQuantizeKernel(backendName, backendOf(tf)));
  return engineOf(tf).runKernel(fakeQuantizeName, { x }, { quantizer: quantizerOf(given), call }) as T;
}
