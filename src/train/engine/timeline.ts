/**
 * What the clock of a recipe says beside the phases' slots: where optimisers forget their moments, by how much the learning
 * rate is multiplied while it warms up anew, which rules are in force. Phases and events alike; `since` counts steps.
 */
import { cosPi } from '../../approximate.ts';
import { phaseStarts, rewarmFactor } from '../phases.ts';
import type { EventAction, Phase, Recipe, RecipeEvent, Rule } from '../recipe.ts';
import { type Schedule, scheduleFactor } from '../schedule.ts';

/** A part of all steps (strictly between 0 and 1), or a number of steps. */
function stepsOf(length: number, steps: number): number {
  return length > 0 && length < 1 ? Math.round(length * steps) : length;
}

/** Something that happens before a step. */
interface Occurrence<T> {
  readonly step: number;
  readonly what: T;
}

/** How many of a list in ascending order have happened by a step. */
function countBy(list: readonly Occurrence<unknown>[], step: number): number {
  let [low, high] = [0, list.length];
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (list[middle]!.step <= step) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** The steps before which an event happens, in order: at `at`, then every `every` steps. */
function* stepsOfEvent({ at, every }: RecipeEvent, steps: number): Generator<number> {
  const exact = (count: number): number =>
    every !== undefined && every < 1 ? Math.round(count * every * steps) : count * (every ?? 0);
  const first = at === undefined ? exact(1) : stepsOf(at, steps);
  yield first;
  if (every === undefined) return;
  for (let count = 1; ; count++) {
    const step = at === undefined ? exact(count + 1) : first + exact(count);
    // Intervals of less than a step are one.
    if (step >= steps) return;
    yield step;
  }
}

type Rewarming = Extract<EventAction, { rewarm: number }>;

/** The step before which an event happens first. */
export function firstStepOf(event: RecipeEvent, steps: number): number {
  return stepsOfEvent(event, steps).next().value as number;
}

/** The rules of an action that changes what layers read or whether they are trained. */
export function rulesOfAction(action: EventAction): readonly Rule[] {
  if ('switch' in action) return action.switch;
  return 'freeze' in action ? [{ where: action.freeze, set: { frozen: true } }] : [];
}

/** A phase and the rules that hold in it, the strongest last. */
export interface RulesInForce {
  readonly phase: Phase;
  readonly rules: readonly Rule[];
}

/** The rules of a phase before any event has switched others on. */
export function rulesOfPhase({ rules = [] }: Recipe, phase: Phase): RulesInForce {
  return { phase, rules: [...rules, ...(phase.rules ?? [])] };
}

/** Events whose every occurrence is looked at before a run: so many switches. */
const checkedSwitches = 1000;

export class Timeline {
  readonly recipe: Recipe;
  readonly steps: number;
  /** First step of each phase. */
  readonly starts: readonly number[];
  readonly #resets: readonly Occurrence<'moments'>[];
  readonly #rewarmings: readonly Occurrence<Rewarming>[];
  readonly #switches: readonly Occurrence<readonly Rule[]>[];

  /** @param steps of the run; absent where a recipe is looked at before it is known how long it will run */
  constructor(recipe: Recipe, steps = 10_000) {
    this.recipe = recipe;
    this.steps = steps;
    this.starts = phaseStarts(recipe, steps);
    const all = (recipe.events ?? []).flatMap((event) => {
      const occurrences = [...new Set(stepsOfEvent(event, steps))];
      return event.do.map((action) => ({ occurrences, action }));
    });
    const listOf = <T>(of: (action: EventAction) => T | undefined): Occurrence<T>[] =>
      all
        .flatMap(({ occurrences, action }) => {
          const what = of(action);
          return what === undefined ? [] : occurrences.map((step) => ({ step, what }));
        })
        .sort((a, b) => a.step - b.step);
    this.#resets = listOf((action) => ('reset' in action ? action.reset : undefined));
    this.#rewarmings = listOf((action) => ('rewarm' in action ? action : undefined));
    this.#switches = listOf((action) => {
      const rules = rulesOfAction(action);
      return rules.length === 0 ? undefined : rules;
    });
  }

  /** Index of the phase that step `clock` belongs to; steps beyond the announced ones belong to the last. */
  phaseAt(clock: number): number {
    return this.starts.findLastIndex((start) => start <= clock);
  }

  /** Whether moments are forgotten between step `before` (-1: none was taken) and step `clock`, the next. */
  isReset(before: number, clock: number): boolean {
    return this.resetBy(clock) > before;
  }

  /** The step before which moments were forgotten last, by a step; -1: never. */
  resetBy(clock: number): number {
    const phases = this.starts.filter(
      (start, i) => start <= clock && this.recipe.phases[i]!.optimizerState === 'reset',
    );
    return Math.max(-1, ...phases, this.#resets[countBy(this.#resets, clock) - 1]?.step ?? -1);
  }

  /** The factor on the learning rate of a step: the phase's re-warming times that of the latest event with one. */
  rewarm(clock: number): number {
    const index = this.phaseAt(clock);
    const ofPhase = rewarmFactor(this.recipe.phases[index]!, clock - this.starts[index]!, this.steps);
    const latest = this.#rewarmings[countBy(this.#rewarmings, clock) - 1];
    return latest === undefined ? ofPhase : ofPhase * this.#warmth(latest.what, clock - latest.step);
  }

  /** The learning rate of a step: the peak by the recipe's schedule, re-warmed. */
  rateAt(peak: number, clock: number): number {
    return peak * this.#scheduled(this.recipe.schedule, clock) * this.rewarm(clock);
  }

  /** The factor on the weight decay of a step. */
  decayFactorAt(clock: number): number {
    const { decaySchedule } = this.recipe;
    return decaySchedule === undefined ? 1 : this.#scheduled(decaySchedule, clock);
  }

  /** A schedule's factor. Beyond the announced steps the last value stays. */
  #scheduled(schedule: Schedule, clock: number): number {
    return scheduleFactor(schedule, Math.min(clock, this.steps - 1), this.steps);
  }

  #warmth({ rewarm, shape = 'linear' }: Rewarming, since: number): number {
    const length = stepsOf(rewarm, this.steps);
    if (since >= length) return 1;
    const progress = (since + 1) / length;
    return shape === 'linear' ? progress : 0.5 * (1 - cosPi(progress));
  }

  /** The phase of a step, with the recipe's rules, the phase's, and those that events have switched on. */
  rulesAt(clock: number): RulesInForce {
    const { phase, rules } = rulesOfPhase(this.recipe, this.recipe.phases[this.phaseAt(clock)]!);
    return { phase, rules: [...rules, ...this.#switched(clock)] };
  }

  /** Rules that events have switched on by a step, the oldest first; of a periodic event, once. */
  #switched(clock: number): readonly Rule[] {
    const happened = this.#switches.slice(0, this.stageAt(clock)).map(({ what }) => what);
    return [...new Set(happened.reverse())].reverse().flat();
  }

  /** Number of switches by a step: slots and settings change with it and with the phase, and with nothing else. */
  stageAt(clock: number): number {
    return countBy(this.#switches, clock);
  }

  /** The steps before which slots or settings change, but for switches that go on and on. */
  changes(): Set<number> {
    const switches = this.#switches.slice(0, checkedSwitches).map(({ step }) => step);
    return new Set([...this.starts, ...switches].sort((a, b) => a - b));
  }
}
