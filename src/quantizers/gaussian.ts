/**
 * The clipping level, in standard deviations, that minimises the squared error of quantising a normal distribution.
 * Constants only. Source: Panferov et al., "QuEST: stable training of LLMs with 1-bit weights and activations", arXiv
 * 2502.05003 (integers of b bits), and Castro et al., "Quartet: native FP4 training can be optimal for LLMs", arXiv
 * 2505.14669 (e2m1).
 */
import type { Format } from '../formats/format.ts';

const integerLevels: readonly number[] = [0.7979, 1.4935, 2.0511, 2.5139, 2.9161, 3.2766, 3.601, 3.8849];

/** By the format's name; integers and `binary` by their bits. */
const namedLevels: Readonly<Record<string, number>> = {
  ...{ ternary: 1.224, binary: 0.7979, e2m1: 2.92247856 },
  ...Object.fromEntries(integerLevels.map((level, i) => [`midrise${i + 1}`, level])),
};

/** The published level for uniform quantisers of so many bits, 1.585 for three levels; undefined where there is none. */
export function gaussianLevelOfBits(bits: number): number | undefined {
  return bits === 1.585 ? namedLevels['ternary'] : integerLevels[bits - 1];
}

/** The published level for a format; undefined where there is none. */
export function gaussianLevel(format: Format): number | undefined {
  return format.kind === 'int' ? gaussianLevelOfBits(format.bits) : namedLevels[format.name];
}
