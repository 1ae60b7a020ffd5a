/** What DEFLATE made is what it was made of: blocks of every kind, from zlib. */
import { constants, deflateRawSync } from 'node:zlib';
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { inflate } from '../../src/kernels/inflate.ts';

const strategies = [
  constants.Z_DEFAULT_STRATEGY,
  constants.Z_FIXED,
  constants.Z_HUFFMAN_ONLY,
  constants.Z_RLE,
  constants.Z_FILTERED,
];

it('any bytes, by every strategy and level', () => {
  const runs = fc
    .array(fc.tuple(fc.uint8Array({ maxLength: 40 }), fc.integer({ min: 1, max: 30 })), { maxLength: 40 })
    .map((parts) =>
      Buffer.concat(parts.flatMap(([bytes, times]) => Array.from({ length: times }, () => bytes))),
    );
  fc.assert(
    fc.property(
      runs,
      fc.constantFrom(...strategies),
      fc.integer({ min: 0, max: 9 }),
      (bytes, strategy, level) => {
        const out = inflate(deflateRawSync(bytes, { strategy, level }), bytes.length);
        expect(Buffer.compare(out, bytes)).toBe(0);
      },
    ),
    { numRuns: 500 },
  );
});

it('lengths and distances of every size, and blocks of 64 KB', () => {
  const bytes = Buffer.from(
    Uint8Array.from({ length: 300_000 }, (_, i) => (i * i * 2654435761) >>> (i % 29)),
  );
  const long = Buffer.concat([
    bytes,
    Buffer.alloc(5000, 7),
    bytes.subarray(0, 32_768),
    bytes.subarray(100_000, 100_258),
  ]);
  for (const level of [0, 1, 9])
    expect(Buffer.compare(inflate(deflateRawSync(long, { level }), long.length), long)).toBe(0);
  expect(inflate(deflateRawSync(Buffer.alloc(0)), 0)).toHaveLength(0);
});
