/**
 * Samples with classes as training data: what they are, their check, and the split into a training and a validation part
 * in an order that is fixed. Reading files is idx.ts and csv.ts; batches are the task's.
 */
import { isFloat32Array, kindOf, realArray } from '../array-kinds.ts';
import {
  checkEach,
  checkFields,
  checkLength,
  checkList,
  checkSome,
  checkString,
  numberInRange,
  oneOf,
} from '../check.ts';
import { ArgumentError } from '../errors.ts';
import { checkSchema, integer, someFields, value } from '../schema.ts';
import { randomWords } from './random.ts';

/** Samples, row-major, and the class of each. */
export interface LabelledPart {
  /** (samples, features), finite. */
  readonly inputs: Float32Array;
  /** Indices into the classes. */
  readonly labels: Int32Array;
}

/** Samples with classes in a training and a validation part. */
export interface LabelledData {
  /** What reports call it. */
  readonly name: string;
  /** Numbers in a sample. */
  readonly features: number;
  /** Names of the classes; every one occurs in the training part. */
  readonly classes: readonly string[];
  readonly training: LabelledPart;
  readonly validation: LabelledPart;
}

/**
 * How features are scaled, by the training part alone, computed in binary64 and rounded to binary32 once. `'standard'`:
 * (x - mean) / standard deviation of each column; `'range'`: (x - lowest) / (highest - lowest) of each column; a column
 * without variation becomes 0 in both. `'none'`: as they are.
 */
export type Scaling = 'standard' | 'range' | 'none';

export const scalings: readonly Scaling[] = ['standard', 'range', 'none'];

export interface LabelledOptions {
  /** What reports call it. Default `'samples'`. */
  readonly name?: string;
  /** Part of the samples kept for validation; above 0 and below 1. Default 0.2. */
  readonly validationFraction?: number;
  /** Default `'none'`. */
  readonly scaling?: Scaling;
}

export const labelledOptionNames: readonly (keyof LabelledOptions)[] = [
  'name',
  'validationFraction',
  'scaling',
];

/** Checks what options say, not which there are. Returns the fraction for validation. Throws ArgumentError. */
export function checkLabelledOptions({ name, scaling, validationFraction }: LabelledOptions): number {
  checkString('name', name, 'samples');
  oneOf('scaling', scaling, scalings, 'none');
  return numberInRange('validationFraction', validationFraction, { above: 0, below: 1 }, 0.2);
}

function checkPart(name: string, { inputs, labels }: LabelledPart, features: number, classes: number): void {
  checkLength(
    `data.${name}.inputs`,
    inputs,
    labels.length * features,
    `${labels.length * features}: ${features} for each of ${labels.length} labels`,
    `${inputs.length} numbers`,
  );
  checkSome(`data.${name}`, labels, 'at least one sample', 'no samples');
  const isClass = (label: number): boolean => label >= 0 && label < classes;
  checkEach(`data.${name}.labels`, labels, isClass, `a class from 0 to ${classes - 1}`);
  const range = 'finite numbers within the range of binary32';
  checkEach(`data.${name}.inputs`, inputs, Number.isFinite, range);
}

const text = value<string>((given) => typeof given === 'string', 'a text');
const partSchema = someFields({
  inputs: value<Float32Array>(isFloat32Array, 'a Float32Array'),
  labels: value<Int32Array>((given) => kindOf(given) === 'Int32Array', 'an Int32Array'),
});
const labelledSchema = someFields({
  name: text,
  features: integer(1, 2 ** 20),
  classes: value<string[]>(isClassList, '2 to 65536 classes, each a text'),
  training: partSchema,
  validation: partSchema,
});

function isClassList(given: unknown): boolean {
  if (!Array.isArray(given) || given.length < 2 || given.length > 65536) return false;
  return given.every((name) => typeof name === 'string');
}

/** Throws ArgumentError naming the field of `data` that is wrong. */
export function checkLabelled(data: LabelledData): void {
  const { features, classes, training, validation } = checkSchema('data', data, labelledSchema);
  checkPart('training', training, features, classes.length);
  checkPart('validation', validation, features, classes.length);
  const present = new Set(training.labels);
  const empty = classes.findIndex((_, index) => !present.has(index));
  if (empty >= 0)
    throw new ArgumentError(
      'data.training',
      `no sample of class ${classes[empty]}`,
      'at least one sample of every class',
    );
}

/** Whether it is a typed array of numbers, integers too. */
const isTyped = (given: unknown): boolean => kindOf(given)?.startsWith('Big') === false;

function checkInputs(given: unknown): void {
  if (!isTyped(given)) realArray('inputs', given, 'a typed array or an array of numbers');
}

function checkLabels(given: unknown): void {
  if (isTyped(given)) return;
  const labels = checkList('labels', given, 'an array of texts or numbers, or a typed array');
  const isLabel = (label: unknown): boolean => typeof label === 'string' || Number.isFinite(label);
  checkEach('labels', labels, isLabel, 'a text or a finite number');
}

/** Order of `count` samples that no reader of the file could guess, the same every time. */
function shuffled(count: number): Uint32Array {
  const keys = randomWords(count, 0, 0, 'data/split');
  return Uint32Array.from({ length: count }, (_, i) => i).sort((a, b) => keys[a]! - keys[b]! || a - b);
}

/** The rows of `inputs` at `indices`, in that order. */
export function gatherRows(
  inputs: Float32Array,
  indices: Int32Array | Uint32Array,
  features: number,
): Float32Array {
  const rows = new Float32Array(indices.length * features);
  indices.forEach((index, row) => {
    rows.set(inputs.subarray(index * features, (index + 1) * features), row * features);
  });
  return rows;
}

/** Offset and divisor of each column, of the training part. */
function scaleOf(inputs: Float32Array, features: number, scaling: 'standard' | 'range') {
  const rows = inputs.length / features;
  return Array.from({ length: features }, (_, column) => {
    let low = Number.POSITIVE_INFINITY;
    let high = Number.NEGATIVE_INFINITY;
    let sum = 0;
    for (let i = column; i < inputs.length; i += features) {
      low = Math.min(low, inputs[i]!);
      high = Math.max(high, inputs[i]!);
      sum += inputs[i]!;
    }
    if (scaling === 'range') return { offset: low, divisor: high - low };
    const mean = sum / rows;
    let squares = 0;
    for (let i = column; i < inputs.length; i += features) squares += (inputs[i]! - mean) ** 2;
    // A column of one value has its rounding error as deviation.
    return { offset: mean, divisor: low === high ? 0 : Math.sqrt(squares / rows) };
  });
}

/** Scales training and validation inputs by what the training inputs are. */
function scaled(
  training: LabelledPart,
  validation: LabelledPart,
  features: number,
  scaling: Scaling,
): [LabelledPart, LabelledPart] {
  if (scaling === 'none') return [training, validation];
  const columns = scaleOf(training.inputs, features, scaling);
  const apply = ({ inputs, labels }: LabelledPart): LabelledPart => ({
    inputs: inputs.map((value, i) => {
      const { offset, divisor } = columns[i % features]!;
      return divisor === 0 ? 0 : (value - offset) / divisor;
    }),
    labels,
  });
  return [apply(training), apply(validation)];
}

/**
 * Joins a training and a validation part whose labels are names of classes: the classes are those of the training part,
 * numbers in ascending order before words.
 * @throws ArgumentError naming `data...` where they do not fit together.
 */
export function labelledParts(
  training: { readonly inputs: Float32Array; readonly labels: readonly string[] },
  validation: { readonly inputs: Float32Array; readonly labels: readonly string[] },
  features: number,
  { name = 'samples', scaling = 'none' }: Pick<LabelledOptions, 'name' | 'scaling'> = {},
): LabelledData {
  oneOf('scaling', scaling, scalings);
  const classes = [...new Set(training.labels)].sort(byNumberThenName);
  const indexOf = new Map(classes.map((label, index) => [label, index]));
  const unseen = validation.labels.find((label) => !indexOf.has(label));
  if (unseen !== undefined)
    throw new ArgumentError(
      'data.training',
      `no sample of class ${unseen}, which the validation part has`,
      'at least one sample of every class',
    );
  const [train, validate] = [training, validation].map(({ inputs, labels }) => ({
    inputs,
    labels: Int32Array.from(labels, (label) => indexOf.get(label)!),
  })) as [LabelledPart, LabelledPart];
  const plain = { name, features, classes, training: train, validation: validate };
  checkLabelled(plain);
  const [scaledTraining, scaledValidation] = scaled(train, validate, features, scaling);
  return { ...plain, training: scaledTraining, validation: scaledValidation };
}

function byNumberThenName(a: string, b: string): number {
  const [x, y] = [Number(a), Number(b)];
  if (x !== y && !Number.isNaN(x) && !Number.isNaN(y)) return x - y;
  if (Number.isNaN(x) !== Number.isNaN(y)) return Number.isNaN(x) ? 1 : -1;
  return a < b ? -1 : 1;
}

/**
 * Makes training data of samples: shuffled in an order that is fixed, the last part of them for validation.
 * @param inputs (samples, features), row-major.
 * @param labels The class of each sample.
 * @throws ArgumentError if counts do not fit, a number is not finite, an option is not valid, or a class has no sample in
 * the training part.
 * @example
 * const data = labelledData([0, 0, 0, 1, 1, 0, 1, 1], ['no', 'yes', 'yes', 'no'], { validationFraction: 0.25 });
 */
export function labelledData(
  inputs: ArrayLike<number>,
  labels: ArrayLike<string | number>,
  options: LabelledOptions = {},
): LabelledData {
  checkInputs(inputs);
  checkLabels(labels);
  checkFields('', options, labelledOptionNames);
  const fraction = checkLabelledOptions(options);
  const count = labels.length;
  const features = inputs.length / count;
  if (count < 2) throw new ArgumentError('labels', `${count} labels`, 'at least two labels');
  if (!Number.isInteger(features) || features === 0)
    throw new ArgumentError(
      'inputs',
      `${inputs.length} numbers`,
      `a multiple of the ${count} labels: so many numbers for each`,
    );
  const all = new Float32Array(inputs);
  const order = shuffled(count);
  const split = Math.min(count - 1, Math.max(1, count - Math.round(count * fraction)));
  const part = (indices: Uint32Array) => ({
    inputs: gatherRows(all, indices, features),
    labels: Array.from(indices, (index) => String(labels[index])),
  });
  return labelledParts(part(order.subarray(0, split)), part(order.subarray(split)), features, options);
}
