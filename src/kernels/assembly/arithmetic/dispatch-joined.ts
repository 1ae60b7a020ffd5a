/**
 * From the number of a joined kernel to its instance.
 */
import {
  clampedEnd,
  directedDivBase,
  directedSqrtBase,
  drawnFmaBase,
  drawnProductBase,
  drawnSumBase,
  drawnUnitsBase,
  joinedBase,
  naturalEnd,
  scaledEnd,
} from '../../arithmetic/parameters';
import { directed, drawnProducts, drawnSums, drawnUnits } from './joined';
import { Five, Four, One, Three, Two, Zero } from './numbers';

/** Over `bytes` bytes of each operand, a multiple of 16, with an integer an element in `random` where the kernel is stochastic. */
export function dispatchJoined(
  kernel: i32,
  a: usize,
  b: usize,
  c: usize,
  to: usize,
  bytes: usize,
  random: usize,
  block: usize,
): void {
  switch (kernel) {
    case joinedBase + naturalEnd:
      directed<Zero, Zero>(a, b, to, bytes, block);
      break;
    case joinedBase + clampedEnd:
      directed<Zero, One>(a, b, to, bytes, block);
      break;
    case directedDivBase + naturalEnd:
      directed<Three, Zero>(a, b, to, bytes, block);
      break;
    case directedDivBase + clampedEnd:
      directed<Three, One>(a, b, to, bytes, block);
      break;
    case directedSqrtBase:
      directed<Four, Zero>(a, b, to, bytes, block);
      break;
    case drawnSumBase + 2 * naturalEnd:
      drawnSums<Zero, Zero, Zero>(a, b, c, to, bytes, random, block);
      break;
    case drawnSumBase + 2 * naturalEnd + 1:
      drawnSums<Zero, Zero, One>(a, b, c, to, bytes, random, block);
      break;
    case drawnSumBase + 2 * clampedEnd:
      drawnSums<Zero, One, Zero>(a, b, c, to, bytes, random, block);
      break;
    case drawnSumBase + 2 * clampedEnd + 1:
      drawnSums<Zero, One, One>(a, b, c, to, bytes, random, block);
      break;
    case drawnSumBase + 2 * scaledEnd:
      drawnSums<Zero, Two, Zero>(a, b, c, to, bytes, random, block);
      break;
    case drawnSumBase + 2 * scaledEnd + 1:
      drawnSums<Zero, Two, One>(a, b, c, to, bytes, random, block);
      break;
    case drawnProductBase + 2 * naturalEnd:
      drawnProducts<Zero, Zero>(a, b, to, bytes, random, block);
      break;
    case drawnProductBase + 2 * naturalEnd + 1:
      drawnProducts<Zero, One>(a, b, to, bytes, random, block);
      break;
    case drawnProductBase + 2 * clampedEnd:
      drawnProducts<One, Zero>(a, b, to, bytes, random, block);
      break;
    case drawnProductBase + 2 * clampedEnd + 1:
      drawnProducts<One, One>(a, b, to, bytes, random, block);
      break;
    case drawnFmaBase + 2 * naturalEnd:
      drawnSums<Five, Zero, Zero>(a, b, c, to, bytes, random, block);
      break;
    case drawnFmaBase + 2 * naturalEnd + 1:
      drawnSums<Five, Zero, One>(a, b, c, to, bytes, random, block);
      break;
    case drawnFmaBase + 2 * clampedEnd:
      drawnSums<Five, One, Zero>(a, b, c, to, bytes, random, block);
      break;
    case drawnFmaBase + 2 * clampedEnd + 1:
      drawnSums<Five, One, One>(a, b, c, to, bytes, random, block);
      break;
    case drawnUnitsBase:
      drawnUnits<Zero>(a, b, c, to, bytes, random, block);
      break;
    case drawnUnitsBase + 1:
      drawnUnits<One>(a, b, c, to, bytes, random, block);
      break;
    default:
      unreachable();
  }
}
