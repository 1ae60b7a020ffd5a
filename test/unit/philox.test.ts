/** Philox4x32-10 against the known answers of Random123, and the map from element index to random integer. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  philox4x32,
  randomInteger,
  randomIntegers,
  type Words2,
  type Words4,
} from '../../src/rounding/index.ts';

const ones = 0xffffffff;
const pi: Words4 = [0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344];
const piKey: Words2 = [0xa4093822, 0x299f31d0];

describe('known answers of Random123', () => {
  it.each<[number, Words4, Words2, Words4]>([
    [10, [0, 0, 0, 0], [0, 0], [0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8]],
    [10, [ones, ones, ones, ones], [ones, ones], [0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd]],
    [10, pi, piKey, [0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1]],
    [7, [0, 0, 0, 0], [0, 0], [0x5f6fb709, 0x0d893f64, 0x4f121f81, 0x4f730a48]],
  ])('%i rounds', (rounds, counter, key, expected) => {
    expect(philox4x32(counter, key, rounds)).toEqual(expected);
  });
});

describe('random integers of elements', () => {
  it('reads words and slices least significant first', () => {
    const words = [0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8];
    expect([...randomIntegers(4, { randomBits: 32 })]).toEqual(words);
    expect([...randomIntegers(4, { randomBits: 16 })]).toEqual([0xe8d5, 0x6627, 0xc58d, 0xe169]);
    expect([...randomIntegers(4, { randomBits: 8 })]).toEqual([0xd5, 0xe8, 0x27, 0x66]);
    expect([...randomIntegers(4, { randomBits: 3 })]).toEqual([0xd5 >> 5, 0xe8 >> 5, 0x27 >> 5, 0x66 >> 5]);
  });

  it('puts seed in the key and stream in the high half of the counter', () => {
    const given = { seed: 0x299f31d0a4093822n, stream: 0x0370734413198a2en };
    const block = 0x85a308d3 * 2 ** 32 + 0x243f6a88;
    expect(block * 4).toBeGreaterThan(2 ** 53); // too far out for an offset: words are checked by the cipher itself
    expect([...randomIntegers(4, given)]).toEqual([...philox4x32([0, 0, pi[2], pi[3]], piKey)]);
    const offset = 2 ** 36 + 8;
    expect([...randomIntegers(4, { ...given, offset })]).toEqual([
      ...philox4x32([2, 4, pi[2], pi[3]], piKey),
    ]);
  });

  it('gives one element what it gives a list', () => {
    for (const randomBits of [1, 8, 9, 16, 17, 32])
      for (let offset = 0; offset < 40; offset++) {
        const given = { randomBits, offset, seed: 3, stream: 9 };
        expect(randomInteger(given)).toBe(randomIntegers(1, given)[0]);
      }
  });

  it('does not depend on chunking', () => {
    const cases = fc.record({
      randomBits: fc.integer({ min: 1, max: 32 }),
      offset: fc.nat({ max: 2 ** 40 }),
      cut: fc.nat({ max: 40 }),
      seed: fc.nat(),
      stream: fc.nat(),
    });
    fc.assert(
      fc.property(cases, ({ cut, ...given }) => {
        const whole = randomIntegers(40, given);
        const first = randomIntegers(cut, given);
        const rest = randomIntegers(40 - cut, { ...given, offset: given.offset + cut });
        expect([...first, ...rest]).toEqual([...whole]);
      }),
    );
  });

  it('names the option that is out of range', () => {
    expect(() => randomIntegers(1, { randomBits: 33 })).toThrow(/randomBits: got 33/);
    expect(() => randomIntegers(1, { seed: -1 })).toThrow(/seed: got -1/);
    expect(() => randomIntegers(1, { stream: 2n ** 64n })).toThrow(/stream/);
    expect(() => randomIntegers(1, { offset: 0.5 })).toThrow(/offset/);
  });
});
