/**
 * Matrix products whose results wrap: every integer and fixed-point kind, saturations that drop high bits, deterministic modes, ways to
 * accumulate, orders and shapes. Kernels against the scalar reference, and both against integers where all sums are exact. No bit of a
 * sum may be lost, as there is no first one that counts.
 */
import { describe, expect, it } from 'vitest';
import { createArithmetic } from '../../src/arithmetic/arithmetic.ts';
import { type Format, toFormat } from '../../src/formats/index.ts';
import { arithmetic } from '../../src/operations/arithmetic.ts';
import { isStochastic, roundingModes } from '../../src/rounding/index.ts';

const names = [
  ...['int4', 'int8', 'uint8', 'int16', 'uint16', 'int32', 'uint32'],
  ...['fixed(3,4)', 'fixed(8,7)', 'fixed(0,16,unsigned)', 'fixed(15,16)', 'fixed(20,28)', 'fixed(24,0)'],
];
const modes = roundingModes.filter((mode) => !isStochastic(mode));
const models = [
  { products: 'exact', accumulate: 'exact' },
  { products: 'rounded', accumulate: 'exact' },
  { products: 'exact' },
  {},
] as const;
const orders = ['sequential', 'pairwise', { chunk: 2 }] as const;

/** What a format is made of: its bits, and those of its fraction. */
function layoutOf(format: Format): { bits: number; fraction: number; isSigned: boolean } {
  if (format.kind !== 'int' && format.kind !== 'fixed') throw new Error(`${format.name} does not wrap`);
  const fraction = format.kind === 'fixed' ? format.fractionBits : 0;
  return { bits: format.bits!, fraction, isSigned: format.min < 0 };
}

/** Numbers of all magnitudes, of some first bits each, and the ends, in units of the last place. */
function unitsOf(format: Format, length: number, first: number, seed: number): bigint[] {
  const { bits, isSigned } = layoutOf(format);
  let state = seed;
  return Array.from({ length }, (_, i) => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    const high = BigInt(state);
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    const drawn = (high << 32n) + BigInt(state);
    const top = 1n << BigInt(bits - (isSigned ? 1 : 0));
    if (i % 7 === 3 && first >= bits) return top - 1n;
    if (i % 7 === 5) return isSigned ? -top : 0n;
    const magnitude = 1 + (Number(drawn >> 59n) % bits);
    const cut = BigInt(Math.max(0, magnitude - first));
    const small = (BigInt.asUintN(magnitude, drawn >> 3n) >> cut) << cut;
    return (isSigned && (drawn & 1n) === 1n ? -small : small) % top;
  });
}

/** An integer of units of the last place squared, rounded to such units. */
function rounded(sum: bigint, fraction: number, mode: string): bigint {
  const unit = 1n << BigInt(fraction);
  const rest = BigInt.asUintN(fraction, sum);
  const below = (sum - rest) / unit;
  // Jamming sets the last bit, in two's complement, of exact numbers too.
  if (mode === 'jamming') return below | 1n;
  if (rest === 0n) return below;
  const isNegative = sum < 0n;
  const isOdd = (below & 1n) === 1n;
  const side = 2n * rest < unit ? -1 : 2n * rest > unit ? 1 : 0;
  const raises: Record<string, boolean> = {
    'toward-zero': isNegative,
    'away-from-zero': !isNegative,
    'toward-positive': true,
    'toward-negative': false,
    'to-odd': !isOdd,
    'nearest-even': side > 0 || (side === 0 && isOdd),
    'nearest-odd': side > 0 || (side === 0 && !isOdd),
    'nearest-away': side > 0 || (side === 0 && !isNegative),
    'nearest-to-zero': side > 0 || (side === 0 && isNegative),
    'nearest-to-positive': side >= 0,
    'nearest-to-negative': side > 0,
  };
  if (raises[mode] === undefined) throw new Error(`no rule for ${mode}`);
  return raises[mode] ? below + 1n : below;
}

describe.each(names)('products that wrap in %s', (name) => {
  const format = toFormat(name);
  const { bits, fraction, isSigned } = layoutOf(format);
  // Products of at most 52 bits are exact in the kernels' lanes, whatever their sums are.
  const shapes = [
    { m: 3, n: 2, k: 5, first: 64 },
    { m: 3, n: 4, k: 2, first: 26 },
    { m: 4, n: 3, k: 9, first: 12 },
    { m: 2, n: 3, k: 33, first: 20 },
  ];

  it.each(modes)('%s', (rounding) => {
    let seed = 1;
    for (const saturation of ['wrap', 'keep-sign'] as const)
      for (const model of models)
        for (const order of orders)
          for (const { m, n, k, first } of shapes) {
            const [x, y] = [unitsOf(format, m * k, first, seed++), unitsOf(format, k * n, first, seed++)];
            const values = (units: readonly bigint[]): Float64Array =>
              Float64Array.from(units, (each) => Number(each) / 2 ** fraction);
            const [fast, slow] = [arithmetic, createArithmetic].map((make) =>
              make(format, { rounding, saturation }).matmul(
                values(x),
                values(y),
                { m, n, k },
                { ...model, order },
              ),
            );
            const label = `${saturation} ${JSON.stringify(model)} ${JSON.stringify(order)} ${m} ${n} ${k}`;
            expect(fast, label).toEqual(slow);
            if (saturation !== 'wrap' || model !== models[0]) continue;
            const exact = Float64Array.from({ length: m * n }, (_, at) => {
              const [i, j] = [Math.floor(at / n), at % n];
              let sum = 0n;
              for (let l = 0; l < k; l++) sum += x[i * k + l]! * y[l * n + j]!;
              const whole = rounded(sum, fraction, rounding);
              return (
                Number(isSigned ? BigInt.asIntN(bits, whole) : BigInt.asUintN(bits, whole)) / 2 ** fraction
              );
            });
            expect(fast, label).toEqual(exact);
          }
  });
});
