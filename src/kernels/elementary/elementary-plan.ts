/**
 * Where the kernels of elementary functions fit: deterministic roundings to floats whose bits, and those of the middles between their
 * numbers, are far fewer than binary64's, and whose ranges are well within its own.
 */
import type { Format } from '../../formats/format.ts';
import { isStochastic, type ResolvedRounding } from '../../rounding/index.ts';
import * as layout from '../generated/layout-elementary.ts';
import { kinds, lanes64 } from '../generated/layout-rounding.ts';
import { planCache } from '../plan-cache.ts';
import { planInLanes } from '../rounding-planner.ts';

const functionNumbers = {
  exp: layout.functionExp,
  log: layout.functionLog,
  sin: layout.functionSin,
  cos: layout.functionCos,
  tanh: layout.functionTanh,
  erf: layout.functionErf,
} as const;

export interface ElementaryPlan {
  /** Which function, and what decides its roundings. */
  readonly number: number;
  readonly kind: number;
  /** The constants of the rounding, where it has any. */
  readonly rounding: Uint8Array | undefined;
}

function makePlan(name: string, format: Format, options: ResolvedRounding): ElementaryPlan | undefined {
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
  if (isNative) return { number, kind: layout.decideNative, rounding: undefined };
  const plan = planInLanes(format, options);
  if (plan?.path !== 'general') return undefined;
  return { number, kind: plan.kernel - lanes64 * kinds, rounding: plan.block };
}

const keepPlan = planCache<ElementaryPlan | undefined>();

/** The plan, or undefined where only the reference evaluates. Plans are kept. */
export function planElementary(
  name: string,
  format: Format,
  options: ResolvedRounding,
): ElementaryPlan | undefined {
  return keepPlan(format, 'float64', name, options, () => makePlan(name, format, options));
}
