/**
 * Statistics that remember: exponential moving averages and delayed scaling (the largest or latest of a window of earlier
 * calls). The state is plain data. Sources: Jacob et al., "Quantization and training of neural networks for efficient
 * integer-arithmetic-only inference", arXiv 1712.05877, section 3.1 (averages); Micikevicius et al., "FP8 formats for deep
 * learning", arXiv 2209.05433, and TransformerEngine's delayed scaling (windows).
 */
import { checkLength, checkList, numberInRange, pathOf } from '../check.ts';
import type { ResolvedScale } from './scale-options.ts';

/** What a quantiser remembers from call to call; JSON holds it. */
export interface QuantizerState {
  /** The moving average of each group (minmax: the lows, then the highs); null where nothing finite came yet. */
  readonly average?: readonly (number | null)[];
  /** The statistics of earlier calls, the oldest first. */
  readonly history?: readonly (readonly number[])[];
  /** Learned scales, one a group. */
  readonly scales?: readonly number[];
  /** Learned zero points, one a group. */
  readonly zeroPoints?: readonly number[];
}

export const stateNames: readonly (keyof QuantizerState)[] = ['average', 'history', 'scales', 'zeroPoints'];

export interface Tracker {
  /** The statistics to use in this call, from its own. `isTraining`: whether averages take its own in. */
  track(current: Float64Array, isTraining: boolean): Float64Array;
  /** Remembers the latest call. */
  commit(): void;
  state(): QuantizerState;
  /** Throws ArgumentError for what is no state of this tracker. */
  restore(state: QuantizerState): void;
}

function checkCount(known: ArrayLike<number>, current: Float64Array): void {
  checkLength(
    'shape',
    known,
    current.length,
    `a shape with ${known.length}, as in earlier calls`,
    `${current.length} statistics`,
  );
}

/** Numbers of a state, each finite. */
export function stateNumbers(argument: string, given: unknown): Float64Array {
  const path = `state.${argument}`;
  const list = checkList(path, given, 'a list of finite numbers');
  return Float64Array.from(list, (x, i) => numberInRange(pathOf(path, i), x));
}

/**
 * new = decay old + (1 - decay) current in binary64, beginning with the first. What is not finite is not remembered. Out of
 * training the average that there is stands alone.
 */
function averageTracker(decay: number): Tracker {
  let average: Float64Array | undefined;
  let pending: Float64Array | undefined;
  return {
    track(current, isTraining): Float64Array {
      const old = average ?? current;
      checkCount(old, current);
      const keep = isTraining ? decay : 1;
      const next = old.map((mean, i) => {
        if (!Number.isFinite(current[i]!)) return mean;
        return Number.isFinite(mean) ? keep * mean + (1 - keep) * current[i]! : current[i]!;
      });
      pending = next;
      return next.map((mean, i) => (Number.isFinite(current[i]!) ? mean : current[i]!));
    },
    commit(): void {
      average = pending;
    },
    state: () =>
      average === undefined ? {} : { average: Array.from(average, (x) => (Number.isFinite(x) ? x : null)) },
    restore(state): void {
      const given = state.average;
      if (given !== undefined) checkList('state.average', given, 'a list of finite numbers');
      const known = given?.map((x) => x ?? 0);
      average = known && stateNumbers('average', known).map((x, i) => (given![i] === null ? NaN : x));
    },
  };
}

/**
 * The largest (or latest) statistics of the calls before this one; the first call uses its own, and so does a group of which nothing but
 * zeros is remembered: a scale of them would be none.
 * @param isRange Whether statistics are the lows of all groups, then their highs.
 */
function historyTracker({ length, take }: NonNullable<ResolvedScale['history']>, isRange: boolean): Tracker {
  let history: Float64Array[] = [];
  let pending: Float64Array[] = [];
  return {
    track(current): Float64Array {
      if (history[0] !== undefined) checkCount(history[0], current);
      const past = take === 'latest' ? history.slice(-1) : history;
      const half = isRange ? current.length / 2 : 0;
      const widest = current.map((_, i) =>
        past.reduce((most, each) => (i < half ? Math.min : Math.max)(most, each[i]!), 0),
      );
      // A NaN now is a NaN whatever came before.
      const used = current.map((now, i) => {
        const isNothing = widest[i] === 0 && (!isRange || widest[(i + half) % current.length] === 0);
        const isOwn = past.length === 0 || (isNothing && Number.isFinite(now));
        return isOwn || Number.isNaN(now) ? now : widest[i]!;
      });
      const remembered = current.map((now, i) => (Number.isFinite(now) ? now : (history.at(-1)?.[i] ?? 0)));
      pending = [...history, remembered].slice(-length);
      return used;
    },
    commit(): void {
      history = pending;
    },
    state: () => ({ history: history.map((each) => [...each]) }),
    restore(state): void {
      const given = checkList('state.history', state.history ?? [], 'a list of lists of numbers');
      history = given.slice(-length).map((each, i) => stateNumbers(`history[${i}]`, each));
    },
  };
}

const forgetful: Tracker = {
  track: (current) => current,
  commit: () => undefined,
  state: () => ({}),
  restore: () => undefined,
};

/** What the options ask for: an average, a window, or no memory. */
export function trackerOf({ decay, history, from }: ResolvedScale): Tracker {
  if (decay !== undefined) return averageTracker(decay);
  return history === undefined ? forgetful : historyTracker(history, from === 'minmax');
}
