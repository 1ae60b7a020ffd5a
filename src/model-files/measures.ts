/** What quantising does to a tensor, summed up part by part; the definitions are those of `analyze`. */

import type { RealArray } from '../operations/index.ts';
import { decibels, rootOfQuotient, SumOfProducts } from '../quantizers/analysis/sums.ts';

/** Errors over the elements that are finite before. */
export interface Errors {
  /** Signal to quantisation noise in dB: Infinity if every value is exact, -Infinity if an element is lost. */
  readonly sqnr: number;
  /** Root of the squared error over the squared numbers. */
  readonly relativeError: number;
  readonly largestError: number;
  /** The part of the elements that were not 0 and are. */
  readonly underflowed: number;
  /** Elements that were finite and are not. */
  readonly lost: number;
}

/** Sums over the parts of one tensor or of several. */
export class ErrorSums {
  private readonly signal = new SumOfProducts();
  private readonly noise = new SumOfProducts();
  private elements = 0;
  private largest = 0;
  private underflowed = 0;
  private lost = 0;

  add(x: RealArray, values: RealArray): void {
    if (x instanceof Float32Array) this.addNarrow(x, values);
    else this.addWide(x, values);
    this.elements += x.length;
  }

  /** Binary32 numbers: their squares are within the range of binary64, and a plain loop takes a tenth of the time. */
  private addNarrow(x: Float32Array, values: RealArray): void {
    let [signal, noise, largest, underflowed, lost] = [0, 0, this.largest, 0, 0];
    for (let i = 0; i < x.length; i++) {
      const given = x[i]!;
      const value = values[i]!;
      const error = Math.abs(value - given);
      // Neither NaN nor infinite.
      if (error < Infinity) {
        signal += given * given;
        noise += error * error;
        if (error > largest) largest = error;
        if (value === 0 && given !== 0) underflowed++;
      } else if (Number.isFinite(given)) lost++;
    }
    this.largest = largest;
    this.underflowed += underflowed;
    this.lost += lost;
    this.signal.add(signal, 1);
    this.noise.add(noise, 1);
  }

  private addWide(x: RealArray, values: RealArray): void {
    for (let i = 0; i < x.length; i++) {
      const [given, value] = [x[i]!, values[i]!];
      if (!Number.isFinite(given)) continue;
      if (!Number.isFinite(value)) {
        this.lost++;
        continue;
      }
      this.signal.add(given, given);
      const error = Math.abs(value - given);
      this.noise.add(error, error);
      if (error > this.largest) this.largest = error;
      if (value === 0 && given !== 0) this.underflowed++;
    }
  }

  /** Adds what other sums have. */
  addSums(other: ErrorSums): void {
    this.signal.addSum(other.signal);
    this.noise.addSum(other.noise);
    this.elements += other.elements;
    this.largest = Math.max(this.largest, other.largest);
    this.underflowed += other.underflowed;
    this.lost += other.lost;
  }

  get errors(): Errors {
    const { lost, largest } = this;
    const [total, rest] = [this.signal.total, this.noise.total];
    const underflowed = this.elements === 0 ? 0 : this.underflowed / this.elements;
    if (lost > 0)
      return { sqnr: -Infinity, relativeError: Infinity, largestError: Infinity, underflowed, lost };
    const isExact = rest.m === 0;
    const isSilent = total.m === 0;
    return {
      sqnr: isExact ? Infinity : isSilent ? -Infinity : decibels(total, rest),
      relativeError: isExact ? 0 : isSilent ? Infinity : rootOfQuotient(rest, total),
      largestError: largest,
      underflowed,
      lost,
    };
  }
}
