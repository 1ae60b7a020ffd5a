/**
 * Whether a recipe fits a model: that what it says by the names of layers is about some, and that its quantisers take the
 * shapes of what they are to read. A run is refused by these before its first step. What a recipe may say at all is
 * recipe-check.ts.
 */
import { within } from '../check.ts';
import { ArgumentError } from '../errors.ts';
import { countGroups } from '../quantizers/grouping.ts';
import { quantizer } from '../quantizers/index.ts';
import { sizeOf } from '../shape.ts';
import { parametersOf } from './engine/parameters.ts';
import { blocksOf, checkMatches, matches, type Selectable, slotsUnder } from './engine/rules.ts';
import { hasMemory, settledOptions } from './engine/slot-spec.ts';
import { checkParts, checkUnits } from './engine/stored-weights.ts';
import { Timeline } from './engine/timeline.ts';
import { canonicalJson } from './hash.ts';
import type { LinearSlots, OperandSpec, OutputSpec } from './linear-slots.ts';
import type { Parameter } from './model.ts';
import { namePattern } from './name-pattern.ts';
import { checkOptimizer, checkStateFit, type OptimizerSettings } from './optimizers/index.ts';
import { isSlotted } from './parameter-role.ts';
import type { Recipe, Rule } from './recipe.ts';
import { weightMatrixShape } from './weight-matrix.ts';

type Shaped = Pick<Parameter, 'name' | 'role' | 'shape'>;

/** Parameters of a model that is not made yet, as rules look at them. */
export function selectables(parameters: readonly Shaped[]): Selectable[] {
  // Of the variable, which there is none of, nothing is read.
  return parametersOf({ parameters: parameters as readonly Parameter[] });
}

const needs = (path: string, match: string, names: readonly string[]): ArgumentError =>
  new ArgumentError(path, match, `a pattern of at least one of ${names.join(', ')}`);

/**
 * Checks that the patterns of a recipe match parameters of a model.
 * @throws ArgumentError naming the pattern that matches nothing, or nothing that an earlier one does not
 */
export function checkNames(recipe: Recipe, parameters: readonly Selectable[], steps?: number): void {
  checkMatches(recipe, parameters, steps);
  recipe.phases.forEach(({ layers = [] }, i) => {
    let left = parameters.flatMap(({ name, role }) => (isSlotted(role) ? [name] : []));
    layers.forEach(({ match }, j) => {
      const path = `recipe.phases[${i}].layers[${j}].match`;
      const pattern = namePattern(match, path);
      const rest = left.filter((name) => !pattern.test(name));
      if (rest.length === left.length) throw needs(path, match, left);
      left = rest;
    });
  });
}

/**
 * Throws ArgumentError naming the codec of a rule for a state that the recipe's optimiser has not, or that does not take the
 * states of the parameters that it is for.
 */
function checkCodecs(recipe: Recipe, parameters: readonly Selectable[]): void {
  const { optimizer } = recipe;
  const blocks = blocksOf(parameters);
  const check = (path: string, rules: readonly Rule[] = []): void =>
    rules.forEach(({ where, set: { first, second } }, i) => {
      const shapes = parameters.filter((one) => matches(where, one, blocks)).map(({ shape }) => shape);
      const codecs = { ...(first && { first }), ...(second && { second }) };
      const own = { ...optimizer, ...codecs } as OptimizerSettings;
      const place = `${path}[${i}].set`;
      checkOptimizer(own, place);
      checkStateFit(own, shapes, place);
    });
  check('recipe.rules', recipe.rules);
  recipe.phases.forEach(({ rules }, i) => {
    check(`recipe.phases[${i}].rules`, rules);
  });
  recipe.events?.forEach((event, i) => {
    event.do.forEach((action, j) => {
      if ('switch' in action) check(`recipe.events[${i}].do[${j}].switch`, action.switch);
    });
  });
}

/** Where in a recipe a specification stands. */
function pathOf(recipe: Recipe, spec: object): string {
  const search = (value: unknown, path: string): string | undefined => {
    if (value === spec) return path;
    if (typeof value !== 'object' || value === null) return undefined;
    for (const [key, field] of Object.entries(value)) {
      const found = search(field, Array.isArray(value) ? `${path}[${key}]` : `${path}.${key}`);
      if (found !== undefined) return found;
    }
    return undefined;
  };
  return search(recipe, 'recipe') ?? 'recipe';
}

type Side = readonly [rows: number, columns: number];

/** The operands and results of a layer of `rows` inputs as quantisers see them: rows along what the product sums over. */
function sidesOf(
  { forward, inputGradient, weightGradient }: LinearSlots,
  [outputs, inputs]: Side,
  rows: number,
): (readonly [OperandSpec | OutputSpec | 'same' | null | undefined, Side])[] {
  return [
    [forward.x, [rows, inputs]],
    // The last batch of an evaluation may have fewer.
    [forward.x, [1, inputs]],
    [forward.w, [outputs, inputs]],
    [forward.y, [rows, outputs]],
    [inputGradient.g, [rows, outputs]],
    [inputGradient.w, [inputs, outputs]],
    [inputGradient.dx, [rows, inputs]],
    [weightGradient.g, [outputs, rows]],
    [weightGradient.x, [inputs, rows]],
    [weightGradient.dw, [outputs, inputs]],
  ];
}

/**
 * The last batch of an evaluation may have fewer rows than those of training: a quantiser that remembers a number for each group
 * must have as many groups then.
 */
function checkMemoryFit(
  recipe: Recipe,
  spec: OperandSpec | OutputSpec | null | undefined,
  sides: Side,
): void {
  if (spec == null || !hasMemory(spec)) return;
  const { grouping } = quantizer(settledOptions(spec)!).scale;
  if (countGroups(grouping, sides) !== countGroups(grouping, [sides[0] + 1, sides[1]]))
    throw new ArgumentError(
      `${pathOf(recipe, spec)}.scale.per`,
      spec.scale!.per,
      'tensor or column, where something is remembered of each group: batches differ in their rows',
    );
}

/**
 * Tries quantisers on zeros. Whether one takes a shape depends on the number of its axes, and on the numbers of groups only
 * where there is a list with a scale for each.
 */
function shapeChecker(recipe: Recipe): (spec: OperandSpec | OutputSpec, sides: Side) => void {
  const tried = new Set<string>();
  return (spec, sides) => {
    const options = settledOptions(spec as OperandSpec);
    if (options === undefined) return;
    // A transform may want more of a shape than its rank.
    const isWhole = Array.isArray(spec.scale?.value) || options.transform !== undefined;
    const shape = isWhole ? sides : sides.map((side) => Math.min(side, 2));
    const key = canonicalJson([spec, shape]);
    if (tried.has(key)) return;
    tried.add(key);
    const { rounding: _, ...plain } = options;
    within(
      pathOf(recipe, spec),
      () => void quantizer(plain).fakeQuantize(new Float32Array(sizeOf(shape)), shape),
    );
  };
}

/**
 * Checks a recipe against the model that it is to train.
 * @param rows of a training batch
 * @param steps of the run, where they are known: events may be so many steps apart
 * @throws ArgumentError naming the field
 */
export function checkFit(recipe: Recipe, given: readonly Shaped[], rows: number, steps?: number): void {
  const parameters = selectables(given);
  checkNames(recipe, parameters, steps);
  checkCodecs(recipe, parameters);
  checkUnits(recipe, parameters);
  checkParts(recipe, parameters);
  const blocks = blocksOf(parameters);
  const matrices = parameters.filter(({ shape }) => shape.length === 2);
  const filters = parameters.filter(({ role }) => role === 'convolution');
  const check = shapeChecker(recipe);
  const timeline = new Timeline(recipe, steps);
  for (const clock of timeline.changes())
    for (const one of matrices)
      for (const [spec, sides] of sidesOf(
        slotsUnder(timeline.rulesAt(clock), one, blocks),
        one.shape as Side & number[],
        rows,
      ))
        if (spec != null && spec !== 'same') check(spec, sides);
  // How many positions a convolution has in a batch is not known here.
  const checkFilter = (one: Selectable, w: OperandSpec | null): void => {
    if (w !== null) check(w, weightMatrixShape(one, w) as Side);
  };
  for (const clock of timeline.changes())
    for (const one of filters) checkFilter(one, slotsUnder(timeline.rulesAt(clock), one, blocks).forward.w);
  for (const clock of timeline.changes())
    for (const one of [...matrices, ...filters]) {
      const { x, y } = slotsUnder(timeline.rulesAt(clock), one, blocks).forward;
      const [outputs, inputs] = weightMatrixShape(one, null) as Side;
      checkMemoryFit(recipe, x, [rows, inputs]);
      checkMemoryFit(recipe, y, [rows, outputs]);
    }
  for (const { w } of recipe.inference ?? [])
    for (const one of [...matrices, ...filters]) if (isSlotted(one.role)) checkFilter(one, w);
  checkStateFit(
    recipe.optimizer,
    given.map(({ shape }) => shape),
    'recipe.optimizer',
  );
}
