/** The gradients of a quantiser: those of its rule, taken back through its transform and its strength. */
import { type RealArray, realArray } from '../array-kinds.ts';
import { checkFunction } from '../check.ts';
import { blendGradient, checkQuantization, type Gradients, type Quantization } from './gradients/index.ts';
import type { ResolvedQuantizer } from './quantizer-options.ts';
import type { ResolvedScale } from './scale-options.ts';
import type { Residue, TransformContext } from './transforms/transform.ts';

/** What happened to a tensor: what gradient rules and analyses look at, and what takes a gradient back. */
export interface Explained extends Quantization {
  /** What the quantiser was given, before transforms; zeros in place of NaN that are replaced. */
  readonly given: RealArray;
  readonly residue: Residue;
  readonly context: TransformContext;
}

/** The gradients of given and learned scales, from those of the value of one unit: with respect to what is stored. */
function ofStored(
  units: Float64Array,
  { scales }: Explained,
  { stored, prescale, gain }: ResolvedScale,
): Float64Array {
  return units.map((gradient, group) => {
    // One unit is 1 / stored, or stored gain / prescale.
    const unit = scales[group]!;
    return stored === 'encode' ? -gradient * unit * unit : (gradient * gain) / prescale;
  });
}

/** What the rule says of scales, zero points and levels, given the gradient of the values, scaled by the strength. */
function trained<A extends RealArray>(
  { scale, strength }: ResolvedQuantizer,
  { x: _, ...parameters }: Gradients<A>,
  explained: Explained,
): Omit<Gradients<A>, 'x'> {
  const isGiven = scale.from === 'constant' || scale.from === 'learned';
  const { scales } = parameters;
  const all = { ...parameters, ...(scales && isGiven && { scales: ofStored(scales, explained, scale) }) };
  if (strength === 1) return all;
  return Object.fromEntries(Object.entries(all).map(([name, each]) => [name, each.map((g) => strength * g)]));
}

/** See `Quantizer`. */
export function pullback<A extends RealArray>(
  options: ResolvedQuantizer,
  explained: Explained,
  outer: A,
): Gradients<A> {
  const { transform, gradient, strength, invert } = options;
  const given = realArray('gradient', outer) as A;
  checkQuantization('explained', explained);
  const { given: x, values, shape, residue, context } = explained;
  if (transform === undefined) {
    const ruled = gradient.pullback(explained, given);
    return { x: blendGradient(given, ruled.x, strength), ...trained(options, ruled, explained) };
  }
  if (!invert) {
    const ruled = gradient.pullback(explained, given);
    checkFunction('transform.forwardGradient', transform.forwardGradient);
    const ofX = transform.forwardGradient(ruled.x, x, shape, residue, context);
    return { x: ofX, ...trained(options, ruled, explained) };
  }
  let trainsMore = false;
  const inner = (within: A): A => {
    const { x: ruled, ...parameters } = gradient.pullback(explained, within);
    trainsMore = Object.keys(parameters).length > 0;
    return ruled;
  };
  const ofX = transform.pullback(given, shape, residue, inner, context);
  const blended = blendGradient(given, ofX, strength);
  if (!trainsMore) return { x: blended };
  checkFunction('transform.inverseGradient', transform.inverseGradient);
  const ofValues = transform.inverseGradient(given, values, shape, residue, context);
  return { x: blended, ...trained(options, gradient.pullback(explained, ofValues), explained) };
}
