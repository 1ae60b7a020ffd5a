/**
 * From the number of a kernel of the common cases to its instance, mode by mode. Every case is an instance of its own, with
 * all constants folded.
 */
import {
  composedModes,
  endClamped,
  endExceeded,
  endInfinite,
  endKept,
  endKeptOutward,
  endNaN,
  endNaNOutward,
  quick32Family,
  quick64Family,
  quickAway,
  quickBase,
  quickDown,
  quickEnds,
  quickModes,
  quickNearestAway,
  quickNearestEven,
  quickNearestToZero,
  quickOdd,
  quickStochastic,
  quickStochasticAny,
  quickTowardZero,
  quickUp,
} from '../../parameters';
import { composed } from './composed';
import { Clamped, Exceeded, Infinite, Kept, KeptOutward, NaNEnd, NaNOutward } from './ends';
import { pattern } from './pattern';
import { quick } from './quick';

/**
 * The ends of modes that overflow alike on both sides.
 */
@inline
function symmetric<F, I>(
  mode: i32,
  end: i32,
  from: usize,
  to: usize,
  bytes: usize,
  random: usize,
  parameters: usize,
): void {
  switch (end) {
    case endClamped:
      quick<F, I, Clamped>(mode, from, to, bytes, random, parameters);
      break;
    case endInfinite:
      quick<F, I, Infinite>(mode, from, to, bytes, random, parameters);
      break;
    case endExceeded:
      quick<F, I, Exceeded>(mode, from, to, bytes, random, parameters);
      break;
    case endKept:
      quick<F, I, Kept>(mode, from, to, bytes, random, parameters);
      break;
    case endNaN:
      quick<F, I, NaNEnd>(mode, from, to, bytes, random, parameters);
      break;
    default:
      unreachable();
  }
}

/** The ends of modes toward one side. */
@inline
function outward<F, I>(mode: i32, end: i32, from: usize, to: usize, bytes: usize, parameters: usize): void {
  switch (end) {
    case endClamped:
      quick<F, I, Clamped>(mode, from, to, bytes, 0, parameters);
      break;
    case endKeptOutward:
      quick<F, I, KeptOutward>(mode, from, to, bytes, 0, parameters);
      break;
    case endNaNOutward:
      quick<F, I, NaNOutward>(mode, from, to, bytes, 0, parameters);
      break;
    case endKept:
      quick<F, I, Kept>(mode, from, to, bytes, 0, parameters);
      break;
    case endNaN:
      quick<F, I, NaNEnd>(mode, from, to, bytes, 0, parameters);
      break;
    default:
      unreachable();
  }
}

/** The ends of modes in end no finite number overflows. */
@inline
function inward<F, I>(mode: i32, end: i32, from: usize, to: usize, bytes: usize, parameters: usize): void {
  switch (end) {
    case endClamped:
      quick<F, I, Clamped>(mode, from, to, bytes, 0, parameters);
      break;
    case endKept:
      quick<F, I, Kept>(mode, from, to, bytes, 0, parameters);
      break;
    case endNaN:
      quick<F, I, NaNEnd>(mode, from, to, bytes, 0, parameters);
      break;
    default:
      unreachable();
  }
}

@inline
function inwardComposed<F, I>(
  mode: i32,
  end: i32,
  from: usize,
  to: usize,
  bytes: usize,
  parameters: usize,
): void {
  switch (end) {
    case endClamped:
      composed<F, I, Clamped>(mode, from, to, bytes, parameters);
      break;
    case endKept:
      composed<F, I, Kept>(mode, from, to, bytes, parameters);
      break;
    case endNaN:
      composed<F, I, NaNEnd>(mode, from, to, bytes, parameters);
      break;
    default:
      unreachable();
  }
}

// Functions of their own, called from two places each, so that no compiler makes one function of them all.

function nearestEven<F, I>(
  end: i32,
  from: usize,
  to: usize,
  bytes: usize,
  random: usize,
  parameters: usize,
): void {
  symmetric<F, I>(quickNearestEven, end, from, to, bytes, random, parameters);
}

function nearestAway<F, I>(
  end: i32,
  from: usize,
  to: usize,
  bytes: usize,
  random: usize,
  parameters: usize,
): void {
  symmetric<F, I>(quickNearestAway, end, from, to, bytes, random, parameters);
}

function nearestToZero<F, I>(
  end: i32,
  from: usize,
  to: usize,
  bytes: usize,
  random: usize,
  parameters: usize,
): void {
  symmetric<F, I>(quickNearestToZero, end, from, to, bytes, random, parameters);
}

function away<F, I>(end: i32, from: usize, to: usize, bytes: usize, random: usize, parameters: usize): void {
  symmetric<F, I>(quickAway, end, from, to, bytes, random, parameters);
}

function stochastic<F, I>(
  end: i32,
  from: usize,
  to: usize,
  bytes: usize,
  random: usize,
  parameters: usize,
): void {
  symmetric<F, I>(quickStochastic, end, from, to, bytes, random, parameters);
}

function stochasticAny<F, I>(
  end: i32,
  from: usize,
  to: usize,
  bytes: usize,
  random: usize,
  parameters: usize,
): void {
  symmetric<F, I>(quickStochasticAny, end, from, to, bytes, random, parameters);
}

function up<F, I>(end: i32, from: usize, to: usize, bytes: usize, parameters: usize): void {
  outward<F, I>(quickUp, end, from, to, bytes, parameters);
}

function down<F, I>(end: i32, from: usize, to: usize, bytes: usize, parameters: usize): void {
  outward<F, I>(quickDown, end, from, to, bytes, parameters);
}

function towardZero<F, I>(end: i32, from: usize, to: usize, bytes: usize, parameters: usize): void {
  inward<F, I>(quickTowardZero, end, from, to, bytes, parameters);
}

function odd<F, I>(end: i32, from: usize, to: usize, bytes: usize, parameters: usize): void {
  inward<F, I>(quickOdd, end, from, to, bytes, parameters);
}

function composedTowardZero<F, I>(end: i32, from: usize, to: usize, bytes: usize, parameters: usize): void {
  inwardComposed<F, I>(quickTowardZero, end, from, to, bytes, parameters);
}

function composedOdd<F, I>(end: i32, from: usize, to: usize, bytes: usize, parameters: usize): void {
  inwardComposed<F, I>(quickOdd, end, from, to, bytes, parameters);
}

/** Toward zero and to odd, formats that leave binary64 lanes no room to compose go to the kernels that take every option. */
@inline
function quickMode<F, I>(
  mode: i32,
  end: i32,
  from: usize,
  to: usize,
  bytes: usize,
  random: usize,
  parameters: usize,
): void {
  switch (mode) {
    case quickNearestEven:
      nearestEven<F, I>(end, from, to, bytes, random, parameters);
      break;
    case quickNearestAway:
      nearestAway<F, I>(end, from, to, bytes, random, parameters);
      break;
    case quickNearestToZero:
      nearestToZero<F, I>(end, from, to, bytes, random, parameters);
      break;
    case quickAway:
      away<F, I>(end, from, to, bytes, random, parameters);
      break;
    case quickStochastic:
      stochastic<F, I>(end, from, to, bytes, random, parameters);
      break;
    case quickStochasticAny:
      stochasticAny<F, I>(end, from, to, bytes, random, parameters);
      break;
    case quickUp:
      up<F, I>(end, from, to, bytes, parameters);
      break;
    case quickDown:
      down<F, I>(end, from, to, bytes, parameters);
      break;
    case quickTowardZero:
      if (sizeof<F>() == 4) towardZero<F, I>(end, from, to, bytes, parameters);
      break;
    case quickOdd:
      if (sizeof<F>() == 4) odd<F, I>(end, from, to, bytes, parameters);
      break;
    case quickTowardZero + composedModes:
      composedTowardZero<F, I>(end, from, to, bytes, parameters);
      break;
    case quickOdd + composedModes:
      composedOdd<F, I>(end, from, to, bytes, parameters);
      break;
    default:
      unreachable();
  }
}

@inline
function patternEnds(
  mode: i32,
  end: i32,
  from: usize,
  to: usize,
  bytes: usize,
  random: usize,
  parameters: usize,
): void {
  switch (end) {
    case endClamped:
      pattern<Clamped>(mode, from, to, bytes, random, parameters);
      break;
    case endKept:
      pattern<Kept>(mode, from, to, bytes, random, parameters);
      break;
    case endInfinite:
      pattern<Infinite>(mode, from, to, bytes, random, parameters);
      break;
    default:
      unreachable();
  }
}

function patternNearestEven(
  end: i32,
  from: usize,
  to: usize,
  bytes: usize,
  random: usize,
  parameters: usize,
): void {
  patternEnds(quickNearestEven, end, from, to, bytes, random, parameters);
}

function patternNearestAway(
  end: i32,
  from: usize,
  to: usize,
  bytes: usize,
  random: usize,
  parameters: usize,
): void {
  patternEnds(quickNearestAway, end, from, to, bytes, random, parameters);
}

function patternUp(end: i32, from: usize, to: usize, bytes: usize, random: usize, parameters: usize): void {
  patternEnds(quickUp, end, from, to, bytes, random, parameters);
}

function patternDown(end: i32, from: usize, to: usize, bytes: usize, random: usize, parameters: usize): void {
  patternEnds(quickDown, end, from, to, bytes, random, parameters);
}

function patternTowardZero(
  end: i32,
  from: usize,
  to: usize,
  bytes: usize,
  random: usize,
  parameters: usize,
): void {
  patternEnds(quickTowardZero, end, from, to, bytes, random, parameters);
}

function patternOdd(end: i32, from: usize, to: usize, bytes: usize, random: usize, parameters: usize): void {
  patternEnds(quickOdd, end, from, to, bytes, random, parameters);
}

function patternStochastic(
  end: i32,
  from: usize,
  to: usize,
  bytes: usize,
  random: usize,
  parameters: usize,
): void {
  patternEnds(quickStochastic, end, from, to, bytes, random, parameters);
}

function patternStochasticAny(
  end: i32,
  from: usize,
  to: usize,
  bytes: usize,
  random: usize,
  parameters: usize,
): void {
  patternEnds(quickStochasticAny, end, from, to, bytes, random, parameters);
}

@inline
function patternMode(
  mode: i32,
  end: i32,
  from: usize,
  to: usize,
  bytes: usize,
  random: usize,
  parameters: usize,
): void {
  switch (mode) {
    case quickNearestEven:
      patternNearestEven(end, from, to, bytes, random, parameters);
      break;
    case quickNearestAway:
      patternNearestAway(end, from, to, bytes, random, parameters);
      break;
    case quickUp:
      patternUp(end, from, to, bytes, random, parameters);
      break;
    case quickDown:
      patternDown(end, from, to, bytes, random, parameters);
      break;
    case quickTowardZero:
      patternTowardZero(end, from, to, bytes, random, parameters);
      break;
    case quickOdd:
      patternOdd(end, from, to, bytes, random, parameters);
      break;
    case quickStochastic:
      patternStochastic(end, from, to, bytes, random, parameters);
      break;
    case quickStochasticAny:
      patternStochasticAny(end, from, to, bytes, random, parameters);
      break;
    default:
      unreachable();
  }
}

/** Runs the kernel of the common cases with this number, over a multiple of 32 bytes. */
@inline
export function dispatchQuick(
  kernel: i32,
  from: usize,
  to: usize,
  bytes: usize,
  random: usize,
  parameters: usize,
): void {
  const family = (kernel - quickBase) / (quickModes * quickEnds);
  const mode = ((kernel - quickBase) / quickEnds) % quickModes;
  const end = (kernel - quickBase) % quickEnds;
  if (family == quick32Family) quickMode<f32, i32>(mode, end, from, to, bytes, random, parameters);
  else if (family == quick64Family) quickMode<f64, i64>(mode, end, from, to, bytes, random, parameters);
  else patternMode(mode, end, from, to, bytes, random, parameters);
}
