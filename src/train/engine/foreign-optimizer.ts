/**
 * The state of TensorFlow.js' own optimisers: which arrays each keeps of a variable, so that they can be put through a codec,
 * forgotten, saved and taken up again. They are public fields of the optimisers that the typings leave out.
 * Source: tfjs-core 4.22, `optimizers/*.ts`.
 */
import type { Variable } from '@tensorflow/tfjs';
import { ArgumentError } from '../../errors.ts';
import type { TensorFlow } from '../../tfjs/index.ts';

/** One array of an optimiser's state. */
interface Accumulator {
  originalName: string;
  variable: Variable;
}

/** A field of an optimiser with one array for each variable. */
interface StateField {
  readonly field: string;
  /** Which moment it is: of the gradient, which has signs, or of its square. */
  readonly moment: 'first' | 'second';
  /** What a fresh array holds. */
  readonly initial: (optimizer: Fields) => number;
}

type Fields = Record<string, unknown>;

const zero = (): number => 0;
const first = (field: string): StateField => ({ field, moment: 'first', initial: zero });
const second = (field: string, initial: StateField['initial'] = zero): StateField => ({
  field,
  moment: 'second',
  initial,
});

const statesOf: Readonly<Record<string, readonly StateField[]>> = {
  SGD: [],
  Momentum: [first('accumulations')],
  Adam: [first('accumulatedFirstMoment'), second('accumulatedSecondMoment')],
  Adamax: [first('accumulatedFirstMoment'), second('accumulatedWeightedInfNorm')],
  RMSProp: [second('accumulatedMeanSquares'), first('accumulatedMoments'), first('accumulatedMeanGrads')],
  Adagrad: [second('accumulatedGrads', ({ initialAccumulatorValue }) => initialAccumulatorValue as number)],
  Adadelta: [second('accumulatedGrads'), second('accumulatedUpdates')],
};

/** Scalars that count steps: a field with a variable, and its value before the first. */
const countersOf: Readonly<Record<string, readonly (readonly [string, (optimizer: Fields) => number])[]>> = {
  Adam: [
    ['accBeta1', ({ beta1 }) => beta1 as number],
    ['accBeta2', ({ beta2 }) => beta2 as number],
  ],
  Adamax: [
    ['accBeta1', ({ beta1 }) => beta1 as number],
    ['iteration', zero],
  ],
};

const kindOf = (optimizer: object): string =>
  (optimizer.constructor as { className?: string }).className ?? optimizer.constructor.name;

/** One array of the state of a variable. */
export interface ForeignState {
  /** `field/variable`, unique within the optimiser. */
  readonly key: string;
  /** Name of the trained variable. */
  readonly of: string;
  readonly moment: 'first' | 'second';
  readonly variable: Variable;
}

/** Whether the optimiser is one of TensorFlow.js', whose state is known. */
export function isForeign(optimizer: object): boolean {
  return Object.hasOwn(statesOf, kindOf(optimizer));
}

/** Every array that exists so far. */
export function foreignStates(optimizer: object): ForeignState[] {
  return (statesOf[kindOf(optimizer)] ?? []).flatMap(({ field, moment }) =>
    ((optimizer as Fields)[field] as (Accumulator | undefined)[]).flatMap((one) => {
      if (one === undefined || one === null) return [];
      const of = one.originalName.slice(0, one.originalName.lastIndexOf('/'));
      return [{ key: `${field}/${of}`, of, moment, variable: one.variable }];
    }),
  );
}

/** Makes the state of an optimiser that of the first step. */
export function forgetForeign(tf: TensorFlow, optimizer: object): void {
  const fields = optimizer as Fields;
  tf.tidy(() => {
    for (const { field, initial } of statesOf[kindOf(optimizer)] ?? [])
      for (const one of fields[field] as (Accumulator | undefined)[])
        one?.variable.assign(tf.fill(one.variable.shape, initial(fields)));
    for (const [field, initial] of countersOf[kindOf(optimizer)] ?? [])
      (fields[field] as Variable).assign(tf.scalar(initial(fields)));
  });
  fields['iterations_'] = 0;
}

/** Numbers that a checkpoint holds beside the arrays. */
export function foreignCounters(optimizer: object): Record<string, number> {
  const fields = optimizer as Fields;
  const scalars = (countersOf[kindOf(optimizer)] ?? []).map(([field]) => [
    field,
    (fields[field] as Variable).dataSync()[0]!,
  ]);
  return Object.fromEntries([['iterations', Number(fields['iterations_'] ?? 0)], ...scalars]);
}

/** Takes up counters and arrays; `values` by the keys of {@link ForeignState}. */
export function restoreForeign(
  tf: TensorFlow,
  optimizer: object,
  counters: Readonly<Record<string, number>>,
  states: readonly {
    readonly key: string;
    readonly values: Float32Array;
    readonly shape: readonly number[];
  }[],
): void {
  const fields = optimizer as Fields;
  const kind = kindOf(optimizer);
  tf.tidy(() => {
    for (const { field } of statesOf[kind] ?? []) {
      const own = states.filter(({ key }) => key.startsWith(`${field}/`));
      const list = fields[field] as Accumulator[];
      for (const one of list) one?.variable.dispose();
      fields[field] = own.map(({ key, values, shape }) => ({
        originalName: `${key.slice(field.length + 1)}/${field}`,
        variable: tf.variable(tf.tensor(values, [...shape]), false),
      }));
    }
    for (const [field] of countersOf[kind] ?? []) {
      const value = counters[field];
      if (value === undefined) throw new ArgumentError(`state.optimizers.${field}`, value, 'a number');
      (fields[field] as Variable).assign(tf.scalar(value));
    }
  });
  fields['iterations_'] = counters['iterations'] ?? 0;
}

/** Multiplies the learning rate of one step; the function that is returned takes that back. */
export function scaleRate(optimizer: object, factor: number): () => void {
  if (factor === 1) return () => undefined;
  const fields = optimizer as Fields & { setLearningRate?: (rate: number) => void };
  const rate = fields['learningRate'] as number;
  const set = (value: number): void => {
    if (typeof fields.setLearningRate === 'function') fields.setLearningRate(value);
    else fields['learningRate'] = value;
  };
  set(rate * factor);
  return () => set(rate);
}
