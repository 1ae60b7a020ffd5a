/** What LZMA made is what it was made of, whatever it was: by the encoder that packs the kernels. */
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { compressed } from '../../scripts/build-kernels.js';
import { decompress } from '../../src/kernels/lzma.ts';

const isSame = (bytes: Uint8Array): boolean =>
  Buffer.compare(decompress(compressed(bytes), bytes.length), bytes) === 0;

it('any bytes, with runs and repetitions', () => {
  const parts = fc.array(fc.uint8Array({ minLength: 1, maxLength: 40 }), { minLength: 1, maxLength: 6 });
  const order = fc.array(fc.tuple(fc.nat(), fc.integer({ min: 1, max: 30 })), {
    minLength: 1,
    maxLength: 40,
  });
  fc.assert(
    fc.property(parts, order, (pieces, taken) => {
      const bytes = taken.flatMap(([which, times]) =>
        Array.from({ length: times }, () => [...pieces[which % pieces.length]!]).flat(),
      );
      expect(isSame(Uint8Array.from(bytes))).toBe(true);
    }),
    { numRuns: 100 },
  );
});

it('lengths and distances of every size', () => {
  const bytes = Uint8Array.from({ length: 70_000 }, (_, i) => (i * i * 2654435761) >>> (i % 29));
  const long = Buffer.concat([
    ...[bytes, Buffer.alloc(5000, 7), bytes.subarray(0, 32_768)],
    ...Array.from({ length: 60 }, (_, i) => bytes.subarray(i * 1000, i * 1000 + 2 + 5 * i)),
  ]);
  expect(isSame(long)).toBe(true);
  expect(isSame(Uint8Array.of(0))).toBe(true);
});
