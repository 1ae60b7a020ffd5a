/**
 * Operations of one, two or three operands and one result: of `arithmetic`, elementary functions, conversions, sign changes and
 * comparisons, each by the scalar reference, with the exceptions that it raises.
 */
import { elementaryFunctions } from '../arithmetic/elementary/index.ts';
import { countOutcome, countTerm, operateCounting, type Tininess } from '../arithmetic/flags.ts';
import type { Flags } from '../arithmetic/index.ts';
import { operationNames, operationOf, planOperations } from '../arithmetic/operations.ts';
import { type Real, toReal } from '../arithmetic/real.ts';
import { changeSign, orderOf, zeroAddend } from '../arithmetic/unrounded.ts';
import type { Code, Format } from '../formats/format.ts';
import { formatAt } from '../formats/names.ts';
import { isStochastic, type ResolvedRounding, resolveRounding, roundScalar } from '../rounding/index.ts';
import { codecOf, codeField, type Field } from './fields.ts';
import { isSignalling, nanCode } from './nan.ts';
import { cleared, flagBits, invalidBit, type TestOperation } from './operation.ts';
import type { VectorOperation } from './operation-names.ts';
import { operationNames as kinds } from './operation-names.ts';
import { type CommonOptions, commonOptions, type OperationOptions, roundingOf } from './vector-options.ts';

/** One scalar operation on values. */
interface ScalarFunction {
  readonly arity: 1 | 2 | 3;
  /** Whether a random integer decides in the stochastic modes. */
  readonly draws: boolean;
  /** The result, its exceptions counted. */
  run(a: number, b: number, c: number, random: number, flags: Flags): number;
  /** What the result is the rounding of. */
  exact?(a: number, b: number, c: number, random: number): Real | undefined;
  readonly aim?: TestOperation['aim'] | undefined;
}

interface Target {
  readonly format: Format;
  readonly options: ResolvedRounding;
  readonly tininess: Tininess;
}

/** The operand that carries the others to about a result. */
const aims: Readonly<Record<string, ScalarFunction['aim']>> = {
  add: (target, [a]) => ({ place: 1, value: target - a! }),
  sub: (target, [a]) => ({ place: 1, value: a! - target }),
  mul: (target, [a]) => ({ place: 1, value: target / a! }),
  div: (target, [, b]) => ({ place: 0, value: target * b! }),
  sqrt: (target) => ({ place: 0, value: target * target }),
  fma: (target, [a, b]) => ({ place: 2, value: target - a! * b! }),
  rsqrt: (target) => ({ place: 0, value: 1 / (target * target) }),
  hypot: (target, [a]) => ({ place: 1, value: Math.sqrt(Math.max(0, target * target - a! * a!)) }),
};

function arithmeticFunction(name: (typeof operationNames)[number], target: Target): ScalarFunction {
  const operation = operationOf(name);
  const plan = planOperations(target.format, target.options);
  return {
    arity: operation.arity,
    draws: true,
    run: (a, b, c, random, flags) =>
      operateCounting(operation, a, b, c, plan, random, flags, target.tininess),
    exact: (a, b, c) =>
      operation.special(a, b, c, plan) === undefined ? operation.exact(a, b, c, target.format) : undefined,
    aim: aims[name],
  };
}

function elementaryFunction(name: keyof typeof elementaryFunctions, target: Target): ScalarFunction {
  const { arity, outcome } = elementaryFunctions[name];
  const { format, options, tininess } = target;
  const plan = planOperations(format, options);
  return {
    arity,
    draws: true,
    run: (a, b, _, random, flags) => {
      const result = outcome(a, b, format, options, random);
      countOutcome(result, plan, random, flags, tininess);
      return result.value;
    },
    exact: (a, b, _, random) => {
      const result = outcome(a, b, format, options, random);
      return 'special' in result ? undefined : result.real;
    },
    aim: aims[name],
  };
}

/** A function whose exact result is a number: conversions and sign changes. */
function movingFunction(
  apply: (a: number) => number,
  round: (a: number, random: number) => number,
  draws: boolean,
  { format, options, tininess }: Target,
): ScalarFunction {
  const plan = planOperations(format, options);
  const realOf = (a: number): Real | undefined => {
    const moved = apply(a);
    return Math.abs(moved) < Infinity ? toReal(moved) : undefined;
  };
  return {
    arity: 1,
    draws,
    run: (a, _b, _c, random, flags) => {
      const result = round(a, random);
      countTerm(apply(a), result, plan, random, { flags, tininess });
      return result;
    },
    exact: realOf,
    aim: (wanted) => ({ place: 0, value: apply(wanted) }),
  };
}

function unroundedFunction(name: VectorOperation, target: Target): ScalarFunction {
  const { format, options } = target;
  const change = (apply: (a: number) => number): ScalarFunction => {
    const changed = changeSign(format, options, apply);
    const draws = format.kind === 'codebook';
    return movingFunction(apply, (a, random) => changed(a, 0, 0, random), draws, target);
  };
  const choose = (apply: (a: number, b: number) => number): ScalarFunction => ({
    arity: 2,
    draws: false,
    run: (a, b) => apply(a, b) + zeroAddend(format),
  });
  switch (name) {
    case 'neg':
      return change((a) => -a);
    case 'abs':
      return change(Math.abs);
    case 'min':
      return choose(Math.min);
    default:
      return choose(Math.max);
  }
}

function functionOf(name: VectorOperation, target: Target): ScalarFunction {
  if (kinds[name] === 'conversion') {
    const { format, options } = target;
    return movingFunction(
      (a) => a,
      (a, random) => roundScalar(a, format, options, random),
      true,
      target,
    );
  }
  if (name in elementaryFunctions)
    return elementaryFunction(name as keyof typeof elementaryFunctions, target);
  const rounded = operationNames.find((known) => known === name);
  return rounded === undefined ? unroundedFunction(name, target) : arithmeticFunction(rounded, target);
}

const operandNames = ['a', 'b', 'c'] as const;

/** The words of a rounding's options, those that are not the defaults. */
export function roundingWords({
  rounding,
  saturation,
  subnormals,
  randomBits,
  variant,
}: ResolvedRounding): string {
  const random = isStochastic(rounding) ? ` with ${randomBits} random bits` : '';
  const parts = [
    `${rounding}${random}${rounding === 'stochastic' && variant !== 'A' ? `, variant ${variant}` : ''}`,
    ...(saturation === 'none' ? [] : [`saturation ${saturation}`]),
    ...(subnormals === 'keep' ? [] : [`subnormals ${subnormals}`]),
  ];
  return parts.join(', ');
}

/** The random integers of stochastic rounding as operands; none where nothing draws. */
export function randomFields({ rounding, randomBits }: ResolvedRounding, count: number): Field[] {
  return isStochastic(rounding) && count > 0
    ? [{ name: 'r', format: undefined, bits: randomBits, count }]
    : [];
}

/** An operation of `arithmetic` with one result, an elementary function or a conversion. Throws ArgumentError. */
export function scalarOperation(name: VectorOperation, given: Partial<OperationOptions>): TestOperation {
  const format = formatAt('format', given.format as Format);
  const kind = kinds[name];
  const common = commonOptions(given);
  if (kind === 'order') return orderOperation(name, format, common);
  const { tininess, flags: hasFlags, nan, missingNaN } = common;
  const options = resolveRounding(format, roundingOf(given));
  const fallback = name === 'convert' ? undefined : 'binary64';
  const source = kind === 'conversion' ? formatAt('from', (given.from ?? fallback) as Format) : format;
  const { arity, draws, run, exact, aim } = functionOf(name, { format, options, tininess });
  const random = draws ? randomFields(options, 1) : [];
  const operands = [...operandNames.slice(0, arity).map((letter) => codeField(letter, source)), ...random];
  const { decode } = codecOf(source);
  const { encode } = codecOf(format);
  const valueAt = (codes: readonly Code[], i: number): number => (i < arity ? decode(codes[i]!) : 0);
  const randomOf = (codes: readonly Code[]): number => (random.length > 0 ? (codes[arity] as number) : 0);
  // Sign changes are of bits: they look at no NaN.
  const signals = (codes: readonly Code[]): boolean =>
    kind !== 'sign' && operands.some((field, i) => isSignalling(codes[i]!, field));

  return {
    name,
    title: [
      kind === 'conversion' ? `${name} ${source.name} to ${format.name}` : `${name} ${format.name}`,
      ...(kind === 'extremum' ? [] : [roundingWords(options)]),
      ...(hasFlags && tininess === 'before' ? ['tininess before rounding'] : []),
    ].join(', '),
    operands,
    results: [codeField('z', format)],
    hasFlags,
    nan,
    answer: (codes) => {
      const [a, b, c] = [valueAt(codes, 0), valueAt(codes, 1), valueAt(codes, 2)];
      const flags = cleared();
      const isSignalled = !(a + b + c < Infinity) && signals(codes);
      const own = run(a, b, c, randomOf(codes), flags);
      const value = isSignalled ? NaN : own;
      const bits = isSignalled ? invalidBit : flagBits(flags);
      if (!Number.isNaN(value)) return { results: [encode(value)], flags: hasFlags ? bits : 0 };
      const code = nanCode(codes, operands, format, nan, missingNaN);
      if (code === undefined) return undefined;
      // A NaN that became a number was no value of the format: IEEE 754-2019 section 5.8.
      return { results: [code], flags: hasFlags ? (format.hasNaN ? bits : invalidBit) : 0 };
    },
    makesNaN: (codes) => {
      const [a, b] = [valueAt(codes, 0), valueAt(codes, 1)];
      return name === 'fma' && !Number.isNaN(a) && !Number.isNaN(b) && Number.isNaN(a * b);
    },
    ...(exact === undefined
      ? {}
      : {
          unrounded: (codes) => {
            const values = [0, 1, 2].map((i) => valueAt(codes, i)) as [number, number, number];
            if (values.some(Number.isNaN)) return undefined;
            const real = exact(...values, randomOf(codes));
            return real && { real, format, options, random: randomOf(codes) };
          },
        }),
    ...(aim === undefined ? {} : { aim }),
  };
}

/** Comparisons: `eq`, `lt`, `le` are truth values; `compare` is -1, 0, 1 in two's complement of two bits, or 2, unordered. */
function orderOperation(name: VectorOperation, format: Format, { flags, nan }: CommonOptions): TestOperation {
  const operands = [codeField('a', format), codeField('b', format)];
  const order = orderOf(format);
  const { decode } = codecOf(format);
  const isQuiet = name === 'eq' || name === 'compare';
  const resultOf = (sign: number): number => {
    switch (name) {
      case 'eq':
        return Number(sign === 0);
      case 'lt':
        return Number(sign < 0);
      case 'le':
        return Number(sign <= 0);
      default:
        return Number.isNaN(sign) ? 2 : sign & 3;
    }
  };
  return {
    name,
    title: `${name} ${format.name}`,
    operands,
    results: [{ name: 'z', format: undefined, bits: name === 'compare' ? 2 : 1, count: 1 }],
    hasFlags: flags,
    nan,
    answer: (codes) => {
      const sign = order(decode(codes[0]!), decode(codes[1]!), 0, 0);
      // lt and le are the signalling ones of IEEE 754-2019 section 5.6.1, as in TestFloat.
      const isInvalid = isQuiet
        ? operands.some((field, i) => isSignalling(codes[i]!, field))
        : Number.isNaN(sign);
      return { results: [resultOf(sign)], flags: flags && isInvalid ? invalidBit : 0 };
    },
  };
}
