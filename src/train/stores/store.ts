/**
 * What every way of holding a weight offers, and the arrays in which its state is written to a checkpoint.
 */
import { ArgumentError } from '../../errors.ts';
import { sizeOf } from '../../shape.ts';
import type { WriteMeasure } from './measure.ts';

/** An array of a checkpoint: its bytes, little endian. */
export interface SavedArray {
  readonly dtype: 'F32' | 'F64' | 'BF16' | 'U8' | 'I32';
  readonly shape: readonly number[];
  readonly data: Uint8Array;
}

const kindOf = ({ dtype, shape }: SavedArray): string => `${dtype} ${shape.join(' x ')}`;

/**
 * Throws ArgumentError naming the first array of a part of a checkpoint that is missing, too many, or of another type or
 * shape than the run's own.
 * @param part `weights`, `optimizer`
 */
export function checkArrays(
  part: string,
  found: ReadonlyMap<string, SavedArray>,
  own: ReadonlyMap<string, SavedArray>,
): void {
  for (const name of new Set([...own.keys(), ...found.keys()])) {
    const [given, wanted] = [found, own].map((arrays) => arrays.get(name));
    const [kind, accepted] = [given, wanted].map((array) =>
      array === undefined ? 'no array' : kindOf(array),
    );
    if (kind !== accepted) throw new ArgumentError(`${part}/${name}`, kind, accepted!);
  }
}

/** The random integers of one write: a pure function of the run's seed, the step and the weight's name. */
export interface Draw {
  readonly seed: number;
  readonly stream: bigint;
}

/** Of all elements, or of each output channel. */
export type Unit = number | (Channels & { readonly units: ArrayLike<number> });

/** Whether an element is updated. */
export type Mask = (index: number) => boolean;

/** Output channels of a weight: that of an element is floor(index / stride) mod count. */
export interface Channels {
  readonly count: number;
  readonly stride: number;
}

/** Values with what `each` makes of them by their channel: many times as fast as one division and remainder an element. */
export function mapChannels(
  values: Float32Array,
  { count, stride }: Channels,
  each: (value: number, channel: number) => number,
): Float32Array {
  const mapped = new Float32Array(values.length);
  const run = count === 1 ? values.length : stride;
  for (let begin = 0, channel = 0; begin < values.length; begin += run) {
    const end = Math.min(begin + run, values.length);
    for (let i = begin; i < end; i++) mapped[i] = each(values[i]!, channel);
    channel = channel + 1 === count ? 0 : channel + 1;
  }
  return mapped;
}

/** The channels along an axis; a vector is one. */
export function channelsOf(shape: readonly number[], axis: number): Channels {
  if (shape.length < 2) return { count: 1, stride: 1 };
  return { count: shape[axis]!, stride: sizeOf(shape.slice(axis + 1)) };
}

/** A weight between steps. */
export interface HeldWeight {
  /** Bytes that it takes between steps. */
  readonly bytes: number;
  /** What one unit of an element's codes stands for, where that stays. */
  readonly unit: Unit | undefined;
  /** Of a grid of integers: its scales, one or one for each output channel. An integer is the weight times its scale. */
  readonly integers?: Float32Array | undefined;
  /** The values that a step reads. */
  load(): Float32Array;
  /** Takes an updated weight; what its format cannot hold is lost. `mask`: which elements are updated; the others keep their codes. */
  write(updated: Float32Array, draw: Draw, mask?: Mask): void;
  /** As `write`, and says what happened. */
  writeMeasured(updated: Float32Array, draw: Draw, mask?: Mask): WriteMeasure;
  save(): Readonly<Record<string, SavedArray>>;
  /** Throws Error if the arrays are not what `save` gives. */
  restore(saved: Readonly<Record<string, SavedArray>>): void;
}

/** The bytes of numbers as an array of a checkpoint. */
export function savedFloat32(values: Float32Array, shape: readonly number[] = [values.length]): SavedArray {
  const data = new Uint8Array(values.buffer.slice(values.byteOffset, values.byteOffset + values.byteLength));
  return { dtype: 'F32', shape, data };
}

/** The numbers of an array of a checkpoint. Throws Error naming it if it is missing or of another kind. */
export function float32Of(name: string, saved: SavedArray | undefined, count: number): Float32Array {
  if (saved === undefined || saved.dtype !== 'F32' || saved.data.byteLength !== 4 * count)
    throw new Error(`checkpoint: ${name} is not ${count} binary32 numbers`);
  return new Float32Array(saved.data.slice().buffer);
}

/** As {@link savedFloat32}. */
export function savedFloat64(values: Float64Array, shape: readonly number[] = [values.length]): SavedArray {
  return { dtype: 'F64', shape, data: new Uint8Array(values.slice().buffer) };
}

/** As {@link float32Of}. */
export function float64Of(name: string, saved: SavedArray | undefined, count: number): Float64Array {
  if (saved === undefined || saved.dtype !== 'F64' || saved.data.byteLength !== 8 * count)
    throw new Error(`checkpoint: ${name} is not ${count} binary64 numbers`);
  return new Float64Array(saved.data.slice().buffer);
}

/** The bytes of an array of a checkpoint; throws as {@link float32Of}. */
export function bytesOf(name: string, saved: SavedArray | undefined, count: number): Uint8Array {
  if (saved === undefined || saved.data.byteLength !== count)
    throw new Error(`checkpoint: ${name} has not ${count} bytes`);
  return saved.data.slice();
}
