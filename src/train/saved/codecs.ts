/** The codecs of kept tensors without a memory. */
import { pack, unpack } from '../../formats/index.ts';
import { decode, encode } from '../../operations/conversions.ts';
import { type Quantizer, type QuantizerOptions, quantizer } from '../../quantizers/index.ts';
import type { HeldTensor, TensorKernels } from '../../tfjs/saved-tensors.ts';
import { firstNotFinite } from '../divergence.ts';
import { blockSize, codeTable } from '../optimizers/block-codes.ts';
import type { Draw } from '../stores/index.ts';
import type { RangesSaved, SavedCodecSpec } from './spec.ts';

/** Holds a tensor; null: it stays as it is, as one does that is no number somewhere. */
export type Hold = (
  values: Float32Array,
  shape: readonly number[],
  draw: Draw & { readonly offset: number },
  kernels: TensorKernels | undefined,
) => HeldTensor | null;

function copied(values: Float32Array): HeldTensor {
  const copy = values.slice();
  return { bytes: copy.byteLength, read: (out) => out.set(copy) };
}

function halved(values: Float32Array): HeldTensor {
  const packed = pack(encode(values, 'bfloat16'), 'bfloat16');
  const { length } = values;
  return {
    bytes: packed.byteLength,
    read: (out) => out.set(decode(unpack(packed, 'bfloat16', length), 'bfloat16') as Float32Array),
  };
}

function inBlocks(
  values: Float32Array,
  size: number,
  { format, high }: Quantizer,
  { blocks }: TensorKernels,
): HeldTensor {
  const count = values.length;
  const held = new Uint8Array(count + 4 * Math.ceil(count / size));
  const codes = { count, size, table: codeTable(format), target: high, held };
  blocks.encode(values.byteOffset, codes);
  return {
    bytes: held.length,
    // What a kernel has written is read where kernels are.
    read: (out, on) => on!.blocks.decode(codes, out.byteOffset),
  };
}

function quantised(options: QuantizerOptions): Hold {
  const made = quantizer(options);
  return (values, shape, draw, kernels) => {
    if (firstNotFinite(values) >= 0) return null;
    const size = kernels && blockSize(options, shape.at(-1) ?? 1, values.length);
    if (size !== undefined) return inBlocks(values, size, made, kernels!);
    const packed = made.quantize(values, shape, draw).pack();
    return {
      bytes: packed.byteLength,
      read: (out) => out.set(made.unpack(packed, shape).values as Float32Array),
    };
  };
}

/** The codec of a specification. */
export function holdAs(spec: Exclude<SavedCodecSpec, RangesSaved | { readonly kind: 'none' }>): Hold {
  if (spec.kind === 'float32') return copied;
  return spec.kind === 'bfloat16' ? halved : quantised(spec.quantizer);
}
