/**
 * A recipe as a table of roles: what each operand and result of each layer's products is, how its weight is held and in how many
 * bits it is read, its optimiser state, and which rules are for it. The words are role-words.ts', the print is role-text.ts'.
 */
import { ArgumentError } from '../errors.ts';
import { sizeOf } from '../shape.ts';
import { bitsOfWeight } from './bits-per-weight.ts';
import { blocksOf, matches, type Selectable, settingsUnder, slotsUnder } from './engine/rules.ts';
import { storeOf } from './engine/stored-weights.ts';
import { firstStepOf, type RulesInForce, rulesOfAction, rulesOfPhase, Timeline } from './engine/timeline.ts';
import { canonicalJson } from './hash.ts';
import { type LinearSlots, type OperandSpec, plainSlots } from './linear-slots.ts';
import { type ModelConfig, modelConfig } from './model-config.ts';
import { namePattern } from './name-pattern.ts';
import { type MomentCodecs, momentsOf, type OptimizerSettings } from './optimizers/index.ts';
import { isSlotted } from './parameter-role.ts';
import { normOf } from './phases.ts';
import {
  type GivenRecipe,
  type Phase,
  type Recipe,
  type Rule,
  type RuleSet,
  type RuleWhere,
  settledRecipe,
} from './recipe.ts';
import { checkRecipe } from './recipe-check.ts';
import { checkNames, selectables } from './recipe-fit.ts';
import {
  accumulatorWords,
  codecWords,
  controllerWords,
  emulationWords,
  eventWords,
  objectiveWords,
  quantizerWords,
  savedWords,
  storeWords,
} from './role-words.ts';
import { parameterShapes } from './tasks.ts';
import { weightMatrixShape } from './weight-matrix.ts';

/**
 * What a row says: of the forward product F, the input gradient's D and the weight gradient's W each operand, the result and how it is
 * summed; the bits of a weight as the forward product reads it, scales included; how the weight and its moments are held; its role and
 * number of elements; the rules that are for it. `-`: as it is, or nothing.
 */
export const roleColumns = [
  'layer',
  'F.x',
  'F.w',
  'F.y',
  'F.sum',
  'D.g',
  'D.w',
  'D.dx',
  'D.sum',
  'W.g',
  'W.x',
  'W.dw',
  'W.sum',
  'bits',
  'store.w',
  'opt.m',
  'opt.v',
  'role',
  'weights',
  'rules',
] as const;

/** Whether its second moment is kept as row and column means. */
const isMatrix = ({ shape }: { readonly shape: readonly number[] }): boolean => shape.length > 1;

/** How an optimiser holds its states of a parameter: first and second moment. */
function stateWords(optimizer: OptimizerSettings, isFactored: boolean): string[] {
  const kept = momentsOf(optimizer);
  const [first, second] = (['first', 'second'] as const).map((moment) =>
    kept.includes(moment) ? codecWords((optimizer as MomentCodecs)[moment]) : '-',
  ) as [string, string];
  if (optimizer.kind !== 'adafactor' || !isFactored) return [first, second];
  return [first, `factored${second === 'float32' ? '' : ` ${second}`}`];
}

function slotWords({ forward, inputGradient, weightGradient }: LinearSlots): string[] {
  const { x, w, y } = forward;
  return [
    ...[x, w, y].map(quantizerWords),
    accumulatorWords(forward.accumulate),
    ...[inputGradient.g, inputGradient.w, inputGradient.dx].map(quantizerWords),
    accumulatorWords(inputGradient.accumulate),
    ...[weightGradient.g, weightGradient.x, weightGradient.dw].map(quantizerWords),
    accumulatorWords(weightGradient.accumulate),
  ];
}

/** The words of a parameter's slots, at their full strength; none where it has none. */
const wordsOf = (slots: LinearSlots): string[] =>
  slots === plainSlots ? Array.from({ length: 12 }, () => '-') : slotWords(slots);

/** A phase as people read it: its heading, and a row of {@link roleColumns} for each parameter. */
export interface PhaseRoles {
  readonly phase: string;
  readonly rows: readonly (readonly string[])[];
}

/** A weight as its quantiser sees it, groups along what the forward product sums over; undefined: its extents are not known. */
type MatrixOf = (one: Selectable, w: OperandSpec | null) => readonly number[] | undefined;

/** Variables of TensorFlow.js have their outputs last, filters their taps first. */
const outputsLast: MatrixOf = (one, w) => {
  const { name, role, shape } = one;
  const outputs = shape.at(-1) ?? 1;
  const inputs = shape.at(-2) ?? 1;
  const taps = sizeOf(shape.slice(0, -2));
  if (role !== 'convolution') return [outputs * taps, inputs];
  return /depthwise/i.test(name) ? [inputs * outputs, taps] : weightMatrixShape(one, w);
};

/** Bits of a weight; '-' where they depend on extents that are not known. */
function bitsWords(given: Parameters<typeof bitsOfWeight>[0]): string {
  try {
    return String(Number(bitsOfWeight(given).toFixed(4)));
  } catch (error) {
    if (error instanceof ArgumentError && error.argument === 'parameters') return '-';
    throw error;
  }
}

/** Whether a rule sets something that vectors have: none is an operand of a product. */
const isOfVectors = (set: RuleSet): boolean =>
  Object.keys(set).some((field) => !Object.hasOwn(plainSlots, field));

/** Where in a recipe each rule stands, by what it is for. */
function rulePaths({ rules = [], phases, events = [] }: Recipe): ReadonlyMap<RuleWhere, string> {
  const pathsOf = (list: readonly Rule[], path: string) =>
    list.map(({ where }, i) => [where, `${path}[${i}]`] as const);
  return new Map([
    ...pathsOf(rules, 'rules'),
    ...phases.flatMap((phase, i) => pathsOf(phase.rules ?? [], `phases[${i}].rules`)),
    ...events.flatMap((event, i) =>
      event.do.flatMap((action, j): (readonly [RuleWhere, string])[] => {
        const path = `events[${i}].do[${j}]`;
        if ('switch' in action) return pathsOf(action.switch, `${path}.switch`);
        return 'freeze' in action ? [[action.freeze, `${path}.freeze`] as const] : [];
      }),
    ),
  ]);
}

/** What all rows of a recipe's tables have in common. */
interface RowContext {
  readonly recipe: Recipe;
  readonly matrixOf: MatrixOf;
  readonly blocks: number;
  readonly paths: ReadonlyMap<RuleWhere, string>;
}

/** Which parts of a recipe are for a parameter, as paths. */
function rulesFor(
  { recipe, paths, blocks }: RowContext,
  { phase, rules }: RulesInForce,
  one: Selectable,
): string {
  const own = rules.flatMap(({ where, set }) =>
    matches(where, one, blocks) && (one.shape.length !== 1 || isOfVectors(set)) ? [paths.get(where)!] : [],
  );
  const layer = isSlotted(one.role)
    ? (phase.layers ?? []).findIndex(({ match }) => namePattern(match, 'match').test(one.name))
    : -1;
  const index = recipe.phases.indexOf(phase);
  return [...(layer < 0 ? [] : [`phases[${index}].layers[${layer}]`]), ...own].join(' ');
}

/** A row for products without a parameter, where rules are for some. */
function activationProducts(rules: readonly Rule[]): Selectable[] {
  const own = rules.filter(({ where: { role } }) => role === 'activation-product' || role === 'all');
  const layers = new Set(own.map(({ where: { layer } }) => layer ?? ''));
  return [...layers].map((layer) => ({
    name: `products without a weight${layer === '' ? '' : ` in ${layer}`}`,
    role: 'activation-product',
    layer,
    depth: -1,
    kind: undefined,
    ends: [],
    shape: [],
  }));
}

/** The steps of a run of which only the recipe is known. */
const someSteps = 10_000;

/** One table for each phase, and for each event: with rows where it changes rules. */
export function rolesOf(
  given: Recipe,
  parameters: readonly Selectable[],
  {
    matrixOf = outputsLast,
    steps = someSteps,
  }: { readonly matrixOf?: MatrixOf; readonly steps?: number } = {},
): PhaseRoles[] {
  const recipe = settledRecipe(given);
  const context = { recipe, matrixOf, blocks: blocksOf(parameters), paths: rulePaths(recipe) };
  const rowsUnder = (inForce: RulesInForce): string[][] =>
    [...parameters, ...activationProducts(inForce.rules)].map((one) => rowOf(context, inForce, one));
  const phases = recipe.phases.map((phase, index) => ({
    phase: phaseWords(recipe, phase, index),
    rows: rowsUnder(rulesOfPhase(recipe, phase)),
  }));
  const timeline = new Timeline(recipe, steps);
  const events = (recipe.events ?? []).map((event) => {
    const changes = event.do.some((action) => rulesOfAction(action).length > 0);
    const rows = changes ? rowsUnder(timeline.rulesAt(firstStepOf(event, steps))) : [];
    return { phase: eventWords(event), rows };
  });
  return [...phases, ...events];
}

/** The row of a parameter, or of products without one. */
function rowOf(context: RowContext, inForce: RulesInForce, one: Selectable): string[] {
  const { recipe, matrixOf, blocks } = context;
  const {
    first,
    second,
    rates,
    frozen,
    learns,
    fixedCodes,
    updated = 1,
  } = settingsUnder(inForce, one, blocks);
  const own = {
    ...recipe.optimizer,
    ...(first && { first }),
    ...(second && { second }),
  } as OptimizerSettings;
  const store = storeOf(recipe, one, blocks);
  const isVector = one.role !== 'activation-product' && one.shape.length < 2;
  const slots = isVector ? plainSlots : slotsUnder(inForce, one, blocks);
  const rules = rulesFor(context, inForce, one);
  if (one.role === 'activation-product')
    return [one.name, ...wordsOf(slots), '-', '-', '-', '-', one.role, '-', rules];
  const shape = matrixOf(one, slots.forward.w);
  return [
    one.name,
    ...wordsOf(slots),
    bitsWords({ emulate: inForce.phase.emulate, w: slots.forward.w, store, shape }),
    (store === undefined ? 'float32' : storeWords(store)) +
      (frozen === true ? ', frozen' : updated < 1 ? `, ${updated} of its channels updated` : '') +
      (fixedCodes === true ? ', codes fixed' : '') +
      (rates === undefined ? '' : `, rates ${canonicalJson(rates)}`) +
      (learns === undefined ? '' : `, learns ${learns.join(' ') || 'nothing'}`),
    ...stateWords(own, isMatrix(one)),
    one.role,
    shape === undefined ? '-' : String(sizeOf(one.shape)),
    rules === '' ? '-' : rules,
  ];
}

/** What a phase does beside slots. */
function phaseWords(recipe: Recipe, phase: Phase, index: number): string {
  const { from, emulate, phaseIn, optimizerState, rewarm, objective, batchNorm } = phase;
  const norm = normOf(recipe, index);
  return [
    `from ${from * 100} %`,
    ...(emulate === null ? [] : [emulationWords(emulate)]),
    ...(norm === null ? [] : [`${norm.kind} norm before ${norm.where === 'all' ? 'all' : norm.where}`]),
    ...(objective === undefined ? [] : [objectiveWords(objective)]),
    ...(phaseIn === undefined ? [] : [`phased in: ${phaseIn.kind} over ${phaseIn.over * 100} %`]),
    ...(index === 0 ? [] : [`optimiser state: ${optimizerState}`]),
    ...(index === 0 ? (recipe.saved ?? []).map(savedWords) : []),
    ...(batchNorm?.folded ? ['batch norms folded into weights'] : []),
    ...(batchNorm?.statistics === 'moving' ? ['batch norms by averages'] : []),
    ...(rewarm ? [`rate re-warmed over ${rewarm * 100} %`] : []),
    ...(recipe.controller === undefined ? [] : [controllerWords(recipe.controller)]),
  ].join(', ');
}

/**
 * The tables of a model of the harness. Numbers of weights that depend on the data are not known.
 * @throws ArgumentError naming the field of the recipe or of the model that is wrong, or a pattern that matches no layer of it
 */
export function roleTable(given: GivenRecipe, config: ModelConfig): PhaseRoles[] {
  checkRecipe(given);
  const recipe = settledRecipe(given);
  modelConfig(config);
  const parameters = selectables(parameterShapes(config, 1));
  checkNames(recipe, parameters);
  const others = new Map(parameterShapes(config, 4).map(({ name, shape }) => [name, shape]));
  const isKnown = ({ name, shape }: Selectable): boolean => shape.join() === others.get(name)?.join();
  return rolesOf(recipe, parameters, {
    matrixOf: (one, w) => (isKnown(one) ? weightMatrixShape(one, w) : undefined),
  });
}
