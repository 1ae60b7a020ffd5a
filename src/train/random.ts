/**
 * Random numbers of a training run: a pure function of (seed, step, purpose), whatever ran before. Philox4x32-10 with
 * counter (block low, block high, step, FNV-1a-32 of the purpose) and the seed as its key, so that the data order and
 * the initial weights are the same for every recipe that shares a seed. Not the random bits of stochastic rounding.
 */
import { normalQuantile } from '../approximate.ts';
import { randomIntegers } from '../rounding/philox.ts';

const TWO_32 = 2 ** 32;

/** FNV-1a, 32 bits, over the UTF-16 code units' low bytes (names are ASCII). */
export function fnv1a32(text: string): number {
  let hash = 0x811c9dc5;
  for (let i = 0; i < text.length; i++) {
    hash ^= text.charCodeAt(i) & 0xff;
    hash = Math.imul(hash, 0x01000193);
  }
  return hash >>> 0;
}

/** `count` uniform 32-bit integers for (seed, step, purpose). `seed`: an integer in [0, 2^53). */
export function randomWords(count: number, seed: number, step: number, purpose: string): Uint32Array {
  return randomIntegers(count, { seed, stream: (BigInt(fnv1a32(purpose)) << 32n) | BigInt(step) });
}

/** `count` integers, each uniform in [0, range), range at most 2^31. */
export function randomIndices(
  count: number,
  range: number,
  seed: number,
  step: number,
  purpose: string,
): Int32Array {
  return Int32Array.from(randomWords(count, seed, step, purpose), (word) =>
    Math.floor((word / TWO_32) * range),
  );
}

/** `count` samples of N(0, deviation^2), by inversion of (word + 1/2) / 2^32, rounded to binary32. */
export function gaussians(count: number, deviation: number, seed: number, purpose: string): Float32Array {
  return Float32Array.from(
    randomWords(count, seed, 0, purpose),
    (word) => deviation * normalQuantile((word + 0.5) / TWO_32),
  );
}

/** `count` samples, uniform between -limit and limit: limit (2 (word + 1/2) / 2^32 - 1), rounded to binary32. */
export function uniforms(count: number, limit: number, seed: number, purpose: string): Float32Array {
  return Float32Array.from(
    randomWords(count, seed, 0, purpose),
    (word) => limit * ((2 * (word + 0.5)) / TWO_32 - 1),
  );
}
