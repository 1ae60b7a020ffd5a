/**
 * The check of a recipe, which may come from a file: it names the field that is wrong. What each field may be is
 * recipe-schema.ts; rules that belong to an optimiser, a store, a schedule or a quantiser are theirs.
 */
import { within } from '../check.ts';
import { ArgumentError } from '../errors.ts';
import { formats, toFormat } from '../formats/index.ts';
import { resolveRounding } from '../rounding/options.ts';
import { checkSchema } from '../schema.ts';
import { type AccumulatorSpec, resolveAccumulatorSpec } from '../tfjs/accumulator.ts';
import { resolvePolicy } from '../tfjs/resolve-policy.ts';
import { settledOptions } from './engine/slots.ts';
import { canonicalJson } from './hash.ts';
import { checkOptimizer, checkStateCodec } from './optimizers/index.ts';
import { checkQuantizerSpec } from './quantizer-spec.ts';
import type { LinearSlots, OperandSpec, PartialSlots, Phase, Recipe, Rule } from './recipe.ts';
import { recipeSchema } from './recipe-schema.ts';
import { checkSchedule } from './schedule.ts';
import { checkStore } from './stores/index.ts';

function checkOperand(path: string, spec: OperandSpec | 'same' | null | undefined): void {
  if (spec == null || spec === 'same') return;
  const options = settledOptions(spec);
  if (options !== undefined) checkQuantizerSpec(path, options);
}

function checkSlots(path: string, slots: PartialSlots): void {
  for (const product of ['forward', 'inputGradient', 'weightGradient'] as const)
    for (const [operand, spec] of Object.entries(slots[product] ?? {})) {
      const place = `${path}.${product}.${operand}`;
      if (operand === 'accumulate') checkAccumulator(place, spec as AccumulatorSpec | null);
      else checkOperand(place, spec as OperandSpec | 'same' | null);
      const { of, norm } = (typeof spec === 'object' && spec !== null ? spec : {}) as OperandSpec;
      if (of === 'image' && (product === 'forward' || operand === 'g'))
        throw new ArgumentError(
          `${place}.of`,
          of,
          'operand, where there is no image that the forward product read',
        );
      if (norm !== undefined && !(product === 'forward' && operand === 'x'))
        throw new ArgumentError(
          `${place}.norm`,
          norm,
          'nothing: the norm stands before what the forward product reads',
        );
    }
}

function checkAccumulator(path: string, spec: AccumulatorSpec | null | undefined): void {
  if (spec == null) return;
  try {
    resolveAccumulatorSpec(spec, formats.binary32, resolveRounding(formats.binary32));
  } catch (error) {
    if (!(error instanceof ArgumentError)) throw error;
    throw new ArgumentError(path, spec, error.accepted);
  }
}

/** Values that stay transformed must meet their like in the product, or it is no product of the operands. */
export function checkPartners(path: string, { forward, inputGradient, weightGradient }: LinearSlots): void {
  const pairs = [
    ['forward', 'x', forward.x, 'w', forward.w],
    ['inputGradient', 'g', inputGradient.g, 'w', inputGradient.w],
    ['weightGradient', 'g', weightGradient.g, 'x', weightGradient.x],
  ] as const;
  for (const [product, first, a, second, b] of pairs) {
    const [left, right] = [turnOf(a), turnOf(b)];
    if (left === right) continue;
    const missing = left === undefined ? first : second;
    throw new ArgumentError(
      `${path}.${product}.${missing}.transform`,
      left === undefined ? a : b,
      `the transform of ${missing === first ? second : first}, whose values stay transformed (invert: false)`,
    );
  }
}

/** The transform that an operand's values keep, as text. */
function turnOf(spec: OperandSpec | 'same' | null | undefined): string | undefined {
  if (spec == null || spec === 'same' || spec.invert !== false || spec.transform === undefined)
    return undefined;
  return canonicalJson(spec.transform);
}

function checkRules(path: string, rules: readonly Rule[] = []): void {
  rules.forEach(({ set }, i) => {
    const place = `${path}.rules[${i}].set`;
    checkSlots(place, set);
    if (set.store !== undefined) checkStore(set.store, `${place}.store`);
    for (const moment of ['first', 'second'] as const) {
      const codec = set[moment];
      if (codec !== undefined) checkStateCodec(codec, `${place}.${moment}`);
    }
  });
}

function checkPhase(path: string, phase: Phase, previous: Phase | undefined): void {
  const { from, emulate } = phase;
  if (previous === undefined ? from !== 0 : from <= previous.from)
    throw new ArgumentError(
      `${path}.from`,
      from,
      previous === undefined ? '0 for the first phase' : `a number above ${previous.from} and below 1`,
    );
  checkSlots(`${path}.linear`, phase.linear);
  checkPartners(`${path}.linear`, phase.linear);
  phase.layers?.forEach((layer, i) => {
    checkSlots(`${path}.layers[${i}].linear`, layer.linear);
    checkPartners(`${path}.layers[${i}].linear`, layer.linear);
  });
  checkRules(path, phase.rules);
  if (phase.rules?.some(({ set }) => set.store !== undefined))
    throw new ArgumentError(
      `${path}.rules`,
      'store',
      "stores in the recipe's rules: a weight is held one way for the whole run",
    );
  if (emulate !== null)
    within(`${path}.emulate`, () => {
      toFormat(emulate.format);
      resolvePolicy(emulate);
    });
}

/**
 * Checks a recipe, which may come from a file: types and ranges first, then what joins several fields.
 * @throws ArgumentError naming the field, such as `recipe.phases[1].linear.forward.w.format`.
 */
export function checkRecipe(recipe: Recipe): void {
  checkSchema('recipe', recipe, recipeSchema);
  recipe.phases.forEach((phase, i) => {
    checkPhase(`recipe.phases[${i}]`, phase, recipe.phases[i - 1]);
  });
  checkRules('recipe', recipe.rules);
  checkOptimizer(recipe.optimizer, 'recipe.optimizer');
  checkSchedule(recipe.schedule, 'recipe.schedule');
  if (recipe.decaySchedule !== undefined) checkSchedule(recipe.decaySchedule, 'recipe.decaySchedule');
  if (recipe.store !== undefined) checkStore(recipe.store, 'recipe.store');
  recipe.inference?.forEach(({ w }, i) => {
    checkOperand(`recipe.inference[${i}].w`, w);
  });
}
