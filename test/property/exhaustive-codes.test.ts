/**
 * Every code of every catalogue format of at most 16 bits and of the 120 P3109 formats with K = 3 to 8: it decodes as the
 * definition says, its value encodes to it, alone and in arrays, and its value rounds to itself in every mode but
 * jamming, which sets its last bit.
 */
import { describe, expect, it } from 'vitest';
import { type Format, scalarFormats, toFormat } from '../../src/formats/index.ts';
import { decode, encode, fitsBinary32, round } from '../../src/operations/conversions.ts';
import { modesOf, p3109Formats } from '../exhaustive.ts';
import { oracleDecode } from '../oracles/index.ts';

const catalogue: readonly Format[] = Object.values(scalarFormats);
const walked: readonly Format[] = [
  ...catalogue.filter((format) => format.bits <= 16),
  ...['posit(8,0)', 'posit(8,1)', 'posit(16,1)', 'int8symmetric', 'int16', 'uint16'].map(toFormat),
  ...['fixed(4,4)', 'fixed(0,8,unsigned)', 'fixed(8,7)', 'logarithmic(4,3)', 'logarithmic(8,7)'].map(
    toFormat,
  ),
];
const reports = [3, 4, 5, 6, 7, 8].flatMap(p3109Formats);

const isList = (format: Format): boolean => format.kind === 'codebook' || format.kind === 'logarithmic';

/** Codes whose value, or whose own encoding, is not as it should be. */
function wrongCodes(format: Format): string[] {
  const wrong: string[] = [];
  for (let code = 0; code < 2 ** format.bits; code++) {
    const value = format.decode(code);
    if (!isList(format) && !Object.is(value, oracleDecode(format, BigInt(code))))
      wrong.push(`${code} decodes to ${value}, not ${oracleDecode(format, BigInt(code))}`);
    if (Number.isNaN(value)) {
      // Several codes may be NaN; codes that are no value at all decode to NaN too.
      if (format.has(NaN) !== format.hasNaN) wrong.push(`has(NaN) is ${format.has(NaN)}`);
      if (format.hasNaN && !Number.isNaN(format.decode(format.encode(NaN))))
        wrong.push('NaN does not encode');
    } else {
      const again = format.encode(value);
      // The logarithmic zero has two codes, as its sign says nothing.
      const isOtherZero = format.kind === 'logarithmic' && value === 0;
      if (again !== code && !(isOtherZero && Object.is(format.decode(again), value)))
        wrong.push(`${code} is ${value}, which encodes to ${again}`);
      if (!format.has(value)) wrong.push(`${code} is ${value}, which the format does not have`);
    }
  }
  return wrong;
}

/** Codes that the array functions treat otherwise than `format.decode` and `format.encode`. */
function wrongInArrays(format: Format): string[] {
  const codes = Uint16Array.from({ length: 2 ** format.bits }, (_, code) => code);
  const narrow = format.bits <= 8 ? Uint8Array.from(codes) : codes;
  const wrong: string[] = [];
  const decoded = decode(narrow, format);
  const numbers = Float64Array.from(codes, (code) => format.decode(code)).filter((x) => !Number.isNaN(x));
  codes.forEach((code) => {
    if (!Object.is(decoded[code], format.decode(code)))
      wrong.push(`decode gives ${decoded[code]} for ${code}`);
  });
  for (const x of [numbers, ...(fitsBinary32(format) ? [Float32Array.from(numbers)] : [])]) {
    const encoded = encode(x, format);
    x.forEach((value, i) => {
      if (encoded[i] !== format.encode(value)) wrong.push(`encode gives ${encoded[i]} for ${value}`);
    });
  }
  return wrong;
}

/** Values that some mode but jamming changes; infinities under the saturations that keep them. */
function movingValues(format: Format): string[] {
  const values = Float64Array.from({ length: 2 ** format.bits }, (_, code) => format.decode(code));
  const moved: string[] = [];
  for (const saturation of ['none', 'finite', 'propagate'] as const)
    for (const rounding of modesOf(format).filter((mode) => mode !== 'jamming')) {
      const rounded = round(values, format, { rounding, saturation });
      values.forEach((value, i) => {
        const expected =
          saturation === 'finite' && Math.abs(value) === Infinity ? Math.sign(value) * format.max : value;
        if (!Object.is(rounded[i], expected))
          moved.push(`${rounding}, ${saturation}: ${value} becomes ${rounded[i]}`);
      });
    }
  return moved;
}

describe.each([
  ['the catalogue up to 16 bits, and more of each kind', walked],
  ['P3109, K = 3 to 8', reports],
])('%s', (_, all) => {
  it.each(all)('$name', (format) => {
    expect(wrongCodes(format)).toEqual([]);
    expect(wrongInArrays(format)).toEqual([]);
    expect(movingValues(format)).toEqual([]);
  });
});

it('counts', () => {
  const codes = [...walked, ...reports].reduce((sum, format) => sum + 2 ** format.bits, 0);
  console.info(`codes: ${codes} codes of ${walked.length + reports.length} formats`);
  expect(codes).toBeGreaterThan(500_000);
});

it('walks every P3109 format with K = 3 to 8', () => {
  expect(reports.length).toBe(120);
  expect(new Set(reports.map(({ name }) => name)).size).toBe(120);
});
