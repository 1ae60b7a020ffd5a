/**
 * How an optimiser's state tensor is held between two steps: float32, bfloat16, or 8-bit codes with a scale for each
 * block. An update reads the decoded state, works in float32 on it, and hands the new state back to be encoded.
 * Source of `dynamic8`: Dettmers, Lewis, Shleifer, Zettlemoyer, "8-bit optimizers via block-wise quantization", arXiv
 * 2110.02861, and the authors' implementation, from which the sign rule and the least size come.
 */
import type { Tensor, Variable } from '@tensorflow/tfjs';
import { ArgumentError } from '../../errors.ts';
import { pack, toFormat, unpack } from '../../formats/index.ts';
import { decode, encode } from '../../tensor/arrays.ts';
import { type Quantizer, type QuantizerOptions, quantizer } from '../../tensor/quantizers/index.ts';
import type { TensorFlow } from '../../tfjs/index.ts';
import { bytesOf, float32Of, type SavedArray, savedFloat32 } from '../stores/index.ts';

export type StateCodecSpec =
  | { readonly kind: 'float32' }
  | { readonly kind: 'bfloat16' }
  | {
      readonly kind: 'dynamic8';
      /** Values that share a scale, the largest magnitude of them: 2048 in the paper, 256 in its code. */
      readonly block: number;
      /** Smaller tensors stay float32. Default 4096. */
      readonly least?: number;
    }
  | {
      readonly kind: 'quantizer';
      /** Element format and scale, for a tensor that is read as one row. */
      readonly quantizer: QuantizerOptions & { readonly format: string };
      readonly least?: number;
    };

const fieldsOf: Readonly<Record<StateCodecSpec['kind'], readonly string[]>> = {
  float32: ['kind'],
  bfloat16: ['kind'],
  dynamic8: ['kind', 'block', 'least'],
  quantizer: ['kind', 'quantizer', 'least'],
};

const defaultLeast = 4096;

/** Throws ArgumentError naming the field, prefixed by `path`. */
export function checkStateCodec(codec: StateCodecSpec, path: string): void {
  if (typeof codec !== 'object' || codec === null || !Object.hasOwn(fieldsOf, codec.kind))
    throw new ArgumentError(`${path}.kind`, codec?.kind, Object.keys(fieldsOf).join(', '));
  const names = fieldsOf[codec.kind];
  for (const [field, value] of Object.entries(codec))
    if (!names.includes(field))
      throw new ArgumentError(`${path}.${field}`, value, `no such field; ${names.join(', ')}`);
  if (codec.kind === 'float32' || codec.kind === 'bfloat16') return;
  const { least = defaultLeast } = codec;
  if (!(Number.isSafeInteger(least) && least >= 0))
    throw new ArgumentError(`${path}.least`, least, 'an integer from 0');
  if (
    codec.kind === 'dynamic8' &&
    !(Number.isInteger(codec.block) && codec.block >= 1 && codec.block <= 2 ** 24)
  )
    throw new ArgumentError(`${path}.block`, codec.block, 'an integer from 1 to 2^24');
  try {
    quantizerOf(codec, true);
  } catch (error) {
    if (!(error instanceof ArgumentError)) throw error;
    throw new ArgumentError(`${path}.quantizer.${error.argument}`, error.given, error.accepted);
  }
}

function quantizerOf(
  codec: Extract<StateCodecSpec, { kind: 'dynamic8' | 'quantizer' }>,
  signed: boolean,
): Quantizer {
  if (codec.kind === 'quantizer') return quantizer(codec.quantizer);
  return quantizer({
    format: signed ? 'dynamic8' : 'dynamicUnsigned8',
    scale: { per: 'block', size: codec.block, from: 'absmax', stored: 'decode' },
  });
}

/** A state tensor between steps. */
export interface HeldState {
  readonly bytes: number;
  /** The state in float32. Call inside `tf.tidy`. */
  read(): Tensor;
  write(next: Tensor): void;
  save(): Readonly<Record<string, SavedArray>>;
  restore(saved: Readonly<Record<string, SavedArray>>): void;
  dispose(): void;
}

const sizeOf = (shape: readonly number[]): number => shape.reduce((product, extent) => product * extent, 1);

/**
 * Holds a state that begins as zeros.
 * @param signed Whether it has negative values: the second moment has none.
 */
export function holdState(
  tf: TensorFlow,
  shape: readonly number[],
  signed: boolean,
  codec: StateCodecSpec = { kind: 'float32' },
): HeldState {
  const isSmall = 'least' in codec || codec.kind === 'dynamic8' || codec.kind === 'quantizer';
  if (codec.kind === 'float32' || (isSmall && sizeOf(shape) < (codec.least ?? defaultLeast)))
    return float32State(tf, shape);
  if (codec.kind === 'bfloat16') return bfloat16State(tf, shape);
  return quantizedState(tf, shape, quantizerOf(codec, signed), signed);
}

function float32State(tf: TensorFlow, shape: readonly number[]): HeldState {
  const zeros = tf.zeros([...shape]);
  const variable: Variable = tf.variable(zeros, false);
  zeros.dispose();
  return {
    bytes: 4 * variable.size,
    read: () => variable,
    write: (next) => void variable.assign(next),
    save: () => ({ values: savedFloat32(variable.dataSync() as Float32Array, shape) }),
    restore(saved) {
      tf.tidy(() =>
        variable.assign(tf.tensor(float32Of('state', saved['values'], variable.size), [...shape])),
      );
    },
    dispose: () => variable.dispose(),
  };
}

function bfloat16State(tf: TensorFlow, shape: readonly number[]): HeldState {
  const count = sizeOf(shape);
  let packed = new Uint8Array(2 * count);
  return {
    bytes: packed.byteLength,
    read: () => tf.tensor(decode(unpack(packed, 'bfloat16', count), 'bfloat16') as Float32Array, [...shape]),
    write(next) {
      packed = pack(encode(next.dataSync() as Float32Array, 'bfloat16'), 'bfloat16') as typeof packed;
    },
    save: () => ({ codes: { dtype: 'BF16', shape, data: packed } }),
    restore(saved) {
      packed = bytesOf('state', saved['codes'], 2 * count) as typeof packed;
    },
    dispose: () => {},
  };
}

function quantizedState(
  tf: TensorFlow,
  shape: readonly number[],
  codec: Quantizer,
  signed: boolean,
): HeldState {
  const count = sizeOf(shape);
  const format = toFormat(codec.format);
  const isTable = format.kind === 'codebook';
  let held = codec.quantize(new Float32Array(count), [count]).pack();
  return {
    get bytes() {
      return held.byteLength;
    },
    read: () => tf.tensor(codec.unpack(held, [count]).values as Float32Array, [...shape]),
    write(next) {
      const values = next.dataSync() as Float32Array;
      // A state that is no number begins anew.
      const finite = values.map((value) => (Number.isFinite(value) ? value : 0));
      const quantized = codec.quantize(finite, [count]);
      if (isTable && signed) keepSigns(finite, quantized.values, quantized.codes as Uint8Array);
      held = quantized.pack();
    },
    save: () => ({ codes: { dtype: 'U8', shape: [held.byteLength], data: held } }),
    restore(saved) {
      held = bytesOf('state', saved['codes'], held.byteLength);
    },
    dispose: () => {},
  };
}

/** Where a value's image has lost its sign (a tiny negative one became zero), takes the table's neighbour on its side. */
function keepSigns(values: Float32Array, images: ArrayLike<number>, codes: Uint8Array): void {
  for (let i = 0; i < values.length; i++) {
    const value = values[i]!;
    const image = images[i]!;
    if (value < 0 && image >= 0) codes[i] = codes[i]! - 1;
    else if (value > 0 && image < 0) codes[i] = codes[i]! + 1;
  }
}
