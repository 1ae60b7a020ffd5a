/**
 * Which kernel makes an operation's intermediates, and which then rounds them. An intermediate serves where it is exact; or,
 * rounded to odd, where rounding looks at two bits fewer than it has at least (deterministic modes), or N + 2 fewer
 * (stochastic with N bits); or, rounded to nearest even in binary32, for at most 11 bits (Figueroa, "When is double rounding
 * innocuous?", SIGNUM Newsletter 30 (3), 1995). All that only where neither it nor its error leaves the lanes' range.
 */
import type { Format } from '../../formats/format.ts';
import {
  isStochastic,
  type ResolvedRounding,
  type RoundingMode,
  resolveRounding,
} from '../../rounding/index.ts';
import * as parameters from '../generated/layout-arithmetic.ts';
import { planCache } from '../plan-cache.ts';
import type { ElementType, RoundingPlan } from '../rounding-plan.ts';
import { planRounding } from '../rounding-planner.ts';
import { writeCheck } from './check-plan.ts';
import {
  binary32,
  binary64,
  extentOf,
  fitsGuarded,
  hasBits,
  isExact,
  isInnocuous,
  type OperationCase,
  type OperationName,
  staysInRange,
} from './fitting.ts';
import { type LoopKernels, nearestKernels } from './nearest-plan.ts';
import { singlePassKernel } from './single-pass-plan.ts';

export type { OperationName } from './fitting.ts';

export interface OperationPlan {
  /** The kernel that makes intermediates. */
  readonly kernel: number;
  readonly operandShift: 2 | 3;
  readonly workShift: 2 | 3;
  /** How intermediates are rounded; undefined where narrowing them to the operands' type, or nothing, is left to do. */
  readonly rounding: RoundingPlan | undefined;
  /** How operands are rounded when they are checked for membership; undefined where every number of their type is one. */
  readonly membership: RoundingPlan | undefined;
  /** Whether elements may be left to the scalar reference. */
  readonly defers: boolean;
  /** The kernel that makes and rounds results in one loop, where there is one; it may ask for the others. */
  readonly single: number | undefined;
  /** The same where operands are checked. */
  readonly checking: number | undefined;
  /** The lane constants of the block. */
  readonly block: Uint8Array;
}

const operationNumber: Record<OperationName, number> = {
  add: parameters.operationAdd,
  sub: parameters.operationSub,
  mul: parameters.operationMul,
  div: parameters.operationDiv,
  sqrt: parameters.operationSqrt,
  fma: parameters.operationFma,
};

interface Choice {
  readonly lanes: number;
  readonly form: number;
  /** Whether intermediates are rounded by a rounding kernel. */
  readonly rounds: boolean;
}

/** Whether the format is what the lanes are, and rounding to it what they do by themselves. */
function isNative({ format, options }: OperationCase, name: string): boolean {
  return (
    format.name === name &&
    options.rounding === 'nearest-even' &&
    options.saturation === 'none' &&
    options.subnormals === 'keep'
  );
}

function chooseIn32(given: OperationCase): Choice | undefined {
  const { operation, format, options } = given;
  const lanes = parameters.lanes32;
  if (isNative(given, 'binary32'))
    return operation === 'fma'
      ? { lanes: parameters.lanes32in64, form: parameters.formOdd, rounds: false }
      : { lanes, form: parameters.formPlain, rounds: false };
  if (isExact(given, binary32)) return { lanes, form: parameters.formPlain, rounds: true };
  const rounding = planRounding('float32', format, options);
  if (rounding === undefined) return undefined;
  if (isInnocuous(given, rounding)) return { lanes, form: parameters.formPlain, rounds: true };
  const isShort = 2 * given.extent.precision <= binary32.precision;
  const isProduct = operation === 'mul' || operation === 'fma' || operation === 'div';
  if (hasBits(given, binary32) && staysInRange(given, binary32) && (isShort || !isProduct))
    return { lanes, form: parameters.formOdd, rounds: true };
  if (fitsGuarded(given)) return { lanes, form: parameters.formGuarded, rounds: true };
  return undefined;
}

/** Modes that the kernels with ties of their own do not know. */
const unsettled: readonly RoundingMode[] = [
  ...(['nearest-to-positive', 'nearest-to-negative', 'nearest-odd', 'jamming'] as const),
];

function chooseIn64(given: OperationCase, operandShift: 2 | 3): Choice | undefined {
  const { operation, extent } = given;
  const lanes = operandShift === 2 ? parameters.lanes32in64 : parameters.lanes64;
  if (operandShift === 3 && operation !== 'fma' && isNative(given, 'binary64'))
    return { lanes, form: parameters.formPlain, rounds: false };
  if (isExact(given, binary64)) return { lanes, form: parameters.formPlain, rounds: true };
  const isDeterministic = !isStochastic(given.options.rounding);
  const isOwn = operandShift === 3 && given.format.name === 'binary64';
  if (isOwn && isDeterministic && !unsettled.includes(given.options.rounding))
    return { lanes, form: parameters.formChecked, rounds: false };
  if (!hasBits(given, binary64)) return undefined;
  if (!staysInRange(given, binary64))
    return operandShift === 3 ? { lanes, form: parameters.formChecked, rounds: true } : undefined;
  const isShort = 2 * extent.precision <= binary64.precision;
  const isProduct = operation === 'mul' || operation === 'fma' || operation === 'div';
  return { lanes, form: isProduct && !isShort ? parameters.formPair : parameters.formOdd, rounds: true };
}

/** Writes the lane constants. */
function laneConstants({ format, options }: OperationCase, rounds: boolean, workShift: 2 | 3): Uint8Array {
  const bytes = new Uint8Array(parameters.blockBytes);
  const view = new DataView(bytes.buffer);
  function mask(slot: number, isSet: boolean): void {
    view.setBigInt64(slot, isSet ? -1n : 0n, true);
  }
  function number(slot: number, value: number): void {
    if (workShift === 3) view.setFloat64(slot, value, true);
    else view.setFloat32(slot, value, true);
  }
  const { rounding } = options;
  number(parameters.flipSlot, rounding === 'toward-negative' ? -0 : 0);
  const isPosit = format.kind === 'posit';
  const zeroDivisorIsNaN = isPosit || (format.kind === 'float' && format.specials === 'p3109');
  mask(parameters.zeroDivisorSlot, zeroDivisorIsNaN);
  number(parameters.unsignedZeroSlot, format.hasNegativeZero ? 0 : -0);
  mask(
    parameters.awayPositiveSlot,
    !rounds && (rounding === 'toward-positive' || rounding === 'away-from-zero'),
  );
  mask(
    parameters.awayNegativeSlot,
    !rounds && (rounding === 'toward-negative' || rounding === 'away-from-zero'),
  );
  mask(parameters.oddSlot, rounds || rounding === 'to-odd');
  mask(parameters.nearestSlot, !rounds && rounding.startsWith('nearest-'));
  mask(parameters.tieSlot, rounding !== 'nearest-even');
  mask(parameters.tieAwaySlot, rounding === 'nearest-away');
  number(parameters.leastSlot, rounds ? 0 : 2 ** -960);
  return bytes;
}

/** The kernels that make and round results of binary32 operands in one loop; writes their constants. */
function loopKernels(given: OperationCase, { lanes, form }: Choice, block: Uint8Array): LoopKernels {
  if (given.options.rounding === 'nearest-even')
    return lanes === parameters.lanes32 ? nearestKernels(given, form, block) : {};
  const kernel = singlePassKernel(given, block);
  return { known: kernel, checked: kernel };
}

function makePlan(type: ElementType, given: OperationCase): OperationPlan | undefined {
  const { operation, format, options } = given;
  const operandShift = type === 'float32' ? 2 : 3;
  const takesAll = format.name === (type === 'float32' ? 'binary32' : 'binary64');
  const membership = takesAll ? undefined : planRounding(type, format, resolveRounding(format));
  const choice = (operandShift === 2 ? chooseIn32(given) : undefined) ?? chooseIn64(given, operandShift);
  if (choice === undefined || (membership === undefined && !takesAll)) return undefined;
  const { lanes, form, rounds } = choice;
  const workShift = lanes === parameters.lanes32 ? 2 : 3;
  const block = laneConstants(given, rounds, workShift);
  if (operandShift === 2) writeCheck(format, block);
  const rounding = rounds
    ? planRounding(workShift === 2 ? 'float32' : 'float64', format, options)
    : undefined;
  if (rounds && rounding === undefined) return undefined;
  const kernel = (lanes * parameters.operations + operationNumber[operation]) * parameters.forms + form;
  const defers = form === parameters.formChecked || rounding?.deferred !== undefined;
  const inOneLoop = operandShift === 2 && rounds ? loopKernels(given, choice, block) : {};
  return {
    operandShift,
    workShift,
    membership,
    block,
    kernel,
    rounding,
    defers,
    single: inOneLoop.known,
    checking: inOneLoop.checked,
  };
}

const keepPlan = planCache<OperationPlan | undefined>();

/** The plan of an operation on arrays of a type, or undefined where only the scalar reference does it. Plans are kept. */
export function planOperation(
  type: ElementType,
  operation: OperationName,
  format: Format,
  options: ResolvedRounding,
): OperationPlan | undefined {
  return keepPlan(format, type, operation, options, () => {
    const extent = extentOf(format);
    return extent && makePlan(type, { operation, format, options, extent });
  });
}
