/** The options of quantising a model file: which there are, which of them each method has, and what is refused. */
import {
  checkAbsent,
  checkBoolean,
  checkFields,
  checkFunction,
  checkString,
  integerInRange,
  oneOf,
} from '../check.ts';
import { ArgumentError } from '../errors.ts';
import { type NaNInGroups, nanTreatments, type QuantizerOptions } from '../quantizers/index.ts';
import { type RoundingMode, roundingModes } from '../rounding/index.ts';
import { type MatrixMethod, matrixMethods } from './matrix-layout.ts';
import { type AfterMethod, afterMethods } from './method-names.ts';
import { checkRules, type ModelRule } from './rules.ts';

/** How far the work is. */
export interface ModelProgress {
  /** The tensor that is being read. */
  readonly tensor: string;
  /** Elements done, of all. */
  readonly done: number;
  readonly elements: number;
}

export interface QuantizeModelOptions {
  /** The quantiser of tensors that no rule names: its name, or its options. Default `'keep'`: none. */
  readonly to?: string | QuantizerOptions;
  /** The axis along which blocks of `to` lie. Default: the last. */
  readonly axis?: number;
  /** Rules by tensors' names; later ones win. */
  readonly rules?: readonly ModelRule[];
  /** File to be written; without one, errors are measured and nothing is written. */
  readonly out?: string;
  /** Values in the layout and types of the file that is read, instead of codes and scales. Default false. */
  readonly dequantized?: boolean;
  /** Rounding of the elements. Default nearest-even. */
  readonly rounding?: RoundingMode;
  /** What becomes of NaN, as in `quantizer`. */
  readonly nan?: NaNInGroups;
  /** Random bits of stochastic rounding; the k-th tensor of the file draws from stream k. Default 0. */
  readonly seed?: number;
  /** Threads that share the work: 1 to 64. Default 1. The bits do not depend on it. */
  readonly threads?: number;
  /**
   * A method after training. Default `'nearest'`: the quantiser by itself. `'mse'`: its scales searched for the least squared error. All
   * others hold each tensor whole; all but minifloat take it as a matrix: `docs/model-files.md`.
   */
  readonly after?: AfterMethod;
  /** kmeans, minifloat: bits of a code. Default 3 and 4. */
  readonly bits?: number;
  /** lowRankError: rank of the term. Default 8. */
  readonly rank?: number;
  /**
   * A model file with, for tensors by their names, inputs of their layers (secondOrder, bitmask), or mean squared gradients in
   * the tensor's shape (kmeans).
   */
  readonly calibration?: string;
  readonly onProgress?: (progress: ModelProgress) => void;
  /** Stops the work; nothing is written then, and the promise rejects with the signal's reason. */
  readonly signal?: AbortSignal;
}

const optionNames: readonly (keyof QuantizeModelOptions)[] = [
  ...(['to', 'axis', 'rules', 'out', 'dequantized', 'rounding', 'nan', 'seed', 'threads'] as const),
  ...(['after', 'bits', 'rank', 'calibration', 'onProgress', 'signal'] as const),
];

/** The options, checked. Throws ArgumentError. */
export function checkOptions(given: QuantizeModelOptions | undefined): QuantizeModelOptions {
  const options = checkFields('', given, optionNames);
  const { to, axis, rules, out, rounding, nan, seed, threads, onProgress } = options;
  if (to !== undefined && typeof to !== 'object') checkString('to', to);
  if (axis !== undefined) integerInRange('axis', axis, -64, 63);
  if (rules !== undefined) checkRules('rules', rules);
  if (out !== undefined) checkString('out', out);
  if (checkBoolean('dequantized', options.dequantized, false) && out === undefined)
    throw new ArgumentError('dequantized', true, 'false, where there is no out');
  if (rounding !== undefined) oneOf('rounding', rounding, roundingModes);
  if (nan !== undefined) oneOf('nan', nan, nanTreatments);
  integerInRange('seed', seed, 0, Number.MAX_SAFE_INTEGER, 0);
  integerInRange('threads', threads, 1, 64, 1);
  if (onProgress !== undefined) checkFunction('onProgress', onProgress);
  checkAfter(options);
  return options;
}

/** Options that not all methods have. */
const ownOptions = ['to', 'rounding', 'nan', 'bits', 'rank', 'calibration'] as const;

/** Which of them each method has. Those that hold a tensor whole take finite numbers alone. */
const optionsOfMethods: Readonly<Record<AfterMethod, readonly (typeof ownOptions)[number][]>> = {
  nearest: ['to', 'rounding', 'nan'],
  mse: ['to', 'rounding', 'nan'],
  kmeans: ['bits', 'calibration'],
  lowRankError: ['to', 'rounding', 'rank'],
  bitmask: ['to', 'rounding', 'calibration'],
  minifloat: ['bits'],
  secondOrder: ['to', 'rounding', 'calibration'],
};

/** What methods that need no quantiser take tensors for; that of the mask is for the inputs that matter. */
export const ownQuantizers: Readonly<Partial<Record<AfterMethod, string>>> = {
  kmeans: 'int4',
  minifloat: 'int4',
  bitmask: 'int4/row/mse',
};

/** Whether a method takes a tensor as a matrix. */
export const isMatrixMethod = (after: AfterMethod): after is MatrixMethod =>
  (matrixMethods as readonly AfterMethod[]).includes(after);

/** Refuses what a method does not use. */
function checkAfter(options: QuantizeModelOptions): void {
  const { bits, rank, calibration, axis, rules = [] } = options;
  const after = oneOf('after', options.after, afterMethods, 'nearest');
  const own = optionsOfMethods[after];
  for (const name of ownOptions)
    if (!own.includes(name)) checkAbsent(name, options[name], `nothing with after ${after}`);
  if (bits !== undefined) integerInRange('bits', bits, after === 'minifloat' ? 3 : 1, 8);
  if (rank !== undefined) integerInRange('rank', rank, 1, 2 ** 20);
  if (calibration !== undefined) checkString('calibration', calibration);
  if (after === 'secondOrder' && calibration === undefined)
    throw new ArgumentError(
      'calibration',
      calibration,
      'a file with inputs of the layers, with after secondOrder',
    );
  if (after === 'nearest' || after === 'mse') return;
  if (after === 'minifloat') checkAbsent('axis', axis, 'nothing with after minifloat');
  else if (axis !== undefined) oneOf('axis', axis, [0, -1]);
  for (const [i, { to: other }] of rules.entries())
    if (!own.includes('to') && other !== 'keep')
      throw new ArgumentError(`rules[${i}].to`, other, `keep, with after ${after}`);
}
