/**
 * The kernels' loops of formatOf operations: in the result's format where that has all operands, else in a wider one whose result, rounded
 * to odd, makes the second rounding innocent.
 */
import { isFloat32Array, newLike, type RealArray } from '../array-kinds.ts';
import { scalarFormats } from '../formats/catalogue.ts';
import type { FloatFormat, Format } from '../formats/format.ts';
import { fitsBinary32 } from '../formats/real-arrays.ts';
import { dropsHighBits, isStochastic, type ResolvedRounding, resolveRounding } from '../rounding/options.ts';
import type { ArithmeticKernels } from './context.ts';
import type { Elementwise } from './elementwise.ts';
import type { Operand } from './operands.ts';
import {
  type OperationName,
  type OperationPlan,
  operate,
  operationOf,
  planOperations,
} from './operations.ts';

/** Whether every number of one format, infinities and -0 too, is one of the other. */
export function isWithin(inner: Format, outer: Format): boolean {
  if (inner === outer || inner.name === outer.name) return true;
  if (inner.hasNegativeZero && !outer.hasNegativeZero) return false;
  if (inner.kind === 'float' && outer.kind === 'float')
    return (
      (!inner.hasInfinity || outer.hasInfinity) &&
      (!inner.isSigned || outer.isSigned) &&
      (outer.hasZero || !inner.hasZero) &&
      inner.precision <= outer.precision &&
      inner.max <= outer.max &&
      inner.emin - inner.mantissaBits >= outer.emin - outer.mantissaBits &&
      (outer.hasSubnormals || inner.minNormal >= outer.minNormal) &&
      (outer.hasSubnormals || inner.minSubnormal >= outer.minNormal)
    );
  return inner.bits <= 8 && inner.values().every((value) => outer.has(value));
}

const { binary32, binary64 } = scalarFormats;

/** Bits below the last one of a result that its rounding looks at. */
const bitsBeyond = ({ rounding, randomBits }: ResolvedRounding): number =>
  rounding === 'stochastic' ? randomBits + 1 : 1;

/**
 * Whether a result in a wide format rounded to odd (exact, or with an odd last bit) rounds to the result's as the exact one does. Of floats: p
 * and the bits beyond, and two more, fit; steps reach as far down; nothing overflows the wide format that the narrow one would tell apart.
 */
function isInnocent(result: FloatFormat, options: ResolvedRounding, wide: FloatFormat): boolean {
  return (
    result.exponentBits !== Infinity &&
    result.precision + bitsBeyond(options) + 1 <= wide.precision &&
    result.emin - result.mantissaBits - bitsBeyond(options) - 1 >= wide.emin - wide.mantissaBits &&
    (result.emax < wide.emax || (result.emax === wide.emax && !isStochastic(options.rounding))) &&
    options.subnormals !== 'flush'
  );
}

/** The wide format that serves arrays of a kind; undefined: none. */
function wideFormat(
  plan: OperationPlan,
  operands: readonly Format[],
  isFloat32: boolean,
): FloatFormat | undefined {
  const { format, options } = plan;
  if (
    isFloat32 &&
    operands.every(fitsBinary32) &&
    format.kind === 'float' &&
    isInnocent(format, options, binary32)
  )
    return binary32;
  if (format.kind === 'float') return isInnocent(format, options, binary64) ? binary64 : undefined;
  return plan.oddLimit === Infinity && !dropsHighBits(options) ? binary64 : undefined;
}

/** Whether the sign of a zero, or of a quotient by zero, is another matter in the wide format. */
function isOdd(name: OperationName, { options, divisionByZeroIsNaN }: OperationPlan): boolean {
  if (name === 'div') return divisionByZeroIsNaN;
  return options.rounding === 'toward-negative' && name !== 'mul' && name !== 'sqrt';
}

/** How kernels and the reference round to odd in the wide formats. */
const toOdd: ReadonlyMap<Format, OperationPlan> = new Map(
  [binary32, binary64].map((format) => [
    format,
    planOperations(format, resolveRounding(format, { rounding: 'to-odd' })),
  ]),
);

/** The loop of the kernels: in the result's format where it has all operands, else in a wider one and rounded after. */
export function quickLoop(
  name: OperationName,
  plan: OperationPlan,
  operands: readonly Format[],
  kernels: ArithmeticKernels,
): NonNullable<Elementwise['quick']> {
  const operation = operationOf(name);
  const run = (given: Operand[], out: RealArray, on: OperationPlan, taken: ResolvedRounding, team: number) =>
    kernels.operate(name, given, out, on.format, taken, team, (a, b, c, random) =>
      operate(operation, a, b, c, on, random),
    );
  if (operands.every((one) => isWithin(one, plan.format)))
    return (given, out, taken, threads) => run([...given], out, plan, taken, threads);
  if (isOdd(name, plan)) return () => false;
  return (given, out, taken, threads) => {
    const wide = wideFormat(plan, operands, isFloat32Array(out));
    if (wide === undefined) return false;
    const widens = isFloat32Array(out) && wide === binary64;
    const sources = given.map((x) => (widens && typeof x !== 'number' ? Float64Array.from(x) : x));
    const between = widens ? new Float64Array(out.length) : newLike(out);
    const odd = toOdd.get(wide)!;
    if (!run(sources, between, odd, odd.options, threads)) return false;
    kernels.round<RealArray>(between, between, plan.format, taken, threads);
    out.set(between);
    return true;
  };
}
