/**
 * Weights on a fixed integer grid, packed: the weight is code / s0, s0 = largest code / range, and an updated weight is
 * rounded to a code, stochastically or to nearest, and clamped. What a step adds below the grid's step is lost; nothing
 * carries it over.
 * Source: Zhao, Tabaru, Kobayashi, Honda, Yamazaki, Tsuruoka, "Direct quantized training of language models with
 * stochastic rounding", arXiv 2412.04787. Unlike their code, s0 is stored, not recomputed from the largest weight.
 */
import type { CodeArray } from '../../formats/codes.ts';
import { type Format, pack, toFormat, unpack } from '../../formats/index.ts';
import { decode, encode } from '../../tensor/arrays.ts';
import { type WriteMeasure, WriteTally } from './measure.ts';
import type { GridStore } from './spec.ts';
import { bytesOf, type Draw, float32Of, type HeldWeight, savedFloat32 } from './store.ts';

/** Scales of grids are at most 1 / this, as in the source. */
const leastRange = Math.fround(1e-5);

/** s0 of initial weights: binary32; sums in binary64, in order. */
export function gridScale(initial: Float32Array, spec: GridStore): number {
  let sum = 0;
  for (const w of initial) sum += spec.range === 'absmean' ? Math.abs(w) : w * w;
  const mean = sum / initial.length;
  const range = spec.range === 'absmean' ? mean : spec.range.deviations * Math.sqrt(mean);
  return Math.fround(toFormat(spec.format).max / Math.max(Math.fround(range), leastRange));
}

/**
 * Holds a weight on the grid that its initial values decide.
 * @example
 * const held = gridWeight(initial, { kind: 'grid', format: 'int8', rounding: 'stochastic', range: 'absmean' });
 * held.bytes; // one byte a weight, and four for the scale
 */
export function gridWeight(initial: Float32Array, spec: GridStore): HeldWeight {
  const format: Format = toFormat(spec.format);
  const count = initial.length;
  let scale = gridScale(initial, spec);
  let packed: Uint8Array;

  const scaled = (weights: Float32Array): Float32Array => {
    const z = new Float32Array(count);
    for (let i = 0; i < count; i++) z[i] = weights[i]! * scale;
    return z;
  };
  const codesOf = (weights: Float32Array, draw: Draw | null): CodeArray =>
    encode(scaled(weights), format, {
      saturation: 'finite',
      ...(draw === null || spec.rounding === 'nearest-even' ? {} : { rounding: 'stochastic', ...draw }),
    });
  const integers = (): Float32Array => decode(unpack(packed, format, count), format) as Float32Array;

  packed = pack(codesOf(initial, null), format);

  return {
    get bytes() {
      return packed.byteLength + 4;
    },
    load() {
      const values = integers();
      for (let i = 0; i < count; i++) values[i] = values[i]! / scale;
      return values;
    },
    write(updated, draw) {
      packed = pack(codesOf(updated, draw), format);
    },
    writeMeasured(updated, draw): WriteMeasure {
      const before = integers();
      const codes = codesOf(updated, draw);
      packed = pack(codes, format);
      const after = decode(codes, format);
      const tally = new WriteTally();
      for (let i = 0; i < count; i++) {
        const code = after[i]!;
        const ratio = Math.abs(updated[i]! * scale - before[i]!);
        tally.add(ratio, code !== before[i], code === 0, code === format.max || code === format.min);
      }
      return tally.result(after);
    },
    save: () => ({
      codes: { dtype: 'U8', shape: [packed.byteLength], data: packed },
      scale: savedFloat32(Float32Array.of(scale)),
    }),
    restore(saved) {
      const [restored] = float32Of('scale', saved['scale'], 1);
      packed = bytesOf('codes', saved['codes'], packed.byteLength);
      scale = restored!;
    },
  };
}
