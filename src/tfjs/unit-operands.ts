/**
 * Operands with a scale in a matrix unit: the unit takes elements of its format, and what it gives is multiplied by the two units that
 * elements stand for, as hardware does after the product. An FP8 instruction takes either format for each operand: two formats are put
 * into one that has both, the numbers of one multiplied by the power of two that makes its smallest normal number the other's, so
 * that every exponent that the unit looks at is what it would be, but for that power.
 */
import type { Tensor } from '@tensorflow/tfjs';
import { type MatrixUnit, withOperands } from '../arithmetic/matrix-unit/index.ts';
import { float } from '../formats/float.ts';
import type { FloatFormat, Format } from '../formats/format.ts';
import { round } from '../operations/conversions.ts';

/** What an image's values are: elements of a format times a unit. */
export interface Grid {
  readonly format: Format;
  readonly unit: number;
  /** Where each output of the layer has a unit of its own: what the unit is multiplied by. */
  readonly outputs?: Float64Array;
  /** The elements, of the matrix's shape, where `outputs` says more of the values than the unit. */
  readonly elements?: Tensor;
}

/** A unit with its operands' elements, and what its results are multiplied by. */
interface UnitOperands {
  readonly unit: MatrixUnit;
  readonly elements: readonly [Float32Array, Float32Array];
  readonly factor: number;
}

/** A format of all numbers of two, of which those of one are multiplied by 2^shift. */
function joined(
  a: FloatFormat,
  b: FloatFormat,
): { readonly format: FloatFormat; readonly shifts: readonly [number, number] } {
  if (a.name === b.name) return { format: a, shifts: [0, 0] };
  const emin = Math.min(a.emin, b.emin);
  const mantissaBits = Math.max(a.mantissaBits, b.mantissaBits);
  return {
    format: float({ exponentBits: 8, mantissaBits, bias: 1 - emin }),
    shifts: [emin - a.emin, emin - b.emin],
  };
}

/** The elements of values, times a power of two. */
function elementsOf(values: Float32Array, { format, unit }: Grid, shift: number): Float32Array {
  // A value is its element times the unit up to a rounding, so the nearest element is the one.
  const elements = round(
    values.map((x) => x / unit),
    format,
    { saturation: 'finite' },
  );
  return shift === 0 ? elements : elements.map((x) => x * 2 ** shift);
}

/** The integers of an image's values. */
export function integersOf(values: Float32Array, { unit }: Grid): Float32Array {
  return values.map((x) => (x === 0 ? 0 : Math.round(x / unit)));
}

/** The same operands for a unit; undefined where they are no numbers of formats that it takes. */
export function unitOperands(
  unit: MatrixUnit,
  values: readonly [Float32Array, Float32Array],
  [a, b]: readonly [Grid, Grid],
): UnitOperands | undefined {
  if (a.format.kind !== 'float' || b.format.kind !== 'float' || unit.scales !== undefined) return undefined;
  const areOwn = [a, b].every(({ format }) => format.name === unit.operands.name);
  const areFp8 = [unit.operands, a.format, b.format].every(
    ({ name }) => name === 'e4m3fn' || name === 'e5m2',
  );
  if (!areOwn && !(areFp8 && unit.step === 'aligned')) return undefined;
  const { format, shifts } = joined(a.format, b.format);
  const elements = [elementsOf(values[0], a, shifts[0]), elementsOf(values[1], b, shifts[1])] as const;
  const units = Math.fround(Math.fround(a.unit) * Math.fround(b.unit));
  return { unit: withOperands(unit, format), elements, factor: units * 2 ** -(shifts[0] + shifts[1]) };
}
