/**
 * Matrix units against their simulation on codes and integers, on inputs that vectors of ordinary numbers do not have: all
 * codes equally likely (subnormals, infinities, NaN), operands over the whole range, products that cancel, overflow.
 */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type MatrixUnit, matrixUnit, matrixUnitNames } from '../../src/arithmetic/matrix-unit/index.ts';
import { type FloatFormat, formats } from '../../src/formats/index.ts';
import { code } from '../../src/testing/index.ts';
import {
  type AlignedTerm,
  addendTerm,
  fieldsOf,
  flooredSum,
  productTerm,
  roundedCount,
  truncatedSum,
} from '../oracles/matrix-unit.ts';

const units = matrixUnitNames.map(({ name }) => matrixUnit(name)).filter(({ step }) => step !== 'pairwise');

interface Row {
  readonly a: readonly number[];
  readonly b: readonly number[];
  readonly c: number;
  readonly scalesA: readonly number[];
  readonly scalesB: readonly number[];
}

/** Codes of a unit's operands for one output. */
function rows(unit: MatrixUnit): fc.Arbitrary<Row> {
  const { operands, addend, k, scales } = unit;
  const top = operands.isSigned ? 2 ** (operands.bits - 1) : 0;
  const anyCode = code(operands) as fc.Arbitrary<number>;
  const finiteCode = anyCode.filter((given) => Number.isFinite(operands.decode(given)));
  const zeroOr = (other: fc.Arbitrary<number>) =>
    fc.oneof({ weight: 6, arbitrary: other }, { weight: 1, arbitrary: fc.constantFrom(0) });
  const line = fc.oneof(
    fc.array(zeroOr(finiteCode), { minLength: k, maxLength: k }),
    fc.array(fc.oneof({ weight: 60, arbitrary: finiteCode }, { weight: 1, arbitrary: anyCode }), {
      minLength: k,
      maxLength: k,
    }),
    // Neighbouring elements of opposite sign: products that cancel.
    fc
      .array(zeroOr(finiteCode), { minLength: k / 2, maxLength: k / 2 })
      .map((half) => half.flatMap((given) => [given, operands.has(-0) ? given ^ top : given])),
  );
  const addends = fc.oneof(
    fc.constantFrom(0),
    (code(addend) as fc.Arbitrary<number>).filter((given) => Number.isFinite(addend.decode(given))),
    code(addend) as fc.Arbitrary<number>,
    fc.double({ min: -300, max: 300, noNaN: true }).map((x) => Number(addend.encode(near(x, addend)))),
  );
  const count = scales === undefined ? 0 : k / scales.size;
  const scaleCode = (code(scales?.format ?? operands) as fc.Arbitrary<number>).map((given) =>
    scales?.format === formats.ue4m3 ? given & 0x7f : given,
  );
  const middling = scales?.format === formats.e8m0 ? fc.integer({ min: 100, max: 150 }) : scaleCode;
  const scaleLine = fc.array(fc.oneof(middling, scaleCode), { minLength: count, maxLength: count });
  return fc.record({ a: line, b: line, c: addends, scalesA: scaleLine, scalesB: scaleLine });
}

/** A number of the format near x, of magnitudes below 512: binary16 has the quarters there. */
function near(x: number, format: FloatFormat): number {
  return format === formats.binary16 ? Math.round(x * 4) / 4 : Math.fround(x);
}

function oneStep(unit: MatrixUnit, row: Row, start: number, c: number): number {
  const { operands, group, scales, step, result, rounding } = unit;
  const cCode = Number(unit.addend.encode(c));
  const a = row.a.slice(start, start + group);
  const b = row.b.slice(start, start + group);
  const values = (codes: readonly number[], format: FloatFormat): number[] =>
    codes.map((given) => format.decode(given));
  const [x, y] = [values(a, operands), values(b, operands)];
  const sum = x.reduce((total, value, i) => total + value * y[i]!, c);
  const scaleValues = scales === undefined ? [] : values([...row.scalesA, ...row.scalesB], scales.format);
  if (!Number.isFinite(sum) || scaleValues.some(Number.isNaN))
    return scaleValues.some(Number.isNaN) ? NaN : sum;
  const addend = addendTerm(fieldsOf(cCode, unit.addend));
  const exponentOf = (given: number): bigint => fieldsOf(given, scales!.format).exponent;
  if (step === 'aligned-blocks') {
    const terms: AlignedTerm[] = [addend];
    for (let from = 0; from < a.length; from += 16) {
      let quarters = 0n;
      for (let i = from; i < from + 16; i++) quarters += BigInt(4 * x[i]! * y[i]!);
      const [s, t] = [row.scalesA, row.scalesB].map((line) =>
        fieldsOf(line[from / scales!.size]!, scales!.format),
      );
      const { count, exponent } = productTerm(s!, t!);
      terms.push({ count: (count * quarters) / 4n, exponent });
    }
    return roundedCount(truncatedSum(terms, BigInt(unit.fractionBits)).count, result, rounding);
  }
  const scaleExponent = scales === undefined ? 0n : exponentOf(row.scalesA[0]!) + exponentOf(row.scalesB[0]!);
  const products = a.map((given, i) =>
    productTerm(fieldsOf(given, operands), fieldsOf(b[i]!, operands), scaleExponent),
  );
  if (step === 'aligned')
    return roundedCount(
      truncatedSum([addend, ...products], BigInt(unit.fractionBits)).count,
      result,
      rounding,
    );
  const overflow = x.reduce(
    (total, value, i) => total + (Math.abs(value * y[i]!) >= 2 ** 128 ? value * y[i]! * Infinity : 0),
    0,
  );
  if (overflow !== 0) return overflow;
  const { count } = flooredSum(products, addend, step === 'floored-halves');
  // An inexact zero keeps its sign here.
  return count < 0n ? -roundedCount(-count, result, rounding) : roundedCount(count, result, rounding);
}

describe.each(units.map((unit) => ({ unit, name: unit.name })))('$name', ({ unit }) => {
  it('is the simulation, bit for bit', () => {
    const { operands, addend, m, n, k, scales } = unit;
    const perRow = scales === undefined ? 0 : k / scales.size;
    fc.assert(
      fc.property(rows(unit), (row) => {
        let expected = addend.decode(row.c);
        for (let start = 0; start < k; start += unit.group) expected = oneStep(unit, row, start, expected);
        const a = new Float64Array(m * k);
        const b = new Float64Array(k * n);
        const c = new Float64Array(m * n);
        row.a.forEach((given, i) => {
          a[i] = operands.decode(given);
        });
        row.b.forEach((given, i) => {
          b[i * n] = operands.decode(given);
        });
        c[0] = addend.decode(row.c);
        const scaleLines = {
          scalesA: new Float64Array(m * perRow).fill(1),
          scalesB: new Float64Array(n * perRow).fill(1),
        };
        for (let i = 0; i < perRow; i++) {
          scaleLines.scalesA[i] = scales!.format.decode(row.scalesA[i]!);
          scaleLines.scalesB[i * n] = scales!.format.decode(row.scalesB[i]!);
        }
        expect(unit.multiply(a, b, c, scales && scaleLines)[0]).toBe(expected);
      }),
      { numRuns: 60 },
    );
  });
});
