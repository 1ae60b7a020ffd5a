/**
 * Rules: which slots, store, state codecs a parameter has. The fields of a phase that name layers (`linear`, `layers`) come
 * first, the recipe's rules after them, the phase's own last; later ones win, field by field. Nothing runs here.
 */
import { ArgumentError } from '../../errors.ts';
import { globMatcher } from '../../glob.ts';
import { sizeOf } from '../../shape.ts';
import {
  type LinearSlots,
  type OperandSpec,
  type PartialSlots,
  plainSlots,
  type RatedPart,
} from '../linear-slots.ts';
import { namePattern } from '../name-pattern.ts';
import { isSlotted } from '../parameter-role.ts';
import type { Recipe, Rule, RuleSet, RuleWhere } from '../recipe.ts';
import { checkPartners } from '../slots-check.ts';
import { slotsOfFilter } from './convolution-slots.ts';
import type { EngineParameter } from './parameters.ts';
import { type RulesInForce, rulesOfAction, rulesOfPhase, Timeline } from './timeline.ts';

/** What rules look at: a parameter, or a product without one. */
export type Selectable = Pick<EngineParameter, 'name' | 'layer' | 'depth' | 'kind' | 'shape' | 'ends'> & {
  readonly role: EngineParameter['role'] | 'activation-product';
};

/** Whether a depth lies in a range whose ends may be negative or fractions. */
function isWithin(depth: number, [from, to]: readonly [number, number], blocks: number): boolean {
  if (depth < 0) return false;
  const place = (end: number, isLast: boolean): number => {
    if (end > 0 && end < 1) return isLast ? Math.ceil(end * blocks) - 1 : Math.floor(end * blocks);
    return end < 0 ? blocks + end : end;
  };
  return depth >= place(from, false) && depth <= place(to, true);
}

/** Whether a rule is for something; `blocks`: how many blocks the model has. */
export function matches(where: RuleWhere, one: Selectable, blocks: number): boolean {
  const { role, layer, parameter, depth, kind, atLeast, end } = where;
  if (role !== undefined && role !== 'all' && role !== one.role) return false;
  if (role === undefined && one.role === 'activation-product') return false;
  if (layer !== undefined) {
    // `*` stands for anything within a part of a name, `**` for anything.
    const isMeant = globMatcher(layer, '/.');
    if (!isMeant(one.layer) && !isMeant(one.name)) return false;
  }
  if (parameter !== undefined && !namePattern(parameter, 'parameter').test(one.name)) return false;
  if (kind !== undefined && kind !== one.kind) return false;
  if (end !== undefined && !one.ends.includes(end)) return false;
  if (depth !== undefined && !isWithin(one.depth, depth, blocks)) return false;
  return atLeast === undefined || sizeOf(one.shape) >= atLeast;
}

/** Number of blocks: one more than the deepest. */
export function blocksOf(parameters: readonly Pick<Selectable, 'depth'>[]): number {
  return Math.max(0, ...parameters.map(({ depth }) => depth + 1));
}

function merged(slots: LinearSlots, { forward, inputGradient, weightGradient }: RuleSet): LinearSlots {
  if (forward === undefined && inputGradient === undefined && weightGradient === undefined) return slots;
  return {
    forward: { ...slots.forward, ...forward },
    inputGradient: { ...slots.inputGradient, ...inputGradient },
    weightGradient: { ...slots.weightGradient, ...weightGradient },
  };
}

function setsOf(rules: readonly Rule[], one: Selectable, blocks: number): RuleSet[] {
  return rules.filter(({ where }) => matches(where, one, blocks)).map(({ set }) => set);
}

/** Every rule that holds at some time. */
export function allRules(recipe: Recipe): readonly Rule[] {
  const { rules = [], phases, events = [] } = recipe;
  const later = [
    ...phases.map((phase) => phase.rules ?? []),
    ...events.flatMap((event) => event.do.map(rulesOfAction)),
  ];
  return [...rules, ...later.flat()];
}

/** Slots of a parameter at their full strength. */
export function slotsUnder({ phase, rules }: RulesInForce, one: Selectable, blocks: number): LinearSlots {
  const layer = phase.layers?.find(({ match }) => namePattern(match, 'match').test(one.name));
  const own = isSlotted(one.role) ? (layer?.linear ?? phase.linear) : plainSlots;
  const slots = setsOf(rules, one, blocks).reduce(merged, own);
  return one.role === 'convolution' ? slotsOfFilter(slots, one) : slots;
}

/** What a rule may set beside slots. */
export type ParameterSettings = Omit<RuleSet, keyof PartialSlots>;

/** What rules set of a parameter beside slots. */
export function settingsUnder(
  { rules }: Pick<RulesInForce, 'rules'>,
  one: Selectable,
  blocks: number,
): ParameterSettings {
  return Object.assign(
    {},
    ...setsOf(rules, one, blocks).map(
      ({ forward: _f, inputGradient: _i, weightGradient: _w, ...rest }) => rest,
    ),
  );
}

/**
 * Checks that every rule, every `layers` and every selector of the recipe matches something, and that transforms which stay have
 * their partners whatever events have switched on.
 * @throws ArgumentError that lists the names there are.
 */
export function checkMatches(recipe: Recipe, parameters: readonly Selectable[], steps?: number): void {
  const blocks = blocksOf(parameters);
  const names = parameters.map(({ name, role }) => `${name} (${role})`).join(', ');
  const needs = (path: string, given: unknown, isThere: boolean): void => {
    if (!isThere) throw new ArgumentError(path, given, `a selector of at least one of ${names}`);
  };
  const checkWhere = (path: string, where: RuleWhere): void => {
    // Models whose input is looked up have no first layer.
    if (where.role === 'activation-product' || where.end === 'first') return;
    needs(
      path,
      where,
      parameters.some((one) => matches(where, one, blocks)),
    );
  };
  const checkRules = (rules: readonly Rule[] | undefined, path: string): void =>
    rules?.forEach(({ where, optional = false }, i) => {
      if (!optional) checkWhere(`${path}[${i}].where`, where);
    });
  checkRules(recipe.rules, 'recipe.rules');
  recipe.events?.forEach((event, i) => {
    event.do.forEach((action, j) => {
      const path = `recipe.events[${i}].do[${j}]`;
      if ('switch' in action) checkRules(action.switch, `${path}.switch`);
      if ('freeze' in action) checkWhere(`${path}.freeze`, action.freeze);
    });
  });
  recipe.phases.forEach((phase, index) => {
    const path = `recipe.phases[${index}]`;
    checkRules(phase.rules, `${path}.rules`);
    phase.layers?.forEach(({ match }, i) => {
      const pattern = namePattern(match, `${path}.layers[${i}].match`);
      const isThere = parameters.some(({ name, role }) => isSlotted(role) && pattern.test(name));
      needs(`${path}.layers[${i}].match`, match, isThere);
    });
    const reads = [phase.linear, ...(phase.layers ?? []).map(({ linear }) => linear)].some((slots) =>
      Object.values(slots).some((product) =>
        Object.values(product).some((slot) => slot !== null && slot !== 'same'),
      ),
    );
    needs(`${path}.linear`, phase.linear, !reads || parameters.some(({ role }) => isSlotted(role)));
  });
  checkStored(recipe, parameters);
  const timeline = new Timeline(recipe, steps);
  checkRates(timeline, parameters, blocks);
  for (const clock of timeline.changes()) {
    const rules = timeline.rulesAt(clock);
    const path = `recipe.phases[${timeline.phaseAt(clock)}]`;
    for (const one of parameters) {
      const slots = slotsUnder(rules, one, blocks);
      checkPartners(`${path} (${one.name})`, slots);
      const { form, transform } = slots.forward.w ?? {};
      if (settingsUnder(rules, one, blocks).fixedCodes === true && (form ?? transform) !== undefined)
        throw new ArgumentError(
          `${path} (${one.name}).forward.w.${form === undefined ? 'transform' : 'form'}`,
          form ?? transform,
          'nothing, where codes stay as they are',
        );
    }
  }
}

/** Whether a rate of a parameter, or of what its quantisers learn, is that of a step. */
function isRated(part: RatedPart, { frozen, learns }: ParameterSettings, slots: LinearSlots): boolean {
  if (part === 'parameter') return frozen !== true;
  if (learns?.includes(part) === false) return false;
  return Object.values(slots).some((product) =>
    Object.values(product).some((spec) => (spec as OperandSpec | null)?.learn?.some(({ of }) => of === part)),
  );
}

/** Checks that each rate that a rule of the recipe or a phase sets is that of something. Throws ArgumentError naming one that is not. */
function checkRates(timeline: Timeline, parameters: readonly Selectable[], blocks: number): void {
  const { recipe } = timeline;
  const { rules: common = [], phases } = recipe;
  const acting = new Map<object, Set<string>>();
  // Short runs do not come to all phases.
  const times = [...timeline.changes()].map((clock) => timeline.rulesAt(clock));
  for (const inForce of [...phases.map((phase) => rulesOfPhase(recipe, phase)), ...times])
    for (const one of parameters) {
      const settings = settingsUnder(inForce, one, blocks);
      if (settings.rates === undefined) continue;
      const known = acting.get(settings.rates) ?? new Set();
      acting.set(settings.rates, known);
      for (const part of Object.keys(settings.rates) as RatedPart[])
        if (isRated(part, settings, slotsUnder(inForce, one, blocks))) known.add(part);
    }
  for (const { set } of [...common, ...phases.flatMap(({ rules = [] }) => rules)])
    for (const [part, rate] of Object.entries(set.rates ?? {}))
      if (acting.get(set.rates!)?.has(part) !== true)
        throw new ArgumentError(`recipe.rules.set.rates.${part}`, rate, 'nothing, where that is not trained');
}

/** Checks that a recipe's store is for some parameter. Throws ArgumentError that lists the names there are. */
function checkStored({ store }: Recipe, parameters: readonly Selectable[]): void {
  const of = store?.of ?? 'linear';
  if (store === undefined || of === 'all') return;
  const names = parameters.map(({ name }) => name).join(', ');
  if (of === 'linear') {
    if (!parameters.some(({ role }) => isSlotted(role)))
      throw new ArgumentError('recipe.store.of', of, `a selector of at least one of ${names}`);
  } else if (!parameters.some(({ name }) => namePattern(of.match, 'recipe.store.of.match').test(name)))
    throw new ArgumentError('recipe.store.of.match', of.match, `a pattern of at least one of ${names}`);
}
