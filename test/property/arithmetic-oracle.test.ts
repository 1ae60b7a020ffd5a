/**
 * Operations against the rational oracle: binary32, binary64 and formats of odd sizes, every kind, mode, saturation, treatment of
 * subnormals and stochastic variant, on operands whose results lie on or next to ties, the ends of the range, or nothing special.
 * The intermediate in binary64 and the exact path must agree wherever both serve.
 */
import { describe, expect, it } from 'vitest';
import { createArithmetic, operationOf, planOperations, roundReal } from '../../src/arithmetic/index.ts';
import { codebook, type FloatFormat, type Format, float, toFormat } from '../../src/formats/index.ts';
import { arithmetic } from '../../src/operations/arithmetic.ts';
import {
  dropsHighBits,
  type RoundOptions,
  resolveRounding,
  roundingModes,
  roundScalar,
  saturations,
  stochasticVariants,
  subnormalTreatments,
} from '../../src/rounding/index.ts';
import { nextMagnitude } from '../../src/testing/index.ts';
import {
  type OracleOperation,
  oracleFlags,
  oracleOperate,
  oracleOperations,
  type Unrounded,
  unrounded,
} from '../oracles/arithmetic.ts';
import { units } from '../oracles/units.ts';
import { generator, pick, type Random } from '../random.ts';

const seed = 20260411;

/** The value of the format nearest to x, as far as it has one: never NaN for a number. */
function nearest(x: number, format: Format): number {
  const options = resolveRounding(format, { saturation: 'finite' });
  const value = roundScalar(x, format, options, 0);
  return Number.isNaN(value) && !Number.isNaN(x) ? format.max : value;
}

/** Smallest and largest exponents of a format's values. */
function exponents(format: Format): [number, number] {
  const top = Math.floor(Math.log2(format.max));
  switch (format.kind) {
    case 'float':
      // An unbounded exponent: not so far that results leave binary64.
      return format.exponentBits === Infinity ? [-200, 200] : [format.emin - format.mantissaBits, top];
    case 'posit':
    case 'logarithmic':
      return [Math.floor(Math.log2(format.minPositive)), top];
    case 'fixed':
      return [-format.fractionBits, top];
    default:
      return [0, top];
  }
}

/** A number of any size that the format has room for; most of the middle sizes. */
function anyNumber(format: Format, random: Random): number {
  const [bottom, top] = exponents(format);
  const sizes = [
    (): number => bottom - 1 + random() * (top - bottom + 2),
    (): number => Math.max(bottom, Math.min(top, (random() - 0.5) * 8)),
    (): number => top - random() * 3,
    (): number => bottom + random() * 3,
    (): number => bottom + (format.kind === 'float' ? format.mantissaBits : 0) + random() * 3 - 1.5,
  ];
  const magnitude = (1 + random()) * 2 ** Math.max(-1074, Math.min(1023, Math.floor(pick(sizes, random)())));
  return random() < 0.5 && format.isSigned ? -magnitude : magnitude;
}

function anyValue(format: Format, random: Random): number {
  const choice = random();
  if (choice < 0.03) return pick([0, -0, NaN, Infinity, -Infinity, format.max, format.min], random);
  if (choice < 0.15) {
    const [bottom, top] = exponents(format);
    const power = 2 ** Math.round(bottom + random() * (top - bottom));
    return nearest(pick([power, -power, 1.5 * power, nextMagnitude(power, 1), power - 1], random), format);
  }
  return nearest(anyNumber(format, random), format);
}

/** A number that a result should come near: a middle of two values, the end of the range, half of the smallest value. */
function target(format: Format, random: Random): number {
  const value = nearest(anyNumber(format, random), format);
  const neighbour = nearest(value * (1 + 2 ** -pick([2, 4, 8, 11, 24, 52], random)), format);
  const smallest = 2 ** exponents(format)[0];
  const middle = value / 2 + neighbour / 2;
  const tiny = format.kind === 'float' ? format.minNormal * (1 - format.unitRoundoff / 2) : smallest / 4;
  const close = pick([middle, middle, middle, format.max, smallest / 2, smallest * 1.5, tiny, tiny], random);
  return random() < 0.4 ? close : nextMagnitude(close, pick([-1, 1] as const, random));
}

/** Operands of which the last is chosen so that the result is near the target. */
function operandsFor(name: OracleOperation, format: Format, random: Random): number[] {
  const a = anyValue(format, random);
  const b = anyValue(format, random);
  const t = target(format, random);
  const aimed = random() < 0.6 && Number.isFinite(a) && Number.isFinite(b);
  const member = (x: number): number => (Number.isFinite(x) ? nearest(x, format) : b);
  const c = anyValue(format, random);
  switch (name) {
    case 'add':
      return [a, aimed ? member(t - a) : b];
    case 'sub':
      return [a, aimed ? member(a - t) : b];
    case 'mul':
      return [a, aimed ? member(t / a) : b];
    case 'div':
      return aimed ? [member(t * b), b] : [a, b];
    case 'sqrt':
      return [aimed ? member(t * t) : random() < 0.9 ? Math.abs(a) : a];
    case 'fma':
      return [a, b, aimed ? member(pick([t - a * b, -a * b], random)) : c];
  }
}

/** An unbounded exponent ends where binary64 does; the oracle knows no such end. */
function leavesCarrier(exact: Unrounded, format: Format): boolean {
  if (exact.kind !== 'ratio' || format.kind !== 'float' || format.exponentBits !== Infinity) return false;
  const { numerator, denominator } = exact.magnitude;
  return numerator < units(2 ** -1000) * denominator;
}

function operandsInside(name: OracleOperation, format: Format, random: Random): number[] {
  for (;;) {
    const operands = withMembers(format, operandsFor(name, format, random));
    const [a = 0, b = 0, c = 0] = operands;
    if (!leavesCarrier(unrounded(name, a, b, c, format), format)) return operands;
  }
}

function withMembers(format: Format, operands: readonly number[]): number[] {
  return operands.map((x) => (format.has(x) || Number.isNaN(x) ? x : nearest(x, format)));
}

function optionsFor(format: Format, random: Random): RoundOptions {
  const wraps = format.kind === 'fixed' || (format.kind === 'int' && !format.symmetric);
  const stochastic = random() < 0.35;
  return {
    rounding:
      format.kind === 'posit'
        ? stochastic
          ? 'stochastic'
          : 'nearest-even'
        : stochastic
          ? 'stochastic'
          : pick(roundingModes, random),
    saturation: pick(
      saturations.filter((saturation) => wraps || !dropsHighBits({ saturation })),
      random,
    ),
    subnormals: pick(subnormalTreatments, random),
    variant: pick(stochasticVariants, random),
    randomBits: random() < 0.3 ? 32 : 1 + Math.floor(random() * 32),
  };
}

const floats = [
  ...['binary32', 'binary64', 'bfloat16', 'tf32', 'dlfloat16', 'binary16', 'float(5,6)', 'float(8,20)'],
  ...[
    'float(11,40)',
    'float(3,30)',
    'float(9,47)',
    'float(10,48)',
    'float(10,49)',
    'float(11,50)',
    'float(11,51)',
  ],
  ...['float(4,9,fn)', 'float(6,20,bias=40,fnuz)', 'float(3,7,finite)', 'float(6,17,subnormals=false)'],
  ...[
    'float(5,12,unsigned)',
    'binary15p8se',
    'binary15p12uf',
    'binary12p1se',
    'e8m0',
    'float(9,44,bias=700)',
  ],
].map(toFormat);

const others = [
  ...[
    'int8',
    'int32',
    'int53',
    'uint20',
    'int16symmetric',
    'fixed(10,20)',
    'fixed(0,40,unsigned)',
    'fixed(26,26)',
  ],
  ...['posit8', 'posit16', 'posit32', 'posit(20,3)', 'posit(32,0)', 'posit(8,6)', 'posit(3,9)', 'posit(2,4)'],
  ...['logarithmic(4,3)', 'logarithmic(6,6)', 'nf4', 'ternary', 'binary', 'dynamic8'],
].map(toFormat);

const further = [
  float({ exponentBits: Infinity, mantissaBits: 12 }),
  float({ exponentBits: Infinity, mantissaBits: 52 }),
  codebook({ name: 'uneven', values: [-700.1, -3.3, -1e-9, 0.25, 1.7, 1e12] }),
];

const perOptions = 24;
const settings = 14;

describe('operations = rational oracle', () => {
  it.each([...floats, ...others, ...further])('$name', (format) => {
    const random = generator(seed);
    const wrong: string[] = [];
    let both = 0;
    for (let s = 0; s < settings; s++) {
      const given = optionsFor(format, random);
      const options = resolveRounding(format, given);
      const integers = Uint32Array.from({ length: perOptions }, () =>
        Math.floor(random() * 2 ** options.randomBits),
      );
      for (const name of oracleOperations) {
        const object = createArithmetic(format, { ...given, random: integers });
        const operation = operationOf(name);
        const plan = planOperations(format, options);
        for (let i = 0; i < perOptions; i++) {
          const operands = operandsInside(name, format, random);
          const [a = 0, b = 0, c = 0] = operands;
          const R = integers[i]!;
          const ours =
            name === 'sqrt' ? object.sqrt(a) : name === 'fma' ? object.fma(a, b, c) : object[name](a, b);
          const expected = oracleOperate(name, operands, format, options, R);
          const words = `${format.name} ${name} of ${operands.join(' ')}, ${JSON.stringify(given)}, R = ${R}`;
          if (!Object.is(ours, expected)) wrong.push(`${words}: ours ${ours}, oracle ${expected}`);
          if (operation.special(a, b, c, plan) !== undefined) continue;
          const exact = operation.exact(a, b, c, format);
          if (exact.significand === 0n) continue;
          both++;
          const slow = roundReal(exact, format, options, R);
          if (!Object.is(slow, expected)) wrong.push(`${words}: exact path ${slow}, oracle ${expected}`);
        }
      }
    }
    expect(wrong.slice(0, 5)).toEqual([]);
    expect(both).toBeGreaterThan(perOptions * settings);
  });
});

const flagged = [
  'binary16',
  'binary32',
  'bfloat16',
  'e5m2',
  'e4m3fn',
  'float(5,6)',
  'float(3,30)',
  'float(4,9,fn)',
].map((name) => toFormat(name) as FloatFormat);

describe('flags = rational oracle', () => {
  it.each(flagged)('$name', (format) => {
    const random = generator(seed + 1);
    const wrong: string[] = [];
    let raised = 0;
    for (let s = 0; s < settings; s++) {
      const given = { ...optionsFor(format, random), seed: s };
      const options = resolveRounding(format, given);
      const integers = Uint32Array.from({ length: 200 }, () =>
        Math.floor(random() * 2 ** options.randomBits),
      );
      const object = arithmetic(format, { ...given, random: integers, flags: true });
      for (let i = 0; i < 60; i++) {
        const name = pick(oracleOperations, random);
        const operands = withMembers(format, operandsFor(name, format, random));
        const [a = 0, b = 0, c = 0] = operands;
        object.clearFlags();
        const result =
          name === 'sqrt' ? object.sqrt(a) : name === 'fma' ? object.fma(a, b, c) : object[name](a, b);
        const R = integers[i]!;
        const exact = unrounded(name, a, b, c, format);
        const expected = oracleFlags(exact, result, format, options, R);
        const ours = Object.fromEntries(
          Object.entries(object.flags!).map(([key, count]) => [key, count === 1]),
        );
        raised += Object.values(expected).filter(Boolean).length;
        const words = `${format.name} ${name} of ${operands.join(' ')}, ${JSON.stringify(given)}`;
        if (JSON.stringify({ ...expected }) !== JSON.stringify({ ...expected, ...ours }))
          wrong.push(`${words}: ${JSON.stringify(ours)}, oracle ${JSON.stringify(expected)}`);
      }
    }
    expect(wrong.slice(0, 5)).toEqual([]);
    expect(raised).toBeGreaterThan(100);
  });
});
