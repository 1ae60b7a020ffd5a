/**
 * From the number of an operation's kernel to its instance, each with all constants folded.
 */
import {
  formChecked,
  formGuarded,
  formOdd,
  formPair,
  formPlain,
  forms,
  clampedEnd,
  exceededEnd,
  fusedBase,
  fusedMagicFmaBase,
  fusedPatternFmaBase,
  naturalEnd,
  scaledEnd,
  lanes32,
  lanes32in64,
  lanes64,
  operationAdd,
  operationDiv,
  operationFma,
  operationMul,
  operationSqrt,
  operationSub,
} from '../../arithmetic/parameters';
import { checked } from './checked';
import { fused } from './fused';
import { fusedMagicFma, fusedMagicFmaLooking, fusedPatternFma } from './fused-fma';
import { inLanes, inWideLanes } from './intermediate';
import { Five, Four, One, Three, Two, Zero } from './numbers';

/** Over `bytes` bytes of each operand, a multiple of 16; `index` is that of the first element. */
export function dispatch(
  kernel: i32,
  a: usize,
  b: usize,
  c: usize,
  to: usize,
  bytes: usize,
  index: i32,
  block: usize,
): void {
  switch (kernel) {
    case (lanes32 * 6 + operationAdd) * forms + formPlain:
      inLanes<f32, i32, Zero, Zero>(a, b, c, to, bytes, block);
      break;
    case (lanes32 * 6 + operationAdd) * forms + formOdd:
      inLanes<f32, i32, Zero, One>(a, b, c, to, bytes, block);
      break;
    case (lanes32 * 6 + operationAdd) * forms + formGuarded:
      inLanes<f32, i32, Zero, Three>(a, b, c, to, bytes, block);
      break;
    case (lanes32in64 * 6 + operationAdd) * forms + formPlain:
      inWideLanes<Zero, Zero>(a, b, c, to, bytes, block);
      break;
    case (lanes32in64 * 6 + operationAdd) * forms + formOdd:
      inWideLanes<Zero, One>(a, b, c, to, bytes, block);
      break;
    case (lanes64 * 6 + operationAdd) * forms + formPlain:
      inLanes<f64, i64, Zero, Zero>(a, b, c, to, bytes, block);
      break;
    case (lanes64 * 6 + operationAdd) * forms + formOdd:
      inLanes<f64, i64, Zero, One>(a, b, c, to, bytes, block);
      break;
    case (lanes64 * 6 + operationAdd) * forms + formChecked:
      checked<Zero>(a, b, c, to, bytes, index, block);
      break;
    case (lanes32 * 6 + operationSub) * forms + formPlain:
      inLanes<f32, i32, One, Zero>(a, b, c, to, bytes, block);
      break;
    case (lanes32 * 6 + operationSub) * forms + formOdd:
      inLanes<f32, i32, One, One>(a, b, c, to, bytes, block);
      break;
    case (lanes32 * 6 + operationSub) * forms + formGuarded:
      inLanes<f32, i32, One, Three>(a, b, c, to, bytes, block);
      break;
    case (lanes32in64 * 6 + operationSub) * forms + formPlain:
      inWideLanes<One, Zero>(a, b, c, to, bytes, block);
      break;
    case (lanes32in64 * 6 + operationSub) * forms + formOdd:
      inWideLanes<One, One>(a, b, c, to, bytes, block);
      break;
    case (lanes64 * 6 + operationSub) * forms + formPlain:
      inLanes<f64, i64, One, Zero>(a, b, c, to, bytes, block);
      break;
    case (lanes64 * 6 + operationSub) * forms + formOdd:
      inLanes<f64, i64, One, One>(a, b, c, to, bytes, block);
      break;
    case (lanes64 * 6 + operationSub) * forms + formChecked:
      checked<One>(a, b, c, to, bytes, index, block);
      break;
    case (lanes32 * 6 + operationMul) * forms + formPlain:
      inLanes<f32, i32, Two, Zero>(a, b, c, to, bytes, block);
      break;
    case (lanes32 * 6 + operationMul) * forms + formGuarded:
      inLanes<f32, i32, Two, Three>(a, b, c, to, bytes, block);
      break;
    case (lanes32in64 * 6 + operationMul) * forms + formPlain:
      inWideLanes<Two, Zero>(a, b, c, to, bytes, block);
      break;
    case (lanes64 * 6 + operationMul) * forms + formPlain:
      inLanes<f64, i64, Two, Zero>(a, b, c, to, bytes, block);
      break;
    case (lanes64 * 6 + operationMul) * forms + formPair:
      inLanes<f64, i64, Two, Two>(a, b, c, to, bytes, block);
      break;
    case (lanes64 * 6 + operationMul) * forms + formChecked:
      checked<Two>(a, b, c, to, bytes, index, block);
      break;
    case (lanes32 * 6 + operationDiv) * forms + formPlain:
      inLanes<f32, i32, Three, Zero>(a, b, c, to, bytes, block);
      break;
    case (lanes32 * 6 + operationDiv) * forms + formOdd:
      inLanes<f32, i32, Three, One>(a, b, c, to, bytes, block);
      break;
    case (lanes32 * 6 + operationDiv) * forms + formGuarded:
      inLanes<f32, i32, Three, Three>(a, b, c, to, bytes, block);
      break;
    case (lanes32in64 * 6 + operationDiv) * forms + formOdd:
      inWideLanes<Three, One>(a, b, c, to, bytes, block);
      break;
    case (lanes64 * 6 + operationDiv) * forms + formPlain:
      inLanes<f64, i64, Three, Zero>(a, b, c, to, bytes, block);
      break;
    case (lanes64 * 6 + operationDiv) * forms + formOdd:
      inLanes<f64, i64, Three, One>(a, b, c, to, bytes, block);
      break;
    case (lanes64 * 6 + operationDiv) * forms + formPair:
      inLanes<f64, i64, Three, Two>(a, b, c, to, bytes, block);
      break;
    case (lanes64 * 6 + operationDiv) * forms + formChecked:
      checked<Three>(a, b, c, to, bytes, index, block);
      break;
    case (lanes32 * 6 + operationSqrt) * forms + formPlain:
      inLanes<f32, i32, Four, Zero>(a, b, c, to, bytes, block);
      break;
    case (lanes32 * 6 + operationSqrt) * forms + formOdd:
      inLanes<f32, i32, Four, One>(a, b, c, to, bytes, block);
      break;
    case (lanes32 * 6 + operationSqrt) * forms + formGuarded:
      inLanes<f32, i32, Four, Three>(a, b, c, to, bytes, block);
      break;
    case (lanes32in64 * 6 + operationSqrt) * forms + formOdd:
      inWideLanes<Four, One>(a, b, c, to, bytes, block);
      break;
    case (lanes64 * 6 + operationSqrt) * forms + formPlain:
      inLanes<f64, i64, Four, Zero>(a, b, c, to, bytes, block);
      break;
    case (lanes64 * 6 + operationSqrt) * forms + formOdd:
      inLanes<f64, i64, Four, One>(a, b, c, to, bytes, block);
      break;
    case (lanes64 * 6 + operationSqrt) * forms + formChecked:
      checked<Four>(a, b, c, to, bytes, index, block);
      break;
    case (lanes32 * 6 + operationFma) * forms + formPlain:
      inLanes<f32, i32, Five, Zero>(a, b, c, to, bytes, block);
      break;
    case (lanes32 * 6 + operationFma) * forms + formOdd:
      inLanes<f32, i32, Five, One>(a, b, c, to, bytes, block);
      break;
    case (lanes32 * 6 + operationFma) * forms + formGuarded:
      inLanes<f32, i32, Five, Three>(a, b, c, to, bytes, block);
      break;
    case (lanes32in64 * 6 + operationFma) * forms + formPlain:
      inWideLanes<Five, Zero>(a, b, c, to, bytes, block);
      break;
    case (lanes32in64 * 6 + operationFma) * forms + formOdd:
      inWideLanes<Five, One>(a, b, c, to, bytes, block);
      break;
    case (lanes64 * 6 + operationFma) * forms + formPlain:
      inLanes<f64, i64, Five, Zero>(a, b, c, to, bytes, block);
      break;
    case (lanes64 * 6 + operationFma) * forms + formOdd:
      inLanes<f64, i64, Five, One>(a, b, c, to, bytes, block);
      break;
    case (lanes64 * 6 + operationFma) * forms + formPair:
      inLanes<f64, i64, Five, Two>(a, b, c, to, bytes, block);
      break;
    case (lanes64 * 6 + operationFma) * forms + formChecked:
      checked<Five>(a, b, c, to, bytes, index, block);
      break;
    case fusedBase + 0:
      fused<Zero, Zero, Zero>(a, b, to, bytes, block);
      break;
    case fusedBase + 1:
      fused<Zero, Zero, One>(a, b, to, bytes, block);
      break;
    case fusedBase + 2:
      fused<Zero, One, Zero>(a, b, to, bytes, block);
      break;
    case fusedBase + 3:
      fused<Zero, One, One>(a, b, to, bytes, block);
      break;
    case fusedBase + 4:
      fused<One, Zero, Zero>(a, b, to, bytes, block);
      break;
    case fusedBase + 5:
      fused<One, Zero, One>(a, b, to, bytes, block);
      break;
    case fusedBase + 6:
      fused<One, One, Zero>(a, b, to, bytes, block);
      break;
    case fusedBase + 7:
      fused<One, One, One>(a, b, to, bytes, block);
      break;
    case fusedBase + 8:
      fused<Two, Zero, Zero>(a, b, to, bytes, block);
      break;
    case fusedBase + 9:
      fused<Two, Zero, One>(a, b, to, bytes, block);
      break;
    case fusedBase + 10:
      fused<Two, One, Zero>(a, b, to, bytes, block);
      break;
    case fusedBase + 11:
      fused<Two, One, One>(a, b, to, bytes, block);
      break;
    case fusedPatternFmaBase + naturalEnd:
      fusedPatternFma<Zero>(a, b, c, to, bytes, block);
      break;
    case fusedPatternFmaBase + clampedEnd:
      fusedPatternFma<One>(a, b, c, to, bytes, block);
      break;
    case fusedMagicFmaBase + clampedEnd:
      fusedMagicFma<One>(a, b, c, to, bytes, block);
      break;
    case fusedMagicFmaBase + scaledEnd:
      fusedMagicFma<Two>(a, b, c, to, bytes, block);
      break;
    case fusedMagicFmaBase + exceededEnd:
      fusedMagicFma<Three>(a, b, c, to, bytes, block);
      break;
    case fusedMagicFmaBase + 4 + clampedEnd:
      fusedMagicFmaLooking<One>(a, b, c, to, bytes, block);
      break;
    case fusedMagicFmaBase + 4 + scaledEnd:
      fusedMagicFmaLooking<Two>(a, b, c, to, bytes, block);
      break;
    case fusedMagicFmaBase + 4 + exceededEnd:
      fusedMagicFmaLooking<Three>(a, b, c, to, bytes, block);
      break;
    default:
      unreachable();
  }
}
