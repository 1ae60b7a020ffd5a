/**
 * Philox4x32-10 and the map from an element's index to its random integer, in BigInt from the paper's definition (Salmon
 * et al., SC 2011, section 3.3): a block is one number of 128 bits, and a draw is a slice of it.
 */
const word = 0xffffffffn;
const multipliers = [0xd2511f53n, 0xcd9e8d57n] as const;
const weyl = [0x9e3779b9n, 0xbb67ae85n] as const;

/** The 128 bits of a block, the first word lowest. */
export function philoxBlock(counter: bigint, key: bigint): bigint {
  let [a, b, c, d] = [0n, 32n, 64n, 96n].map((shift) => (counter >> shift) & word) as [
    bigint,
    bigint,
    bigint,
    bigint,
  ];
  for (let round = 0n; round < 10n; round++) {
    const k0 = ((key & word) + round * weyl[0]) & word;
    const k1 = ((key >> 32n) + round * weyl[1]) & word;
    const first = multipliers[0] * a;
    const second = multipliers[1] * c;
    [a, b, c, d] = [(second >> 32n) ^ b ^ k0, second & word, (first >> 32n) ^ d ^ k1, first & word];
  }
  return a | (b << 32n) | (c << 64n) | (d << 96n);
}

/** The random integer of element `index`, of N bits. */
export function oracleRandomInteger(index: bigint, seed: bigint, stream: bigint, N: number): number {
  const width = BigInt(N <= 8 ? 8 : N <= 16 ? 16 : 32);
  const perBlock = 128n / width;
  const block = philoxBlock((index / perBlock) | (stream << 64n), seed);
  const draw = (block >> ((index % perBlock) * width)) & ((1n << width) - 1n);
  return Number(draw >> (width - BigInt(N)));
}
