/**
 * What rounding did, counted: by kernel, role and layer, and by layer and step. Counts and errors only; drawing is somebody
 * else's business.
 */
import { oneOf } from '../check.ts';
import type { Format } from '../formats/index.ts';
import { countErrors, type ErrorCounts } from '../kernels/errors.ts';
import type { Role } from './policy.ts';

/** What rounding did to a set of results. */
export interface LogCounts {
  /** Results that were rounded. */
  readonly calls: number;
  readonly elements: number;
  /** Finite numbers beyond the format's range, whether they became infinite, NaN, or the end of the range. */
  readonly overflow: number;
  /** Numbers that became zero. */
  readonly underflow: number;
  /** Results that are NaN, whether rounding made them so or not. */
  readonly nan: number;
  /** Root of the mean square of |rounded - x| / |x|, over the x that are finite, not zero, and rounded to a finite number. */
  readonly rmsError: number;
  readonly maxError: number;
}

export interface LogRow extends LogCounts {
  /**
   * A kernel's name; `operands` for the rounding of tensors that came from outside, such as weights; under a recipe the slot of a
   * product, such as `forward.w`, whose layer is the parameter.
   */
  readonly kernel: string;
  readonly role: Role;
  /** Names of layers and scopes, joined by `/`; empty outside of all. */
  readonly layer: string;
}

/** One field of a heat map. */
export interface HeatMapCell {
  readonly layer: string;
  /** Number of optimiser steps that were complete. */
  readonly step: number;
  readonly value: number;
}

export type HeatMapMeasure = Exclude<keyof LogCounts, 'calls'>;

const measures: readonly HeatMapMeasure[] = [
  'elements',
  'overflow',
  'underflow',
  'nan',
  'rmsError',
  'maxError',
];

class Counter {
  calls = 0;
  elements = 0;
  overflow = 0;
  underflow = 0;
  nan = 0;
  squares = 0;
  measured = 0;
  largest = 0;

  add(elements: number, found: ErrorCounts): void {
    this.calls++;
    this.elements += elements;
    this.squares += found.squares;
    this.overflow += found.overflow;
    this.underflow += found.underflow;
    this.nan += found.nan;
    this.measured += found.measured;
    this.largest = Math.max(this.largest, found.largest);
  }

  counts(): LogCounts {
    const { calls, elements, overflow, underflow, nan } = this;
    const rmsError = this.measured === 0 ? 0 : Math.sqrt(this.squares / this.measured);
    return { calls, elements, overflow, underflow, nan, rmsError, maxError: this.largest };
  }
}

function show(value: string | number): string {
  if (typeof value === 'string') return value;
  return Number.isInteger(value) ? String(value) : value.toExponential(2);
}

/** What `emulation.log` is. `String(log)` is a table; `JSON.stringify(log)` has the rows and the steps. */
export class EmulationLog {
  readonly #rows = new Map<string, { kernel: string; role: Role; layer: string; counter: Counter }>();
  readonly #steps: Map<string, Counter>[] = [];
  #step = 0;

  /** Counts one result. For the emulation. */
  add(
    kernel: string,
    role: Role,
    layer: string,
    exact: Float32Array,
    rounded: Float32Array,
    { min, max }: Pick<Format, 'min' | 'max'>,
  ): void {
    this.addCounts(kernel, role, layer, exact.length, countErrors(exact, rounded, min, max));
  }

  /** Adds the counts of one result of so many elements. For the emulation. */
  addCounts(kernel: string, role: Role, layer: string, elements: number, counts: ErrorCounts): void {
    const key = `${kernel} ${role} ${layer}`;
    let row = this.#rows.get(key);
    if (row === undefined) {
      row = { kernel, role, layer, counter: new Counter() };
      this.#rows.set(key, row);
    }
    this.#steps[this.#step] ??= new Map();
    const layers = this.#steps[this.#step]!;
    let cell = layers.get(layer);
    if (cell === undefined) {
      cell = new Counter();
      layers.set(layer, cell);
    }
    row.counter.add(elements, counts);
    cell.add(elements, counts);
  }

  /** Begins the next step of the heat map. An optimiser's `applyGradients` does it by itself. */
  nextStep(): void {
    this.#step++;
  }

  /** Forgets everything; steps begin at 0 again. */
  clear(): void {
    this.#rows.clear();
    this.#steps.length = 0;
    this.#step = 0;
  }

  /** A row for each kernel, role and layer, in the order of their first call. */
  get rows(): LogRow[] {
    return [...this.#rows.values()].map(({ kernel, role, layer, counter }) => ({
      kernel,
      role,
      layer,
      ...counter.counts(),
    }));
  }

  /**
   * One measure by layer and step: the share of the elements for counts, the error itself for errors.
   *
   * @throws ArgumentError for an unknown measure
   */
  heatMap(measure: HeatMapMeasure): HeatMapCell[] {
    oneOf('measure', measure, measures);
    const isShare = measure === 'overflow' || measure === 'underflow' || measure === 'nan';
    return this.#steps.flatMap((layers, step) =>
      [...layers].map(([layer, counter]) => {
        const counts = counter.counts();
        return {
          layer,
          step,
          value: isShare ? counts[measure] / Math.max(counts.elements, 1) : counts[measure],
        };
      }),
    );
  }

  toJSON(): { rows: LogRow[]; steps: (LogCounts & { layer: string; step: number })[] } {
    const steps = this.#steps.flatMap((layers, step) =>
      [...layers].map(([layer, counter]) => ({ layer, step, ...counter.counts() })),
    );
    return { rows: this.rows, steps };
  }

  toString(): string {
    const header = [
      'kernel',
      'role',
      'layer',
      'calls',
      'elements',
      'overflow',
      'underflow',
      'nan',
      'rmsError',
      'maxError',
    ] as const;
    const lines = [header, ...this.rows.map((row) => header.map((name) => show(row[name])))];
    const widths = header.map((_, i) => Math.max(...lines.map((line) => line[i]!.length)));
    return lines
      .map((line) =>
        line
          .map((cell, i) => (i < 3 ? cell.padEnd(widths[i]!) : cell.padStart(widths[i]!)))
          .join('  ')
          .trimEnd(),
      )
      .join('\n');
  }
}
