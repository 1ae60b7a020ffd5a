/**
 * The parts of TensorFlow.js (written against 4.22) that emulation touches and its typings leave out: engine state, the
 * data stores of the wasm and cpu backends, the kernel signature. Types and narrow accessors only; no behaviour.
 * Source: the public sources of tfjs-core `engine.ts`, tfjs-backend-wasm `backend_wasm.ts`, tfjs-backend-cpu
 * `backend_cpu.ts`.
 */
import type * as tfjs from '@tensorflow/tfjs';

/** The namespace object of `import * as tf from '@tensorflow/tfjs'`. */
export type TensorFlow = typeof tfjs;
export type DataId = tfjs.DataId;
export type TensorInfo = tfjs.TensorInfo;
export type KernelConfig = tfjs.KernelConfig;

/** A kernel's inputs: by name, or an array for the variadic ones (Concat, Pack, AddN, Einsum). */
export type KernelInputs = Record<string, TensorInfo | undefined> | readonly TensorInfo[];

export interface KernelArguments {
  readonly inputs: KernelInputs;
  readonly backend: Backend;
  readonly attrs?: Readonly<Record<string, unknown>> | undefined;
}

export type KernelResult = TensorInfo | TensorInfo[];
export type KernelFunction = (args: KernelArguments) => KernelResult;

/** What every backend offers (tfjs-core's KernelBackend). */
export interface Backend {
  write(values: ArrayBufferView | null, shape: readonly number[], dtype: string): DataId;
  readSync(dataId: DataId): ArrayBufferView;
  /** Drops one reference; true when the data is gone. */
  disposeData(dataId: DataId, force?: boolean): boolean;
  incRef(dataId: DataId): void;
  /** 0 where the data is gone. */
  refCount(dataId: DataId): number;
}

interface WasmTensorData {
  /** Byte offset in the memory. */
  readonly memoryOffset: number;
  readonly shape: readonly number[];
  readonly dtype: string;
}

/** tfjs-backend-wasm's BackendWasm: tensors live in the memory of an Emscripten module. */
export interface WasmBackend extends Backend {
  readonly dataIdMap: { get(dataId: DataId): WasmTensorData };
  readonly wasm: {
    readonly asm: { readonly memory: WebAssembly.Memory };
    _malloc(bytes: number): number;
    _free(pointer: number): void;
  };
  makeOutput(shape: readonly number[], dtype: string): TensorInfo;
}

/** tfjs-backend-cpu's MathBackendCPU: tensors are typed arrays. */
export interface CpuBackend extends Backend {
  readonly data: { get(dataId: DataId): { values: ArrayLike<number>; readonly dtype: string } };
  makeTensorInfo(shape: readonly number[], dtype: string, values: ArrayBufferView): TensorInfo;
  firstUse: boolean;
}

/** What the engine remembers of a kernel call for the backward pass. */
export interface TapeNode {
  /** Of a registered gradient; of a closure, the scope that it was recorded in. */
  readonly kernelName: string;
  readonly inputs: Readonly<Record<string, tfjs.Tensor | undefined>>;
  readonly outputs: readonly tfjs.Tensor[];
  /** Freed with the tape. */
  saved: readonly tfjs.Tensor[];
  gradient?: (dys: readonly tfjs.Tensor[]) => Record<string, () => tfjs.Tensor>;
}

interface Engine {
  readonly backendName: string;
  readonly state: {
    readonly gradientDepth: number;
    readonly scopeStack: readonly { readonly name: string }[];
    readonly activeTape?: readonly TapeNode[];
    readonly registeredVariables: Readonly<Record<string, tfjs.Variable>>;
  };
  addTapeNode(this: Engine, ...args: unknown[]): void;
  startTape(this: Engine): void;
  gradients(
    this: Engine,
    f: () => tfjs.Tensor,
    xs: readonly tfjs.Tensor[],
    dy?: tfjs.Tensor | null,
    ...rest: unknown[]
  ): { value: tfjs.Tensor; grads: tfjs.Tensor[] };
  removeDataId(dataId: DataId, backend: Backend): void;
  makeTensorFromTensorInfo(info: TensorInfo, backend: Backend): tfjs.Tensor;
  makeVariable(value: tfjs.Tensor, trainable?: boolean, ...rest: unknown[]): tfjs.Variable;
  runKernel(
    name: string,
    inputs: Record<string, tfjs.Tensor>,
    attrs: Readonly<Record<string, unknown>>,
  ): tfjs.Tensor;
}

export function engineOf(tf: TensorFlow): Engine {
  return tf.engine() as unknown as Engine;
}

export function backendOf(tf: TensorFlow): Backend {
  return tf.backend() as unknown as Backend;
}

/** The array itself, or its numbers in a Float32Array: float32 data may be held as integers, which the cpu backend's Cast leaves, or as plain numbers. */
export function asFloat32(values: ArrayLike<number> | ArrayBufferView): Float32Array {
  return values instanceof Float32Array ? values : Float32Array.from(values as ArrayLike<number>);
}
