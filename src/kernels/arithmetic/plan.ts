/**
 * Which kernel makes an operation's intermediates, and which then rounds them. An intermediate serves where it is exact; or,
 * rounded to odd, where rounding looks at two bits fewer than it has at least (deterministic modes), or N + 2 fewer
 * (stochastic with N bits); or, rounded to nearest even in binary32, for at most 11 bits (Figueroa, "When is double rounding
 * innocuous?", SIGNUM Newsletter 30 (3), 1995). All that only where neither it nor its error leaves the lanes' range.
 */
import { exponentOf } from '../../formats/binary64.ts';
import type { Format } from '../../formats/format.ts';
import { isStochastic, type ResolvedRounding, resolveRounding } from '../../rounding/index.ts';
import { planRounding } from '../plan.ts';
import type { ElementType, RoundingPlan } from '../rounding-plan.ts';
import { fusedKernel, writeLook } from './fused-plan.ts';
import * as parameters from './parameters.ts';

export type OperationName = 'add' | 'sub' | 'mul' | 'div' | 'sqrt' | 'fma';

export interface OperationPlan {
  /** The kernel that makes intermediates. */
  readonly kernel: number;
  readonly operandShift: 2 | 3;
  readonly workShift: 2 | 3;
  /** How intermediates are rounded; undefined where narrowing them to the operands' type, or nothing, is left to do. */
  readonly rounding: RoundingPlan | undefined;
  /** How operands are rounded when they are looked at for membership; undefined where every number of their type is one. */
  readonly membership: RoundingPlan | undefined;
  /** Whether elements may be left to the scalar reference. */
  readonly defers: boolean;
  /** The kernel that does all in one loop, where there is one: the faster way if operands are to be looked at. */
  readonly fused: number | undefined;
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

/** What a format's numbers are made of. */
interface Extent {
  /** Most significant bits of a number. */
  readonly precision: number;
  /** All numbers are multiples of 2^quantum and below 2^(top + 1). */
  readonly quantum: number;
  readonly top: number;
  /** Bits of the points at which a rounding changes its mind, but for the random integer's. */
  readonly decision: number;
}

/** A lane type: significant bits, exponent of its smallest number, largest exponent. */
interface Lanes {
  readonly precision: number;
  readonly quantum: number;
  readonly top: number;
}

const binary32: Lanes = { precision: 24, quantum: -149, top: 127 };
const binary64: Lanes = { precision: 53, quantum: -1074, top: 1023 };

function extentOf(format: Format): Extent | undefined {
  switch (format.kind) {
    case 'float': {
      const { precision, emin, emax, mantissaBits } = format;
      const quantum = Math.max(format.exponentBits === Infinity ? -1074 : emin - mantissaBits, -1074);
      return { precision, quantum, top: emax, decision: precision + 2 };
    }
    case 'int':
    case 'fixed': {
      const quantum = format.kind === 'fixed' ? -format.fractionBits : 0;
      const top = exponentOf(Math.max(format.max, -format.min));
      const precision = top - quantum + 1;
      return { precision, quantum, top, decision: precision + 2 };
    }
    case 'posit': {
      const precision = Math.max(format.bits - 2 - format.es, 1);
      // At the ends neighbours are 2^(2^es) apart as a ratio, and their difference has as many bits.
      const decision = Math.max(precision, 2 ** format.es + 1) + 2;
      const quantum = exponentOf(format.minPositive);
      return { precision, quantum, top: exponentOf(format.max), decision };
    }
    case 'logarithmic':
    case 'codebook':
      return undefined;
  }
}

interface Question {
  readonly operation: OperationName;
  readonly format: Format;
  readonly options: ResolvedRounding;
  readonly extent: Extent;
}

/** All results are below 2^(this + 1). */
function topOf({ operation, extent: { quantum, top } }: Question): number {
  switch (operation) {
    case 'add':
    case 'sub':
      return top + 1;
    case 'mul':
      return 2 * top + 1;
    case 'fma':
      return Math.max(2 * top + 1, top) + 1;
    case 'div':
      return top - quantum;
    case 'sqrt':
      return Math.max(top, 0);
  }
}

function isProductExact({ precision, quantum, top }: Extent, lanes: Lanes): boolean {
  return 2 * precision <= lanes.precision && 2 * quantum >= lanes.quantum && 2 * top + 1 <= lanes.top;
}

/** Whether the lanes hold every result. */
function isExact(question: Question, lanes: Lanes): boolean {
  const { operation, extent } = question;
  const { quantum } = extent;
  const top = topOf(question);
  switch (operation) {
    case 'add':
    case 'sub':
      return top + 1 - quantum <= lanes.precision && top <= lanes.top && quantum >= lanes.quantum;
    case 'mul':
      return isProductExact(extent, lanes);
    case 'fma':
      return (
        isProductExact(extent, lanes) &&
        top + 1 - Math.min(2 * quantum, quantum) <= lanes.precision &&
        top <= lanes.top
      );
    case 'div':
    case 'sqrt':
      return false;
  }
}

/** Whether a result rounded to odd in the lanes has the bits that rounding looks at. */
function hasBits(question: Question, lanes: Lanes): boolean {
  const { format, options, extent } = question;
  const randomBits = options.rounding === 'stochastic' ? options.randomBits : 0;
  if (extent.decision + randomBits > lanes.precision) return false;
  // Wrapping looks at everything down to the step.
  return (
    options.saturation !== 'wrap' ||
    format.kind === 'float' ||
    topOf(question) - extent.quantum + 2 + randomBits <= lanes.precision
  );
}

/** Whether no result, no product and no error of one leaves the lanes' range. */
function staysInRange(question: Question, lanes: Lanes): boolean {
  const { operation, extent } = question;
  const { quantum, top } = extent;
  if (topOf(question) > lanes.top || quantum < lanes.quantum) return false;
  switch (operation) {
    case 'add':
    case 'sub':
      return true;
    case 'mul':
    case 'fma':
      return 2 * quantum >= lanes.quantum;
    case 'div':
      return 2 * quantum - top - lanes.precision - 1 >= lanes.quantum;
    case 'sqrt':
      return quantum - 2 * lanes.precision >= lanes.quantum;
  }
}

/** Whether a result rounded to nearest even in binary32 may be rounded again. */
function isInnocuous(question: Question, rounding: RoundingPlan): boolean {
  const { operation, format, options, extent } = question;
  const { precision, quantum } = extent;
  if (format.kind !== 'float' || options.rounding !== 'nearest-even') return false;
  if (rounding.path !== 'quick' && rounding.path !== 'pattern') return false;
  if (2 * precision + 2 > binary32.precision) return false;
  // A result that overflows in binary32 does so in the format, but is no infinite input.
  if (options.saturation === 'propagate' && topOf(question) > binary32.top) return false;
  switch (operation) {
    case 'add':
    case 'sub':
    case 'sqrt':
      return true;
    case 'mul':
      // Below half of the smallest number nothing matters; from there on products have no bits below binary32's.
      return quantum - 2 * precision >= binary32.quantum;
    case 'div':
      // Quotients are farther from middles than binary32's numbers are from each other.
      return quantum - 2 - precision >= binary32.quantum;
    case 'fma':
      return false;
  }
}

/** Whether binary32 lanes with a guard for results beyond binary32's range serve. */
function fitsGuarded(question: Question): boolean {
  const { operation, options, extent } = question;
  const { precision, quantum, top } = extent;
  // The guard stops at binary32's largest number, from where a random integer may still lead back into the range.
  if (isStochastic(options.rounding)) return false;
  if (!hasBits(question, binary32) || quantum < binary32.quantum || top > binary32.top) return false;
  switch (operation) {
    case 'add':
    case 'sub':
      return true;
    case 'mul':
    case 'fma':
      return 2 * precision <= binary32.precision;
    case 'div':
    case 'sqrt':
      return false;
  }
}

interface Choice {
  readonly lanes: number;
  readonly form: number;
  /** Whether intermediates are rounded by a rounding kernel. */
  readonly rounds: boolean;
}

/** Whether the format is what the lanes are, and rounding to it what they do by themselves. */
function isNative({ format, options }: Question, name: string): boolean {
  return (
    format.name === name &&
    options.rounding === 'nearest-even' &&
    options.saturation === 'none' &&
    options.subnormals === 'keep'
  );
}

function chooseIn32(question: Question): Choice | undefined {
  const { operation, format, options } = question;
  const lanes = parameters.lanes32;
  if (isNative(question, 'binary32'))
    return operation === 'fma'
      ? { lanes: parameters.lanes32in64, form: parameters.formOdd, rounds: false }
      : { lanes, form: parameters.formPlain, rounds: false };
  if (isExact(question, binary32)) return { lanes, form: parameters.formPlain, rounds: true };
  const rounding = planRounding('float32', format, options);
  if (rounding === undefined) return undefined;
  if (isInnocuous(question, rounding)) return { lanes, form: parameters.formPlain, rounds: true };
  const isShort = 2 * question.extent.precision <= binary32.precision;
  const isProduct = operation === 'mul' || operation === 'fma' || operation === 'div';
  if (hasBits(question, binary32) && staysInRange(question, binary32) && (isShort || !isProduct))
    return { lanes, form: parameters.formOdd, rounds: true };
  if (fitsGuarded(question)) return { lanes, form: parameters.formGuarded, rounds: true };
  return undefined;
}

function chooseIn64(question: Question, operandShift: 2 | 3): Choice | undefined {
  const { operation, extent } = question;
  const lanes = operandShift === 2 ? parameters.lanes32in64 : parameters.lanes64;
  if (operandShift === 3 && operation !== 'fma' && isNative(question, 'binary64'))
    return { lanes, form: parameters.formPlain, rounds: false };
  if (isExact(question, binary64)) return { lanes, form: parameters.formPlain, rounds: true };
  const isDeterministic = !isStochastic(question.options.rounding);
  if (operandShift === 3 && question.format.name === 'binary64' && isDeterministic)
    return { lanes, form: parameters.formChecked, rounds: false };
  if (!hasBits(question, binary64)) return undefined;
  if (!staysInRange(question, binary64))
    return operandShift === 3 ? { lanes, form: parameters.formChecked, rounds: true } : undefined;
  const isShort = 2 * extent.precision <= binary64.precision;
  const isProduct = operation === 'mul' || operation === 'fma' || operation === 'div';
  return { lanes, form: isProduct && !isShort ? parameters.formPair : parameters.formOdd, rounds: true };
}

/** Writes the lane constants. */
function laneConstants({ format, options }: Question, rounds: boolean, workShift: 2 | 3): Uint8Array {
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

function makePlan(type: ElementType, question: Question): OperationPlan | undefined {
  const { operation, format, options } = question;
  const operandShift = type === 'float32' ? 2 : 3;
  const takesAll = format.name === (type === 'float32' ? 'binary32' : 'binary64');
  const membership = takesAll ? undefined : planRounding(type, format, resolveRounding(format));
  const choice =
    (operandShift === 2 ? chooseIn32(question) : undefined) ?? chooseIn64(question, operandShift);
  if (choice === undefined || (membership === undefined && !takesAll)) return undefined;
  const { lanes, form, rounds } = choice;
  const workShift = lanes === parameters.lanes32 ? 2 : 3;
  const block = laneConstants(question, rounds, workShift);
  if (operandShift === 2) writeLook(format, block);
  const rounding = rounds
    ? planRounding(workShift === 2 ? 'float32' : 'float64', format, options)
    : undefined;
  if (rounds && rounding === undefined) return undefined;
  const kernel = (lanes * 6 + operationNumber[operation]) * parameters.forms + form;
  const defers = form === parameters.formChecked || rounding?.deferred !== undefined;
  const mayFuse = workShift === 2 && rounds;
  const fused = mayFuse ? fusedKernel(operation, form, format, options, topOf(question), block) : undefined;
  return { operandShift, workShift, membership, block, kernel, rounding, defers, fused };
}

const plans = new WeakMap<Format, Map<string, OperationPlan | undefined>>();

/** The plan of an operation on arrays of a type, or undefined where only the scalar reference does it. Plans are kept. */
export function planOperation(
  type: ElementType,
  operation: OperationName,
  format: Format,
  options: ResolvedRounding,
): OperationPlan | undefined {
  let ofFormat = plans.get(format);
  if (ofFormat === undefined) {
    ofFormat = new Map();
    plans.set(format, ofFormat);
  }
  const { rounding, saturation, subnormals, randomBits, variant } = options;
  const key = `${type} ${operation} ${rounding} ${saturation} ${subnormals} ${randomBits} ${variant}`;
  const known = ofFormat.get(key);
  if (known !== undefined || ofFormat.has(key)) return known;
  const extent = extentOf(format);
  const plan = extent && makePlan(type, { operation, format, options, extent });
  ofFormat.set(key, plan);
  return plan;
}
