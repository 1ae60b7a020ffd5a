/**
 * The check of a recipe, which may come from a file: it names the field that is wrong. What each field may be is
 * recipe-schema.ts; rules that belong to an optimiser, a store, a schedule or a quantiser are theirs.
 */
import { checkAbsent, checkAscending, pathOf, refusedAs, within } from '../check.ts';
import { ArgumentError } from '../errors.ts';
import { formats, toFormat } from '../formats/index.ts';
import type { Quantizer } from '../quantizers/index.ts';
import { transform } from '../quantizers/transforms/index.ts';
import { resolveRounding } from '../rounding/options.ts';
import { checkSchema } from '../schema.ts';
import { type AccumulatorSpec, isInteger32, resolveAccumulatorSpec } from '../tfjs/accumulator.ts';
import { resolvePolicy } from '../tfjs/resolve-policy.ts';
import { adaptSettings, longestWord } from './controllers/adapt.ts';
import { fixedPointOf, nameOf } from './controllers/fixed-slots.ts';
import { checkCurve } from './curve.ts';
import { settledOptions } from './engine/slot-spec.ts';
import { canonicalJson } from './hash.ts';
import { withSpelledQuantizers } from './named-slots.ts';
import {
  checkFedMomentum,
  checkFeedback,
  checkOptimizer,
  checkStateCodec,
  checkValues,
  momentsOf,
  type OptimizerSettings,
} from './optimizers/index.ts';
import { checkQuantizerSpec } from './quantizer-spec.ts';
import {
  type GivenRecipe,
  type InputGradientSpec,
  keepsRowsTurned,
  type LearnBits,
  type LearnScale,
  type LinearSlots,
  type OperandForm,
  type OperandSpec,
  optimizerValues,
  type PartialSlots,
  type Phase,
  type Recipe,
  type RecipeEvent,
  type Rule,
  settledRecipe,
  valuePrefix,
} from './recipe.ts';
import { recipeSchema } from './recipe-schema.ts';
import { checkSavedRules } from './saved/spec.ts';
import { checkSchedule } from './schedule.ts';
import { checkStore, feedsBack } from './stores/index.ts';
import { checkUpdate } from './update/spec.ts';

function checkOperand(
  path: string,
  spec: OperandSpec | 'same' | null | undefined,
  { isOwned }: { readonly isOwned: boolean },
): void {
  if (spec == null || spec === 'same') return;
  const options = settledOptions(spec);
  if (spec.form !== undefined) checkForm(path, spec, spec.form);
  if (options === undefined) return;
  const made = checkQuantizerSpec(path, options, isOwned);
  if (isOwned) checkLearned(path, spec, made);
}

/** A form must have the quantiser that it is for, and its numbers must be trained. */
function checkForm(
  path: string,
  { format, transform: made, scale, learn }: OperandSpec,
  form: OperandForm,
): void {
  const learns = learn?.some(({ of }) => of === 'form') === true;
  checkAbsent(`${path}.transform`, made, 'nothing beside a form');
  if (form.kind === 'complex') checkAbsent(`${path}.format`, format, 'nothing: the form is the quantiser');
  else if (!learns)
    throw new ArgumentError(
      `${path}.learn`,
      learn,
      "[{ of: 'form', learningRate: ... }], as the form has numbers",
    );
  if (form.kind === 'power') {
    checkAscending(`${path}.form.bits`, form.bits, form.bits);
    if (scale?.from !== 'learned' || scale.per !== 'tensor')
      throw new ArgumentError(
        `${path}.scale`,
        scale,
        "{ per: 'tensor', from: 'learned', ... }, where the form is a power",
      );
  }
  if (form.kind !== 'low-rank') return;
  if (form.at === 'after' && format === undefined)
    throw new ArgumentError(`${path}.format`, format, 'a quantiser, after which the branch is added');
  if (form.at === 'before') checkAbsent(`${path}.form.fade`, form.fade, 'nothing but after the quantiser');
  if (form.fade !== undefined) checkCurve(form.fade, `${path}.form.fade`);
}

/** Learned scales must be trained, and what is trained must be learned, by a rule that has a gradient for it. */
function checkLearned(
  path: string,
  spec: OperandSpec,
  { scale, gradient, transform: made }: Quantizer,
): void {
  const { invert } = spec;
  spec.learn?.forEach((one, i) => {
    const { within: range } = one as Partial<LearnScale>;
    if (one.of !== 'scale') checkAbsent(`${path}.learn[${i}].within`, range, 'nothing but for scales');
    else if (range !== undefined) checkAscending(`${path}.learn[${i}].within`, range, range);
    if (one.of === 'bits') {
      checkBits(`${path}.learn[${i}]`, one, spec);
      checkAbsent(
        `${path}.learn[${i}].freeze`,
        (one as { readonly freeze?: unknown }).freeze,
        'nothing for bits',
      );
    } else
      for (const field of ['target', 'range', 'penalty'] as const)
        checkAbsent(
          `${path}.learn[${i}].${field}`,
          (one as { readonly [F in typeof field]?: unknown })[field],
          'nothing but for bits',
        );
  });
  const learn = spec.learn ?? [];
  const isLearned = scale.from === 'learned';
  const wanted = [
    'bits',
    ...(spec.form === undefined || spec.form.kind === 'complex' ? [] : ['form']),
    ...(gradient.name === 'levels' && !isLearned ? ['levels'] : []),
    ...(isLearned ? (scale.hasZeroPoint ? ['scale', 'zeroPoint'] : ['scale']) : []),
  ];
  learn.forEach(({ of }, i) => {
    const isRepeated = learn.findIndex((other) => other.of === of) < i;
    if (wanted.includes(of) && !isRepeated) return;
    const accepted = isRepeated
      ? 'each parameter once'
      : isLearned
        ? 'scale: zero points are learned with scale.initial minmax'
        : "nothing to learn, unless scale.from is 'learned', the rule levels, or there is a form";
    throw new ArgumentError(`${path}.learn[${i}].of`, of, accepted);
  });
  if (!isLearned) return;
  if (!learn.some(({ of }) => of === 'scale'))
    throw new ArgumentError(
      `${path}.learn`,
      spec.learn,
      "[{ of: 'scale', learningRate: ... }], where scales are learned",
    );
  if (gradient.name !== 'lsq')
    throw new ArgumentError(`${path}.gradient`, gradient.name, 'lsq, which has a gradient for scales');
  if (made !== undefined && invert === false)
    throw new ArgumentError(`${path}.invert`, invert, 'true, where scales are learned');
}

/** Bits are learned of noise that stays in, towards a target or within a range. */
function checkBits(path: string, { target, range }: LearnBits, { transform: given }: OperandSpec): void {
  const { name, bits, inverse } = (given ?? {}) as unknown as Readonly<Record<string, unknown>>;
  if (name !== 'noise' || typeof bits !== 'number' || inverse === 'subtract')
    throw new ArgumentError(
      `${path}.of`,
      'bits',
      'something else, unless the transform is noise of one number of bits that stays in (inverse keep)',
    );
  if ((target === undefined) === (range === undefined))
    throw new ArgumentError(`${path}.target`, target, 'a number of bits; or a range in its place');
  if (target !== undefined) {
    if (target === bits)
      throw new ArgumentError(`${path}.target`, target, `another number than the transform's`);
    return;
  }
  const [low, high] = range!;
  if (!(low < bits && bits < high))
    throw new ArgumentError(
      `${path}.range`,
      range,
      `two numbers below and above the transform's bits, ${bits}`,
    );
}

function checkSlots(path: string, slots: PartialSlots): void {
  for (const product of ['forward', 'inputGradient', 'weightGradient'] as const)
    for (const [operand, spec] of Object.entries(slots[product] ?? {})) {
      const place = `${path}.${product}.${operand}`;
      const { of, norm, scale, turn } = (
        typeof spec === 'object' && spec !== null ? spec : {}
      ) as OperandSpec & InputGradientSpec;
      if (turn !== undefined) within(`${place}.turn`, () => transform(turn));
      if (scale?.from === 'learned' && !(product === 'forward' && (operand === 'x' || operand === 'w')))
        throw new ArgumentError(
          `${place}.scale.from`,
          scale.from,
          'a statistic or constant: scales are learned of what the forward product reads',
        );
      const learnsBits = (spec as OperandSpec | null)?.learn?.some((one) => one.of === 'bits');
      if (learnsBits === true && !(product === 'forward' && operand === 'w'))
        throw new ArgumentError(
          `${place}.learn`,
          'bits',
          'bits of forward.w: groups of weights stay the same',
        );
      const { form } = (typeof spec === 'object' && spec !== null ? spec : {}) as OperandSpec;
      if (
        form !== undefined &&
        !(product === 'forward' && (operand === 'w' || (operand === 'x' && form.kind === 'power')))
      )
        throw new ArgumentError(`${place}.form`, form.kind, 'a form of forward.w, or a power of forward.x');
      if (operand === 'accumulate') checkAccumulator(place, spec as AccumulatorSpec | null);
      else checkOperand(place, spec as OperandSpec | 'same' | null, { isOwned: true });
      if (of === 'image' && (product === 'forward' || operand === 'g'))
        throw new ArgumentError(
          `${place}.of`,
          of,
          'operand, where there is no image that the forward product read',
        );
      if (!(product === 'forward' && operand === 'x'))
        checkAbsent(`${place}.norm`, norm, 'nothing: the norm stands before what the forward product reads');
    }
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

function checkRules(
  path: string,
  optimizer: OptimizerSettings,
  rules: readonly Rule[] = [],
  field = 'rules',
): void {
  rules.forEach(({ set }, i) => {
    const place = `${path}.${field}[${i}].set`;
    checkSlots(place, set);
    if (set.fixedCodes === true && set.frozen !== true)
      throw new ArgumentError(`${place}.frozen`, set.frozen, 'true, where codes stay as they are');
    if (set.store !== undefined) {
      checkStore(set.store, `${place}.store`);
      checkFeedback(optimizer, set.store, `${place}.store`);
      const { of } = set.store;
      checkAbsent(`${place}.store.of`, of, 'nothing: the store is for what `where` selects');
    }
    for (const moment of ['first', 'second'] as const) {
      const codec = set[moment];
      if (codec !== undefined) checkStateCodec(codec, `${place}.${moment}`);
    }
  });
}

function checkEvents(optimizer: OptimizerSettings, events: readonly RecipeEvent[] = []): void {
  events.forEach(({ at, every, do: actions }, i) => {
    const path = `recipe.events[${i}]`;
    if (at === undefined && every === undefined)
      throw new ArgumentError(`${path}.at`, at, 'when it happens; or every, how often');
    actions.forEach((action, j) => {
      if (!('switch' in action)) return;
      checkRules(`${path}.do[${j}]`, optimizer, action.switch, 'switch');
      refuseStores(`${path}.do[${j}].switch`, action.switch);
    });
  });
}

/** A weight is held one way for the whole run. */
function refuseStores(path: string, rules: readonly Rule[] = []): void {
  if (rules.some(({ set }) => set.store !== undefined))
    throw new ArgumentError(
      path,
      'store',
      "stores in the recipe's rules: a weight is held one way for the whole run",
    );
}

function checkPhase(
  path: string,
  optimizer: OptimizerSettings,
  phase: Phase,
  previous: Phase | undefined,
): void {
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
  checkRules(path, optimizer, phase.rules);
  refuseStores(`${path}.rules`, phase.rules);
  if (emulate !== null)
    within(`${path}.emulate`, () => {
      toFormat(emulate.format);
      resolvePolicy(emulate);
    });
}

/** Objectives have terms, and teachers somebody who asks them. */
function checkObjectives({ phases, teacher }: Recipe): void {
  phases.forEach(({ objective }, i) => {
    if (objective === undefined) return;
    const path = `recipe.phases[${i}].objective`;
    const { task, soft = 0, features = 0, intervenes = false, temperature, block } = objective;
    if (task + soft + features === 0)
      throw new ArgumentError(`${path}.task`, task, 'a weight above 0; or soft, features');
    const asks = soft > 0 || features > 0 || intervenes;
    if (asks && teacher === undefined)
      throw new ArgumentError('recipe.teacher', teacher, `{}, whom ${path} asks`);
    if (soft === 0) checkAbsent(`${path}.temperature`, temperature, 'nothing without soft');
    if (features === 0) checkAbsent(`${path}.block`, block, 'nothing without features');
  });
  if (teacher === undefined || teacher.initial === true) return;
  if (!phases.some(({ objective }) => objective !== undefined))
    throw new ArgumentError(
      'recipe.teacher',
      teacher,
      'nothing, unless an objective asks it or training begins with it',
    );
}

/** Throws ArgumentError naming a value that is nobody's, or a point that it may not have. */
function checkRecipeValues(recipe: Recipe): void {
  const { values = {}, optimizer } = recipe;
  for (const name of Object.keys(values))
    if (!name.startsWith(valuePrefix))
      throw new ArgumentError(
        pathOf('recipe.values', name),
        name,
        'settings of the optimiser: optimizer.beta1',
      );
  const curves = optimizerValues(recipe) ?? {};
  const path = (field: string): string => pathOf('recipe.values', valuePrefix + field);
  checkValues(curves, optimizer, path);
  const { store, rules = [] } = recipe;
  if ([store, ...rules.map(({ set }) => set.store)].some(feedsBack))
    checkFedMomentum(curves, optimizer, path);
}

/** The codec of a projector, and that nothing needs the momentum as it is outside of the projection. */
function checkProject({ update, store, rules = [] }: Recipe): void {
  const project = update?.project;
  if (project === undefined) return;
  const path = 'recipe.update.project';
  if (project.quantizer !== undefined)
    checkStateCodec({ kind: 'quantizer', quantizer: project.quantizer }, path);
  const stores = [store, ...rules.map(({ set }) => set.store)];
  if (stores.some(feedsBack))
    throw new ArgumentError(path, 'a projection', 'none beside a store with feedback into the momentum');
}

/** A controller needs slots that it may set, of words that it can make longer. */
function checkController({ controller, phases, rules = [] }: Recipe): void {
  if (controller === undefined) return;
  const path = 'recipe.controller';
  for (const field of ['lookback', 'bins'] as const) {
    checkAscending(`${path}.${field}`, adaptSettings(controller)[field], controller[field], false);
  }
  const all = [
    ...phases.flatMap(({ linear, layers = [], rules: own = [] }) => [
      linear,
      ...layers.map((layer) => layer.linear),
      ...own.map(({ set }) => set),
    ]),
    ...rules.map(({ set }) => set),
  ];
  const found = all.flatMap((slots) => fixedPointOf(slots) ?? []);
  const tooLong = found.find(({ word }) => word > longestWord);
  if (found.length === 0 || tooLong !== undefined)
    throw new ArgumentError(
      path,
      tooLong === undefined ? controller.kind : nameOf(tooLong),
      `slots with a signed fixed-point format of at most ${longestWord} bits, fixed(3,4), that it sets`,
    );
}

/**
 * Checks a recipe, which may come from a file: types and ranges first, then what joins several fields.
 * @throws ArgumentError naming the field, such as `recipe.phases[1].linear.forward.w.format`.
 */
export function checkRecipe(given: GivenRecipe): void {
  checkSchema('recipe', given, recipeSchema);
  const spelled = withSpelledQuantizers<Recipe>('recipe', given);
  if (spelled.update?.rule !== undefined) checkOptimizer(spelled.update.rule, 'recipe.update.rule');
  const recipe = settledRecipe(spelled);
  checkProject(recipe);
  checkObjectives(recipe);
  checkController(recipe);
  recipe.phases.forEach((phase, i) => {
    checkPhase(`recipe.phases[${i}]`, recipe.optimizer, phase, recipe.phases[i - 1]);
  });
  checkEvents(recipe.optimizer, recipe.events);
  checkOptimizer(recipe.optimizer, 'recipe.optimizer');
  checkRecipeValues(recipe);
  if (recipe.update !== undefined)
    checkUpdate(recipe.update, momentsOf(recipe.optimizer).includes('second'), 'recipe.update');
  checkRules('recipe', recipe.optimizer, recipe.rules);
  checkSavedRules(recipe.saved, 'recipe.saved');
  checkSchedule(recipe.schedule, 'recipe.schedule');
  if (recipe.decaySchedule !== undefined) checkSchedule(recipe.decaySchedule, 'recipe.decaySchedule');
  if (recipe.store !== undefined) {
    checkStore(recipe.store, 'recipe.store');
    checkFeedback(recipe.optimizer, recipe.store, 'recipe.store');
  }
  recipe.inference?.forEach(({ w }, i) => {
    checkOperand(`recipe.inference[${i}].w`, w, { isOwned: false });
  });
}
