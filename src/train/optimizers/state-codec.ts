/**
 * How an optimiser's state tensor is held between two steps: float32, bfloat16, or 8-bit codes with a scale for each
 * block. An update reads the decoded state, works in float32 on it, and hands the new state back to be encoded.
 * Source of `dynamic8`: Dettmers, Lewis, Shleifer, Zettlemoyer, "8-bit optimizers via block-wise quantization", arXiv
 * 2110.02861, and the authors' implementation, from which the sign rule and the least size come.
 */
import type { Tensor, Variable } from '@tensorflow/tfjs';
import { within } from '../../check.ts';
import { ArgumentError } from '../../errors.ts';
import { formats, pack, unpack } from '../../formats/index.ts';
import type { CodedBlocks } from '../../kernels/block-codes.ts';
import { decode, encode } from '../../operations/conversions.ts';
import { type Quantized, type Quantizer, type QuantizerOptions, quantizer } from '../../quantizers/index.ts';
import { sizeOf } from '../../shape.ts';
import { isWasmBackend, kernelsOf, pointerOf, tensorOf } from '../../tfjs/heap.ts';
import type { TensorFlow } from '../../tfjs/index.ts';
import { backendOf } from '../../tfjs/internals.ts';
import { checkQuantizerSpec } from '../quantizer-spec.ts';
import { bytesOf, type Draw, float32Of, type SavedArray, savedFloat32 } from '../stores/index.ts';
import { blockSize, codedZeros, codeTable, readBlocks, writeBlocks } from './block-codes.ts';
import {
  checkedExpansion,
  type ExpandedState,
  expandedBytes,
  expandRange,
  shrinkRange,
} from './range-expansion.ts';

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
      /** Dynamic range expansion: see range-expansion.ts. */
      readonly kind: 'expansion8';
      /** Values that share a power and a largest magnitude: 128 in the paper. */
      readonly block: number;
      /** As of `dynamic8`. */
      readonly least?: number;
    }
  | {
      readonly kind: 'quantizer';
      /** Element format, rounding and scale; without a transform or a memory. */
      readonly quantizer: QuantizerOptions & { readonly format: string };
      /** What groups are of: the tensor read as one `'row'` (default), or in its `'own'` shape, as of a quantiser by name. */
      readonly shape?: 'row' | 'own';
      /** As of `dynamic8`. */
      readonly least?: number;
    };

const defaultLeast = 4096;

/** The rule of a codec's quantiser. Throws ArgumentError naming the field, prefixed by `path`. */
export function checkStateCodec(codec: StateCodecSpec, path: string): void {
  if (codec.kind !== 'quantizer') return;
  const made = checkQuantizerSpec(`${path}.quantizer`, codec.quantizer);
  // A state begins as zeros, packed.
  if (!made.format.has(0))
    throw new ArgumentError(`${path}.quantizer.format`, made.format.name, 'a format that has 0');
  // A list of scales is for tensors of one size: see checkCodecFit.
  if (!Array.isArray(codec.quantizer.scale.value))
    within(`${path}.quantizer`, () => void heldZeros(made, [1]));
}

/** Checks that a codec takes tensors of so many elements. Throws ArgumentError naming the field. */
export function checkCodecFit(
  codec: StateCodecSpec | undefined,
  counts: readonly number[],
  path: string,
): void {
  if (codec?.kind !== 'quantizer') return;
  const made = quantizer(codec.quantizer);
  const { least = defaultLeast } = codec;
  // Only a list with a scale for each group goes by their number.
  const isList = Array.isArray(codec.quantizer.scale.value);
  for (const count of new Set(counts.filter((each) => each >= least).map((each) => (isList ? each : 1))))
    within(`${path}.quantizer`, () => void heldZeros(made, [count]));
}

/** What a codec holds of zeros in a shape. Throws ArgumentError if it cannot hold them. */
function heldZeros(codec: Quantizer, shape: readonly number[]): Quantized {
  try {
    const held = codec.quantize(new Float32Array(sizeOf(shape)), shape);
    held.pack();
    return held;
  } catch (error) {
    if (error instanceof RangeError)
      throw new ArgumentError('format', codec.format.name, `a format with codes (${error.message})`);
    throw error;
  }
}

/** A state tensor between steps. */
export interface HeldState {
  readonly bytes: number;
  /** Where it lies in 8-bit blocks: its codes, which a rule may work on itself. */
  readonly blocks?: CodedBlocks;
  /** Where it is held by dynamic range expansion: what a rule may work on itself, and how it gives the next one. */
  readonly expanded?: ExpandedState & { replace(held: Uint8Array): void };
  /** The state in float32. Call inside `tf.tidy`. */
  read(): Tensor;
  /** Takes the next state; `draw` has the random integers of a codec that rounds stochastically. */
  write(next: Tensor, draw: Draw): void;
  save(): Readonly<Record<string, SavedArray>>;
  restore(saved: Readonly<Record<string, SavedArray>>): void;
  dispose(): void;
}

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
  if (codec.kind === 'float32') return float32State(tf, shape);
  if (codec.kind === 'bfloat16') return bfloat16State(tf, shape);
  if (sizeOf(shape) < (codec.least ?? defaultLeast)) return float32State(tf, shape);
  if (codec.kind === 'expansion8') return expandedState(tf, shape, codec.block);
  if (codec.kind === 'dynamic8') return dynamicState(tf, shape, codec.block, signed);
  return quantizedState(tf, shape, codec.quantizer, codec.shape === 'own' ? shape : [sizeOf(shape)]);
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

/** Codes of the dynamic tables. A state that has a sign keeps it: a tiny negative number does not become 0. */
function dynamicState(tf: TensorFlow, shape: readonly number[], block: number, signed: boolean): HeldState {
  const zeros = codedZeros(formats[signed ? 'dynamic8' : 'dynamicUnsigned8'], sizeOf(shape), block);
  const own = backendOf(tf);
  // Where kernels are, they need not be copied to them.
  const onHeap = isWasmBackend(own) ? kernelsOf(own).blocks.moved(zeros) : undefined;
  const blocks = onHeap ?? zeros;
  const { length } = zeros.held;
  return {
    bytes: length,
    blocks,
    read() {
      const backend = backendOf(tf);
      if (!isWasmBackend(backend)) return tf.tensor(readBlocks(blocks), [...shape]);
      return tensorOf(tf, backend, shape, (dataId) =>
        kernelsOf(backend).blocks.decode(blocks, pointerOf(backend, dataId)),
      );
    },
    write(next) {
      const backend = backendOf(tf);
      if (isWasmBackend(backend)) kernelsOf(backend).blocks.encode(pointerOf(backend, next.dataId), blocks);
      else writeBlocks(blocks, next.dataSync() as Float32Array);
    },
    save: () => ({ codes: { dtype: 'U8', shape: [length], data: blocks.held.slice() } }),
    restore: (saved) => blocks.held.set(bytesOf('state', saved['codes'], length)),
    dispose: () => onHeap?.dispose(),
  };
}

/** @param rows the shape that groups are of */
function quantizedState(
  tf: TensorFlow,
  shape: readonly number[],
  options: QuantizerOptions,
  rows: readonly number[],
): HeldState {
  const count = sizeOf(shape);
  const codec = quantizer(options);
  const size = blockSize(options, rows.at(-1) ?? 1, count);
  const inBlocks = (own: number): CodedBlocks => ({
    ...{ count, size: own, table: codeTable(codec.format), target: codec.high, held },
  });
  let held = heldZeros(codec, rows).pack();
  return {
    get bytes() {
      return held.byteLength;
    },
    read() {
      const backend = backendOf(tf);
      if (size === undefined || !isWasmBackend(backend))
        return tf.tensor(codec.unpack(held, rows).values as Float32Array, [...shape]);
      return tensorOf(tf, backend, shape, (dataId) =>
        kernelsOf(backend).blocks.decode(inBlocks(size), pointerOf(backend, dataId)),
      );
    },
    write(next, draw) {
      const backend = backendOf(tf);
      if (size !== undefined && isWasmBackend(backend)) {
        held = held.slice();
        kernelsOf(backend).blocks.encode(pointerOf(backend, next.dataId), inBlocks(size));
        return;
      }
      const values = next.dataSync() as Float32Array;
      // A state that is no number begins anew.
      const finite = values.map((value) => (Number.isFinite(value) ? value : 0));
      held = codec.quantize(finite, rows, draw).pack();
    },
    save: () => ({ codes: { dtype: 'U8', shape: [held.byteLength], data: held } }),
    restore(saved) {
      held = bytesOf('state', saved['codes'], held.byteLength);
    },
    dispose: () => {},
  };
}

function expandedState(tf: TensorFlow, shape: readonly number[], block: number): HeldState {
  const count = sizeOf(shape);
  // Zeros: groups without a largest magnitude.
  let held: Uint8Array = new Uint8Array(expandedBytes(count, block));
  return {
    bytes: held.byteLength,
    expanded: {
      ...{ count, block },
      get held() {
        return held;
      },
      replace(next) {
        held = next;
      },
    },
    read: () => tf.tensor(shrinkRange(held, count, block), [...shape]),
    write(next) {
      held = expandRange(next.dataSync() as Float32Array, block);
    },
    save: () => ({ codes: { dtype: 'U8', shape: [held.byteLength], data: held } }),
    restore(saved) {
      held = checkedExpansion(bytesOf('state', saved['codes'], held.byteLength), count, block);
    },
    dispose: () => {},
  };
}
