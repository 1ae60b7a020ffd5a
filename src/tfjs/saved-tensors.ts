/**
 * What operations keep for their gradients, held as codes from the forward pass to the backward pass: the forward pass has the
 * tensors themselves, gradients read decoded images. Which tensors and how is the provider's business. Every tensor that is
 * kept is counted, coded or not; parameters and views of them are no part of it.
 *
 * Tensors that a program's function makes live until it returns, whatever is held of them: codes take their place from then on.
 * Source: tfjs-core `engine.ts` (`runKernelFunc`, `addTapeNode`, `gradients`), `tape.ts` (`backpropagateGradients`).
 */
import type { Tensor, Variable } from '@tensorflow/tfjs';
import type { Kernels } from '../kernels/heap-kernels.ts';
import { sizeOf } from '../shape.ts';
import { float32View, isWasmBackend, kernelsOf, tensorOf } from './heap.ts';
import {
  asFloat32,
  backendOf,
  type DataId,
  type KernelInputs,
  type TapeNode,
  type TensorFlow,
} from './internals.ts';
import { currentLayer } from './layers.ts';
import { purposeOf } from './roles.ts';

/** What an operation without a parameter computes, as far as that is known. */
export const savingRoles = ['norm', 'activation', 'attention', 'softmax', 'pool'] as const;
export type SavingRole = (typeof savingRoles)[number];

/** Kernels on the memory that values lie in, at their byte offset. */
export type TensorKernels = Pick<Kernels, 'blocks' | 'ranges'>;

/** A tensor between the two passes. */
export interface HeldTensor {
  /** That its codes and scales take. */
  readonly bytes: number;
  /** Writes its image. `kernels`: where `out` lies in their memory. */
  read(out: Float32Array, kernels: TensorKernels | undefined): void;
}

/** How the tensors of one operation are held. Where a recipe holds any, those that are kept for their shape alone are not kept. */
export interface TensorCodec {
  /** Tensors that are kept twice are held once for each key. */
  readonly key: string;
  /** @param place among the tensors that the operation keeps; null: the tensor stays as it is */
  hold(
    values: Float32Array,
    shape: readonly number[],
    place: number,
    kernels: TensorKernels | undefined,
  ): HeldTensor | null;
}

/** An operation that keeps tensors. */
export interface SavingOperation {
  /** The parameter of its product, if it is one of a layer. */
  readonly parameter: Variable | undefined;
  readonly role: SavingRole;
  /** Layers and named scopes around it, the outermost first. */
  readonly path: readonly string[];
}

/** Whoever decides how tensors are held. */
export interface SavedProvider {
  /** Whether anything is held in codes. */
  readonly codesSaved: boolean;
  /** Null: as they are. */
  savedOf(operation: SavingOperation): TensorCodec | null;
}

/** Bytes that were kept for the latest gradient. */
export interface SavedBytes {
  /** Of codes and scales. */
  readonly coded: number;
  /** That the tensors which are held so would take. */
  readonly uncoded: number;
  /** Of tensors that are kept as they are. */
  readonly plain: number;
}

const roleOfKernel: ReadonlyMap<string, SavingRole> = new Map([
  ...['FusedBatchNorm', 'LRN'].map((name) => [name, 'norm'] as const),
  ...['Softmax', 'LogSoftmax'].map((name) => [name, 'softmax'] as const),
  ...['MaxPool', 'MaxPool3D', 'AvgPool', 'AvgPool3D'].map((name) => [name, 'pool'] as const),
  ...['Abs', 'Acos', 'Acosh', 'Asin', 'Asinh', 'Atan', 'Atanh', 'Cos', 'Cosh', 'Sin', 'Sinh', 'Tan', 'Tanh']
    .concat([
      'Elu',
      'Erf',
      'Exp',
      'Expm1',
      'LeakyRelu',
      'Log',
      'Log1p',
      'Prelu',
      'Reciprocal',
      'Relu',
      'Relu6',
    ])
    .concat(['Rsqrt', 'Selu', 'Sigmoid', 'Softplus', 'Sqrt', 'Square', 'ClipByValue'])
    .concat(['Multiply', 'RealDiv', 'Pow', 'SquaredDifference', 'Atan2', 'Maximum', 'Minimum'])
    .map((name) => [name, 'activation'] as const),
]);

/** Kernels whose gradients read of what is kept the shapes alone. */
const shapesOnly: ReadonlySet<string> = new Set([
  'Add',
  'AddN',
  'Sub',
  'Sum',
  'Mean',
  'Reshape',
  'ExpandDims',
  'Slice',
  'Concat',
  'PadV2',
  'Tile',
]);

/** Holds a shape and nothing else. */
const shapeCodec: TensorCodec = {
  key: 'shape',
  hold: () => ({ bytes: 0, read: (out) => void out.fill(0) }),
};

/** Roles of operations that are written as one, with a gradient of their own; the innermost last. */
const declared: SavingRole[] = [];

/** Says what the operation computes that `fn` runs: a closure has no name. */
export function savingAs<T>(role: SavingRole, fn: () => T): T {
  declared.push(role);
  try {
    return fn();
  } finally {
    declared.pop();
  }
}

/** A reference to held codes, or to a tensor that is decoded while a gradient reads it. */
export interface Held {
  readonly shape: readonly number[];
  readonly source: DataId;
  readonly codes: HeldTensor;
}

/** What SavedTensors needs to know of data. */
interface DataLinks {
  ownerOf(dataId: DataId): Variable | undefined;
  /** Data that is an image of other data, whose place it takes. */
  standsFor(dataId: DataId, source: DataId): void;
}

/** Stands in a tape's list of kept tensors, which are disposed with it. */
const nothing = { dispose: () => undefined } as unknown as Tensor;

export class SavedTensors {
  readonly #tf: TensorFlow;
  readonly #provider: SavedProvider;
  readonly #links: DataLinks;
  #held = new WeakMap<DataId, Map<string, Held>>();
  #counted = new WeakSet<DataId>();
  #bytes = { coded: 0, uncoded: 0, plain: 0 };
  /** What the gradient that is being taken has read. */
  readonly #decoded = new Map<Held, Tensor>();

  constructor(tf: TensorFlow, provider: SavedProvider, links: DataLinks) {
    this.#tf = tf;
    this.#provider = provider;
    this.#links = links;
  }

  /** Of the latest gradient, or of the one that is being taken. */
  get bytes(): SavedBytes {
    return { ...this.#bytes };
  }

  /** An outermost gradient begins. */
  begins(): void {
    this.#held = new WeakMap();
    this.#counted = new WeakSet();
    this.#bytes = { coded: 0, uncoded: 0, plain: 0 };
    this.#decoded.clear();
  }

  /** How an operation's tensors are to be held; null: as they are. */
  codecOf({ kernelName, inputs }: TapeNode, products: readonly (Variable | undefined)[]): TensorCodec | null {
    if (!this.#provider.codesSaved) return null;
    if (shapesOnly.has(kernelName)) return shapeCodec;
    const role = declared.at(-1) ?? (products.length > 0 ? 'attention' : roleOfKernel.get(kernelName));
    if (role === undefined || purposeOf(this.#tf, inputs as KernelInputs).role === 'loss') return null;
    const parameter = products.find((one) => one !== undefined);
    return this.#provider.savedOf({ parameter, role, path: currentLayer(this.#tf) });
  }

  /**
   * Holds the tensors of an operation in place of those in its list.
   * @param imageOf what is read in place of a tensor, if something else is
   * @param others what its gradient reads beside its list
   */
  keep(
    node: TapeNode,
    saved: Tensor[],
    codec: TensorCodec | null,
    imageOf: (tensor: Tensor) => Held | null,
    others: readonly Held[],
  ): void {
    const places: (readonly [place: number, held: Held])[] = [];
    saved.forEach((tensor, place) => {
      const held = imageOf(tensor) ?? this.hold(tensor, codec, place);
      if (held === null) return;
      places.push([place, held]);
      tensor.dispose();
      saved[place] = nothing;
    });
    if (places.length + others.length > 0) this.#readFrom(node, saved, places, others);
  }

  /** Codes of a tensor, which stays the caller's; null: it is kept as it is. */
  hold(tensor: Tensor, codec: TensorCodec | null, place: number): Held | null {
    const { dataId, shape, size } = tensor;
    if (tensor.dtype !== 'float32' || this.#links.ownerOf(dataId) !== undefined) return null;
    const known = codec && this.#held.get(dataId)?.get(codec.key);
    if (known) return { ...known, shape };
    const codes = codec?.hold(this.#valuesOf(tensor), shape, place, this.#kernels) ?? null;
    if (codes === null) {
      if (!this.#counted.has(dataId)) this.#bytes.plain += 4 * size;
      this.#counted.add(dataId);
      return null;
    }
    this.#bytes.coded += codes.bytes;
    this.#bytes.uncoded += 4 * size;
    const held: Held = { shape, source: dataId, codes };
    const byKey = this.#held.get(dataId) ?? new Map<string, Held>();
    this.#held.set(dataId, byKey.set(codec!.key, held));
    return held;
  }

  /** The image of a held tensor, for as long as the gradient of its operation is taken. */
  read(held: Held): Tensor {
    const known = this.#decoded.get(held);
    if (known !== undefined) return known;
    const tensor = this.#decode(held);
    this.#links.standsFor(tensor.dataId, held.source);
    this.#decoded.set(held, tensor);
    return tensor;
  }

  /** Frees what the gradient before has read. */
  release(): void {
    for (const tensor of this.#decoded.values()) tensor.dispose();
    this.#decoded.clear();
  }

  /** Fills a list of kept tensors with images whenever the gradient of their operation is taken. */
  #readFrom(
    node: TapeNode,
    saved: Tensor[],
    places: readonly (readonly [number, Held])[],
    others: readonly Held[],
  ): void {
    const { gradient } = node;
    if (gradient === undefined) return;
    node.gradient = (dys) => {
      this.release();
      for (const [place, held] of places) saved[place] = this.read(held);
      // Decoded here they live as long as the whole backward pass may; in the tidy of one gradient they would not.
      for (const held of others) this.read(held);
      const images = new Set(places.map(([place]) => saved[place]));
      const thunks = gradient.call(node, dys);
      // A gradient that is an image itself outlives it.
      return Object.fromEntries(
        Object.entries(thunks).map(([name, thunk]) => [
          name,
          () => {
            const found = thunk();
            return images.has(found) ? this.#tf.clone(found) : found;
          },
        ]),
      );
    };
  }

  get #kernels(): TensorKernels | undefined {
    const backend = backendOf(this.#tf);
    return isWasmBackend(backend) ? kernelsOf(backend) : undefined;
  }

  #valuesOf(tensor: Tensor): Float32Array {
    const backend = backendOf(this.#tf);
    if (isWasmBackend(backend)) return float32View(backend, tensor.dataId, tensor.size);
    return asFloat32(tensor.dataSync());
  }

  #decode({ shape, codes }: Held): Tensor {
    const tf = this.#tf;
    const backend = backendOf(tf);
    const size = sizeOf(shape);
    if (!isWasmBackend(backend)) {
      const values = new Float32Array(size);
      codes.read(values, undefined);
      return tf.tensor(values, [...shape]);
    }
    return tensorOf(tf, backend, shape, (dataId) =>
      codes.read(float32View(backend, dataId, size), kernelsOf(backend)),
    );
  }
}
