/**
 * Exhaustive comparison of the operations, for the quick and the slow suite: every pair of values of a small format. Results
 * are computed once as exact ratios and rounded by the table oracle in every mode; numbers and arrays must equal them on every
 * bit (NaN as a class).
 */
import { operate, operationOf, planOperations } from '../src/arithmetic/index.ts';
import { type Format, scalarFormats, toFormat } from '../src/formats/index.ts';
import { arithmetic } from '../src/operations/arithmetic.ts';
import { type RoundOptions, resolveRounding, roundingModes } from '../src/rounding/index.ts';
import { p3109Formats } from './exhaustive.ts';
import {
  cancelledZero,
  type OracleOperation,
  standInFor,
  type Unrounded,
  unrounded,
} from './oracles/arithmetic.ts';
import { type TableOracle, tableOracle } from './oracles/table.ts';

/** Every format of 8 bits: the catalogue's, all of P3109 with K = 8, older posits. */
export function eightBitFormats(): Format[] {
  const catalogue: readonly Format[] = Object.values(scalarFormats);
  const found = [
    ...catalogue.filter(({ bits }) => bits === 8),
    ...['posit(8,0)', 'posit(8,1)', 'fixed(3,4)', 'fixed(2,6,unsigned)', 'int8symmetric'].map(toFormat),
    ...p3109Formats(8),
  ];
  return [...new Map(found.map((format) => [format.name, format])).values()];
}

/** Every value, infinities, NaN and -0 included, each once. */
export function allValues(format: Format): Float64Array {
  const values: number[] = [];
  const seen = new Set<unknown>();
  for (let code = 0; code < 2 ** format.bits; code++) {
    const value = format.decode(code);
    const key = Object.is(value, -0) ? '-0' : value;
    if (!seen.has(key)) values.push(value);
    seen.add(key);
  }
  if (!values.some(Number.isNaN)) values.push(NaN);
  return Float64Array.from(values);
}

/** All pairs, one array an operand. */
export function allPairs(format: Format): [Float64Array, Float64Array] {
  const values = allValues(format);
  const { length } = values;
  return [
    Float64Array.from({ length: length ** 2 }, (_, i) => values[Math.floor(i / length)]!),
    Float64Array.from({ length: length ** 2 }, (_, i) => values[i % length]!),
  ];
}

/** The deterministic modes that the format takes, with every saturation and treatment of subnormals that can matter. */
export function deterministicSettings(format: Format): RoundOptions[] {
  const modes =
    format.kind === 'posit'
      ? (['nearest-even'] as const)
      : roundingModes.filter((mode) => !mode.startsWith('stochastic'));
  const further: RoundOptions[] =
    format.kind === 'float'
      ? [
          { saturation: 'finite' },
          { saturation: 'propagate' },
          { subnormals: 'flush' },
          { subnormals: 'round-to-minimum-normal' },
        ]
      : [];
  return [{}, ...further].flatMap((common) => modes.map((rounding) => ({ ...common, rounding })));
}

export interface OperationTally {
  numbers: number;
  arrays: number;
  readonly mismatches: string[];
}

export function noOperations(): OperationTally {
  return { numbers: 0, arrays: 0, mismatches: [] };
}

/** What the table oracle rounds in place of exact results: binary64 numbers that no rounding to the format tells from them. */
function standIns(exact: readonly Unrounded[], zero: number): Float64Array {
  return Float64Array.from(exact, (result) => {
    if (result.kind === 'special') return result.value;
    if (result.kind === 'cancelled') return zero;
    return (result.negative ? -1 : 1) * standInFor(result.magnitude);
  });
}

const show = (x: number | undefined): string => (Object.is(x, -0) ? '-0' : String(x));

/** Compares an operation on arrays of operands, for all the settings. */
export function compareOperation(
  format: Format,
  name: OracleOperation,
  operands: readonly Float64Array[],
  settings: readonly RoundOptions[],
  tally: OperationTally,
): void {
  const [a, b = new Float64Array(a!.length), c = new Float64Array(a!.length)] = operands;
  const count = a!.length;
  const exact = Array.from({ length: count }, (_, i) => unrounded(name, a![i]!, b[i]!, c[i]!, format));
  const oracles = new Map<string, TableOracle>();
  const random = new Uint32Array(count);
  const expected = new Float64Array(count);
  const operation = operationOf(name);
  for (const given of settings) {
    const options = resolveRounding(format, given);
    const zero = cancelledZero(options);
    const key = `${show(zero)} ${options.subnormals}`;
    const oracle = oracles.get(key) ?? tableOracle(format, standIns(exact, zero), options.subnormals);
    oracles.set(key, oracle);
    oracle.round(options, random, expected);
    const object = arithmetic(format, given);
    const plan = planOperations(format, options);
    const arrays =
      name === 'sqrt' ? object.sqrt(a!) : name === 'fma' ? object.fma(a!, b, c) : object[name](a!, b);
    for (let i = 0; i < count; i++) {
      const ours = operate(operation, a![i]!, b[i]!, c[i]!, plan, 0);
      if (
        (!Object.is(ours, expected[i]) || !Object.is(arrays[i], expected[i])) &&
        tally.mismatches.length < 20
      )
        tally.mismatches.push(
          `${format.name} ${name} of ${operands.map((x) => show(x[i])).join(' ')}, ${JSON.stringify(given)}: ` +
            `${show(ours)}, in an array ${show(arrays[i])}, not ${show(expected[i])}`,
        );
    }
    tally.numbers += count;
    tally.arrays += count;
  }
}
