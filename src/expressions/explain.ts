/**
 * What each step of a program does to the error: its value against that of exact arithmetic on the numbers that were given. Sums, products,
 * quotients and comparisons are exact rationals; roots and elementary functions are those of binary64, whose own error is 2^-53.
 */
import { divideReals } from '../arithmetic/exact.ts';
import { roundReal, toReal } from '../arithmetic/index.ts';
import { formats } from '../formats/catalogue.ts';
import { arithmetic } from '../operations/arithmetic.ts';
import { resolveRounding } from '../rounding/options.ts';
import type { Operand, Program, Step } from './program.ts';

/** One step, for one set of numbers. */
export interface ExplainedStep {
  /** The part of the expression. */
  readonly text: string;
  /** The operation, and the format that it is rounded to. */
  readonly operation: string;
  readonly format: string;
  /** What the step gives. */
  readonly value: number;
  /** What exact arithmetic gives from the start, as a binary64 number. */
  readonly exact: number;
  /** value - exact. */
  readonly error: number;
  /** The error over |exact|; 0 where both are 0. */
  readonly relativeError: number;
  /** What the rounding of this step alone has added: value less the exact result of its operands as they are. */
  readonly roundingError: number;
}

/** n / d, d > 0; or an infinity or NaN. */
type Exact = { readonly n: bigint; readonly d: bigint } | number;

function exactly(x: number): Exact {
  if (!Number.isFinite(x)) return x;
  const { negative, significand, exponent } = toReal(x);
  const n = negative ? -significand : significand;
  return exponent >= 0 ? { n: n << BigInt(exponent), d: 1n } : { n, d: 1n << BigInt(-exponent) };
}

/** The number that is written: a constant's own rounding is an error of the expression too. */
function exactDecimal(text: string): Exact {
  const parts = /^(\d*)\.?(\d*)(?:e([+-]?\d+))?$/i.exec(text);
  if (parts === null) return Number(text);
  const [, whole = '', fraction = '', power = '0'] = parts;
  const exponent = Number(power) - fraction.length;
  const digits = BigInt(`${whole}${fraction}`);
  return exponent >= 0
    ? { n: digits * 10n ** BigInt(exponent), d: 1n }
    : { n: digits, d: 10n ** BigInt(-exponent) };
}

const nearest = resolveRounding(formats.binary64);

function toNumber(x: Exact): number {
  if (typeof x === 'number') return x;
  if (x.n === 0n) return 0;
  const integer = (significand: bigint) => ({ negative: false, significand, exponent: 0, sticky: false });
  const size = x.n < 0n ? -x.n : x.n;
  const ratio = divideReals(integer(size), integer(x.d), formats.binary64);
  return roundReal({ ...ratio, negative: x.n < 0n }, formats.binary64, nearest, 0);
}

type Ratio = Exclude<Exact, number>;

const negative = (x: Ratio): Ratio => ({ n: -x.n, d: x.d });
const plus = (x: Ratio, y: Ratio): Ratio => ({ n: x.n * y.d + y.n * x.d, d: x.d * y.d });
const times = (x: Ratio, y: Ratio): Ratio => ({ n: x.n * y.n, d: x.d * y.d });
const isBelow = (x: Ratio, y: Ratio): boolean => x.n * y.d < y.n * x.d;

/** The operations that rationals have; undefined where the result is none. */
const rational: Readonly<Record<string, (x: Ratio, y: Ratio, z: Ratio) => Ratio | undefined>> = {
  add: plus,
  sub: (x, y) => plus(x, negative(y)),
  mul: times,
  div: (x, y) => {
    if (y.n === 0n) return undefined;
    return y.n < 0n ? { n: -x.n * y.d, d: x.d * -y.n } : { n: x.n * y.d, d: x.d * y.n };
  },
  fma: (x, y, z) => plus(times(x, y), z),
  neg: negative,
  abs: (x) => (x.n < 0n ? negative(x) : x),
  min: (x, y) => (isBelow(y, x) ? y : x),
  max: (x, y) => (isBelow(x, y) ? y : x),
  convert: (x) => x,
};

const wide = arithmetic('binary64', { operands: 'round' });

function exactStep({ name }: Step, operands: readonly Exact[]): Exact {
  const ratios = operands.filter((x) => typeof x !== 'number');
  const [x, y, z] = ratios as [Ratio, Ratio, Ratio];
  const result = ratios.length === operands.length ? rational[name]?.(x, y, z) : undefined;
  if (result !== undefined) return result;
  const method = wide[name as 'add'] as (...given: number[]) => number;
  return exactly(method(...operands.map(toNumber)));
}

function difference(value: number, exact: Exact): number {
  const given = exactly(value);
  if (typeof given === 'number' || typeof exact === 'number') return value - toNumber(exact);
  return toNumber(plus(given, negative(exact)));
}

/** The steps for one set of numbers, in the order in which they are done. They draw as a call on numbers does. */
export function explain(program: Program, numbers: ReadonlyMap<string, number>): readonly ExplainedStep[] {
  const values: number[] = [];
  const exacts: Exact[] = [];
  const numberOf = (x: Operand): number =>
    x.kind === 'constant' ? x.value : x.kind === 'step' ? values[x.index]! : numbers.get(x.name)!;
  return program.steps.map((step) => {
    const { name, f, operands, text } = step;
    const given = operands.map(numberOf);
    const place = f.state;
    if (step.draws && f !== program.f) f.restore(program.f.state);
    const value = (f[name as 'add'] as (...numbers: number[]) => number)(...given);
    if (step.draws && f !== program.f) {
      program.f.restore(f.state);
      f.restore(place);
    }
    const exact = exactStep(
      step,
      operands.map((x) =>
        x.kind === 'constant'
          ? exactDecimal(x.text)
          : x.kind === 'step'
            ? exacts[x.index]!
            : exactly(numbers.get(x.name)!),
      ),
    );
    values.push(value);
    exacts.push(exact);
    const error = difference(value, exact);
    const size = Math.abs(toNumber(exact));
    return Object.freeze({
      ...{ text, operation: name, format: f.format.name, value, exact: toNumber(exact), error },
      relativeError: error === 0 ? 0 : error / size,
      roundingError: difference(value, exactStep(step, given.map(exactly))),
    });
  });
}
