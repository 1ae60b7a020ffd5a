/**
 * Controllers at work: they see the gradients that optimisers are given and the losses these were taken of, and decide the formats of
 * layers' slots. A slot whose format is a fixed-point one has that of its layer. What they decide by is `src/train/controllers`.
 */
import type { NamedTensorMap, Tensor } from '@tensorflow/tfjs';
import { sizeOf } from '../../shape.ts';
import type { TensorFlow } from '../../tfjs/index.ts';
import { engineOf } from '../../tfjs/internals.ts';
import { replaceProperty } from '../../tfjs/tape.ts';
import {
  type AdaptSettings,
  type AdaptSpec,
  adaptSettings,
  diversityOf,
  type FixedPoint,
  nextBins,
  nextLookback,
  nextStrategy,
  pushDown,
  pushUp,
  type Strategy,
  strategies,
} from '../controllers/adapt.ts';
import { fixedPointOf, inFormat, nameOf } from '../controllers/fixed-slots.ts';
import type { LinearSlots } from '../linear-slots.ts';
import { float32Of, float64Of, type SavedArray, savedFloat32, savedFloat64 } from '../stores/index.ts';
import type { RecipeEngine } from './engine.ts';
import type { EngineParameter } from './parameters.ts';

/** What is known of a layer. */
interface LayerState {
  format: FixedPoint;
  lookback: number;
  bins: number;
  /** Gradients since the last decision. */
  count: number;
  sumOfNorms: number;
  sum: Float32Array;
}

const numbersOf = ({
  format: { word, fraction },
  lookback,
  bins,
  count,
  sumOfNorms,
}: LayerState): Float64Array => Float64Array.of(word, fraction, lookback, bins, count, sumOfNorms);

function normOf(values: ArrayLike<number>): number {
  let square = 0;
  for (let i = 0; i < values.length; i++) square += values[i]! * values[i]!;
  return Math.sqrt(square);
}

export class FormatController {
  readonly #engine: RecipeEngine;
  readonly #settings: AdaptSettings;
  readonly #layers = new Map<string, LayerState>();
  /** Losses that the strategy goes by, the latest last. */
  #losses: number[] = [];
  #strategy: Strategy = 'min';
  /** Of the latest gradient that was taken for training; undefined: it was seen already. */
  #loss: number | undefined;
  readonly #undo: () => void;
  /** Slots in the formats that were decided, by what they were made of. */
  readonly #made = new WeakMap<LinearSlots, Map<string, LinearSlots>>();

  constructor(tf: TensorFlow, engine: RecipeEngine, spec: AdaptSpec) {
    this.#engine = engine;
    this.#settings = adaptSettings(spec);
    const { lookback, bins } = this.#settings;
    for (const one of engine.parameters) {
      const format = fixedPointOf(engine.slotsAt(one, 0));
      if (format === undefined) continue;
      const sum = new Float32Array(sizeOf(one.shape));
      const first = { lookback: lookback[1], bins: bins[1], count: 0, sumOfNorms: 0 };
      this.#layers.set(one.name, { format, ...first, sum });
    }
    this.#undo = this.#watchLosses(tf);
    engine.controlled = (layer, slots) => this.#slotsOf(layer, slots);
  }

  /** The formats of layers at present, by their names. */
  get formats(): Readonly<Record<string, string>> {
    return Object.fromEntries([...this.#layers].map(([name, { format }]) => [name, nameOf(format)]));
  }

  #watchLosses(tf: TensorFlow): () => void {
    const engine = engineOf(tf);
    const { gradients } = engine;
    const seen = (value: Tensor): void => {
      if (this.#engine.isTraining && value.size === 1) this.#loss = value.dataSync()[0]!;
    };
    return replaceProperty(engine, 'gradients', function (...args) {
      const result = gradients.apply(this, args);
      if (this.state.gradientDepth === 0) seen(result.value);
      return result;
    });
  }

  #slotsOf(layer: string, slots: LinearSlots): LinearSlots {
    const state = this.#layers.get(layer);
    if (state === undefined) return slots;
    const name = nameOf(state.format);
    const known = this.#made.get(slots) ?? new Map<string, LinearSlots>();
    this.#made.set(slots, known);
    const made = known.get(name) ?? inFormat(slots, name);
    known.set(name, made);
    return made;
  }

  /** Looks at the gradients that an optimiser is about to apply, by the variables' names. */
  look(gradients: NamedTensorMap): void {
    this.#followLoss();
    for (const one of this.#engine.parameters) {
      const state = this.#layers.get(one.name);
      const gradient = gradients[one.variable.name];
      if (state !== undefined && gradient !== undefined)
        this.#lookAt(one, state, gradient.dataSync() as Float32Array);
    }
  }

  #followLoss(): void {
    const loss = this.#loss;
    this.#loss = undefined;
    if (loss === undefined || !Number.isFinite(loss)) return;
    const lookbacks = [...this.#layers.values()].map(({ lookback }) => lookback);
    const length = Math.floor(lookbacks.reduce((sum, each) => sum + each, 0) / lookbacks.length);
    const past = this.#losses.slice(-length);
    if (past.length === length)
      this.#strategy = nextStrategy(this.#strategy, past.reduce((sum, each) => sum + each, 0) / length, loss);
    this.#losses = [...past, loss].slice(-this.#settings.lookback[1]);
  }

  /** Takes a gradient into account, and decides where enough have come. */
  #lookAt({ variable }: EngineParameter, state: LayerState, gradient: Float32Array): void {
    const settings = this.#settings;
    const norm = normOf(gradient);
    // Gradients that are no numbers say nothing; the optimiser refuses them.
    if (!Number.isFinite(norm)) return;
    state.count++;
    state.sumOfNorms += norm;
    const { sum } = state;
    for (let i = 0; i < sum.length; i++) sum[i] = sum[i]! + gradient[i]!;
    const diversity = diversityOf({ sumOfNorms: state.sumOfNorms, normOfSum: normOf(sum) });
    state.lookback = nextLookback(state.lookback, diversity, settings);
    state.bins = nextBins(state.bins, state.lookback, settings);
    if (state.count < state.lookback) return;
    const weights = variable.dataSync();
    const fewest = pushDown(weights, state.format, state.bins, settings.tolerance);
    state.format = pushUp(fewest, diversity, this.#strategy, settings.buffer);
    state.count = 0;
    state.sumOfNorms = 0;
    sum.fill(0);
  }

  /** Arrays of fixed shapes: a number of losses goes before them. */
  save(): Map<string, SavedArray> {
    const losses = new Float64Array(this.#settings.lookback[1]);
    losses.set(this.#losses);
    const shared = Float64Array.of(strategies.indexOf(this.#strategy), this.#losses.length, ...losses);
    const arrays = new Map([['losses', savedFloat64(shared)]]);
    for (const [name, state] of this.#layers) {
      arrays.set(`${name}/numbers`, savedFloat64(numbersOf(state)));
      arrays.set(`${name}/sum`, savedFloat32(state.sum, [state.sum.length]));
    }
    return arrays;
  }

  /** Takes up arrays of the names, types and shapes that `save` gives. */
  restore(arrays: ReadonlyMap<string, SavedArray>): void {
    const [strategy, count, ...losses] = float64Of(
      'losses',
      arrays.get('losses'),
      2 + this.#settings.lookback[1],
    );
    this.#strategy = strategies[strategy!] ?? 'min';
    this.#losses = losses.slice(0, count);
    for (const [name, state] of this.#layers) {
      const numbers = float64Of(`${name}/numbers`, arrays.get(`${name}/numbers`), 6);
      const [word, fraction, lookback, bins, gradients, sumOfNorms] = numbers as unknown as number[];
      state.format = { word: word!, fraction: fraction! };
      Object.assign(state, { lookback, bins, count: gradients, sumOfNorms });
      state.sum = float32Of(`${name}/sum`, arrays.get(`${name}/sum`), state.sum.length).slice();
    }
  }

  stop(): void {
    this.#undo();
  }
}
