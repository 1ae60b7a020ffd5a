/**
 * Random accumulations for tests, and their comparison with the literal simulation in exact integers: all kinds of formats for
 * operands and accumulator, all modes they accept, all orders, random integers by counter and supplied.
 */
import fc from 'fast-check';
import { expect } from 'vitest';
import type { AccumulatorModel } from '../src/arithmetic/accumulate/index.ts';
import { createArithmetic } from '../src/arithmetic/arithmetic.ts';
import { type Format, fixed, float, formats, int, logarithmic, p3109, posit } from '../src/formats/index.ts';
import { arithmetic } from '../src/operations/arithmetic.ts';
import {
  dropsHighBits,
  isStochastic,
  type ResolvedRounding,
  type RoundingMode,
  type RoundOptions,
  resolveRounding,
  roundingModes,
  roundScalar,
  saturations,
  stochasticVariants,
} from '../src/rounding/index.ts';
import { finite } from '../src/testing/index.ts';
import {
  type OracleDraw,
  type OracleModel,
  oracleInnerProduct,
  oracleNorm,
  philoxDraw,
} from './oracles/accumulate.ts';

export const floats: readonly Format[] = [
  formats.binary64,
  formats.binary32,
  formats.binary16,
  formats.bfloat16,
  formats.tf32,
  formats.e5m2,
  formats.e4m3fn,
  formats.e5m2fnuz,
  formats.e2m1,
  formats.dlfloat16,
  formats.ue5m3,
  formats.e8m0,
  float({ exponentBits: 5, mantissaBits: 6, subnormals: false }),
  float({ exponentBits: 7, mantissaBits: 40 }),
  p3109({ bits: 8, precision: 3, signed: true, domain: 'extended' }),
  p3109({ bits: 8, precision: 4, signed: true, domain: 'finite' }),
  p3109({ bits: 8, precision: 1, signed: false, domain: 'extended' }),
];
export const others: readonly Format[] = [
  formats.int8,
  int({ bits: 32 }),
  int({ bits: 6, signed: false }),
  fixed({ integerBits: 4, fractionBits: 4 }),
  fixed({ integerBits: 10, fractionBits: 20 }),
  formats.posit8,
  formats.posit16,
  formats.posit32,
  posit({ bits: 8, es: 0 }),
  logarithmic({ integerBits: 4, fractionBits: 3 }),
  formats.nf4,
  formats.ternary,
];

const orders = fc.oneof(
  fc.constantFrom('sequential' as const, 'pairwise' as const),
  fc.integer({ min: 1, max: 9 }).map((chunk) => ({ chunk })),
  fc.integer({ min: 1, max: 9 }).map((chunk) => ({ chunk, sums: 'exact' as const })),
);

function modesOf(format: Format): readonly RoundingMode[] {
  return format.kind === 'posit' ? ['nearest-even', 'stochastic'] : roundingModes;
}

/** Values whose products are multiples of 2^-1300; mostly of like size, so that roundings and cancellations happen. */
function operands(format: Format, length: number): fc.Arbitrary<number[]> {
  const options = resolveRounding(format);
  const moderate = fc
    .tuple(fc.integer({ min: -4096, max: 4096 }), fc.integer({ min: -18, max: 4 }))
    .map(([units, exponent]) => roundScalar(units * 2 ** exponent, format, options, 0))
    .filter((x) => format.has(x));
  const wide = finite(format).filter((x) => x === 0 || (Math.abs(x) > 2 ** -500 && Math.abs(x) < 2 ** 500));
  const special = fc
    .constantFrom(0, -0, Infinity, -Infinity, NaN)
    .filter((x) => format.has(x) || Number.isNaN(x));
  return fc.array(
    fc.oneof(
      { weight: 12, arbitrary: moderate },
      { weight: 4, arbitrary: wide },
      { weight: 1, arbitrary: special },
    ),
    { minLength: length, maxLength: length },
  );
}

interface Setting {
  readonly format: Format;
  readonly options: RoundOptions;
  readonly model: AccumulatorModel;
  readonly a: number[];
  readonly b: number[];
  /** The addend, undefined for none. */
  readonly c: number | undefined;
}

/** A format, its options, a model and operands of up to 20 terms. */
function settings(pool: readonly Format[]): fc.Arbitrary<Setting> {
  return fc
    .record({
      format: fc.constantFrom(...pool),
      accumulator: fc.oneof(
        fc.constant('own' as const),
        fc.constant('exact' as const),
        fc.constantFrom(...floats, ...others),
      ),
      length: fc.integer({ min: 0, max: 20 }),
    })
    .chain(({ format, accumulator, length }) =>
      fc.record({
        format: fc.constant(format),
        accumulator: fc.constant(accumulator),
        rounding: fc.constantFrom(...modesOf(format)),
        own: fc.constantFrom(...modesOf(typeof accumulator === 'string' ? format : accumulator), undefined),
        saturation: fc.constantFrom(...saturations),
        subnormals: fc.constantFrom('keep' as const, 'flush' as const, 'round-to-minimum-normal' as const),
        randomBits: fc.integer({ min: 1, max: 32 }),
        variant: fc.constantFrom(...stochasticVariants),
        seed: fc.bigInt({ min: 0n, max: (1n << 64n) - 1n }),
        stream: fc.integer({ min: 0, max: 5 }),
        offset: fc.integer({ min: 0, max: 1000 }),
        products: fc.constantFrom('exact' as const, 'rounded' as const, undefined),
        order: orders,
        a: operands(format, length),
        b: operands(format, length),
        c: fc.oneof(
          fc.constant(undefined),
          operands(format, 1).map(([x]) => x!),
        ),
      }),
    )
    .map(({ format, accumulator, rounding, own, saturation, products, order, a, b, c, ...rest }) => {
      const wraps = format.kind === 'int' || format.kind === 'fixed';
      // A posit takes two modes only; so must the object's mode be, where the accumulator follows it.
      const target = typeof accumulator === 'string' ? format : accumulator;
      const followed = own ?? (modesOf(target).includes(rounding) ? undefined : 'nearest-even');
      return {
        format,
        options: {
          ...rest,
          rounding,
          saturation: dropsHighBits({ saturation }) && !wraps ? 'none' : saturation,
        },
        model: {
          order,
          ...(products && { products }),
          ...(accumulator !== 'own' && { accumulate: accumulator }),
          ...(followed && { rounding: followed }),
        },
        a,
        b,
        c,
      } satisfies Setting;
    });
}

/** The model as the simulation wants it, after the rules of `docs/accumulation.md`. */
function oracleModel({ format, options, model }: Setting): OracleModel {
  const resolved = resolveRounding(format, options);
  const accumulate = model.accumulate ?? format;
  const target = accumulate === 'exact' ? format : (accumulate as Format);
  const wraps = target.kind === 'fixed' || (target.kind === 'int' && !target.symmetric);
  const noSubnormals = format.kind === 'float' && format.subnormals !== true;
  const inner: ResolvedRounding = {
    ...resolved,
    ...resolveRounding(target, {
      rounding: model.rounding ?? resolved.rounding,
      saturation: dropsHighBits(resolved) && !wraps ? 'none' : resolved.saturation,
      subnormals:
        noSubnormals && resolved.subnormals === 'round-to-minimum-normal' ? 'keep' : resolved.subnormals,
      randomBits: resolved.randomBits,
      variant: resolved.variant,
    }),
  };
  const place = { format: target, options: inner };
  const isExact = accumulate === 'exact';
  return {
    products: model.products === 'exact' || (isExact && model.products === undefined) ? undefined : place,
    sums: isExact ? undefined : place,
    order: model.order!,
    result: isExact ? place : { format, options: resolved },
  };
}

/** Kinds of roundings that draw, in the order of the streams. */
function drawingKinds(
  { products, sums, order, result }: OracleModel,
  converts: boolean,
  isProduct: boolean,
): number[] {
  const draws = (place: { options: ResolvedRounding } | undefined): boolean =>
    place !== undefined && isStochastic(place.options.rounding);
  const kinds = [
    isProduct && draws(products),
    draws(sums),
    converts && draws(result),
    draws(sums) && typeof order === 'object',
  ];
  return [0, 1, 2, 3].filter((kind) => kinds[kind]);
}

function converts({ format, model }: Setting): boolean {
  const { accumulate } = model;
  return accumulate !== undefined && String(accumulate) !== format.name;
}

/** Sums, inner products and norms, with the draws of the counter. */
export function checkSimulation(pool: readonly Format[], numRuns: number): void {
  fc.assert(
    fc.property(settings(pool), (setting) => {
      const { format, options, model, a, b, c } = setting;
      const literal = oracleModel(setting);
      const draw = philoxDraw(resolveRounding(format, options), 0, a.length);
      const [x, y] = [Float64Array.from(a), Float64Array.from(b)];
      const fresh = () => createArithmetic(format, options);
      const start = c ?? 0;
      const from = { ...model, ...(c !== undefined && { c }) };
      expect(fresh().dot(x, y, from)).toBe(oracleInnerProduct(a, b, start, literal, draw));
      expect(fresh().sum(x, from)).toBe(oracleInnerProduct(a, undefined, start, literal, draw));
      expect(fresh().norm(x, model)).toBe(oracleNorm(a, literal, draw));
    }),
    { numRuns },
  );
}

/** Inner products with random integers that are supplied: part after part. */
export function checkSupplied(pool: readonly Format[], numRuns: number): void {
  const integers = fc.array(fc.bigInt({ min: 0n, max: (1n << 32n) - 1n }), {
    minLength: 100,
    maxLength: 100,
  });
  const posits = (format: unknown): boolean => (format as { kind?: string } | undefined)?.kind === 'posit';
  const given = settings(pool).filter(
    ({ a, format, model }) => a.length > 0 && !posits(format) && !posits(model.accumulate),
  );
  fc.assert(
    fc.property(
      given,
      fc.constantFrom('stochastic', 'stochastic-equal'),
      integers,
      (drawn, rounding, list) => {
        const { rounding: _, ...model } = drawn.model;
        const setting = { ...drawn, model, options: { ...drawn.options, rounding } };
        const { format, options, a, b } = setting;
        const random = Uint32Array.from(list, (n) => Number(BigInt.asUintN(options.randomBits!, n)));
        const literal = oracleModel(setting);
        const kinds = drawingKinds(literal, converts(setting), true);
        const draw: OracleDraw = (kind, k) => random[kinds.indexOf(kind) * a.length + k] ?? 0;
        const arithmetic = createArithmetic(format, { ...options, random });
        const ours = arithmetic.dot(Float64Array.from(a), Float64Array.from(b), model);
        expect(ours).toBe(oracleInnerProduct(a, b, 0, literal, draw));
        expect(arithmetic.state.supplied).toBe(kinds.length * a.length);
      },
    ),
    { numRuns },
  );
}

/** The object that users get, with its kernels, against the reference alone: long sums, and products of every layout. */
export function checkKernels(pool: readonly Format[], numRuns: number): void {
  const shapes = fc.record({
    m: fc.integer({ min: 0, max: 5 }),
    k: fc.integer({ min: 0, max: 20 }),
    n: fc.integer({ min: 0, max: 5 }),
    batch: fc.integer({ min: 1, max: 2 }),
    transposeA: fc.boolean(),
    transposeB: fc.boolean(),
  });
  fc.assert(
    fc.property(settings(pool), shapes, fc.boolean(), (setting, shape, inPlace) => {
      const { format, options, model, a, b, c } = setting;
      const { m, n, k, batch } = shape;
      const values = (list: readonly number[], length: number, shift: number): Float64Array =>
        Float64Array.from(
          { length },
          (_, i) => list[(i * 7 + shift) % Math.max(list.length, 1)] ?? format.max,
        );
      const [x, y] = [values(a, batch * m * k, 0), values(b, batch * k * n, 3)];
      const [long, other] = [values(a, 70, 1), values(b, 70, 2)];
      const results = [arithmetic(format, options), createArithmetic(format, options)].map((object) => [
        object.sum(long, model),
        object.dot(long, other, model),
        object.dot(long, other, { ...model, ...(c !== undefined && { c }) }),
        object.norm(long, model),
        ...object.matmul(x, y, { ...shape, ...(inPlace && m === n && n === k && { out: x.slice() }) }, model),
        ...object.matmul(x, x, { m, n: m, k, batch, transposeB: true }, model),
        object.state.offset,
      ]);
      expect(results[0]).toEqual(results[1]);
    }),
    { numRuns },
  );
}
