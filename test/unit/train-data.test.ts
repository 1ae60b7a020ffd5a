import { describe, expect, it } from 'vitest';
import { ArgumentError } from '../../src/errors.ts';
import { mobyDick } from '../../src/train/moby-dick.ts';
import { fnv1a32, gaussians, randomIndices, randomWords } from '../../src/train/random.ts';
import {
  checkLength,
  textData,
  trainingWindows,
  validationStarts,
  validationWindows,
} from '../../src/train/text-data.ts';

const alphabet = 'the quick brown fox jumps over the lazy dog. '.repeat(20);

describe('textData', () => {
  it('sorts the vocabulary by code unit and splits by position', () => {
    const data = textData('ébaBab0b\n\n', { validationFraction: 0.3 });
    expect(data.vocabulary).toEqual(['\n', '0', 'B', 'a', 'b', 'é']);
    expect([...data.training]).toEqual([5, 4, 3, 2, 3, 4, 1]);
    expect([...data.validation]).toEqual([4, 0, 0]);
  });

  it('keeps every character', () => {
    const data = textData(alphabet);
    const text = [...data.training, ...data.validation].map((token) => data.vocabulary[token]).join('');
    expect(text).toBe(alphabet);
    expect(data.validation.length).toBe(Math.round(alphabet.length * 0.08));
  });

  it.each([
    ['an empty text', '', undefined, 'text'],
    ['no text', undefined as unknown as string, undefined, 'text'],
    ['one letter only', 'aaaa', undefined, 'text'],
    ['no validation part', 'abc', 0, 'validationFraction'],
    ['no training part', 'abc', 1, 'validationFraction'],
    ['a fraction that is no number', 'abc', Number.NaN, 'validationFraction'],
  ])('refuses %s', (_, text, validationFraction, argument) => {
    const options = validationFraction === undefined ? {} : { validationFraction };
    expect(() => textData(text, options)).toThrow(
      expect.objectContaining({ name: 'ArgumentError', argument }),
    );
  });

  it('refuses a text too short for one sequence, naming the part', () => {
    const data = textData(alphabet.slice(0, 100));
    expect(() => checkLength(data, 8)).toThrow(/8 validation characters.*at least 9/);
    expect(() => checkLength(data, 7)).not.toThrow();
    expect(() => checkLength(textData(alphabet.slice(0, 10), { validationFraction: 0.9 }), 8)).toThrow(
      ArgumentError,
    );
  });
});

describe('batches', () => {
  const data = textData(alphabet);
  const options = { seed: 7, sequences: 5, context: 16 };

  it('are windows of the text with the next character as target', () => {
    const { sequences, inputs, targets } = trainingWindows(data, 3, options);
    expect(sequences).toBe(5);
    const text = data.training.join(',');
    for (let row = 0; row < 5; row++) {
      const window = inputs.slice(row * 16, row * 16 + 16);
      const next = targets.slice(row * 16, row * 16 + 16);
      expect(text).toContain([...window, next[15]].join(','));
      expect([...next.slice(0, 15)]).toEqual([...window.slice(1)]);
    }
  });

  it('depend on seed and step alone', () => {
    const first = trainingWindows(data, 3, options);
    trainingWindows(data, 4, options);
    expect(trainingWindows(data, 3, options)).toEqual(first);
    expect(trainingWindows(data, 4, options)).not.toEqual(first);
    expect(trainingWindows(data, 3, { ...options, seed: 8 })).not.toEqual(first);
  });

  it('reach the last window of the training part and not beyond', () => {
    const starts = randomIndices(20000, 10, 1, 0, 'data/batch');
    expect(new Set(starts)).toEqual(new Set([0, 1, 2, 3, 4, 5, 6, 7, 8, 9]));
    const short = textData('abcdefghijklmnopqrst', { validationFraction: 0.1 });
    for (let step = 0; step < 50; step++)
      expect(Math.max(...trainingWindows(short, step, { seed: 1, sequences: 4, context: 17 }).targets)).toBe(
        17,
      );
  });

  it('cover the validation part once, or a fixed spread of it', () => {
    const all = validationStarts(data, 10);
    expect([...all]).toEqual([0, 10, 20, 30, 40, 50, 60]);
    expect(data.validation.length).toBe(72);
    expect([...validationStarts(data, 10, 3)]).toEqual([0, 20, 40]);
    const { inputs, targets } = validationWindows(data, Int32Array.of(10, 60), 10);
    expect([...inputs.slice(10)]).toEqual([...data.validation.slice(60, 70)]);
    expect([...targets.slice(10)]).toEqual([...data.validation.slice(61, 71)]);
  });
});

describe('random numbers of a run', () => {
  it('hash names as FNV-1a does', () => {
    // The published test values of FNV-1a, 32 bits.
    expect(fnv1a32('')).toBe(0x811c9dc5);
    expect(fnv1a32('a')).toBe(0xe40c292c);
    expect(fnv1a32('foobar')).toBe(0xbf9cf968);
  });

  it('do not depend on how many are drawn', () => {
    expect([...randomWords(9, 5, 2, 'x/y')].slice(0, 6)).toEqual([...randomWords(6, 5, 2, 'x/y')]);
    expect(randomWords(6, 5 + 2 ** 40, 2, 'x/y')).not.toEqual(randomWords(6, 5, 2, 'x/y'));
  });

  it('are Gaussian', () => {
    const values = gaussians(100_000, 0.02, 1, 'layers.0.mlp.down/initial');
    const mean = values.reduce((sum, x) => sum + x, 0) / values.length;
    const deviation = Math.sqrt(values.reduce((sum, x) => sum + (x - mean) ** 2, 0) / values.length);
    expect(Math.abs(mean)).toBeLessThan((4 * 0.02) / Math.sqrt(values.length));
    expect(Math.abs(deviation / 0.02 - 1)).toBeLessThan(4 / Math.sqrt(2 * values.length));
    const beyondTwo = values.filter((x) => Math.abs(x) > 0.04).length / values.length;
    expect(Math.abs(beyondTwo - 0.0455)).toBeLessThan(0.003);
  });
});

describe('mobyDick', () => {
  it('is the novel from its first sentence to its last', async () => {
    const data = await mobyDick();
    const decode = (tokens: Int32Array) => [...tokens].map((token) => data.vocabulary[token]).join('');
    expect(decode(data.training.slice(0, 16))).toBe('Call me Ishmael.');
    expect(decode(data.validation).trimEnd().endsWith('only found another orphan.')).toBe(true);
    expect(data.training.length + data.validation.length).toBe(1_186_770);
    expect(data.vocabulary.length).toBe(81);
    expect(data.validation.length).toBeGreaterThan(50_000);
  });
});
