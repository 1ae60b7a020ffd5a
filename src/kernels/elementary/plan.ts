/**
 * Where the kernels of elementary functions fit: deterministic roundings to floats whose bits, and those of the middles between their
 * numbers, are far fewer than binary64's, and whose ranges are well within its own.
 */
import type { Format } from '../../formats/format.ts';
import { isStochastic, type ResolvedRounding } from '../../rounding/index.ts';
import { kinds, lanes64 } from '../generated/layout-rounding.ts';
import { planInLanes } from '../rounding-planner.ts';
import * as parameters from './parameters.ts';

const functionNumbers = {
  exp: parameters.functionExp,
  log: parameters.functionLog,
  sin: parameters.functionSin,
  cos: parameters.functionCos,
  tanh: parameters.functionTanh,
  erf: parameters.functionErf,
} as const;

export interface ElementaryPlan {
  /** Which function, and what decides its roundings. */
  readonly number: number;
  readonly kind: number;
  /** The constants of the rounding, where it has any. */
  readonly rounding: Uint8Array | undefined;
}

/** The plan, or undefined where only the reference evaluates. The constants are kept by the format's own plans. */
export function planElementary(
  name: string,
  format: Format,
  options: ResolvedRounding,
): ElementaryPlan | undefined {
  const number = (functionNumbers as Readonly<Record<string, number>>)[name];
  if (number === undefined || isStochastic(options.rounding) || format.kind !== 'float') return undefined;
  const fits =
    format.hasZero &&
    format.precision <= 32 &&
    format.emax <= 900 &&
    format.emin - format.mantissaBits >= -900;
  if (!fits) return undefined;
  const isNative =
    format.name === 'binary32' &&
    options.rounding === 'nearest-even' &&
    options.saturation === 'none' &&
    options.subnormals === 'keep';
  if (isNative) return { number, kind: parameters.kindNative, rounding: undefined };
  const plan = planInLanes(format, options);
  if (plan?.path !== 'general') return undefined;
  return { number, kind: plan.kernel - lanes64 * kinds, rounding: plan.block };
}
