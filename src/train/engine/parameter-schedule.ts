/**
 * What a recipe says of each parameter at each step: slots, settings, what of it is trained, norm before it, strength. By clocks
 * alone, nothing runs here.
 */

import type { LinearSlots } from '../linear-slots.ts';
import { isSlotted } from '../parameter-role.ts';
import { normOf } from '../phases.ts';
import { channelsOf, type Mask } from '../stores/index.ts';
import { strengthAt } from '../strength.ts';
import type { EngineParameter } from './parameters.ts';
import {
  allRules,
  blocksOf,
  type ParameterSettings,
  type Selectable,
  settingsUnder,
  slotsUnder,
} from './rules.ts';
import type { RulesInForce, Timeline } from './timeline.ts';

type RuleReader<T> = (rules: RulesInForce, one: Selectable, blocks: number) => T;

export class ParameterSchedule {
  readonly #timeline: Timeline;
  readonly #parameters: readonly EngineParameter[];
  /** Whether the model places the recipe's extra norm itself. */
  readonly #placesNorms: boolean;
  readonly #blocks: number;
  readonly #slots = new Map<string, LinearSlots>();
  readonly #settings = new Map<string, ParameterSettings>();
  /** Whether some rule is for products without a parameter. */
  readonly hasActivationRules: boolean;

  constructor(timeline: Timeline, parameters: readonly EngineParameter[], placesNorms: boolean) {
    this.#timeline = timeline;
    this.#parameters = parameters;
    this.#placesNorms = placesNorms;
    this.#blocks = blocksOf(parameters);
    this.hasActivationRules = allRules(timeline.recipe).some(
      ({ where: { role } }) => role === 'activation-product' || role === 'all',
    );
  }

  /** What slots and settings depend on. */
  #keyOf({ name }: Selectable, clock: number): string {
    return `${this.#timeline.phaseAt(clock)} ${this.#timeline.stageAt(clock)} ${name}`;
  }

  /** What rules say of a parameter at a step, made once while they stay. */
  #underRules<T>(known: Map<string, T>, of: RuleReader<T>, one: Selectable, clock: number): T {
    const key = this.#keyOf(one, clock);
    let made = known.get(key);
    if (made === undefined) {
      made = of(this.#timeline.rulesAt(clock), one, this.#blocks);
      known.set(key, made);
    }
    return made;
  }

  /** The slots of a parameter at a step, at their full strength. */
  slotsAt(one: Selectable, clock: number): LinearSlots {
    return this.#underRules(this.#slots, slotsUnder, one, clock);
  }

  /** What rules set of a parameter at a step, beside slots. */
  settingsAt(one: Selectable, clock: number): ParameterSettings {
    return this.#underRules(this.#settings, settingsUnder, one, clock);
  }

  /** Whether the update of a step leaves a parameter as it is. */
  isFrozen(one: Selectable, clock: number): boolean {
    return this.settingsAt(one, clock).frozen === true;
  }

  /** Whether none of the first updates has moved a parameter since moments were forgotten, so that no optimiser holds a state of it. */
  wasFrozen(one: Selectable, updates: number): boolean {
    const since = Math.max(0, this.#timeline.resetBy(updates - 1));
    const changes = [...this.#timeline.changes()].filter((clock) => clock > since && clock < updates);
    return [since, ...changes].every((clock) => this.isFrozen(one, clock));
  }

  /** The part of a parameter's elements that the update of a step changes. */
  updatedPart(one: EngineParameter, clock: number): number {
    const { updated = 1, frozen = false } = this.settingsAt(one, clock);
    const { count } = channelsOf(one.shape, one.channelAxis);
    return frozen ? 0 : Math.ceil(updated * count) / count;
  }

  /** Which elements the update of a step changes; undefined: all. */
  maskAt(one: EngineParameter, clock: number): Mask | undefined {
    const { count, stride } = channelsOf(one.shape, one.channelAxis);
    const changed = Math.round(this.updatedPart(one, clock) * count);
    return changed === 0 || changed === count
      ? undefined
      : (index) => Math.floor(index / stride) % count < changed;
  }

  /** What is left of every quantiser's strength while a phase comes gradually. */
  strengthAt(clock: number): number {
    const { recipe, steps, starts } = this.#timeline;
    const index = this.#timeline.phaseAt(clock);
    const { phaseIn } = recipe.phases[index]!;
    return phaseIn === undefined ? 1 : strengthAt(phaseIn, clock - starts[index]!, steps);
  }

  /** The recipe's norm without parameters before a layer, where the model does not place it. */
  normAt(one: Selectable, clock: number): 'rms' | 'layer' | undefined {
    const extraNorm = normOf(this.#timeline.recipe, this.#timeline.phaseAt(clock));
    if (extraNorm === null || this.#placesNorms || !isSlotted(one.role)) return undefined;
    if (extraNorm.where === 'all') return extraNorm.kind;
    const slotted = this.#parameters.filter(({ role }) => isSlotted(role));
    const areKnown = slotted.some(({ kind }) => kind === 'o' || kind === 'down');
    const isNormed = areKnown ? one.kind === 'o' || one.kind === 'down' : slotted[0]!.layer !== one.layer;
    return isNormed ? extraNorm.kind : undefined;
  }
}
