/** Plans that are kept: a format's plans last as long as the format. */
import type { Format } from '../formats/format.ts';
import type { ResolvedRounding } from '../rounding/index.ts';

/** All of a rounding that a plan depends on, and not where its random integers come from. */
type PlannedRounding = Pick<
  ResolvedRounding,
  'rounding' | 'saturation' | 'subnormals' | 'randomBits' | 'variant'
>;

/**
 * The plan of an array type, an operation and a rounding (undefined: it plays no part), made when it is first wanted; `undefined`,
 * where there is none, is kept as well.
 */
type KeepPlan<P> = (
  format: Format,
  type: string,
  operation: string,
  options: PlannedRounding | undefined,
  make: () => P,
) => P;

interface Kept<P> {
  readonly type: string;
  readonly options: PlannedRounding | undefined;
  readonly plan: P;
}

/** The plans of an operation in a format. */
interface Plans<P> {
  /** What was asked for last: mostly the next one too. */
  last: Kept<P> | undefined;
  readonly all: Map<string, Kept<P>>;
}

function isSame(one: PlannedRounding | undefined, other: PlannedRounding | undefined): boolean {
  if (one === undefined || other === undefined) return one === other;
  return (
    one.rounding === other.rounding &&
    one.saturation === other.saturation &&
    one.subnormals === other.subnormals &&
    one.randomBits === other.randomBits &&
    one.variant === other.variant
  );
}

/** A cache of a family's plans. */
export function planCache<P>(): KeepPlan<P> {
  const plans = new WeakMap<Format, Map<string, Plans<P>>>();

  function plansOf(format: Format, operation: string): Plans<P> {
    let ofFormat = plans.get(format);
    if (ofFormat === undefined) {
      ofFormat = new Map();
      plans.set(format, ofFormat);
    }
    let found = ofFormat.get(operation);
    if (found === undefined) {
      found = { last: undefined, all: new Map() };
      ofFormat.set(operation, found);
    }
    return found;
  }

  function kept(
    all: Map<string, Kept<P>>,
    type: string,
    options: PlannedRounding | undefined,
    make: () => P,
  ) {
    const { rounding, saturation, subnormals, randomBits, variant } = options ?? {};
    const key = `${type} ${rounding} ${saturation} ${subnormals} ${randomBits} ${variant}`;
    const known = all.get(key);
    if (known !== undefined) return known;
    const planned = options && { rounding, saturation, subnormals, randomBits, variant };
    const made = { type, options: planned as PlannedRounding | undefined, plan: make() };
    all.set(key, made);
    return made;
  }

  return (format, type, operation, options, make) => {
    const found = plansOf(format, operation);
    const { last } = found;
    if (last !== undefined && last.type === type && isSame(last.options, options)) return last.plan;
    found.last = kept(found.all, type, options, make);
    return found.last.plan;
  };
}
