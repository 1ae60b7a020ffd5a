/**
 * Progress of long work in several parts: how much time is left, and one plain line now and then for logs and pipes.
 * The bar for terminals is progress-bar.ts; both speak through the same interface.
 */

import type { Output } from './io.ts';

/** One part of the work. Parts of the same kind are expected to take equally long for each step. */
export interface Part {
  readonly label: string;
  readonly kind: string;
  readonly steps: number;
  /** What a prediction is of. */
  readonly unit: 'characters' | 'samples';
}

/** The latest figures of the running part. */
interface PartFigures {
  /** Steps done. */
  readonly step: number;
  readonly loss: number;
  readonly predictionsPerSecond: number;
}

/** Where progress is shown. Parts run in order. */
export interface Progress {
  partStarted(index: number): void;
  step(figures: PartFigures): void;
  /** `outcome` says in a few words what came out of the part. */
  partEnded(outcome: string): void;
  /** A wish to stop came; the current step is still being finished. */
  stopping(): void;
  /** Gives the terminal back. */
  close(): void;
}

/** Seconds spent and left; left is null before the first step. */
interface TimeEstimate {
  readonly elapsed: number;
  readonly partLeft: number | null;
  readonly allLeft: number | null;
}

/** A stopwatch over parts that extrapolates from the steps done so far. */
interface Stopwatch {
  partStarted(index: number): void;
  partEnded(): void;
  estimate(stepsDone: number): TimeEstimate;
}

/** A stopwatch for `parts`; `now` is a clock in seconds. */
export function stopwatch(parts: readonly Part[], now: () => number): Stopwatch {
  const start = now();
  const secondsPerStep = new Map<string, number>();
  let current = -1;
  let partStart = start;
  let stepsDone = 0;
  return {
    partStarted(index) {
      current = index;
      partStart = now();
      stepsDone = 0;
    },
    partEnded() {
      if (stepsDone > 0) secondsPerStep.set(parts[current]!.kind, (now() - partStart) / stepsDone);
    },
    estimate(steps) {
      stepsDone = steps;
      const elapsed = now() - start;
      const part = parts[current];
      if (part === undefined || steps === 0) return { elapsed, partLeft: null, allLeft: null };
      const rate = (now() - partStart) / steps;
      const partLeft = rate * (part.steps - steps);
      // A kind that has not run yet is taken to be as slow as the mean of those that have.
      const known = [...new Map(secondsPerStep).set(part.kind, rate).values()];
      const usual = known.reduce((sum, value) => sum + value, 0) / known.length;
      const rest = parts.slice(current + 1);
      const restLeft = rest.reduce(
        (sum, { kind, steps: count }) =>
          sum + count * (kind === part.kind ? rate : (secondsPerStep.get(kind) ?? usual)),
        0,
      );
      return { elapsed, partLeft, allLeft: partLeft + restLeft };
    },
  };
}

/** A duration as `0:07`, `12:30` or `1:02:03`; `--:--` if unknown. */
export function formatDuration(seconds: number | null): string {
  if (seconds === null || !Number.isFinite(seconds)) return '--:--';
  const whole = Math.max(0, Math.round(seconds));
  const two = (value: number): string => String(value).padStart(2, '0');
  const minutes = Math.floor(whole / 60) % 60;
  const hours = Math.floor(whole / 3600);
  return hours > 0 ? `${hours}:${two(minutes)}:${two(whole % 60)}` : `${minutes}:${two(whole % 60)}`;
}

/** What to say when a wish to stop arrives. */
export const stoppingMessage = 'Stopping after this step, keeping what was measured (again: quit at once)';

/** Progress as plain lines, about ten for each part. */
export function lineProgress(output: Output, parts: readonly Part[], now: () => number): Progress {
  const watch = stopwatch(parts, now);
  let index = 0;
  let nextTenth = 1;
  const isOne = parts.length === 1;
  /** A line about the running part. */
  const say = (text: string): void => {
    const place = isOne ? '' : `[${index + 1}/${parts.length}] `;
    output.write(`${place}${parts[index]!.label}: ${text}\n`);
  };
  return {
    partStarted(started) {
      index = started;
      nextTenth = 1;
      watch.partStarted(started);
      say(`${parts[started]!.steps} steps`);
    },
    step({ step, loss, predictionsPerSecond }) {
      const time = watch.estimate(step);
      const { steps, unit } = parts[index]!;
      if (step < (nextTenth * steps) / 10) return;
      nextTenth = Math.floor((step * 10) / steps) + 1;
      const left = formatDuration(time.partLeft);
      say(
        `step ${step}/${steps}, loss ${loss.toFixed(3)}, ${Math.round(predictionsPerSecond)} ${unit}/s, ` +
          `${formatDuration(time.elapsed)} elapsed, ` +
          (isOne ? `${left} left` : `left ${left} for this arm, ${formatDuration(time.allLeft)} for all`),
      );
    },
    partEnded(outcome) {
      watch.partEnded();
      say(outcome);
    },
    stopping: () => void output.write(`${stoppingMessage}\n`),
    close: () => {},
  };
}

/** Progress that shows nothing but the answer to a stop signal. */
export function quietProgress(output: Output): Progress {
  return {
    partStarted: () => {},
    step: () => {},
    partEnded: () => {},
    stopping: () => void output.write(`${stoppingMessage}\n`),
    close: () => {},
  };
}
