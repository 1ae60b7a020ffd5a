/** Calls kernels of a backend directly, as the engine does, on operands that are freed afterwards. */
import type { TensorFlow } from '../../src/tfjs/index.ts';
import type { Backend, DataId, KernelFunction, KernelInputs, TensorInfo } from '../../src/tfjs/internals.ts';
import type { Drawn, Inputs, Operand } from './draws.ts';

/** A backend and its kernels. */
export interface Side {
  readonly backend: Backend & { numDataIds(): number };
  readonly kernels: ReadonlyMap<string, KernelFunction>;
}

/** The kernels that are registered for a backend now. */
export function sideOf(tf: TensorFlow, name: string): Side {
  const kernels = tf
    .getKernelsForBackend(name)
    .map(({ kernelName, kernelFunc }) => [kernelName, kernelFunc as unknown as KernelFunction] as const);
  return { backend: tf.findBackend(name) as unknown as Side['backend'], kernels: new Map(kernels) };
}

export interface Result {
  readonly shape: readonly number[];
  readonly dtype: string;
  readonly values: readonly number[];
}

export interface Outcome {
  readonly results: readonly Result[];
  /** Tensors that are still there when operands and results are freed. */
  readonly left: number;
}

const arrays = { int32: Int32Array, bool: Uint8Array, float32: Float32Array, complex64: Float32Array };

/** Operands as tensors; what is written goes to `made`. */
function written(backend: Backend, inputs: Inputs, made: DataId[]): KernelInputs {
  const one = ({ shape, dtype, values }: Operand): TensorInfo => {
    const data =
      dtype === 'string'
        ? (values as string[]).map((text) => new TextEncoder().encode(text))
        : new arrays[dtype](values as number[]);
    const dataId = backend.write(data as Float32Array, shape, dtype === 'complex64' ? 'float32' : dtype);
    made.push(dataId);
    // Some kernels read the rank of the tensors that the engine hands them.
    return Object.assign(Object.create({ rank: shape.length }), { dataId, shape: [...shape], dtype });
  };
  if (Array.isArray(inputs)) return (inputs as readonly Operand[]).map(one);
  const entries = Object.entries(inputs as Record<string, Operand | readonly Operand[]>);
  const infos = entries.map(([key, given]) => [
    key,
    Array.isArray(given) ? given.map(one) : one(given as Operand),
  ]);
  return Object.fromEntries(infos) as KernelInputs;
}

interface ComplexBackend {
  readonly data: {
    get(dataId: DataId): { complexTensorInfos: { real: TensorInfo; imag: TensorInfo } };
  };
}

/** The values of a result; of a complex one, the real parts, then the imaginary ones. */
function valuesOf(backend: Backend, { dataId, dtype }: TensorInfo): number[] {
  if (dtype !== 'complex64') return Array.from(backend.readSync(dataId) as Float32Array);
  const { real, imag } = (backend as unknown as ComplexBackend).data.get(dataId).complexTensorInfos;
  return [real, imag].flatMap((part) => valuesOf(backend, part));
}

/** Runs a kernel of a side. Throws what it throws. */
export function run({ backend, kernels }: Side, name: string, { inputs, attrs }: Drawn): Outcome {
  const before = backend.numDataIds();
  const made: DataId[] = [];
  let results: Result[];
  try {
    const args = { inputs: written(backend, inputs, made), backend, attrs };
    const infos = [kernels.get(name)!(args)].flat();
    made.push(...infos.map(({ dataId }) => dataId));
    results = infos.map((info) => ({
      shape: [...info.shape],
      dtype: info.dtype,
      values: valuesOf(backend, info),
    }));
  } finally {
    for (const dataId of made) backend.disposeData(dataId);
  }
  return { results, left: backend.numDataIds() - before };
}
