/**
 * What one update did to a weight's codes, counted element by element, and how measures of several weights join. It
 * looks and changes nothing.
 */
import { log } from '../../approximate.ts';
import { type Format, ulp } from '../../formats/index.ts';

/** What a write did to the codes; measured only when asked for. */
export interface WriteMeasure {
  /** Part of the codes that changed. */
  readonly flipRate: number;
  /** Mean of r = |updated - held| / step of the grid. */
  readonly stepRatio: number;
  /** Part of the weights with r below 1/2: those that rounding to nearest leaves where they are. */
  readonly frozen: number;
  /** How many weights have r in which range: see {@link ratioEdges}. */
  readonly ratios: readonly number[];
  /** Information of a code as often as it is used, after the write: at most log2 of the number of codes. */
  readonly entropy: number;
  /** Part of the codes that stand for zero. */
  readonly zeroFraction: number;
  /** Part of the codes at an end of the grid. */
  readonly saturation: number;
}

/**
 * Powers of two between the ranges of `ratios`: the first range is below the first edge, range i from edge i - 1 up to
 * below edge i, the last one from the last edge on.
 */
export const ratioEdges: readonly number[] = Array.from({ length: 15 }, (_, i) => 2 ** (i - 11));

const LN_2 = log(2);

/** Entropy in bits of how often each of several things was counted. */
export function entropyOf(counts: Iterable<number>): number {
  let total = 0;
  let sum = 0;
  for (const count of counts) {
    total += count;
    if (count > 0) sum += count * log(count);
  }
  return total === 0 ? 0 : (log(total) - sum / total) / LN_2;
}

/** Counts how often each element of an array occurs. */
export function countCodes(
  codes: ArrayLike<number | bigint>,
  counts: Map<number, number> = new Map(),
): Map<number, number> {
  for (let i = 0; i < codes.length; i++) {
    const code = Number(codes[i]);
    counts.set(code, (counts.get(code) ?? 0) + 1);
  }
  return counts;
}

/** The distance of an element to the next larger one. Integers and ternary values have no other than 1. */
export function stepOf(format: Format): (element: number) => number {
  return format.kind === 'int' || format.name === 'ternary' ? () => 1 : (element) => ulp(element, format);
}

/** r = |updated - held| / step of the grid; 0 where nothing moved, though the grid be one point. */
export function stepRatioOf(updated: number, held: number, step: number): number {
  const moved = Math.abs(updated - held);
  return moved === 0 ? 0 : moved / step;
}

/** Gathers the measure of one write. */
export class WriteTally {
  readonly #ratios: number[] = new Array<number>(ratioEdges.length + 1).fill(0);
  #count = 0;
  #flips = 0;
  #moved = 0;
  #frozen = 0;
  #zeros = 0;
  #ends = 0;

  /**
   * One weight.
   * @param ratio |updated - held| / step of the grid
   */
  add(ratio: number, isFlipped: boolean, isZero: boolean, isEnd: boolean): void {
    this.#count++;
    this.#moved += ratio;
    if (isFlipped) this.#flips++;
    if (isZero) this.#zeros++;
    if (isEnd) this.#ends++;
    if (ratio < 0.5) this.#frozen++;
    let range = 0;
    while (range < ratioEdges.length && ratio >= ratioEdges[range]!) range++;
    this.#ratios[range] = this.#ratios[range]! + 1;
  }

  /** @param codes of all weights after the write */
  result(codes: ArrayLike<number | bigint>): WriteMeasure {
    const count = this.#count;
    return {
      flipRate: this.#flips / count,
      stepRatio: this.#moved / count,
      frozen: this.#frozen / count,
      ratios: this.#ratios,
      entropy: entropyOf(countCodes(codes).values()),
      zeroFraction: this.#zeros / count,
      saturation: this.#ends / count,
    };
  }
}

const parts = ['flipRate', 'stepRatio', 'frozen', 'entropy', 'zeroFraction', 'saturation'] as const;

/** Several measures as one: means weighted by sizes, sums of the counts. */
export function joinWrites(
  measures: readonly { readonly size: number; readonly measure: WriteMeasure }[],
): WriteMeasure {
  const size = measures.reduce((sum, one) => sum + one.size, 0);
  const mean = (part: (typeof parts)[number]): number =>
    measures.reduce((sum, one) => sum + one.measure[part] * one.size, 0) / size;
  return {
    ...(Object.fromEntries(parts.map((part) => [part, mean(part)])) as Record<
      (typeof parts)[number],
      number
    >),
    ratios: Array.from({ length: ratioEdges.length + 1 }, (_, i) =>
      measures.reduce((sum, { measure }) => sum + measure.ratios[i]!, 0),
    ),
  };
}
