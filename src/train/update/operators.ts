/**
 * Operators on gradients, each with the state that it keeps. Sources and meaning of each are in spec.ts. Sums and factors are binary64,
 * in the order of the elements; what becomes of an element is rounded once, to binary32.
 */
import type { NamedTensorMap, Tensor } from '@tensorflow/tfjs';
import { sizeOf } from '../../shape.ts';
import type { TensorFlow } from '../../tfjs/index.ts';
import { checkPowerOfTwo, type LossScalingState, nextScale, type ScaleRule } from '../../tfjs/loss-scale.ts';
import { curveAt } from '../curve.ts';
import { firstNotFinite } from '../divergence.ts';
import { clipByGlobalNorm } from '../optimizers/clip.ts';
import {
  float32Of,
  float64Of,
  mapChannels,
  type SavedArray,
  savedFloat32,
  savedFloat64,
  type Unit,
} from '../stores/index.ts';
import type { AdaClip, AdaNorm, GradientOperatorSpec, LossScale, SpamClip } from './spec.ts';

/** A parameter whose gradients operators know. */
export interface OperatedParameter {
  readonly name: string;
  readonly shape: readonly number[];
  /** What one unit of its codes stands for, if it lives on a grid. */
  unitOf(): Unit | undefined;
  /** The step that it is about to take, of how many. */
  place(): readonly [step: number, steps: number];
}

/** Gives a variable's parameter; undefined: none that the recipe is for. */
export type ParameterOf = (variable: string) => OperatedParameter | undefined;

export interface GradientOperator {
  /** Gradients by the variables' names; null: the step is left out. Call inside `tf.tidy`. */
  apply(gradients: NamedTensorMap): NamedTensorMap | null;
  /** Arrays by `parameter/name`, or by a name. */
  save(): Map<string, SavedArray>;
  /** Takes up arrays of the names, types and shapes that `save` gives. */
  restore(arrays: ReadonlyMap<string, SavedArray>): void;
}

/** What an operator on single gradients does with one; it may return what it is given. */
type ElementRule<S> = (gradient: Float32Array, state: S, parameter: OperatedParameter) => Float32Array;

/** How a state is made, saved and restored. */
interface StateKind<S> {
  make(parameter: OperatedParameter): S;
  save(state: S, parameter: OperatedParameter): Record<string, SavedArray>;
  restore(arrays: Readonly<Record<string, SavedArray>>, parameter: OperatedParameter): S;
}

/** Applies a rule to each gradient by itself. Those with numbers that are not finite pass as they are: the optimiser refuses them. */
function each<S>(
  tf: TensorFlow,
  parameters: readonly OperatedParameter[],
  parameterOf: ParameterOf,
  kind: StateKind<S>,
  rule: ElementRule<S>,
): GradientOperator {
  const states = new Map(parameters.map((one) => [one.name, kind.make(one)]));
  const changed = (variable: string, gradient: Tensor): Tensor => {
    const parameter = parameterOf(variable);
    const values = gradient.dataSync() as Float32Array;
    if (parameter === undefined || firstNotFinite(values) >= 0) return gradient;
    const next = rule(values, states.get(parameter.name)!, parameter);
    return next === values ? gradient : tf.tensor(next, gradient.shape);
  };
  return {
    apply: (gradients) =>
      Object.fromEntries(Object.entries(gradients).map(([name, one]) => [name, changed(name, one)])),
    save: () =>
      new Map(
        parameters.flatMap((one) =>
          Object.entries(kind.save(states.get(one.name)!, one)).map(
            ([name, saved]) => [`${one.name}/${name}`, saved] as const,
          ),
        ),
      ),
    restore(arrays) {
      for (const one of parameters) {
        const prefix = `${one.name}/`;
        const own = [...arrays].filter(([key]) => key.startsWith(prefix));
        const found = Object.fromEntries(own.map(([key, saved]) => [key.slice(prefix.length), saved]));
        states.set(one.name, kind.restore(found, one));
      }
    },
  };
}

/** A few numbers, saved as binary64. */
function numbersKind<const N extends string>(
  names: readonly N[],
  first: (name: N) => number,
): StateKind<Record<N, number>> {
  return {
    make: () => Object.fromEntries(names.map((name) => [name, first(name)])) as Record<N, number>,
    save: (state) => ({ numbers: savedFloat64(Float64Array.from(names, (name) => state[name])) }),
    restore(arrays) {
      const numbers = float64Of('numbers', arrays['numbers'], names.length);
      return Object.fromEntries(names.map((name, i) => [name, numbers[i]!])) as Record<N, number>;
    },
  };
}

const stateless: StateKind<undefined> = {
  make: () => undefined,
  save: () => ({}),
  restore: () => undefined,
};

/** mean: not corrected; power: decay to the number of steps. */
const adaClipKind = numbersKind(['mean', 'power'], (name) => (name === 'power' ? 1 : 0));

function adaClip({ decay = 0.999 }: AdaClip): ElementRule<Record<'mean' | 'power', number>> {
  return (gradient, state) => {
    let largest = 0;
    for (const g of gradient) largest = Math.max(largest, Math.abs(g));
    state.mean = decay * state.mean + (1 - decay) * largest;
    state.power *= decay;
    const bound = state.mean / (1 - state.power);
    if (!(largest > bound)) return gradient;
    return gradient.map((g) => (Math.abs(g) > bound ? (g / largest) * bound : g));
  };
}

const adaNormKind = numbersKind(['first', 'second', 'power1', 'power2'], (name) =>
  name.startsWith('power') ? 1 : 0,
);

function adaNorm({
  decay1: usual = 0.7,
  factor,
  decay2 = 0.9,
  epsilon = 1e-8,
}: AdaNorm): ElementRule<Record<'first' | 'second' | 'power1' | 'power2', number>> {
  return (gradient, state, parameter) => {
    const decay1 = factor === undefined ? usual : usual * curveAt(factor, ...parameter.place());
    let square = 0;
    for (const g of gradient) square += g * g;
    const norm = Math.sqrt(square);
    state.first = decay1 * state.first + (1 - decay1) * norm;
    state.second = decay2 * state.second + (1 - decay2) * square;
    state.power1 *= decay1;
    state.power2 *= decay2;
    if (norm === 0) return gradient;
    const wanted =
      state.first / (1 - state.power1) / (Math.sqrt(state.second / (1 - state.power2)) + epsilon);
    return gradient.map((g) => (g / norm) * wanted);
  };
}

/** A number for each element. */
const elementsKind: StateKind<Float32Array> = {
  make: ({ shape }) => new Float32Array(sizeOf(shape)),
  save: (state, { shape }) => ({ squares: savedFloat32(state, shape) }),
  restore: (arrays, { shape }) => float32Of('squares', arrays['squares'], sizeOf(shape)),
};

const largestFloat32 = (2 - 2 ** -23) * 2 ** 127;

function spamClip({ threshold = 5000, decay = 0.999 }: SpamClip): ElementRule<Float32Array> {
  return (gradient, squares) => {
    const next = gradient.map((g, i) => {
      const limit = threshold * squares[i]!;
      // An element without a past is no spike.
      return squares[i]! > 0 && g * g > limit ? Math.sign(g) * Math.sqrt(limit) : g;
    });
    // A mean that is infinite would remain so, and nothing be a spike any more.
    for (let i = 0; i < next.length; i++)
      squares[i] = Math.min(decay * squares[i]! + (1 - decay) * next[i]! * next[i]!, largestFloat32);
    return next;
  };
}

const unitNorm: ElementRule<undefined> = (gradient) => {
  let square = 0;
  for (const g of gradient) square += g * g;
  return square === 0 ? gradient : gradient.map((g) => g / Math.sqrt(square));
};

/** Gradients of weights on a grid, times or divided by the square of what one unit of their codes stands for. */
function byUnit(isDivided: boolean): ElementRule<undefined> {
  return (gradient, _, parameter) => {
    const unit = parameter.unitOf();
    if (unit === undefined) return gradient;
    const { units, ...channels } = typeof unit === 'number' ? { count: 1, stride: 1, units: [unit] } : unit;
    const squares = Float64Array.from(units, (one) => one * one);
    return isDivided
      ? mapChannels(gradient, channels, (g, channel) => g / squares[channel]!)
      : mapChannels(gradient, channels, (g, channel) => g * squares[channel]!);
  };
}

/** A loss scale: its operator, and the scale at present. */
export interface LossScaler extends GradientOperator {
  readonly scale: number;
}

export function lossScaler(tf: TensorFlow, spec: LossScale): LossScaler {
  const { initial = 2 ** 15, dynamic = true, growthInterval = 2000, smallest = 1, largest = 2 ** 24 } = spec;
  const rule: ScaleRule = { dynamic, growthInterval, smallest, largest };
  let state: LossScalingState = { scale: initial, finiteSteps: 0, skipped: 0 };
  return {
    get scale() {
      return state.scale;
    },
    apply(gradients) {
      const { scale } = state;
      const unscaled = Object.entries(gradients).map(
        ([name, one]) => [name, tf.mul(one, 1 / scale)] as const,
      );
      const areFinite = unscaled.every(([, one]) => firstNotFinite(one.dataSync()) < 0);
      state = nextScale(state, areFinite, rule);
      return areFinite ? Object.fromEntries(unscaled) : null;
    },
    save: () =>
      new Map([['numbers', savedFloat64(Float64Array.of(state.scale, state.finiteSteps, state.skipped))]]),
    restore(arrays) {
      const [given, finiteSteps, skipped] = float64Of('numbers', arrays.get('numbers'), 3);
      state = { scale: checkPowerOfTwo('scale', given), finiteSteps: finiteSteps!, skipped: skipped! };
    },
  };
}

/** Makes the operator of a specification. */
export function operatorOf(
  tf: TensorFlow,
  spec: Exclude<GradientOperatorSpec, LossScale>,
  parameters: readonly OperatedParameter[],
  parameterOf: ParameterOf,
): GradientOperator {
  const byElements = <S>(kind: StateKind<S>, rule: ElementRule<S>): GradientOperator =>
    each(tf, parameters, parameterOf, kind, rule);
  switch (spec.kind) {
    case 'clipByGlobalNorm':
      return {
        apply: (gradients) => clipByGlobalNorm(tf, gradients, spec.limit).gradients,
        save: () => new Map(),
        restore: () => undefined,
      };
    case 'adaClip':
      return byElements(adaClipKind, adaClip(spec));
    case 'adaNorm':
      return byElements(adaNormKind, adaNorm(spec));
    case 'spamClip':
      return byElements(elementsKind, spamClip(spec));
    case 'unitNorm':
      return byElements(stateless, unitNorm);
    case 'integerGradient':
      return byElements(stateless, byUnit(false));
    case 'qas':
      return byElements(stateless, byUnit(true));
  }
}
