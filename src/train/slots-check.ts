/** The check of a layer's slots, each for itself and together: what stands where, and what must meet its like in a product. */
import { checkAbsent, refusedAs, within } from '../check.ts';
import { ArgumentError } from '../errors.ts';
import { formats, toFormat } from '../formats/index.ts';
import { transform } from '../quantizers/transforms/index.ts';
import { resolveRounding } from '../rounding/options.ts';
import { type AccumulatorSpec, isInteger32, resolveAccumulatorSpec } from '../tfjs/accumulator.ts';
import { canonicalJson } from './hash.ts';
import type { InputGradientSpec, LinearSlots, OperandSpec, PartialSlots } from './linear-slots.ts';
import { checkOperand } from './operand-check.ts';
import { keepsRowsTurned } from './recipe-slots.ts';

/**
 * Checks slots that a phase, a layer or a rule gives.
 * @throws ArgumentError naming the field
 */
export function checkSlots(path: string, slots: PartialSlots): void {
  for (const product of ['forward', 'inputGradient', 'weightGradient'] as const)
    for (const [operand, spec] of Object.entries(slots[product] ?? {})) {
      const place = `${path}.${product}.${operand}`;
      if (operand === 'accumulate') {
        checkAccumulator(place, spec as AccumulatorSpec | null);
        continue;
      }
      if (typeof spec === 'object' && spec !== null) checkPlace(place, product, operand, spec as OperandSpec);
      checkOperand(place, spec as OperandSpec | 'same' | null, { isOwned: true });
    }
}

/** What an operand says that only some slots may say. */
function checkPlace(
  place: string,
  product: keyof LinearSlots,
  operand: string,
  { of, norm, scale, turn, learn, form }: OperandSpec & InputGradientSpec,
): void {
  const isInput = product === 'forward' && operand === 'x';
  const isWeight = product === 'forward' && operand === 'w';
  if (turn !== undefined) within(`${place}.turn`, () => transform(turn));
  if (scale?.from === 'learned' && !isInput && !isWeight)
    throw new ArgumentError(
      `${place}.scale.from`,
      scale.from,
      'a statistic or constant: scales are learned of what the forward product reads',
    );
  if (!isWeight && learn?.some((one) => one.of === 'bits'))
    throw new ArgumentError(`${place}.learn`, 'bits', 'bits of forward.w: groups of weights stay the same');
  if (form !== undefined && !isWeight && !(isInput && form.kind === 'power'))
    throw new ArgumentError(`${place}.form`, form.kind, 'a form of forward.w, or a power of forward.x');
  if (of === 'image' && (product === 'forward' || operand === 'g'))
    throw new ArgumentError(
      `${place}.of`,
      of,
      'operand, where there is no image that the forward product read',
    );
  if (!isInput)
    checkAbsent(`${place}.norm`, norm, 'nothing: the norm stands before what the forward product reads');
}

function checkAccumulator(path: string, spec: AccumulatorSpec | null | undefined): void {
  if (spec == null || isInteger32(spec)) return;
  refusedAs(
    () => resolveAccumulatorSpec(spec, formats.binary32, resolveRounding(formats.binary32)),
    ({ accepted }) => new ArgumentError(path, spec, accepted),
  );
}

/** Sums of integers are those of all three products, whose operands are integers with one scale; a weight may be a store's. */
function checkIntegers(path: string, slots: LinearSlots): void {
  const { forward, inputGradient, weightGradient } = slots;
  if (![forward, inputGradient, weightGradient].some(({ accumulate = null }) => isInteger32(accumulate)))
    return;
  for (const product of ['forward', 'inputGradient', 'weightGradient'] as const)
    if (!isInteger32(slots[product].accumulate ?? null))
      throw new ArgumentError(
        `${path}.${product}.accumulate`,
        slots[product].accumulate,
        'int32, as the other products of the layer',
      );
  const operands = {
    'forward.x': forward.x,
    'inputGradient.g': inputGradient.g,
    'weightGradient.g': weightGradient.g,
    ...(forward.w === null ? {} : { 'forward.w': forward.w }),
  };
  for (const [name, spec] of Object.entries(operands))
    if (spec === null || !isOneGridOfIntegers(spec))
      throw new ArgumentError(
        `${path}.${name}`,
        spec,
        'a quantiser of an integer format with one scale, without a transform and at full strength, as int32 sums are of integers',
      );
  for (const [name, spec] of [
    ['inputGradient.w', inputGradient.w],
    ['weightGradient.x', weightGradient.x],
  ] as const)
    if (spec !== 'same')
      throw new ArgumentError(`${path}.${name}`, spec, 'same, as int32 sums are of integers');
}

function isOneGridOfIntegers({ format, scale, strength = 1, transform: made, form }: OperandSpec): boolean {
  return (
    format !== undefined &&
    toFormat(format).kind === 'int' &&
    scale?.per === 'tensor' &&
    ![strength !== 1, made, form, scale.zeroPoint].some(Boolean)
  );
}

/** Values that stay transformed must meet their like in the product, or it is no product of the operands. */
export function checkPartners(path: string, { forward, inputGradient, weightGradient }: LinearSlots): void {
  const pairs = [
    ['forward', 'x', forward.x, 'w', forward.w],
    ['inputGradient', 'g', inputGradient.g, 'w', inputGradient.w],
    ['weightGradient', 'g', weightGradient.g, 'x', weightGradient.x],
  ] as const;
  checkIntegers(path, { forward, inputGradient, weightGradient });
  checkTurnedRows(`${path}.inputGradient`, inputGradient);
  for (const [product, first, a, second, b] of pairs) {
    const [left, right] = [turnOf(keepsRowsTurned(a) ? null : a), turnOf(b)];
    if (left === right) continue;
    const missing = left === undefined ? first : second;
    throw new ArgumentError(
      `${path}.${product}.${missing}.transform`,
      left === undefined ? a : b,
      `the transform of ${missing === first ? second : first}, whose values stay transformed (invert: false)`,
    );
  }
}

/** Rows that stay rotated must be turned back in the result, and nothing else can be. */
function checkTurnedRows(path: string, { g, dx }: LinearSlots['inputGradient']): void {
  const kept = keepsRowsTurned(g) ? g.transform : undefined;
  if (canonicalJson(kept ?? null) !== canonicalJson(dx?.turn ?? null))
    throw new ArgumentError(
      `${path}.dx.turn`,
      dx?.turn,
      kept === undefined
        ? 'nothing: g keeps no rotation of its rows (axis -2, invert false)'
        : `that of g, ${canonicalJson(kept)}`,
    );
}

/** The transform that an operand's values keep, as text. */
function turnOf(spec: OperandSpec | 'same' | null | undefined): string | undefined {
  if (spec == null || spec === 'same' || spec.invert !== false || spec.transform === undefined)
    return undefined;
  return canonicalJson(spec.transform);
}
