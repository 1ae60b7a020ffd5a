/** The codecs of kept tensors without a memory. */
import { pack, unpack } from '../../formats/index.ts';
import { decode, encode } from '../../operations/conversions.ts';
import { type Quantizer, quantizer } from '../../quantizers/index.ts';
import type { HeldTensor } from '../../tfjs/saved-tensors.ts';
import { firstNotFinite } from '../divergence.ts';
import type { Draw } from '../stores/index.ts';
import type { RangesSaved, SavedCodecSpec } from './spec.ts';

/** Holds a tensor; null: it stays as it is, as one does that is no number somewhere. */
export type Hold = (
  values: Float32Array,
  shape: readonly number[],
  draw: Draw & { readonly offset: number },
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

function quantised(made: Quantizer): Hold {
  return (values, shape, draw) => {
    if (firstNotFinite(values) >= 0) return null;
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
  return spec.kind === 'bfloat16' ? halved : quantised(quantizer(spec.quantizer));
}
