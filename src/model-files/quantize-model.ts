/**
 * Quantises the tensors of a model file, one part of one tensor at a time, and writes codes and scales, or the values that they stand
 * for in the file's own layout. Nothing takes its name before it is whole.
 */
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
import { bytesOf, type Dtype } from '../files/safetensors.ts';
import { refuseInputs, removeLeftovers } from '../files/write.ts';
import { type NaNInGroups, nanTreatments, type QuantizerOptions } from '../quantizers/index.ts';
import { type RoundingMode, roundingModes } from '../rounding/index.ts';
import { sizeOf } from '../shape.ts';
import { afterTensor, matrixChoice, minifloatChoice, placeOf } from './after-methods.ts';
import { type CalibrationOf, saidOfCalibration } from './calibration-file.ts';
import { codesFile } from './codes-file.ts';
import { metadataKey } from './layout.ts';
import {
  bytesOfHeadings,
  type MatrixDescription,
  type MatrixMethod,
  matrixHeadings,
  matrixMethods,
} from './matrix-layout.ts';
import { ErrorSums, type Errors } from './measures.ts';
import { type AfterMethod, afterMethods } from './method-names.ts';
import { dtypeOfNumbers, type ModelFile, type StoredTensor } from './model-file.ts';
import { numpyOutput } from './numpy-output.ts';
import { openModel } from './open-model.ts';
import type { ModelOutput } from './output.ts';
import { PatchedFiles } from './own-layout.ts';
import { packedBytes, quantizeTensor } from './quantize-tensor.ts';
import { type Choice, checkRules, chooseQuantizers, type ModelRule } from './rules.ts';

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

/** What became of a tensor. */
export interface TensorReport {
  readonly name: string;
  readonly shape: readonly number[];
  readonly dtype: Dtype;
  /** The quantiser, null for a tensor that is kept. */
  readonly quantizer: string | QuantizerOptions | null;
  readonly bytesBefore: number;
  /** Bytes of codes, scales and what else is stored, packed as the file packs them. */
  readonly bytesAfter: number;
  readonly errors: Errors | null;
}

/** What became of a model. */
export interface ModelReport {
  readonly tensors: readonly TensorReport[];
  /** Tensors whose elements are not read; they are in no file of codes. */
  readonly unread: readonly string[];
  readonly bytesBefore: number;
  readonly bytesAfter: number;
  /** Errors over all tensors that were quantised; null if there are none. */
  readonly errors: Errors | null;
}

const optionNames: readonly (keyof QuantizeModelOptions)[] = [
  ...(['to', 'axis', 'rules', 'out', 'dequantized', 'rounding', 'nan', 'seed', 'threads'] as const),
  ...(['after', 'bits', 'rank', 'calibration', 'onProgress', 'signal'] as const),
];

/** The options, checked. */
function checkOptions(given: QuantizeModelOptions | undefined): QuantizeModelOptions {
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
const ownQuantizers: Readonly<Partial<Record<AfterMethod, string>>> = {
  kmeans: 'int4',
  minifloat: 'int4',
  bitmask: 'int4/row/mse',
};

const isMatrixMethod = (after: AfterMethod): after is MatrixMethod =>
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

/** Where the results go; undefined: nowhere. */
function outputOf(
  model: ModelFile,
  chosen: ReadonlyMap<StoredTensor, Choice>,
  { out, dequantized }: QuantizeModelOptions,
  read: readonly string[],
): ModelOutput | undefined {
  if (out === undefined) return undefined;
  refuseInputs(out, 'out', read);
  if (dequantized !== true) return codesFile(model, chosen, out);
  const isNumpy = model.kind === 'npy' || model.kind === 'npz';
  return isNumpy ? numpyOutput(model, out) : new PatchedFiles(model, chosen, { out, read });
}

/** Quantises one tensor. */
async function quantizeOne(
  tensor: StoredTensor,
  { quantizer, said }: Choice,
  output: ModelOutput | undefined,
  {
    call,
    all,
    step,
  }: { call: object; all: ErrorSums; step: (tensor: StoredTensor, elements: number) => void },
): Promise<TensorReport> {
  const { name, shape, dtype } = tensor;
  const sums = new ErrorSums();
  for await (const part of quantizeTensor(tensor, quantizer, call)) {
    sums.add(part.x, part.values);
    await output?.write(tensor, part);
    step(tensor, part.x.length);
  }
  all.addSums(sums);
  await output?.end(tensor);
  const bytesBefore = Math.ceil(bytesOf(sizeOf(shape), dtype));
  const bytesAfter = packedBytes(quantizer, shape);
  return { name, shape, dtype, quantizer: said.quantizer, bytesBefore, bytesAfter, errors: sums.errors };
}

/** An open file of calibration, and what it says of its numbers. */
interface Calibration {
  readonly file: ModelFile;
  readonly said: ReadonlyMap<string, CalibrationOf>;
}

/** Refuses a calibration that has nothing for any tensor that is quantised. */
function checkCalibration({ file }: Calibration, chosen: Iterable<StoredTensor>): void {
  const wanted = Array.from(chosen, ({ name }) => name);
  const given = new Set(file.tensors.map(({ name }) => name));
  if (wanted.length > 0 && !wanted.some((name) => given.has(name)))
    throw new ArgumentError(
      'calibration',
      file.path,
      `a file with tensors of ${wanted.slice(0, 10).join(', ')}`,
    );
}

/** Runs a method on one tensor. */
async function afterOne(
  tensor: StoredTensor,
  choice: Choice & { readonly matrix: MatrixDescription },
  output: ModelOutput | undefined,
  {
    all,
    step,
    calibration,
  }: {
    all: ErrorSums;
    step: (tensor: StoredTensor, elements: number) => void;
    calibration: Calibration | undefined;
  },
): Promise<TensorReport> {
  const { name, shape, dtype } = tensor;
  const { matrix, quantizer } = choice;
  const numbers = calibration?.file.tensors.find((one) => one.name === name);
  const given = numbers && { numbers, said: calibration?.said.get(name) };
  const done = await afterTensor(tensor, choice, given);
  const sums = new ErrorSums();
  sums.add(done.x, done.values);
  all.addSums(sums);
  await output?.write(tensor, done);
  await output?.end(tensor);
  step(tensor, done.x.length);
  const bytesBefore = Math.ceil(bytesOf(sizeOf(shape), dtype));
  const bytesAfter = bytesOfHeadings(matrixHeadings(matrix, quantizer));
  const by = matrix.quantizer ?? matrix.method;
  return { name, shape, dtype, quantizer: by, bytesBefore, bytesAfter, errors: sums.errors };
}

const hasMatrix = (choice: Choice): choice is Choice & { readonly matrix: MatrixDescription } =>
  choice.matrix !== undefined;

/** Keeps one tensor. */
async function keepOne(
  tensor: StoredTensor,
  output: ModelOutput | undefined,
  step: (tensor: StoredTensor, elements: number) => void,
): Promise<TensorReport> {
  const { name, shape, dtype } = tensor;
  const elements = sizeOf(shape);
  await output?.keep(tensor);
  step(tensor, elements);
  return {
    ...{ name, shape, dtype, quantizer: null, errors: null },
    bytesBefore: Math.ceil(bytesOf(elements, dtype)),
    bytesAfter: Math.ceil(bytesOf(elements, dtypeOfNumbers(tensor))),
  };
}

const total = (tensors: readonly TensorReport[], field: 'bytesBefore' | 'bytesAfter'): number =>
  tensors.reduce((sum, report) => sum + report[field], 0);

/**
 * Quantises the tensors of a model file: safetensors, one or several with an index, `model.json` of TensorFlow.js, ONNX, `.npy`, `.npz`.
 *
 * @returns What became of each tensor, with its errors.
 * @throws ArgumentError for a wrong option, a file that cannot be read, a rule that is for no tensor, or NaN that nothing says what to do
 *   with; DamagedFileError for a file that is not what it should be; Error naming the file that cannot be written.
 * @example
 * await quantizeModel('model.safetensors', { to: 'mxfp4', out: 'model-mxfp4.safetensors' });
 * const { errors } = await quantizeModel('model.onnx', { to: 'int4/row', rules: [{ match: '**.bias', to: 'keep' }] });
 */
export async function quantizeModel(path: string, given?: QuantizeModelOptions): Promise<ModelReport> {
  const options = checkOptions(given);
  const { axis, rules, rounding, nan, seed = 0, threads = 1, onProgress, signal } = options;
  const { after = 'nearest' } = options;
  const to = options.to ?? ownQuantizers[after];
  const model = await openModel(path);
  let output: ModelOutput | undefined;
  let file: ModelFile | undefined;
  try {
    if (Object.hasOwn(model.metadata, metadataKey))
      throw new ArgumentError(
        'path',
        path,
        'a file of numbers; this one has codes and scales, which dequantize reads',
      );
    if (options.calibration !== undefined) file = await openModel(options.calibration, 'calibration');
    const calibration = file && { file, said: saidOfCalibration(file) };
    const more = { ...(rounding !== undefined && { rounding }), ...(nan !== undefined && { nan }) };
    const plain = chooseQuantizers(model.tensors, {
      ...{ to, rules, more, searches: after === 'mse' },
      ...(isMatrixMethod(after) ? { isMatrix: true } : { axis, isMatrix: false }),
    });
    if (calibration !== undefined) checkCalibration(calibration, plain.keys());
    const isSearched = after === 'minifloat';
    const read = isSearched ? [...model.tensors, ...plain.keys()] : model.tensors;
    const elements = read.reduce((sum, { shape }) => sum + sizeOf(shape), 0);
    let done = 0;
    const step = (tensor: StoredTensor, count: number): void => {
      signal?.throwIfAborted();
      done += count;
      onProgress?.({ tensor: tensor.name, done, elements });
    };
    const chosen = new Map<StoredTensor, Choice>();
    for (const [tensor, choice] of plain) {
      if (isSearched) {
        chosen.set(tensor, await minifloatChoice(tensor, options.bits));
        step(tensor, sizeOf(tensor.shape));
        continue;
      }
      if (!isMatrixMethod(after)) {
        chosen.set(tensor, choice);
        continue;
      }
      const place = placeOf(tensor, choice.said.axis ?? axis, calibration?.said.get(tensor.name));
      const said = { bits: options.bits, rank: options.rank, place };
      const draws = { seed, stream: model.tensors.indexOf(tensor) };
      chosen.set(tensor, matrixChoice(tensor, after, choice, { ...said, ...draws }));
    }
    output = outputOf(model, chosen, options, [...model.files, ...(file?.files ?? [])]);
    const all = new ErrorSums();
    const reports = new Map<StoredTensor, TensorReport>();
    for (const tensor of output?.order ?? model.tensors) {
      const choice = chosen.get(tensor);
      const call = { seed, threads, stream: model.tensors.indexOf(tensor) };
      const report =
        choice === undefined
          ? await keepOne(tensor, output, step)
          : hasMatrix(choice)
            ? await afterOne(tensor, choice, output, { all, step, calibration })
            : await quantizeOne(tensor, choice, output, { call, all, step });
      reports.set(tensor, report);
    }
    await output?.commit();
    if (options.out !== undefined) removeLeftovers(options.out);
    const tensors = model.tensors.map((tensor) => reports.get(tensor)!);
    return {
      tensors,
      unread: model.unread,
      bytesBefore: total(tensors, 'bytesBefore'),
      bytesAfter: total(tensors, 'bytesAfter'),
      errors: chosen.size === 0 ? null : all.errors,
    };
  } catch (error) {
    output?.discard();
    throw error;
  } finally {
    model.close();
    file?.close();
  }
}
