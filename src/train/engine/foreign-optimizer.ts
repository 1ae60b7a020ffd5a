/**
 * The state of TensorFlow.js' own optimisers: which arrays each keeps of a variable, so that they can be put through a codec,
 * forgotten, saved and taken up again. They are public fields of the optimisers that the typings leave out.
 * Source: tfjs-core 4.22, `optimizers/*.ts`.
 */
import type { Variable } from '@tensorflow/tfjs';
import type { TensorFlow } from '../../tfjs/index.ts';
import { checkCounters } from '../checkpoint.ts';
import { checkArrays, type SavedArray, savedFloat32 } from '../stores/index.ts';

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
  /** Whether the optimiser as it is set up has it. Default: it has. */
  readonly isKept?: (optimizer: Fields) => boolean;
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
  RMSProp: [
    second('accumulatedMeanSquares'),
    first('accumulatedMoments'),
    { ...first('accumulatedMeanGrads'), isKept: ({ centered }) => centered === true },
  ],
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

/** Name of an optimiser's class. */
export const kindOf = (optimizer: object): string =>
  (optimizer.constructor as { className?: string }).className ?? optimizer.constructor.name;

/** One array of the state of a variable. */
interface ForeignState {
  /** `field/variable`, unique within the optimiser. */
  readonly key: string;
  readonly field: string;
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
      return [{ key: `${field}/${of}`, field, of, moment, variable: one.variable }];
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
function countersAt(optimizer: object): Record<string, number> {
  const fields = optimizer as Fields;
  const scalars = (countersOf[kindOf(optimizer)] ?? []).map(([field]) => [
    field,
    (fields[field] as Variable).dataSync()[0]!,
  ]);
  return Object.fromEntries([['iterations', Number(fields['iterations_'] ?? 0)], ...scalars]);
}

/** What an optimiser of TensorFlow.js keeps between two steps. */
interface ForeignContents {
  readonly counters: Readonly<Record<string, number>>;
  /** In the order of the optimiser's arrays, which is that of the gradients that it is given. */
  readonly variables: readonly Pick<Variable, 'name' | 'shape'>[];
  /** By `field/variable`. */
  readonly arrays: ReadonlyMap<string, SavedArray>;
}

/** The state of an optimiser; `nameOf` gives variables the names that they are saved by. */
export function saveForeign(optimizer: object, nameOf: (variable: string) => string): ForeignContents {
  const variables = new Map<string, Variable>();
  const arrays = new Map<string, SavedArray>();
  for (const { field, of, variable } of foreignStates(optimizer)) {
    if (!variables.has(of)) variables.set(of, variable);
    const values = variable.dataSync() as Float32Array;
    arrays.set(`${field}/${nameOf(of)}`, savedFloat32(values, variable.shape));
  }
  const inOrder = [...variables].map(([name, { shape }]) => ({ name, shape }));
  return { counters: countersAt(optimizer), variables: inOrder, arrays };
}

/**
 * Takes a state up.
 * @throws ArgumentError naming the counter or array that does not fit; nothing is changed then
 */
export function restoreForeign(
  tf: TensorFlow,
  optimizer: object,
  { counters, variables, arrays }: ForeignContents,
  nameOf: (variable: string) => string,
): void {
  const fields = optimizer as Fields;
  const kept = (statesOf[kindOf(optimizer)] ?? []).filter(({ isKept }) => isKept?.(fields) ?? true);
  const expected = kept.flatMap(({ field }) =>
    variables.map(({ name, shape }): [string, SavedArray] => [
      `${field}/${nameOf(name)}`,
      { dtype: 'F32', shape, data: new Uint8Array() },
    ]),
  );
  checkArrays('arrays', arrays, new Map(expected));
  checkCounters('counters', counters, countersAt(optimizer));
  tf.tidy(() => {
    for (const { field } of kept) {
      for (const one of fields[field] as (Accumulator | undefined)[]) one?.variable.dispose();
      fields[field] = variables.map(({ name, shape }) => {
        const { data } = arrays.get(`${field}/${nameOf(name)}`)!;
        const values = tf.tensor(new Float32Array(data.slice().buffer), [...shape]);
        return { originalName: `${name}/${field}`, variable: tf.variable(values, false) };
      });
    }
    for (const [field] of countersOf[kindOf(optimizer)] ?? [])
      (fields[field] as Variable).assign(tf.scalar(counters[field]!));
  });
  fields['iterations_'] = counters['iterations'];
}

/** The learning rate that an optimiser has at present. */
export function rateOf(optimizer: object): number {
  return (optimizer as Fields)['learningRate'] as number;
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
