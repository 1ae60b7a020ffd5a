/**
 * A recipe at work on a TensorFlow.js program: which phase each parameter is in, what its products read, how its updated
 * values are held, what becomes of optimisers' states. Time is counted by optimisers' steps: a parameter's clock is the number
 * of updates that it has had, so that models trained in turn have a time each.
 *
 * Numbers are made elsewhere: slots.ts, `src/train/stores`, `src/tfjs`. Files and loops are the callers'.
 */
import type { Variable } from '@tensorflow/tfjs';
import type { QuantizerState } from '../../quantizers/tracking.ts';
import { type Emulation, startEmulation } from '../../tfjs/emulate.ts';
import type { TensorFlow } from '../../tfjs/index.ts';
import { EmulationLog } from '../../tfjs/log.ts';
import { ProductCalls } from '../../tfjs/product-calls.ts';
import type { ProductIdentity, ProductSlots, SlotProvider } from '../../tfjs/product-slots.ts';
import type { SavedBytes, SavingOperation, TensorCodec } from '../../tfjs/saved-tensors.ts';
import { type GivenGradients, type StepListener, stepListeners } from '../../tfjs/watched-methods.ts';
import type { LinearSlots } from '../linear-slots.ts';
import type { Recipe } from '../recipe.ts';
import { weakenedSlots } from '../recipe-slots.ts';
import type { Mask } from '../stores/index.ts';
import { slotsOfKernel } from './convolution-slots.ts';
import { ParameterSchedule } from './parameter-schedule.ts';
import { checkAlive, type EngineParameter } from './parameters.ts';
import type { Selectable } from './rules.ts';
import { SavedSlots } from './saved-slots.ts';
import { SlotRegistry } from './slot-registry.ts';
import type { Pass } from './slot-spec.ts';
import type { WeightReading } from './slots.ts';
import { Timeline } from './timeline.ts';

interface EngineOptions {
  readonly recipe: Recipe;
  readonly parameters: readonly EngineParameter[];
  readonly steps: number;
  readonly seed: number;
  /** Whose kernels compute on the wasm backend. */
  readonly kernels: 'own' | 'stock';
  readonly log: boolean;
  /** Whether the model places the recipe's extra norm itself. */
  readonly placesNorms: boolean;
}

/** What a pass has that differs from training: evaluations, probes. */
export interface PassOptions extends Partial<Pick<Pass, 'isTraining' | 'purpose' | 'tap'>> {
  /** In place of the slots of the phase. */
  readonly slots?: (layer: string, own: LinearSlots) => LinearSlots;
}

/** Who listens to the engine: each of its parts that acts around an optimiser's step. */
export interface StepPart {
  /** Before gradients are applied; what it returns is applied instead, null: nothing. */
  before?(optimizer: object, gradients: GivenGradients): GivenGradients | null;
  /** After; `names` are parameters of the run, their clocks as they were before the step. */
  after?(optimizer: object, names: readonly string[]): void;
  /** In place of `after` where the step was left out. It counts all the same. */
  leftOut?(optimizer: object, names: readonly string[]): void;
}

/** Indices that the draws of one step's emulation have for themselves; the second half is an evaluation's after it. */
const drawsPerStep = 2 ** 32;

/** Evaluations draw integers of their own. */
const evaluationPurpose = (): string => '/evaluation0';

export class RecipeEngine implements SlotProvider {
  readonly recipe: Recipe;
  readonly parameters: readonly EngineParameter[];
  readonly steps: number;
  readonly seed: number;
  /** What slots and emulation do in all phases; undefined: nobody counts. */
  readonly log: EmulationLog | undefined;
  readonly #tf: TensorFlow;
  readonly #options: EngineOptions;
  readonly timeline: Timeline;
  /** What the recipe says of each parameter at each step. */
  readonly schedule: ParameterSchedule;
  /** The quantisers of layers, with what they remember and have drawn. */
  readonly slots: SlotRegistry;
  readonly #saved: SavedSlots;
  /** What gradients are multiplied by at present. */
  gradientScale: () => number = () => 1;
  /** What a controller makes of the slots of a layer. */
  controlled: (layer: string, slots: LinearSlots) => LinearSlots = (_, slots) => slots;
  readonly #clocks = new Map<string, number>();
  readonly #parts: StepPart[] = [];
  readonly #calls: ProductCalls;
  #emulation: Emulation | undefined;
  #phase = -1;
  #pass: PassOptions = {};
  #hasWarned = false;
  /** Whether an optimiser is at work, whose products are none of the program's. */
  #isUpdating = false;
  #isStopped = false;
  readonly #listener: StepListener = {
    before: (optimizer, gradients) => this.#before(optimizer, gradients),
    after: (optimizer, names, isLeftOut) => this.#after(optimizer, names, isLeftOut),
  };

  constructor(tf: TensorFlow, options: EngineOptions) {
    const { recipe, parameters, steps, seed, kernels } = options;
    this.#tf = tf;
    this.#options = options;
    this.recipe = recipe;
    this.parameters = parameters;
    this.steps = steps;
    this.seed = seed;
    this.log = options.log ? new EmulationLog() : undefined;
    this.timeline = new Timeline(recipe, steps);
    this.schedule = new ParameterSchedule(this.timeline, parameters, options.placesNorms);
    this.slots = new SlotRegistry(tf, seed, (layer) => this.#clocks.get(layer) ?? this.clock);
    this.#saved = new SavedSlots(recipe.saved);
    for (const { name } of parameters) this.#clocks.set(name, 0);
    this.#calls = new ProductCalls(tf, this, kernels === 'own' && tf.getBackend() === 'wasm');
    stepListeners.add(this.#listener);
  }

  /** Takes part in every step from here on. */
  addPart(part: StepPart): void {
    this.#parts.push(part);
  }

  /** Updates that a parameter has had. */
  clockOf(name: string): number {
    return this.#clocks.get(name) ?? 0;
  }

  /** The most updates that any parameter has had. */
  get clock(): number {
    return Math.max(0, ...this.#clocks.values());
  }

  setClocks(clocks: Readonly<Record<string, number>>): void {
    for (const [name, clock] of Object.entries(clocks)) this.#clocks.set(name, clock);
  }

  get clocks(): Readonly<Record<string, number>> {
    return Object.fromEntries(this.#clocks);
  }

  /** Index of the phase that step `clock` belongs to. */
  phaseAt(clock: number): number {
    return this.timeline.phaseAt(clock);
  }

  get emulation(): Emulation | undefined {
    return this.#emulation;
  }

  /** The phase whose arithmetic is in force. */
  get phase(): number {
    return this.#phase;
  }

  /** Throws ArgumentError naming a parameter whose variable the program has disposed. */
  checkAlive(names?: ReadonlySet<string>): void {
    for (const { name, variable } of this.parameters)
      if (names === undefined || names.has(variable.name)) checkAlive(name, variable);
  }

  get variables(): Variable[] {
    return this.parameters.map(({ variable }) => variable);
  }

  /** Puts the arithmetic of a phase in force, with draws that begin at `cursor` where its emulation draws. */
  enter(index: number, cursor: number): void {
    const phase = this.recipe.phases[index]!;
    const draws = phase.emulate?.rounding?.startsWith('stochastic') === true;
    if (index === this.#phase && this.#emulation !== undefined && !draws) return;
    // A new emulation has no rounded copies of weights and constants that an earlier step drew.
    this.#emulation?.stop();
    const { kernels, log } = this.#options;
    this.#emulation = startEmulation(
      this.#tf,
      { kernels, seed: this.seed, log, ...phase.emulate },
      this.#calls,
      this.log,
    );
    this.#phase = index;
    if (draws) this.#emulation.reset({ cursor });
  }

  /** A step begins: its phase comes into force. */
  beginStep(): void {
    const { clock } = this;
    this.enter(this.phaseAt(clock), clock * drawsPerStep);
  }

  /** An evaluation between two steps begins: in the arithmetic of the last step. */
  beginEvaluation(): void {
    const { clock } = this;
    this.enter(this.phaseAt(Math.max(clock - 1, 0)), clock * drawsPerStep - drawsPerStep / 2);
  }

  /** Runs a pass that is no ordinary step. */
  within<T>(pass: PassOptions, fn: () => T): T {
    const outer = this.#pass;
    this.#pass = pass;
    try {
      return fn();
    } finally {
      this.#pass = outer;
    }
  }

  /** Whether passes are a step's at present: not an evaluation's, not a probe's. */
  get isTraining(): boolean {
    return this.#pass.isTraining !== false;
  }

  gradientBegins(): void {
    this.#isUpdating = false;
    this.#saved.begins(this.clock);
    if (this.#isStopped || this.#pass.isTraining === false) return;
    this.beginStep();
  }

  get codesSaved(): boolean {
    return !this.#saved.isEmpty;
  }

  /** How the tensors that an operation keeps for its gradient are held; a pass with slots of its own keeps them as they are. */
  savedOf({ parameter, role, path }: SavingOperation): TensorCodec | null {
    const { isTraining = true, purpose, slots } = this.#pass;
    if (this.#isUpdating || slots !== undefined) return null;
    const one = this.parameters.find(({ variable }) => variable === parameter);
    const step = one === undefined ? this.clock : this.clockOf(one.name);
    const suffix = purpose?.('weightGradient.x') ?? '';
    return this.#saved.codecOf(one, role, path, { seed: this.seed, step, isTraining, suffix });
  }

  /** Bytes that were kept for the latest gradient. */
  get savedBytes(): SavedBytes {
    return this.#calls.saved.bytes;
  }

  /** What quantisers and codecs of kept tensors remember. */
  get memories(): ReadonlyMap<string, QuantizerState> {
    return new Map([...this.slots.memories, ...this.#saved.memories]);
  }

  /** Gives quantisers and codecs what they are to remember and have drawn. */
  restore(memories: ReadonlyMap<string, QuantizerState>, draws?: SlotRegistry['draws']): void {
    this.slots.restore(this.#saved.restore(memories), draws);
  }

  slotsOf(product: ProductIdentity): ProductSlots | null {
    const { parameter, path, isTaped, log } = product;
    const one = this.#isUpdating ? undefined : this.#selected(parameter, path);
    if (one === undefined) return null;
    checkAlive(one.name, parameter);
    const clock = parameter === undefined ? this.clock : this.clockOf(one.name);
    const at = isTaped ? clock : Math.max(clock - 1, 0);
    const { slots: replace, ...given } = this.#pass;
    const own = this.slotsAt(one, at);
    const slots = slotsOfKernel(replace === undefined ? own : replace(one.name, own), product);
    const purpose = isTaped ? {} : { purpose: evaluationPurpose };
    const logs = [...new Set([this.log, log])].filter((one) => one !== undefined);
    const pass: Pass = {
      ...{ seed: this.seed, step: clock, steps: this.steps, isTraining: isTaped, logs },
      isEvaluation: !isTaped,
      gradientScale: this.gradientScale(),
      fixedCodes: this.schedule.settingsAt(one, at).fixedCodes === true,
      ...purpose,
      ...given,
    };
    const reading = { pass, strength: this.schedule.strengthAt(at), norm: this.schedule.normAt(one, at) };
    return this.slots.bound(one.name, slots, reading);
  }

  /** The slots of a parameter at a step, at their full strength, as a controller has them. */
  slotsAt(one: Selectable, clock: number): LinearSlots {
    return this.controlled(one.name, this.schedule.slotsAt(one, clock));
  }

  /** Which elements the next update changes; undefined: all. */
  maskOf(one: EngineParameter): Mask | undefined {
    return this.schedule.maskAt(one, this.clockOf(one.name));
  }

  /** Whether the next update leaves a parameter as it is. */
  isFrozen(one: Selectable): boolean {
    return this.schedule.isFrozen(one, this.clockOf(one.name));
  }

  /** How the quantiser that a layer's weight is read through at a step reads it by now. */
  weightReadingOf(layer: string, clock: number): WeightReading | undefined {
    const one = this.parameters.find(({ name }) => name === layer);
    const spec = one && this.slotsAt(one, clock).forward.w;
    return spec == null ? undefined : this.slots.of(layer, 'forward.w', spec).weightReading;
  }

  /** The slots of each layer at a step, as strong as they are then. */
  layersAt(clock: number): (name: string) => LinearSlots {
    const strength = this.schedule.strengthAt(clock);
    return (name) =>
      weakenedSlots(this.slotsAt(this.parameters.find((one) => one.name === name)!, clock), strength);
  }

  /** The same, noise with the numbers of bits that are learned by now. */
  trainedLayersAt(clock: number): (name: string) => LinearSlots {
    const layers = this.layersAt(clock);
    return (name) => {
      const slots = layers(name);
      const { w } = slots.forward;
      const bits = this.weightReadingOf(name, clock)?.bits;
      if (w?.transform === undefined || bits === undefined) return slots;
      return { ...slots, forward: { ...slots.forward, w: { ...w, transform: { ...w.transform, bits } } } };
    };
  }

  #selected(parameter: Variable | undefined, path: readonly string[]): Selectable | undefined {
    if (parameter !== undefined) return this.parameters.find(({ variable }) => variable === parameter);
    if (!this.schedule.hasActivationRules) return undefined;
    const layer = path.join('/');
    return {
      name: `${layer}/product`,
      role: 'activation-product',
      layer,
      depth: -1,
      kind: undefined,
      ends: [],
      shape: [],
    };
  }

  #before(optimizer: object, gradients: GivenGradients): GivenGradients | null {
    this.checkAlive(
      new Set(Array.isArray(gradients) ? gradients.map(({ name }) => name) : Object.keys(gradients)),
    );
    this.#isUpdating = true;
    let given: GivenGradients | null = gradients;
    for (const part of this.#parts)
      if (given !== null && part.before !== undefined) given = part.before(optimizer, given);
    return given;
  }

  #after(optimizer: object, names: readonly string[], isLeftOut: boolean): void {
    this.#isUpdating = false;
    const byVariable = new Map(this.parameters.map((one) => [one.variable.name, one.name]));
    const own = names.flatMap((name) => byVariable.get(name) ?? []);
    if (own.length === 0) return;
    for (const part of this.#parts)
      if (isLeftOut) part.leftOut?.(optimizer, own);
      else part.after?.(optimizer, own);
    for (const name of own) this.#clocks.set(name, this.clockOf(name) + 1);
    if (this.clock > this.steps && !this.#hasWarned) {
      this.#hasWarned = true;
      console.warn(`halfulp: more than the ${this.steps} steps that were announced; the last phase goes on`);
    }
  }

  /** A step that no optimiser has taken: of every parameter. */
  nextStep(): void {
    this.checkAlive();
    this.log?.nextStep();
    this.#after(
      this,
      this.parameters.map(({ variable }) => variable.name),
      false,
    );
  }

  /** Puts everything back. Stopping twice does nothing. */
  stop(): void {
    if (this.#isStopped) return;
    this.#isStopped = true;
    stepListeners.delete(this.#listener);
    this.#emulation?.stop();
    this.#calls.stop();
    this.#emulation = undefined;
  }
}
