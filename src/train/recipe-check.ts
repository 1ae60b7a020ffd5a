/**
 * The check of a recipe, which may come from a file: it names the field that is wrong. What each field may be is
 * recipe-schema.ts; rules that belong to an optimiser, a store, a schedule or a quantiser are theirs.
 */

import { checkAbsent, checkAscending, pathOf, within } from '../check.ts';
import { ArgumentError } from '../errors.ts';
import { toFormat } from '../formats/index.ts';
import { checkSchema } from '../schema.ts';
import { resolvePolicy } from '../tfjs/resolve-policy.ts';
import { adaptSettings, longestWord } from './controllers/adapt.ts';
import { fixedPointOf, nameOf } from './controllers/fixed-slots.ts';
import { withSpelledQuantizers } from './named-slots.ts';
import { checkOperand } from './operand-check.ts';
import {
  checkFedMomentum,
  checkFeedback,
  checkOptimizer,
  checkStateCodec,
  checkValues,
  momentsOf,
  type OptimizerSettings,
} from './optimizers/index.ts';
import {
  asksTeacher,
  type GivenRecipe,
  optimizerValues,
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
import { checkPartners, checkSlots } from './slots-check.ts';
import { checkStore, feedsBack } from './stores/index.ts';
import { checkUpdate } from './update/spec.ts';

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
    const { task, soft = 0, features = 0, temperature, block } = objective;
    if (task + soft + features === 0)
      throw new ArgumentError(`${path}.task`, task, 'a weight above 0; or soft, features');
    if (asksTeacher(objective) && teacher === undefined)
      throw new ArgumentError('recipe.teacher', teacher, `{}, whom ${path} asks`);
    if (soft === 0) checkAbsent(`${path}.temperature`, temperature, 'nothing without soft');
    if (features === 0) checkAbsent(`${path}.block`, block, 'nothing without features');
  });
  const isAsked = phases.some(({ objective }) => objective && asksTeacher(objective));
  if (teacher !== undefined && teacher.initial !== true && !isAsked)
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
