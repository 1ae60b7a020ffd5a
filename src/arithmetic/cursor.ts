/**
 * The place of an `arithmetic` object in its random integers: every call takes as many as it has draw slots, in order, drawn
 * by counter or from the supplied ones. The map from place to integer is that of `src/rounding/philox.ts`.
 */

import { checkEach, checkFields, integerInRange } from '../check.ts';
import { ArgumentError } from '../errors.ts';
import { isStochastic, type ResolvedRounding } from '../rounding/options.ts';
import { drawIntegers } from '../rounding/philox.ts';

/** Where the next draw is: plain data. */
export interface ArithmeticState {
  /** Index of the next draw in the stream. */
  readonly offset: number;
  /** How many of the supplied random integers have been used. */
  readonly supplied: number;
}

export interface Cursor {
  /** The random integer of a call with one draw slot; 0 in deterministic modes. Throws ArgumentError if there is none left. */
  next(): number;
  /** As `take` of `ArithmeticContext`. */
  take(slots: number, supplied?: number): ResolvedRounding;
  /** Back to the beginning. */
  reset(): void;
  read(): ArithmeticState;
  /** Throws ArgumentError if it is no state of this cursor. */
  restore(state: ArithmeticState): void;
}

/** Integers drawn at once for calls of one slot: a draw of its own would compute a whole Philox block. */
const batchLength = 64;

function checkSupplied({ random, randomBits }: ResolvedRounding): void {
  if (random === undefined || randomBits === 32) return;
  checkEach('random', random, (word) => word < 2 ** randomBits, `an integer below 2^${randomBits}`);
}

/** The random integer of each index, most of them drawn with those before. */
function drawnInBatches(options: ResolvedRounding): (index: number) => number {
  let batch: Uint32Array = new Uint32Array(0);
  let start = 0;
  return (index) => {
    if (!(index >= start && index < start + batch.length)) {
      const length = Math.min(batchLength, Number.MAX_SAFE_INTEGER - index + 1);
      batch = drawIntegers(length, { ...options, offset: index });
      start = index;
    }
    return batch[index - start]!;
  };
}

/**
 * A cursor at the beginning of the options' random integers.
 *
 * @throws ArgumentError if a supplied integer is too large.
 */
export function createCursor(options: ResolvedRounding): Cursor {
  const draws = isStochastic(options.rounding);
  const { random } = options;
  if (draws) checkSupplied(options);
  const drawn = drawnInBatches(options);
  let offset = options.offset;
  let used = 0;

  function checkLeft(slots: number, supplied: number): void {
    if (random !== undefined) {
      if (used + supplied > random.length)
        throw new ArgumentError(
          'random',
          random,
          `at least ${used + supplied} integers: ${used} are used, the call takes ${supplied}`,
        );
    } else if (offset + slots - 1 > Number.MAX_SAFE_INTEGER)
      throw new ArgumentError('offset', offset, `at most 2^53 - ${slots} for ${slots} draws`);
  }

  function next(): number {
    if (!draws) return 0;
    checkLeft(1, 1);
    if (random !== undefined) return random[used++]!;
    return drawn(offset++);
  }

  function take(slots: number, supplied = slots): ResolvedRounding {
    if (slots === 0) return options;
    checkLeft(slots, supplied);
    const taken =
      random === undefined
        ? { ...options, offset }
        : { ...options, random: random.subarray(used, used + supplied) };
    if (random === undefined) offset += slots;
    else used += supplied;
    return taken;
  }

  return {
    next,
    take,
    reset: () => {
      offset = options.offset;
      used = 0;
    },
    read: () => ({ offset, supplied: used }),
    restore: (state) => {
      const given = checkFields('state', state, ['offset', 'supplied']);
      if (given.offset === undefined || given.supplied === undefined)
        throw new ArgumentError('state', state, 'an object { offset, supplied }, as `state` gives it');
      const place = integerInRange('state.offset', given.offset, 0, Number.MAX_SAFE_INTEGER);
      used = integerInRange('state.supplied', given.supplied, 0, random?.length ?? 0);
      offset = place;
    },
  };
}
