/**
 * Exact accumulators that a program holds in its hand: sums and products go in without rounding, and come out rounded once.
 * For posits this is the quire of the Standard for Posit Arithmetic (2022) section 3.2 and 5.11: fixed point, two's
 * complement, with room for 2^31 - 1 products. For other formats it is as wide as it needs to be.
 */
import { checkFields, checkNumber, oneOf } from '../../check.ts';
import { ArgumentError } from '../../errors.ts';
import type { Format, PositFormat } from '../../formats/format.ts';
import { isStochastic, type RoundingMode, resolveRounding, roundingModes } from '../../rounding/options.ts';
import type { ArithmeticContext } from '../context.ts';
import type { Real } from '../real.ts';
import { drawsOf } from './draws.ts';
import { superaccumulator } from './superaccumulator.ts';
import { product, roundTerm, type Term } from './term.ts';

/** An exact accumulator. Methods that change it return it, so that they can be chained. */
export interface Quire {
  readonly kind: 'quire';
  /** Bits of the fixed-point number: 16 n for posits of n bits with es = 2; Infinity for formats other than posits. */
  readonly bits: number;
  /** + x, a value of the format, or all that another quire of the format holds. (qAddP, qAddQ) */
  add(x: number | Quire): Quire;
  /** - x (qSubP, qSubQ) */
  subtract(x: number | Quire): Quire;
  /** + a b (qMulAdd) */
  addProduct(a: number, b: number): Quire;
  /** - a b (qMulSub) */
  subtractProduct(a: number, b: number): Quire;
  /** Changes the sign. (qNegate) */
  negate(): Quire;
  /** Makes it non-negative. (qAbs) */
  abs(): Quire;
  /** Makes it +0. */
  clear(): Quire;
  /**
   * The value, rounded once to the format. (qToP)
   *
   * @param options Rounding mode; default: the arithmetic's. Stochastic modes draw one integer of `stream` + 2.
   */
  value(options?: { readonly rounding?: RoundingMode }): number;
  /**
   * The fixed-point number's code in two's complement, NaR being the most negative one. Posits only.
   *
   * @throws ArgumentError for other formats.
   */
  code(): bigint;
}

/** Carry guard: 2^31 - 1 of the largest products do not overflow. */
const guardBits = 31;

/** Exponent of the largest posit: (n - 2) 2^es. */
function largestExponent({ bits, es }: PositFormat): number {
  return (bits - 2) * 2 ** es;
}

/** sign, guard, 2 E bits before the point and 2 E after it, for values up to 2^E. */
function widthOf(format: PositFormat): number {
  return 1 + guardBits + 4 * largestExponent(format);
}

interface Content {
  readonly format: string;
  read(): Term;
}

const contents = new WeakMap<object, Content>();

/** What another quire of the same format holds. */
function contentOf(quire: Quire, name: string, format: string): Term {
  const content = typeof quire === 'object' && quire !== null ? contents.get(quire) : undefined;
  if (content === undefined || content.format !== format)
    throw new ArgumentError(name, quire, `a number or a quire of ${format}`);
  return content.read();
}

function negated(x: Term): Term {
  return typeof x === 'number' ? -x : { ...x, negative: !x.negative };
}

/** Steps of the fixed-point number that a posit's quire is. */
function stepsOf(format: PositFormat, { negative, significand, exponent }: Real): bigint {
  const shift = exponent + 2 * largestExponent(format);
  const magnitude = shift >= 0 ? significand << BigInt(shift) : significand >> BigInt(-shift);
  return negative ? -magnitude : magnitude;
}

/** Whether what a posit's quire holds is beyond its width. */
function overflows(format: PositFormat, held: Term): boolean {
  if (typeof held === 'number') return false;
  const steps = stepsOf(format, held);
  const limit = 1n << BigInt(widthOf(format) - 1);
  return steps >= limit || steps <= -limit;
}

/** The code of a quire: NaR is the most negative one. */
function codeOf(format: Format, held: Term): bigint {
  if (format.kind !== 'posit') throw new ArgumentError('code', format.name, 'a quire of posits');
  const bits = widthOf(format);
  if (typeof held !== 'number') return BigInt.asUintN(bits, stepsOf(format, held));
  return Number.isNaN(held) ? 1n << BigInt(bits - 1) : 0n;
}

/** A new quire: +0. */
export function quireOf(context: ArithmeticContext): Quire {
  const { format, options } = context;
  const sum = superaccumulator();
  const exactly = (): Term => sum.value(options);

  function put(term: Term): Quire {
    sum.add(term);
    // A posit's quire that overflows becomes NaR, and NaR remains.
    if (format.kind === 'posit' && overflows(format, exactly())) sum.add(NaN);
    return quire;
  }

  /** A number's own value, checked, or another quire's content. */
  function termOf(x: number | Quire, name: string): Term {
    return typeof x === 'number' ? context.accept(name, x) : contentOf(x, name, format.name);
  }

  function productOf(a: number, b: number): Term {
    return product(context.accept('a', checkNumber('a', a)), context.accept('b', checkNumber('b', b)));
  }

  const quire: Quire = {
    kind: 'quire',
    bits: format.kind === 'posit' ? widthOf(format) : Infinity,
    add: (x) => put(termOf(x, 'x')),
    subtract: (x) => put(negated(termOf(x, 'x'))),
    addProduct: (a, b) => put(productOf(a, b)),
    subtractProduct: (a, b) => put(negated(productOf(a, b))),
    negate(): Quire {
      sum.negate();
      return quire;
    },
    abs(): Quire {
      const held = exactly();
      const isNegative = typeof held === 'number' ? held < 0 || Object.is(held, -0) : held.negative;
      if (isNegative) sum.negate();
      return quire;
    },
    clear(): Quire {
      sum.clear();
      return quire;
    },
    value(given): number {
      const rounding = oneOf(
        'rounding',
        checkFields('', given, ['rounding']).rounding,
        roundingModes,
        options.rounding,
      );
      const { saturation, subnormals, randomBits, variant } = options;
      const own = resolveRounding(format, { saturation, subnormals, randomBits, variant, rounding });
      const random = isStochastic(rounding)
        ? drawsOf(context.take(1, 1), ['conversions'], 1)('conversions', 0)
        : 0;
      return roundTerm(sum.value(own), format, own, random);
    },
    code: () => codeOf(format, exactly()),
  };

  contents.set(quire, { format: format.name, read: exactly });
  return Object.freeze(quire);
}
