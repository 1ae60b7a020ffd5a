/** Groups whose scales are found together: those of a piece, one that is longer, those of a stripe. */
import type { Pass } from './quantizer-pass.ts';
import { aloneIn, type Piece, type Stripe, type Walk } from './quantizer-pieces.ts';

/** Whole groups. */
export interface Members {
  /** The number of the first group. */
  readonly group: number;
  /** Over whole groups. */
  readonly walk: Walk;
  /** Lines of each group. */
  readonly lines: number;
  /** Finds their largest magnitudes, NaN where there is a NaN: their statistics. */
  findMaxima(): void;
  /** Takes the groups part by part, all of the same number of elements of each: where they lie, and the walk over the part. */
  eachPart(visit: (source: number, walk: Walk) => void): void;
}

/** The largest magnitude of any number of elements; NaN if there is a NaN. */
export function maximumOf(
  { kernels, stream, extent, at, statistics }: Pass,
  start: number,
  length: number,
): number {
  let most = 0;
  for (let done = 0; done < length; done += extent.length) {
    const count = Math.min(extent.length, length - done);
    const source = stream.load(start + done, count);
    kernels.absoluteMaxima(source, 1, count, count, count, at.statistics, at.parameters);
    most = Math.max(most, statistics[0]!);
  }
  return most;
}

export class PieceMembers implements Members {
  readonly group: number;
  readonly walk: Piece;
  readonly lines = 1;
  /** Where they lie. */
  readonly source: number;
  readonly #pass: Pass;

  constructor(pass: Pass, piece: Piece) {
    this.#pass = pass;
    this.walk = piece;
    this.group = piece.group;
    this.source = pass.stream.load(piece.start, piece.length);
  }

  findMaxima(): void {
    const { kernels, at } = this.#pass;
    const { groups, size, columns, left } = this.walk;
    kernels.absoluteMaxima(this.source, groups, size, columns, left, at.statistics, at.parameters);
  }

  eachPart(visit: (source: number, walk: Walk) => void): void {
    visit(this.source, this.walk);
  }
}

export class LongMembers implements Members {
  readonly group: number;
  readonly walk: Walk;
  readonly lines = 1;
  readonly #pass: Pass;
  readonly #start: number;

  constructor(pass: Pass, start: number, length: number, group: number) {
    this.#pass = pass;
    this.#start = start;
    this.walk = aloneIn(length);
    this.group = group;
  }

  findMaxima(): void {
    this.#pass.statistics[0] = maximumOf(this.#pass, this.#start, this.walk.length);
  }

  eachPart(visit: (source: number, walk: Walk) => void): void {
    const { stream, extent } = this.#pass;
    const { length } = this.walk;
    for (let done = 0; done < length; done += extent.length) {
      const count = Math.min(extent.length, length - done);
      visit(stream.load(this.#start + done, count), aloneIn(count));
    }
  }
}

export class StripeMembers implements Members {
  readonly group: number;
  readonly walk: Walk;
  readonly lines: number;
  /** Rows that are taken at a time. */
  readonly most: number;
  readonly #pass: Pass;
  readonly #stripe: Stripe;
  /** Where all rows lie, if they are taken at once. */
  readonly #source: number | undefined;
  #isGathered = false;

  constructor(pass: Pass, stripe: Stripe) {
    const { layout, extent } = pass;
    const { rows, width, group } = stripe;
    const fitting = Math.floor(extent.length / width);
    this.#pass = pass;
    this.#stripe = stripe;
    this.group = group;
    this.walk = this.#walkOver(rows);
    this.lines = layout.band!.hasLines ? rows : 1;
    // Parts of groups have a multiple of 4 elements.
    this.most = fitting >= rows ? rows : fitting & ~3;
    if (this.most === rows) this.#source = this.load(0, rows);
  }

  #walkOver(rows: number): Walk {
    const { size } = this.#pass.layout;
    const length = rows * this.#stripe.width;
    const groups = Math.ceil(this.#stripe.width / size);
    return { length, groups, size: rows * size, columns: length, left: length };
  }

  /** Where some rows lie. */
  load(row: number, count: number): number {
    const { stream, layout } = this.#pass;
    const { start, width } = this.#stripe;
    return this.#source ?? stream.load(start + row * layout.columns, width, count, layout.columns);
  }

  #pitch(): number {
    const { stream, layout } = this.#pass;
    return 4 * stream.pitch(this.#stripe.width, layout.columns);
  }

  findMaxima(): void {
    const { kernels, at, memory, layout } = this.#pass;
    const { rows, width } = this.#stripe;
    const { size } = layout;
    const largest = size === 1 ? at.statistics : at.maxima;
    new Float32Array(memory.buffer, largest, width).fill(0);
    for (let row = 0; row < rows; row += this.most) {
      const count = Math.min(this.most, rows - row);
      kernels.columnMaxima(this.load(row, count), count, width, this.#pitch(), largest, at.parameters);
    }
    if (size > 1)
      kernels.absoluteMaxima(at.maxima, this.walk.groups, size, width, width, at.statistics, at.parameters);
  }

  eachPart(visit: (source: number, walk: Walk) => void): void {
    const { kernels, at, layout } = this.#pass;
    const { rows, width } = this.#stripe;
    const { groups } = this.walk;
    for (let row = 0; row < rows; row += this.most) {
      const count = Math.min(this.most, rows - row);
      if (!this.#isGathered) {
        const source = this.load(row, count);
        kernels.gatherGroups(source, at.gathered, groups, layout.size, width, count, this.#pitch());
      }
      this.#isGathered = this.most === rows;
      visit(at.gathered, this.#walkOver(count));
    }
  }
}
