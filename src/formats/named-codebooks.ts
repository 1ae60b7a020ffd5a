/**
 * The catalogue's codebooks, each by its published construction; values are rounded to binary32.
 *
 * nf4: Dettmers, Pagnoni, Holtzman, Zettlemoyer, "QLoRA", arXiv 2305.14314, appendix E (the sixteen numbers).
 * dynamic8: Dettmers, Lewis, Shleifer, Zettlemoyer, "8-bit optimizers via block-wise quantization", arXiv 2110.02861,
 * section 1.3 and the construction of its reference implementation.
 */
import { codebook } from './codebook.ts';
import type { CodebookFormat } from './format.ts';

// biome-ignore format: four a line
const nf4Values = [
  -1, -0.6961928009986877, -0.5250730514526367, -0.39491748809814453,
  -0.28444138169288635, -0.18477343022823334, -0.09105003625154495, 0,
  0.07958029955625534, 0.16093020141124725, 0.24611230194568634, 0.33791524171829224,
  0.44070982933044434, 0.5626170039176941, 0.7229568362236023, 1,
];

/**
 * Decade i = 0 .. 6 holds n fractions, n = 2^i signed and 2^(i+1) unsigned: the midpoints of n equal parts of [0.1, 1],
 * times 10^(i-6). Zero and one complete the 256.
 */
function dynamicValues(signed: boolean): number[] {
  const values = [0, 1];
  for (let decade = 0; decade < 7; decade++) {
    const count = 2 ** (signed ? decade : decade + 1);
    for (let j = 0; j < count; j++) {
      // 0.1 + 0.9 (2j + 1) / (2n) over one denominator, so that only the quotient rounds.
      const magnitude = Math.fround((2 * count + 9 * (2 * j + 1)) / (20 * count * 10 ** (6 - decade)));
      values.push(magnitude);
      if (signed) values.push(-magnitude);
    }
  }
  return values.sort((a, b) => a - b);
}

/**
 * The uniform quantiser of b bits without a zero (mid-rise), in units of half a step: the odd integers from -(2^b - 1) to 2^b - 1. `midrise4` has
 * b = 4. Source: Jayant and Noll, "Digital coding of waveforms", 1984, chapter 4.
 */
export function midrise(bits: number): CodebookFormat {
  const values = Array.from({ length: 2 ** bits }, (_, i) => 2 * i + 1 - 2 ** bits);
  return codebook({ name: `midrise${bits}`, values });
}

export interface NamedCodebooks {
  readonly ternary: CodebookFormat;
  readonly binary: CodebookFormat;
  readonly nf4: CodebookFormat;
  readonly dynamic8: CodebookFormat;
  readonly dynamicUnsigned8: CodebookFormat;
}

export const namedCodebooks: NamedCodebooks = Object.freeze({
  ternary: codebook({ name: 'ternary', values: [-1, 0, 1], ties: 'even-multiple' }),
  binary: codebook({ name: 'binary', values: [-1, 1], ties: 'upper' }),
  nf4: codebook({ name: 'nf4', values: nf4Values.map(Math.fround) }),
  dynamic8: codebook({ name: 'dynamic8', values: dynamicValues(true) }),
  dynamicUnsigned8: codebook({ name: 'dynamicUnsigned8', values: dynamicValues(false) }),
});
