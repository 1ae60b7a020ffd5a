/**
 * Throughput of array `encode` and `decode`, each giving a new array, against a copy of the numbers into a new array and
 * against loops of the scalar `round`, `format.encode` and `format.decode`.
 */
import { toFormat } from '../build/formats/index.js';
import { decode, encode } from '../build/operations/index.js';
import { resolveRounding, roundScalar } from '../build/rounding/index.js';
import { fill, measure } from './measure.js';
import { digits, table } from './report.js';

const length = 1e6;
const referenceLength = 2e4;
const names = [
  'e2m1',
  'e4m3fn',
  'binary16',
  'bfloat16',
  'tf32',
  'binary64',
  'int8',
  'fixed(4,12)',
  'posit16',
  'posit32',
  'nf4',
  'dynamic8',
  'logarithmic(4,3)',
];

/**
 * @param {{ seconds: number, report: (line: string) => void }} options
 * @returns rows of millions of elements a second
 */
export function benchCodec({ seconds, report }) {
  const rows = [];
  const x = fill(new Float32Array(length));
  for (const name of names) {
    const format = toFormat(name);
    const given = /** @type {const} */ ({ saturation: 'finite' });
    const options = resolveRounding(format, given);
    const codes = encode(x, format, given);
    const some = x.subarray(0, referenceLength);
    const someCodes = [...codes.subarray(0, referenceLength)];
    const times = measure(
      {
        memmove: () => x.slice(),
        encode: () => encode(x, format, given),
        decode: () => decode(codes, format),
        encodeReference: () => {
          for (const each of some) format.encode(roundScalar(each, format, options, 0));
        },
        decodeReference: () => {
          for (const each of someCodes) format.decode(each);
        },
      },
      { seconds },
    );
    const rate = (/** @type {number} */ time, count = length) => count / time / 1e6;
    rows.push({
      format: name,
      memmove: rate(times.memmove),
      encode: rate(times.encode),
      decode: rate(times.decode),
      encodeReference: rate(times.encodeReference, referenceLength),
      decodeReference: rate(times.decodeReference, referenceLength),
    });
    report(name);
  }
  return rows;
}

/** @param {any[]} rows */
export function codecTable(rows) {
  return table(
    'Encoding and decoding ordinary float32 arrays of 10^6, M elements/s',
    ['format', 'memmove', 'encode', 'decode', 'encode/memmove', 'decode/memmove', 'encode/JS', 'decode/JS'],
    rows.map((r) => [
      r.format,
      ...[
        r.memmove,
        r.encode,
        r.decode,
        r.encode / r.memmove,
        r.decode / r.memmove,
        r.encode / r.encodeReference,
        r.decode / r.decodeReference,
      ].map(digits),
    ]),
  );
}
