/**
 * Quantises the tensors of a model file, one part of one tensor at a time, and writes codes and scales, or the values that they stand
 * for in the file's own layout. Nothing takes its name before it is whole.
 */
import { ArgumentError } from '../errors.ts';
import { bytesOf, type Dtype } from '../files/safetensors.ts';
import { refuseInputs, removeLeftovers } from '../files/write.ts';
import type { QuantizerOptions } from '../quantizers/index.ts';
import { sizeOf } from '../shape.ts';
import { afterTensor, matrixChoice, minifloatChoice, placeOf } from './after-methods.ts';
import { type CalibrationOf, saidOfCalibration } from './calibration-file.ts';
import { codesFile } from './codes-file.ts';
import { metadataKey } from './layout.ts';
import { bytesOfHeadings, type MatrixDescription, matrixHeadings } from './matrix-layout.ts';
import { ErrorSums, type Errors } from './measures.ts';
import { dtypeOfNumbers, type ModelFile, type StoredTensor } from './model-file.ts';
import { numpyOutput } from './numpy-output.ts';
import { openModel } from './open-model.ts';
import type { ModelOutput } from './output.ts';
import { PatchedFiles } from './own-layout.ts';
import {
  checkOptions,
  isMatrixMethod,
  ownQuantizers,
  type QuantizeModelOptions,
} from './quantize-options.ts';
import { packedBytes, quantizeTensor } from './quantize-tensor.ts';
import { type Choice, chooseQuantizers } from './rules.ts';

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

/** Called with each tensor, or part of one, that is done. */
type Step = (tensor: StoredTensor, elements: number) => void;

/** Quantises one tensor. */
async function quantizeOne(
  tensor: StoredTensor,
  { quantizer, said }: Choice,
  output: ModelOutput | undefined,
  { call, all, step }: { call: object; all: ErrorSums; step: Step },
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
    step: Step;
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
  step: Step,
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

/** Counts elements against those that there are; looks whether to stop. */
function stepsOf({ onProgress, signal }: QuantizeModelOptions, tensors: readonly StoredTensor[]): Step {
  const elements = tensors.reduce((sum, { shape }) => sum + sizeOf(shape), 0);
  let done = 0;
  return (tensor, count) => {
    signal?.throwIfAborted();
    done += count;
    onProgress?.({ tensor: tensor.name, done, elements });
  };
}

/** The quantisers of tensors by `to` and the rules, before a method has its say. */
function plainChoices(
  model: ModelFile,
  { to, axis, rules, rounding, nan, after = 'nearest' }: QuantizeModelOptions,
): ReadonlyMap<StoredTensor, Choice> {
  const more = { ...(rounding !== undefined && { rounding }), ...(nan !== undefined && { nan }) };
  return chooseQuantizers(model.tensors, {
    ...{ to: to ?? ownQuantizers[after], rules, more, searches: after === 'mse' },
    ...(isMatrixMethod(after) ? { isMatrix: true } : { axis, isMatrix: false }),
  });
}

/** What becomes of each tensor that is quantised: the quantiser that was chosen, with what the method makes of it. */
async function methodChoices(
  model: ModelFile,
  plain: ReadonlyMap<StoredTensor, Choice>,
  { after = 'nearest', axis, bits, rank, seed = 0 }: QuantizeModelOptions,
  { calibration, step }: { calibration: Calibration | undefined; step: Step },
): Promise<ReadonlyMap<StoredTensor, Choice>> {
  const chosen = new Map(plain);
  for (const [tensor, choice] of plain)
    if (after === 'minifloat') {
      chosen.set(tensor, await minifloatChoice(tensor, bits));
      step(tensor, sizeOf(tensor.shape));
    } else if (isMatrixMethod(after)) {
      const place = placeOf(tensor, choice.said.axis ?? axis, calibration?.said.get(tensor.name));
      const stream = model.tensors.indexOf(tensor);
      chosen.set(tensor, matrixChoice(tensor, after, choice, { bits, rank, place, seed, stream }));
    }
  return chosen;
}

/** Quantises or keeps each tensor, in the order that the output wants. */
async function quantizeAll(
  model: ModelFile,
  chosen: ReadonlyMap<StoredTensor, Choice>,
  output: ModelOutput | undefined,
  {
    options: { seed = 0, threads = 1 },
    ...more
  }: { options: QuantizeModelOptions; all: ErrorSums; step: Step; calibration: Calibration | undefined },
): Promise<TensorReport[]> {
  const reports = new Map<StoredTensor, TensorReport>();
  for (const tensor of output?.order ?? model.tensors) {
    const choice = chosen.get(tensor);
    const call = { seed, threads, stream: model.tensors.indexOf(tensor) };
    const report =
      choice === undefined
        ? await keepOne(tensor, output, more.step)
        : hasMatrix(choice)
          ? await afterOne(tensor, choice, output, more)
          : await quantizeOne(tensor, choice, output, { call, ...more });
    reports.set(tensor, report);
  }
  return model.tensors.map((tensor) => reports.get(tensor)!);
}

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
    const plain = plainChoices(model, options);
    if (calibration !== undefined) checkCalibration(calibration, plain.keys());
    // A search reads its tensors once more.
    const searched = options.after === 'minifloat' ? [...plain.keys()] : [];
    const step = stepsOf(options, [...model.tensors, ...searched]);
    const chosen = await methodChoices(model, plain, options, { calibration, step });
    output = outputOf(model, chosen, options, [...model.files, ...(file?.files ?? [])]);
    const all = new ErrorSums();
    const tensors = await quantizeAll(model, chosen, output, { options, all, step, calibration });
    await output?.commit();
    if (options.out !== undefined) removeLeftovers(options.out);
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
