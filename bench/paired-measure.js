/**
 * In the place of `measure.js` under `paired.js`: a contestant runs in short turns, each of which begins when the parent says so. Medians
 * of all turns go to a file, a line a contestant.
 */
import { appendFileSync, readSync, writeSync } from 'node:fs';

const original = /** @type {string} */ (new URL(import.meta.url).searchParams.get('of'));
export const { copyOf, fill, medianOf, memmove, pairedRatio, processorSeconds } = await import(
  `${original}?itself`
);

const wanted = Number(process.env['PAIRED_TURNS']);
const record = /** @type {string} */ (process.env['PAIRED_RECORD']);
const [asking, answering] = [3, 4];
/** Seconds of a sample, and of calls before the first. */
const [sampleSeconds, warmSeconds] = [0.003, 0.03];
const samplesOfTurn = 5;
const byte = Buffer.alloc(1);
let groups = 0;

/** Waits until the other process is done with its turn. */
function awaitTurn() {
  writeSync(asking, '.');
  readSync(answering, byte, 0, 1, null);
}

/** @param {() => void} call @param {number} [count] */
function secondsOf(call, count = 1) {
  const began = performance.now();
  for (let i = 0; i < count; i++) call();
  return (performance.now() - began) / 1000 / count;
}

/** @param {() => void} call */
function planOf(call) {
  awaitTurn();
  let least = Math.min(secondsOf(call), secondsOf(call));
  for (let spent = 2 * least; spent < warmSeconds; ) {
    const seconds = secondsOf(call);
    least = Math.min(least, seconds);
    spent += seconds;
  }
  // What is slow has fewer turns, of one sample.
  const isSlow = least > warmSeconds;
  return {
    count: Math.max(1, Math.ceil(sampleSeconds / least)),
    samples: isSlow ? 1 : samplesOfTurn,
    turns: least > 0.1 ? 1 : isSlow ? Math.min(3, wanted) : wanted,
  };
}

/**
 * Median seconds per call of each contestant.
 * @param {Record<string, () => void>} contestants
 */
export function measure(contestants) {
  const all = Object.entries(contestants).map(([name, call]) => ({
    ...{ name, call, plan: planOf(call) },
    /** @type {number[]} */ medians: [],
  }));
  for (let turn = 0; turn < wanted; turn++)
    for (const { call, plan, medians } of all.filter((one) => turn < one.plan.turns)) {
      awaitTurn();
      medians.push(medianOf(Array.from({ length: plan.samples }, () => secondsOf(call, plan.count))));
    }
  for (const { name, medians } of all)
    appendFileSync(record, `${JSON.stringify({ group: groups, name, medians })}\n`);
  groups++;
  return Object.fromEntries(all.map(({ name, medians }) => [name, medianOf(medians)]));
}
