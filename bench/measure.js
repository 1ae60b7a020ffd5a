/**
 * Timing with Benchmark.js: the median time of one call, over whole arrays. Contestants of a group take turns, so that a
 * machine that slows down or speeds up does so for all of them; ratios within a group are what counts.
 */
import Benchmark from 'benchmark';

/** @param {readonly number[]} sorted */
function median(sorted) {
  return sorted[Math.floor(sorted.length / 2)] ?? Number.NaN;
}

/** Seconds of processor time of this process so far: training steps run on one thread, and other programs disturb it least. */
export function processorSeconds() {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1e6;
}

/** @param {readonly number[]} numbers in any order */
export const medianOf = (numbers) => median([...numbers].sort((a, b) => a - b));

/**
 * How many times as long as another an arm takes: the median over the turns that both had, of the ratio of their medians in a turn.
 * What else a machine does lasts longer than a turn, mostly, and hits both.
 * @param {readonly (readonly number[])[]} turns times of the steps of each turn
 * @param {readonly (readonly number[])[]} others
 */
export const pairedRatio = (turns, others) =>
  medianOf(turns.map((times, turn) => medianOf(times) / medianOf(others[turn] ?? [])));

/**
 * Median seconds per call of each contestant.
 * @template {string} Name
 * @param {Record<Name, () => void>} contestants
 * @param {{ seconds: number, turns?: number }} options seconds of measuring a contestant and turn
 * @returns {Record<Name, number>}
 */
export function measure(contestants, { seconds, turns = 2 }) {
  /** @type {Map<string, number[]>} */
  const samples = new Map();
  for (let turn = 0; turn < turns; turn++) {
    for (const [name, call] of Object.entries(contestants)) {
      const bench = new Benchmark(name, call, { maxTime: seconds, minSamples: 3 });
      bench.run({ async: false });
      if (bench.error) throw bench.error;
      samples.set(name, [...(samples.get(name) ?? []), ...bench.stats.sample]);
    }
  }
  const medians = [...samples].map(([name, times]) => [name, median(times.sort((a, b) => a - b))]);
  return Object.fromEntries(medians);
}

/**
 * A copy of so many floats: the yardstick of element-wise work.
 * @param {number} length
 */
export function memmove(length) {
  const from = new Float32Array(length).fill(1);
  const to = new Float32Array(length);
  return () => to.set(from);
}

/**
 * A copy of an array of numbers.
 * @param {Float32Array | Float64Array} array
 */
export function copyOf(array) {
  const from = new Uint8Array(array.byteLength).fill(1);
  const to = new Uint8Array(array.byteLength);
  return () => to.set(from);
}

/**
 * Numbers over twenty binades, most of them within the range of narrow formats.
 * @template {Float32Array | Float64Array} T
 * @param {T} x
 */
export function fill(x) {
  let state = 1;
  for (let i = 0; i < x.length; i++) {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    x[i] = (state / 2 ** 31 - 1) * 2 ** ((state % 21) - 10);
  }
  return x;
}
