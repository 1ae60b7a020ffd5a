/**
 * Weights as packed codes of a format and nothing else: an updated weight, times a scale that was fixed at the start where
 * there is one, is rounded to a code, stochastically or to nearest, and clamped. What a step adds below the distance of two
 * codes is lost; nothing carries it over, unless the optimiser takes it into its momentum.
 * Source of integer grids: Zhao, Tabaru, Kobayashi, Honda, Yamazaki, Tsuruoka, "Direct quantized training of language models
 * with stochastic rounding", arXiv 2412.04787. Unlike their code, the scale is stored, not recomputed from the largest weight.
 */
import type { CodeArray } from '../../formats/codes.ts';
import { type Format, pack, toFormat, unpack } from '../../formats/index.ts';
import { decode, encode } from '../../operations/conversions.ts';
import { stepOf, stepRatioOf, type WriteMeasure, WriteTally } from './measure.ts';
import type { GridStore, WriteRounding } from './spec.ts';
import {
  bytesOf,
  type Channels,
  type Draw,
  float32Of,
  type HeldWeight,
  type Mask,
  mapChannels,
  savedFloat32,
} from './store.ts';

/** Scales of grids are at most 1 / this, as in the source. */
const leastRange = Math.fround(1e-5);

/** The scale of initial weights: binary32; sums in binary64, in order. */
export function gridScale(initial: Float32Array, { format, range }: GridStore): number {
  if (typeof range === 'object' && 'scale' in range) return Math.fround(range.scale);
  let sum = 0;
  let largest = 0;
  for (const w of initial) {
    sum += typeof range === 'string' ? Math.abs(w) : w * w;
    largest = Math.max(largest, Math.abs(w));
  }
  const mean = sum / initial.length;
  const spanned =
    typeof range === 'object' ? range.deviations * Math.sqrt(mean) : range === 'absmax' ? largest : mean;
  return Math.fround(toFormat(format).max / Math.max(Math.fround(spanned), leastRange));
}

/**
 * Holds a weight on the grid that its initial values decide.
 * @example
 * const held = gridWeight(initial, { kind: 'grid', format: 'int8', rounding: 'stochastic', range: 'absmean' });
 * held.bytes; // one byte a weight, and four for the scale
 */
export function gridWeight(
  initial: Float32Array,
  spec: GridStore,
  channels: Channels = oneChannel,
): HeldWeight {
  const own = spec.per === 'channel' ? channels : oneChannel;
  const scales = Float32Array.from({ length: own.count }, (_, channel) =>
    gridScale(own.count === 1 ? initial : valuesOfChannel(initial, own, channel), spec),
  );
  return codesWeight(initial, toFormat(spec.format), spec.rounding, { ...own, scales });
}

const oneChannel: Channels = { count: 1, stride: 1 };
const channelOf = (index: number, { count, stride }: Channels): number => Math.floor(index / stride) % count;

function valuesOfChannel(values: Float32Array, { count, stride }: Channels, channel: number): Float32Array {
  const found = new Float32Array(values.length / count);
  let at = 0;
  for (let first = channel * stride; first < values.length; first += count * stride)
    for (let i = first; i < first + stride; i++) found[at++] = values[i]!;
  return found;
}

/** Holds a weight in a format's own values; initial ones are rounded to nearest. */
export function formatWeight(
  initial: Float32Array,
  { format, rounding }: { readonly format: string; readonly rounding: WriteRounding },
): HeldWeight {
  return codesWeight(initial, toFormat(format), rounding, undefined);
}

/** What an update did: what was to be written, what was there, what is there, all in the format's own units. */
function measured(
  format: Format,
  updated: (index: number) => number,
  before: Float32Array,
  after: Float32Array,
): WriteTally {
  const tally = new WriteTally();
  const step = stepOf(format);
  for (let i = 0; i < after.length; i++) {
    const value = after[i]!;
    const ratio = stepRatioOf(updated(i), before[i]!, step(before[i]!));
    tally.add(ratio, value !== before[i], value === 0, value === format.max || value === format.min);
  }
  return tally;
}

function codesWeight(
  initial: Float32Array,
  format: Format,
  rounding: WriteRounding,
  grid: (Channels & { readonly scales: Float32Array }) | undefined,
): HeldWeight {
  const count = initial.length;
  let scales = grid?.scales;
  let packed: Uint8Array;

  const inScales = (weights: Float32Array): Float32Array =>
    scales === undefined
      ? weights
      : mapChannels(weights, grid!, (weight, channel) => weight * scales![channel]!);
  const codesOf = (weights: Float32Array, draw: Draw | null): CodeArray => {
    return encode(inScales(weights), format, {
      saturation: 'finite',
      ...(draw === null || rounding === 'nearest-even' ? {} : { rounding: 'stochastic', ...draw }),
    });
  };
  /** The codes of an updated weight; those of elements that are not updated stay. */
  const updatedCodes = (weights: Float32Array, draw: Draw, mask: Mask | undefined): CodeArray => {
    const codes = codesOf(weights, draw);
    if (mask === undefined) return codes;
    const before = unpack(packed, format, count);
    return codes.map(((code: number, i: number) => (mask(i) ? code : before[i])) as never) as CodeArray;
  };
  // Those of int32 come as binary64; all that are written are binary32 numbers.
  const valuesOf = (codes: CodeArray): Float32Array => {
    const values = decode(codes, format);
    return values instanceof Float32Array ? values : Float32Array.from(values as Float64Array);
  };
  const elements = (): Float32Array => valuesOf(unpack(packed, format, count));

  packed = pack(codesOf(initial, null), format);

  return {
    get bytes() {
      return packed.byteLength + (scales?.byteLength ?? 0);
    },
    get unit() {
      if (scales === undefined) return undefined;
      if (scales.length === 1) return 1 / scales[0]!;
      const { count: channels, stride } = grid!;
      return { count: channels, stride, units: Float64Array.from(scales, (scale) => 1 / scale) };
    },
    get integers() {
      return format.kind === 'int' ? scales : undefined;
    },
    load() {
      const values = elements();
      if (scales === undefined) return values;
      return mapChannels(values, grid!, (value, channel) => value / scales![channel]!);
    },
    write(updated, draw, mask) {
      packed = pack(updatedCodes(updated, draw, mask), format);
    },
    writeMeasured(updated, draw, mask): WriteMeasure {
      const before = elements();
      const codes = updatedCodes(updated, draw, mask);
      packed = pack(codes, format);
      const scaleOf = (i: number): number => (scales === undefined ? 1 : scales[channelOf(i, grid!)]!);
      const after = valuesOf(codes);
      return measured(format, (i) => updated[i]! * scaleOf(i), before, after).result(codes);
    },
    save: () => ({
      codes:
        format.name === 'bfloat16'
          ? { dtype: 'BF16', shape: [count], data: packed }
          : { dtype: 'U8', shape: [packed.byteLength], data: packed },
      ...(scales === undefined ? {} : { scale: savedFloat32(scales) }),
    }),
    restore(saved) {
      if (scales !== undefined) scales = float32Of('scale', saved['scale'], scales.length);
      packed = bytesOf('codes', saved['codes'], packed.byteLength);
    },
  };
}
