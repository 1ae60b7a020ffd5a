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
  fusedBase,
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
import { inLanes, inWideLanes } from './intermediate';

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
      inLanes<f32, i32>(operationAdd, formPlain, a, b, c, to, bytes, block);
      break;
    case (lanes32 * 6 + operationAdd) * forms + formOdd:
      inLanes<f32, i32>(operationAdd, formOdd, a, b, c, to, bytes, block);
      break;
    case (lanes32 * 6 + operationAdd) * forms + formGuarded:
      inLanes<f32, i32>(operationAdd, formGuarded, a, b, c, to, bytes, block);
      break;
    case (lanes32in64 * 6 + operationAdd) * forms + formPlain:
      inWideLanes(operationAdd, formPlain, a, b, c, to, bytes, block);
      break;
    case (lanes32in64 * 6 + operationAdd) * forms + formOdd:
      inWideLanes(operationAdd, formOdd, a, b, c, to, bytes, block);
      break;
    case (lanes64 * 6 + operationAdd) * forms + formPlain:
      inLanes<f64, i64>(operationAdd, formPlain, a, b, c, to, bytes, block);
      break;
    case (lanes64 * 6 + operationAdd) * forms + formOdd:
      inLanes<f64, i64>(operationAdd, formOdd, a, b, c, to, bytes, block);
      break;
    case (lanes64 * 6 + operationAdd) * forms + formChecked:
      checked(operationAdd, a, b, c, to, bytes, index, block);
      break;
    case (lanes32 * 6 + operationSub) * forms + formPlain:
      inLanes<f32, i32>(operationSub, formPlain, a, b, c, to, bytes, block);
      break;
    case (lanes32 * 6 + operationSub) * forms + formOdd:
      inLanes<f32, i32>(operationSub, formOdd, a, b, c, to, bytes, block);
      break;
    case (lanes32 * 6 + operationSub) * forms + formGuarded:
      inLanes<f32, i32>(operationSub, formGuarded, a, b, c, to, bytes, block);
      break;
    case (lanes32in64 * 6 + operationSub) * forms + formPlain:
      inWideLanes(operationSub, formPlain, a, b, c, to, bytes, block);
      break;
    case (lanes32in64 * 6 + operationSub) * forms + formOdd:
      inWideLanes(operationSub, formOdd, a, b, c, to, bytes, block);
      break;
    case (lanes64 * 6 + operationSub) * forms + formPlain:
      inLanes<f64, i64>(operationSub, formPlain, a, b, c, to, bytes, block);
      break;
    case (lanes64 * 6 + operationSub) * forms + formOdd:
      inLanes<f64, i64>(operationSub, formOdd, a, b, c, to, bytes, block);
      break;
    case (lanes64 * 6 + operationSub) * forms + formChecked:
      checked(operationSub, a, b, c, to, bytes, index, block);
      break;
    case (lanes32 * 6 + operationMul) * forms + formPlain:
      inLanes<f32, i32>(operationMul, formPlain, a, b, c, to, bytes, block);
      break;
    case (lanes32 * 6 + operationMul) * forms + formGuarded:
      inLanes<f32, i32>(operationMul, formGuarded, a, b, c, to, bytes, block);
      break;
    case (lanes32in64 * 6 + operationMul) * forms + formPlain:
      inWideLanes(operationMul, formPlain, a, b, c, to, bytes, block);
      break;
    case (lanes64 * 6 + operationMul) * forms + formPlain:
      inLanes<f64, i64>(operationMul, formPlain, a, b, c, to, bytes, block);
      break;
    case (lanes64 * 6 + operationMul) * forms + formPair:
      inLanes<f64, i64>(operationMul, formPair, a, b, c, to, bytes, block);
      break;
    case (lanes64 * 6 + operationMul) * forms + formChecked:
      checked(operationMul, a, b, c, to, bytes, index, block);
      break;
    case (lanes32 * 6 + operationDiv) * forms + formPlain:
      inLanes<f32, i32>(operationDiv, formPlain, a, b, c, to, bytes, block);
      break;
    case (lanes32 * 6 + operationDiv) * forms + formOdd:
      inLanes<f32, i32>(operationDiv, formOdd, a, b, c, to, bytes, block);
      break;
    case (lanes32in64 * 6 + operationDiv) * forms + formOdd:
      inWideLanes(operationDiv, formOdd, a, b, c, to, bytes, block);
      break;
    case (lanes64 * 6 + operationDiv) * forms + formPlain:
      inLanes<f64, i64>(operationDiv, formPlain, a, b, c, to, bytes, block);
      break;
    case (lanes64 * 6 + operationDiv) * forms + formOdd:
      inLanes<f64, i64>(operationDiv, formOdd, a, b, c, to, bytes, block);
      break;
    case (lanes64 * 6 + operationDiv) * forms + formPair:
      inLanes<f64, i64>(operationDiv, formPair, a, b, c, to, bytes, block);
      break;
    case (lanes64 * 6 + operationDiv) * forms + formChecked:
      checked(operationDiv, a, b, c, to, bytes, index, block);
      break;
    case (lanes32 * 6 + operationSqrt) * forms + formPlain:
      inLanes<f32, i32>(operationSqrt, formPlain, a, b, c, to, bytes, block);
      break;
    case (lanes32 * 6 + operationSqrt) * forms + formOdd:
      inLanes<f32, i32>(operationSqrt, formOdd, a, b, c, to, bytes, block);
      break;
    case (lanes32in64 * 6 + operationSqrt) * forms + formOdd:
      inWideLanes(operationSqrt, formOdd, a, b, c, to, bytes, block);
      break;
    case (lanes64 * 6 + operationSqrt) * forms + formPlain:
      inLanes<f64, i64>(operationSqrt, formPlain, a, b, c, to, bytes, block);
      break;
    case (lanes64 * 6 + operationSqrt) * forms + formOdd:
      inLanes<f64, i64>(operationSqrt, formOdd, a, b, c, to, bytes, block);
      break;
    case (lanes64 * 6 + operationSqrt) * forms + formChecked:
      checked(operationSqrt, a, b, c, to, bytes, index, block);
      break;
    case (lanes32 * 6 + operationFma) * forms + formPlain:
      inLanes<f32, i32>(operationFma, formPlain, a, b, c, to, bytes, block);
      break;
    case (lanes32 * 6 + operationFma) * forms + formOdd:
      inLanes<f32, i32>(operationFma, formOdd, a, b, c, to, bytes, block);
      break;
    case (lanes32 * 6 + operationFma) * forms + formGuarded:
      inLanes<f32, i32>(operationFma, formGuarded, a, b, c, to, bytes, block);
      break;
    case (lanes32in64 * 6 + operationFma) * forms + formPlain:
      inWideLanes(operationFma, formPlain, a, b, c, to, bytes, block);
      break;
    case (lanes32in64 * 6 + operationFma) * forms + formOdd:
      inWideLanes(operationFma, formOdd, a, b, c, to, bytes, block);
      break;
    case (lanes64 * 6 + operationFma) * forms + formPlain:
      inLanes<f64, i64>(operationFma, formPlain, a, b, c, to, bytes, block);
      break;
    case (lanes64 * 6 + operationFma) * forms + formOdd:
      inLanes<f64, i64>(operationFma, formOdd, a, b, c, to, bytes, block);
      break;
    case (lanes64 * 6 + operationFma) * forms + formPair:
      inLanes<f64, i64>(operationFma, formPair, a, b, c, to, bytes, block);
      break;
    case (lanes64 * 6 + operationFma) * forms + formChecked:
      checked(operationFma, a, b, c, to, bytes, index, block);
      break;
    case fusedBase + 0:
      fused(operationAdd, false, false, a, b, c, to, bytes, block);
      break;
    case fusedBase + 1:
      fused(operationAdd, false, true, a, b, c, to, bytes, block);
      break;
    case fusedBase + 2:
      fused(operationAdd, true, false, a, b, c, to, bytes, block);
      break;
    case fusedBase + 3:
      fused(operationAdd, true, true, a, b, c, to, bytes, block);
      break;
    case fusedBase + 4:
      fused(operationSub, false, false, a, b, c, to, bytes, block);
      break;
    case fusedBase + 5:
      fused(operationSub, false, true, a, b, c, to, bytes, block);
      break;
    case fusedBase + 6:
      fused(operationSub, true, false, a, b, c, to, bytes, block);
      break;
    case fusedBase + 7:
      fused(operationSub, true, true, a, b, c, to, bytes, block);
      break;
    case fusedBase + 8:
      fused(operationMul, false, false, a, b, c, to, bytes, block);
      break;
    case fusedBase + 9:
      fused(operationMul, false, true, a, b, c, to, bytes, block);
      break;
    case fusedBase + 10:
      fused(operationMul, true, false, a, b, c, to, bytes, block);
      break;
    case fusedBase + 11:
      fused(operationMul, true, true, a, b, c, to, bytes, block);
      break;
    case fusedBase + 12:
      fused(operationFma, false, false, a, b, c, to, bytes, block);
      break;
    case fusedBase + 13:
      fused(operationFma, false, true, a, b, c, to, bytes, block);
      break;
    case fusedBase + 14:
      fused(operationFma, true, false, a, b, c, to, bytes, block);
      break;
    case fusedBase + 15:
      fused(operationFma, true, true, a, b, c, to, bytes, block);
      break;
    default:
      unreachable();
  }
}
