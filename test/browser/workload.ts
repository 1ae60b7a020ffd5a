/**
 * What both engines run: the same roundings in Node and in a page, summed up as hashes of all result bits and, for the
 * first elements, the bits themselves. Only web APIs here.
 */
import type * as Halfulp from '../../src/index.ts';

type Library = typeof Halfulp;
type RealArray = Float32Array | Float64Array;

/** One rounding: what it was, a hash of all bits, and the first elements' bits. */
export interface Outcome {
  readonly label: string;
  readonly hash: string;
  readonly first: string;
}

const length = 20_011;
const formats = [
  'binary16', 'bfloat16', 'e4m3fn', 'e5m2fnuz', 'e2m1', 'e8m0', 'dlfloat16', 'binary8p1se', 'float(5,6)', 'int8', 'uint4',
  'fixed(4,4)', 'ternary', 'nf4', 'dynamic8', 'logarithmic(4,3)', 'posit8', 'posit(16,1)',
]; // biome-ignore format: a list of names

function toHex(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('');
}

async function outcome(label: string, result: RealArray): Promise<Outcome> {
  // NaNs are a class: one pattern for all of them. A copy, since digests do not take shared memory.
  const canonical = result instanceof Float32Array ? new Float32Array(result) : new Float64Array(result);
  canonical.forEach((value, i) => {
    if (Number.isNaN(value)) canonical[i] = NaN;
  });
  const bytes = new Uint8Array(canonical.buffer as ArrayBuffer);
  const digest = await crypto.subtle.digest('SHA-256', bytes);
  return { label, hash: toHex(new Uint8Array(digest)), first: toHex(bytes.subarray(0, 256)) };
}

/** Numbers of every magnitude, from Philox bits taken as bit patterns, and a dense range around 1. */
function numbers(library: Library, kind: 'float32' | 'float64'): RealArray {
  const bits = library.randomIntegers(2 * length, { seed: 20260106 });
  const patterns = kind === 'float32' ? new Float32Array(bits.buffer) : new Float64Array(bits.buffer);
  const dense = patterns.map((_, i) => (bits[i]! / 2 ** 32) * 20 - 10);
  return patterns.map((x, i) => (i % 2 === 0 ? x : dense[i]!)).slice(0, length);
}

/** Every mode of every format, in arrays of both kinds, as a whole. */
async function everyMode(library: Library): Promise<Outcome[]> {
  const outcomes: Outcome[] = [];
  for (const name of formats)
    for (const rounding of library.roundingModes) {
      if (name.startsWith('posit') && rounding !== 'nearest-even' && rounding !== 'stochastic') continue;
      for (const kind of ['float32', 'float64'] as const) {
        if (kind === 'float32' && name.startsWith('logarithmic')) continue;
        const result = library.round(numbers(library, kind) as Float64Array, name, { rounding, seed: 42 });
        outcomes.push(await outcome(`${name}, ${rounding}, ${kind}`, result));
      }
    }
  return outcomes;
}

/** Stochastic rounding cut into pieces, and in the library's shared memory. */
async function chunks(library: Library): Promise<Outcome[]> {
  const outcomes: Outcome[] = [];
  for (const name of ['bfloat16', 'e4m3fn', 'int8', 'nf4', 'posit8'])
    for (const randomBits of [5, 16, 32]) {
      const given = { rounding: 'stochastic', seed: 7, stream: 3, randomBits } as const;
      const x = numbers(library, 'float32') as Float32Array;
      const pieces = new Float32Array(length);
      for (let start = 0, size = 1; start < length; start += size, size = (size * 5 + 3) % 4099) {
        const piece = x.subarray(start, start + size);
        pieces.set(library.round(piece, name, { ...given, offset: start }), start);
      }
      outcomes.push(await outcome(`${name}, N = ${randomBits}`, pieces));
      const shared = library.allocateFloat32(length);
      shared.set(x);
      library.round(shared, name, { ...given, out: shared });
      outcomes.push(await outcome(`${name}, N = ${randomBits}`, shared));
    }
  return outcomes;
}

/** Codes, their packing, and what does not round: decoded tables. */
async function codes(library: Library): Promise<Outcome[]> {
  const outcomes: Outcome[] = [];
  for (const name of ['e4m3fn', 'binary16', 'nf4', 'posit8', 'logarithmic(4,3)']) {
    const x = numbers(library, 'float64').map((value) => (Number.isFinite(value) ? value : 1));
    const encoded = library.encode(x, name, { saturation: 'finite' });
    outcomes.push(await outcome(`codes of ${name}`, Float64Array.from(encoded, Number)));
    outcomes.push(await outcome(`values of ${name}`, Float64Array.from(library.decode(encoded, name))));
  }
  return outcomes;
}

/** Two threads, over shared and over ordinary memory. */
async function threads(library: Library): Promise<Outcome[]> {
  await library.startThreads(2);
  const outcomes: Outcome[] = [];
  const big = 300_007;
  const x = Float32Array.from({ length: big }, (_, i) => ((i * 7919) % 20011) / 997 - 10);
  const shared = library.allocateFloat32(big);
  for (const rounding of ['nearest-even', 'stochastic'] as const) {
    const given = { rounding, seed: 9, threads: 2 } as const;
    outcomes.push(await outcome(`bfloat16, ${rounding}`, library.round(x, 'bfloat16', given)));
    shared.set(x);
    library.round(shared, 'bfloat16', { ...given, out: shared });
    outcomes.push(await outcome(`bfloat16, ${rounding}`, shared));
  }
  await library.stopThreads();
  return outcomes;
}

export const workloads = { everyMode, chunks, codes, threads };
