/** Plans that are kept: a format's plans last as long as the format. */
import type { Format } from '../formats/format.ts';
import type { ResolvedRounding } from '../rounding/index.ts';

/** The plan of a key, made when it is first wanted; `undefined`, where there is none, is kept as well. */
type KeepPlan<P> = (format: Format, key: string, make: () => P) => P;

/** A cache of a family's plans. */
export function planCache<P>(): KeepPlan<P> {
  const plans = new WeakMap<Format, Map<string, P>>();
  return (format, key, make) => {
    let ofFormat = plans.get(format);
    if (ofFormat === undefined) {
      ofFormat = new Map();
      plans.set(format, ofFormat);
    }
    const known = ofFormat.get(key);
    if (known !== undefined || ofFormat.has(key)) return known as P;
    const plan = make();
    ofFormat.set(key, plan);
    return plan;
  };
}

/** All of a rounding that a plan depends on, and not where its random integers come from. */
export function roundingKey(options: ResolvedRounding): string {
  const { rounding, saturation, subnormals, randomBits, variant } = options;
  return `${rounding} ${saturation} ${subnormals} ${randomBits} ${variant}`;
}
