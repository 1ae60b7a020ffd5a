/**
 * 8-bit codes between running least and largest values of groups: z = (x - low) factor, rounded and clamped to 0 ... 255; the image
 * is low + step z. step = (high - low) / 255 and factor = 1 / step; `low`, `step`, `factor` and the result of each operation are
 * binary32 numbers. What the kernel (`src/kernels/ranges.ts`) does on a heap, the loops here do elsewhere, bit for bit.
 * Source: Pan, Chen, He et al., "Mesa", arXiv 2111.11124, section 3.
 */
import type { RangeLayout } from '../../kernels/ranges.ts';
import { drawIntegers } from '../../rounding/philox.ts';
import { sizeOf } from '../../shape.ts';
import type { HeldTensor, TensorKernels } from '../../tfjs/saved-tensors.ts';
import type { Draw } from '../stores/index.ts';

const f = Math.fround;

/** Groups of a tensor: heads of attention, else equal parts of the last axis; one where nothing divides it. */
export function rangeLayout(shape: readonly number[], groups: number, areHeads: boolean): RangeLayout {
  const size = sizeOf(shape);
  const [first = 1, second = 1] = shape;
  if (areHeads && shape.length === 4) return { groups: second, inner: size / (first * second) };
  if (areHeads && shape.length === 3 && first % groups === 0) return { groups, inner: size / first };
  const last = shape.at(-1) ?? 1;
  return !areHeads && last % groups === 0 ? { groups, inner: last / groups } : { groups: 1, inner: size };
}

/** Calls `fn` for each run of a tensor with its group. */
function eachRun(
  size: number,
  { groups, inner }: RangeLayout,
  fn: (begin: number, end: number, group: number) => void,
): void {
  for (let begin = 0, group = 0; begin < size; begin += inner) {
    fn(begin, begin + inner, group);
    if (++group === groups) group = 0;
  }
}

/** The least values of the groups, then the largest ones. What is no number does not count. */
export function rangesOf(
  values: Float32Array,
  layout: RangeLayout,
  kernels: TensorKernels | undefined,
): Float32Array {
  if (kernels !== undefined) return kernels.ranges.extremes(values.byteOffset, values.length, layout);
  const { groups } = layout;
  const ranges = new Float32Array(2 * groups).fill(Infinity, 0, groups).fill(-Infinity, groups);
  eachRun(values.length, layout, (begin, end, group) => {
    for (let i = begin; i < end; i++) {
      const x = values[i]!;
      if (x < ranges[group]!) ranges[group] = x;
      if (x > ranges[groups + group]!) ranges[groups + group] = x;
    }
  });
  return ranges;
}

/** decay old + (1 - decay) new in binary64; the new ones where there are no old ones. */
export function trackedRanges(
  old: readonly (number | null)[] | undefined,
  now: Float32Array,
  decay: number,
): Float64Array {
  if (old?.length !== now.length) return Float64Array.from(now);
  return Float64Array.from(now, (x, i) => decay * old[i]! + (1 - decay) * x);
}

/** Holds values between ranges; `draw`: of stochastic rounding, from the random integer `offset` on. */
export function holdInRanges(
  values: Float32Array,
  layout: RangeLayout,
  ranges: Float64Array,
  draw: (Draw & { readonly offset: number }) | undefined,
  kernels: TensorKernels | undefined,
): HeldTensor {
  const size = values.length;
  const { groups } = layout;
  const lows = Float32Array.from(ranges.subarray(0, groups));
  const steps = Float32Array.from(lows, (_, group) => (ranges[groups + group]! - ranges[group]!) / 255);
  const factors = steps.map((step) => (step > 0 && f(1 / step) < Infinity ? 1 / step : 0));
  const codes =
    kernels !== undefined && draw === undefined
      ? kernels.ranges.encode(values.byteOffset, size, layout, lows, factors)
      : codesOf(values, layout, lows, factors, draw);
  return {
    bytes: codes.byteLength + lows.byteLength + steps.byteLength,
    read(out, on) {
      if (on !== undefined) {
        on.ranges.decode(codes, out.byteOffset, layout, lows, steps);
        return;
      }
      eachRun(size, layout, (begin, end, group) => {
        for (let i = begin; i < end; i++) out[i] = lows[group]! + f(steps[group]! * codes[i]!);
      });
    },
  };
}

function codesOf(
  values: Float32Array,
  layout: RangeLayout,
  lows: Float32Array,
  factors: Float32Array,
  draw: (Draw & { readonly offset: number }) | undefined,
): Uint8Array {
  // Conversion to this kind of array rounds to nearest, ties to even, and clamps.
  const codes = new Uint8ClampedArray(values.length);
  const randoms = draw && drawIntegers(values.length, { ...draw, randomBits: 32 });
  eachRun(values.length, layout, (begin, end, group) => {
    for (let i = begin; i < end; i++) {
      const z = f(f(values[i]! - lows[group]!) * factors[group]!);
      codes[i] = randoms === undefined ? z : Math.floor(z + randoms[i]! / 2 ** 32);
    }
  });
  return new Uint8Array(codes.buffer);
}
