/** NaN on its way into codes: refused, replaced, or the whole group's. */
import type { CodeArray } from '../formats/codes.ts';
import { newCodes } from '../formats/codes.ts';
import type { Format } from '../formats/format.ts';
import { carrierOf } from '../operations/carrier.ts';
import { encode, type RealArray } from '../operations/conversions.ts';
import { groupsOf } from './elements.ts';
import type { ResolvedQuantizer } from './quantizer-options.ts';
import type { Run } from './run.ts';
import { dequantizer, type Scales } from './scales.ts';

/** An array without the NaN that are replaced, and where they were. */
interface Cleaned<A extends RealArray> {
  readonly x: A;
  readonly holes: readonly number[];
}

/** With `nan: 'zero'` or `'max'`, zeros in place of NaN: they count in no statistic. */
export function withoutNaN<A extends RealArray>(x: A, { nan }: ResolvedQuantizer): Cleaned<A> {
  if (nan !== 'zero' && nan !== 'max') return { x, holes: [] };
  const holes: number[] = [];
  for (let i = 0; i < x.length; i++) if (Number.isNaN(x[i])) holes.push(i);
  if (holes.length === 0) return { x, holes };
  const clean = x.slice() as A;
  for (const i of holes) clean[i] = 0;
  return { x: clean, holes };
}

/** Makes the largest element of what was NaN. */
export function fillHoles(
  { elements, values, scales, layout, zeroPoints }: Run,
  holes: readonly number[],
  high: number,
): void {
  if (holes.length === 0) return;
  const groups = groupsOf(layout, elements.length);
  const dequantize = dequantizer(scales, carrierOf(values));
  for (const i of holes) {
    const group = groups[i]!;
    elements[i] = high;
    values[i] = dequantize(high - (zeroPoints?.[group] ?? 0), scales.out[group]!);
  }
}

function refused(index: number, format: Format): RangeError {
  return new RangeError(
    `x[${index}]: got NaN; accepted: a number, as ${format.name} has no NaN, unless the option nan says otherwise`,
  );
}

/** The index of the first NaN, or -1. A loop, which is many times faster than findIndex. */
function firstNaN(x: RealArray): number {
  for (let i = 0; i < x.length; i++) if (Number.isNaN(x[i])) return i;
  return -1;
}

/** Throws RangeError for a NaN in x that the options refuse. */
export function checkNaN(x: RealArray, { nan, format }: ResolvedQuantizer): void {
  if (nan !== 'error' || format.hasNaN) return;
  const index = firstNaN(x);
  if (index >= 0) throw refused(index, format);
}

/**
 * The codes of the elements; 0 throughout groups whose scale is NaN.
 *
 * @throws RangeError for a NaN that neither the format nor the group's scale can hold.
 */
export function codesOf(
  {
    elements,
    layout,
    scales,
  }: Pick<Run, 'elements' | 'layout'> & { readonly scales: Pick<Scales, 'stored'> },
  format: Format,
): CodeArray {
  const codes = encode(elements, format, { nan: 'max' });
  if (firstNaN(elements) < 0) return codes;
  const groups = groupsOf(layout, elements.length);
  const zero = newCodes(format, 1)[0]!;
  for (let i = 0; i < codes.length; i++) {
    if (Number.isNaN(scales.stored[groups[i]!]!)) codes[i] = zero;
    else if (Number.isNaN(elements[i]!) && !format.hasNaN) throw refused(i, format);
  }
  return codes;
}
