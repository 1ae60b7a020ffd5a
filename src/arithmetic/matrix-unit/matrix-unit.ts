/**
 * Matrix units by name: `multiply` is one instruction, D = A B + C, and `dotAdd` the chain of instructions that a long
 * inner product takes. What a unit does inside one step is in `step.ts`, the units themselves in `src/products/matrix-units.ts`.
 */
import { type Numbers, type RealArray, realArray } from '../../array-kinds.ts';
import { checkAbsent, checkFields, checkLength, checkNumber } from '../../check.ts';
import { ArgumentError } from '../../errors.ts';
import type { FloatFormat } from '../../formats/format.ts';
import { unknownName } from '../../nearest-words.ts';
import { type MatrixUnitDescription, matrixUnits } from '../../products/matrix-units.ts';
import { resolveRounding } from '../../rounding/options.ts';
import { roundScalar } from '../../rounding/round.ts';
import { type ExplainedUnit, explainStep, type UnitStep } from './explain-unit.ts';
import { describeUnit, type MatrixUnitParameters } from './own-unit.ts';
import { type StepInput, stepOf } from './step.ts';

/** Scales of a block-scaled unit: values of its scale format, one for each block of `scales.size` elements along k. */
export interface MatrixUnitScales {
  /** (m, k / size), row-major. */
  readonly scalesA: Numbers;
  /** (k / size, n), row-major. */
  readonly scalesB: Numbers;
}

/** A model of a matrix unit, usable as `accumulate` of an accumulator model. */
export interface MatrixUnit extends MatrixUnitDescription {
  /**
   * One instruction: D = A B + C.
   *
   * @param a (m, k) values of `operands`, row-major. With tf32 operands binary32 values are accepted and truncated, as
   *   the hardware does.
   * @param b (k, n) values of `operands`, row-major.
   * @param c (m, n) values of `addend`, row-major. Default +0.
   * @param scales For units with `scales`; default 1 everywhere.
   * @returns D, (m, n), row-major; NaN stands for the canonical NaN of the hardware.
   * @throws ArgumentError if a length does not fit the unit, or an element is not a value of its format.
   */
  multiply(a: Numbers, b: Numbers, c?: Numbers, scales?: MatrixUnitScales): Float32Array;
  /**
   * sum(a[i] b[i]) + c for any length: the instructions are chained in order, D of one being C of the next, and the last
   * is filled up with zeros. All scales are 1.
   *
   * @throws ArgumentError if the lengths differ, or an element is not a value of its format.
   */
  dotAdd(a: Numbers, b: Numbers, c?: number): number;
  /**
   * The steps of `dotAdd`: of each the terms as they are aligned, what is kept and what is dropped of each, and what it gives.
   *
   * @throws ArgumentError as `dotAdd`.
   */
  explain(a: Numbers, b: Numbers, c?: number): ExplainedUnit;
  toString(): string;
  /** Its name; of a unit of one's own its parameters. */
  toJSON(): string | MatrixUnitParameters;
}

const truncation = { rounding: 'toward-zero' } as const;

/** The operand as the unit reads it. */
function operandOf(x: number, argument: string, format: FloatFormat): number {
  if (format.has(x)) return x;
  // Registers of a tf32 operand hold binary32 numbers, of which the low 13 bits are ignored.
  if (format.name === 'tf32' && Object.is(Math.fround(x), x))
    return roundScalar(x, format, resolveRounding(format, truncation), 0);
  throw new ArgumentError(argument, x, `values of ${format.name}`);
}

function operandsOf(given: unknown, argument: string, length: number, format: FloatFormat): Float64Array {
  const accepted = `${length} values of ${format.name}`;
  const x = realArray(argument, given, accepted);
  checkLength(argument, x, length, accepted, given);
  return Float64Array.from(x, (value) => operandOf(value, argument, format));
}

/** The index of the first element that is neither in the format nor NaN; -1 if there is none. */
type FindNonMember = (x: RealArray, format: FloatFormat) => number;

/** Whether all elements are values of the format, as far as a fast look tells. */
function areValues(x: RealArray, format: FloatFormat, find: FindNonMember | undefined): boolean {
  return find !== undefined && find(x, format) < 0 && (format.hasNaN || !x.includes(NaN));
}

/**
 * Operands as the unit reads them.
 *
 * @param find A kernel that finds what is no number of the format: without one it takes longer.
 * @throws ArgumentError that names the argument, if an element is not a value of the unit's operand format.
 */
export function readOperands(
  { operands }: MatrixUnit,
  argument: string,
  x: RealArray,
  find?: FindNonMember,
): RealArray {
  return areValues(x, operands, find) ? x : operandsOf(x, argument, x.length, operands);
}

/** Throws ArgumentError if a value is not one of the unit's addends. `find` as for `readOperands`. */
export function checkAddends(
  { addend }: MatrixUnit,
  argument: string,
  c: RealArray,
  find?: FindNonMember,
): void {
  if (!areValues(c, addend, find)) for (const x of c) operandOf(x, argument, addend);
}

/** sum(a[i] b[i]) + c by chained instructions, for operands that `readOperands` gave. All scales are 1. */
export function chainInstructions(
  unit: MatrixUnitDescription,
  a: Float64Array,
  b: Float64Array,
  c: number,
  step: (sum: number, input: StepInput) => number = (sum, input) => stepOf(unit, sum, input),
): number {
  const { k, scales } = unit;
  const ones = new Float64Array(scales === undefined ? 0 : Math.ceil(k / scales.size)).fill(1);
  const x = new Float64Array(k);
  const y = new Float64Array(k);
  let sum = c;
  for (let start = 0; start < a.length; start += k) {
    x.fill(0).set(a.subarray(start, start + k));
    y.fill(0).set(b.subarray(start, start + k));
    sum = chainSteps(unit, sum, { a: x, b: y, scalesA: ones, scalesB: ones }, step);
  }
  return sum;
}

/** Elements first, first + stride, ... of an array. */
function slice(x: Float64Array, first: number, stride: number, count: number): Float64Array {
  return Float64Array.from({ length: count }, (_, i) => x[first + i * stride]!);
}

/**
 * The steps of one instruction, for one output.
 *
 * @param c The addend: a value of the unit's addend format, as the others are values of their formats.
 */
export function chainSteps(
  unit: MatrixUnitDescription,
  c: number,
  { a, b, scalesA, scalesB }: { readonly [key in keyof StepInput]: Float64Array },
  step: (sum: number, input: StepInput) => number = (sum, input) => stepOf(unit, sum, input),
): number {
  const { group } = unit;
  let sum = c;
  for (let start = 0; start < a.length; start += group)
    sum = step(sum, {
      a: a.subarray(start, start + group),
      b: b.subarray(start, start + group),
      // A block-scaled unit takes all of its products in one step.
      scalesA,
      scalesB,
    });
  return sum;
}

function checkScales(
  scales: MatrixUnitScales | undefined,
  { m, n, k, scales: kind, name }: MatrixUnitDescription,
): { scalesA: Float64Array; scalesB: Float64Array; perRow: number } {
  if (kind === undefined) {
    checkAbsent('scales', scales, `nothing for ${name}`);
    return { scalesA: new Float64Array(0), scalesB: new Float64Array(0), perRow: 0 };
  }
  const perRow = k / kind.size;
  const { scalesA, scalesB } = checkFields('scales', scales, ['scalesA', 'scalesB']);
  if (scales === undefined)
    return {
      scalesA: new Float64Array(m * perRow).fill(1),
      scalesB: new Float64Array(n * perRow).fill(1),
      perRow,
    };
  return {
    scalesA: operandsOf(scalesA, 'scalesA', m * perRow, kind.format),
    scalesB: operandsOf(scalesB, 'scalesB', n * perRow, kind.format),
    perRow,
  };
}

/** Units that were made here: no other object is one, whatever it says. */
const units = new WeakSet<object>();

export function isMatrixUnit(x: unknown): x is MatrixUnit {
  return typeof x === 'object' && x !== null && units.has(x);
}

function withBehaviour(
  unit: MatrixUnitDescription,
  json: string | MatrixUnitParameters = unit.name,
): MatrixUnit {
  const { m, n, k, operands, addend, name } = unit;

  function multiply(a: Numbers, b: Numbers, c?: Numbers, scales?: MatrixUnitScales): Float32Array {
    const left = operandsOf(a, 'a', m * k, operands);
    const right = operandsOf(b, 'b', k * n, operands);
    const start = c === undefined ? new Float64Array(m * n) : operandsOf(c, 'c', m * n, addend);
    const { scalesA, scalesB, perRow } = checkScales(scales, unit);
    return Float32Array.from(start, (value, output) => {
      const row = Math.floor(output / n);
      const column = output % n;
      return chainSteps(unit, value, {
        a: left.subarray(row * k, row * k + k),
        b: slice(right, column, n, k),
        scalesA: scalesA.subarray(row * perRow, row * perRow + perRow),
        scalesB: slice(scalesB, column, n, perRow),
      });
    });
  }

  function readTerms(a: Numbers, b: Numbers, c: number): [Float64Array, Float64Array, number] {
    const x = realArray('a', a);
    const left = operandsOf(x, 'a', x.length, operands);
    const right = operandsOf(b, 'b', x.length, operands);
    return [left, right, operandOf(checkNumber('c', c), 'c', addend)];
  }

  const dotAdd = (a: Numbers, b: Numbers, c = 0): number => chainInstructions(unit, ...readTerms(a, b, c));

  function explain(a: Numbers, b: Numbers, c = 0): ExplainedUnit {
    const steps: UnitStep[] = [];
    const result = chainInstructions(unit, ...readTerms(a, b, c), (sum, input) => {
      const explained = explainStep(unit, sum, input);
      steps.push(explained);
      return explained.result;
    });
    return { steps, result };
  }

  const made: MatrixUnit = Object.freeze({
    ...unit,
    multiply,
    dotAdd,
    explain,
    toString: (): string => name,
    toJSON: () => json,
  } satisfies MatrixUnit);
  units.add(made);
  return made;
}

const known = matrixUnits.map((unit) => withBehaviour(unit));
const byName: ReadonlyMap<string, MatrixUnit> = new Map(
  known.flatMap((unit) => [
    [unit.name, unit],
    [unit.alias, unit],
  ]),
);

/** The names that `matrixUnit` takes, each with its short alias. */
export const matrixUnitNames: readonly { readonly name: string; readonly alias: string }[] = Object.freeze(
  matrixUnits.map(({ name, alias }) => Object.freeze({ name, alias })),
);

/**
 * A bit-level model of the matrix unit of a graphics processor: how it aligns, truncates, adds and rounds. The table is
 * in `docs/accumulation.md`.
 *
 * @param which An instruction, `'wgmma.Hopper.m64n8k32.f32.e4m3.e4m3'`, or its alias, `'hopper-fp8'`; or the parameters of a unit of
 *   one's own.
 * @throws ArgumentError for any other name, and for parameters that do not go together.
 *
 * @example
 * matrixUnit('hopper-fp8').dotAdd([1, 2 ** -9], [1, 2 ** -5]) // 1: the small product is shifted out
 * matrixUnit({ kind: 'aligned', operands: 'e4m3fn', group: 5, fractionBits: 20 }).dotAdd([1, 2 ** -9], [1, 2 ** -5]) // 1.00006103515625
 */
export function matrixUnit(which: string | MatrixUnitParameters): MatrixUnit {
  if (typeof which === 'object' && which !== null)
    return withBehaviour(describeUnit(which), Object.freeze({ ...which }));
  const unit = byName.get(which);
  if (unit === undefined) {
    const all = known.map((one) => `${one.name} (${one.alias})`).join(', ');
    throw unknownName('matrixUnit', which, [...byName.keys()], all);
  }
  return unit;
}

/** Units of parameters by the text of these: policies and recipes are read at every call. */
const described = new Map<string, MatrixUnit>();
const mostDescribed = 64;

/**
 * The unit of what options say: a unit, its name, or its parameters as plain data; undefined for anything else.
 *
 * @throws ArgumentError for parameters that do not go together.
 */
export function findMatrixUnit(given: unknown): MatrixUnit | undefined {
  if (isMatrixUnit(given)) return given;
  if (typeof given === 'string') return byName.get(given);
  if (typeof given !== 'object' || given === null || !('kind' in given) || 'decode' in given)
    return undefined;
  const key = JSON.stringify(given);
  const found = described.get(key) ?? matrixUnit(given as MatrixUnitParameters);
  if (described.size < mostDescribed) described.set(key, found);
  return found;
}

/** A unit of products that takes operands of another format; by itself it multiplies those of its own. */
export function withOperands(unit: MatrixUnit, operands: FloatFormat): MatrixUnit {
  const made: MatrixUnit = Object.freeze({ ...unit, operands });
  units.add(made);
  return made;
}
