/**
 * Watches the products of a TensorFlow.js program and puts their operands and results through slots: each forward call is
 * remembered until its gradient has been taken, so that the two products of its backward pass are known by the call that they
 * belong to, however the gradient is written: registered, or a closure that calls products by itself.
 *
 * What the slots do is the provider's business; rounding of kernels is interception.ts'. Operands of one call are told
 * apart by their data, which reshapes share and of which transpositions keep track.
 * Source: tfjs-core `engine.ts` (`runKernelFunc`, `addTapeNode`, `gradients`).
 */
import type { Tensor, Variable } from '@tensorflow/tfjs';
import { ArgumentError } from '../errors.ts';
import { type AccumulatorSpec, unitOf } from './accumulator.ts';
import {
  backendOf,
  type DataId,
  engineOf,
  type KernelArguments,
  type KernelResult,
  sizeOf,
  type TapeNode,
  type TensorFlow,
  type TensorInfo,
} from './internals.ts';
import { currentLayer } from './layers.ts';
import type { EmulationLog } from './log.ts';
import { type OperandView, operandView } from './operand-views.ts';
import type { ProductSlots, SlotOperand, SlotOutput, SlotProvider } from './product-slots.ts';
import { type Held, SavedTensors, type TensorCodec } from './saved-tensors.ts';
import { watchDisposal, watchTape } from './tape.ts';
import { type Grid, unitOperands } from './unit-operands.ts';

/** Kernels that are products, with the names of their operands. Those of gradients are among them. */
const operandNames: Readonly<Record<string, readonly [string, string]>> = {
  BatchMatMul: ['a', 'b'],
  _FusedMatMul: ['a', 'b'],
  Einsum: ['0', '1'],
  Conv2D: ['x', 'filter'],
  FusedConv2D: ['x', 'filter'],
  DepthwiseConv2dNative: ['x', 'filter'],
  FusedDepthwiseConv2D: ['x', 'filter'],
  Conv3D: ['x', 'filter'],
  Conv2DBackpropInput: ['dy', 'filter'],
  DepthwiseConv2dNativeBackpropInput: ['dy', 'filter'],
  Conv3DBackpropInputV2: ['dy', 'filter'],
  Conv2DBackpropFilter: ['x', 'dy'],
  DepthwiseConv2dNativeBackpropFilter: ['x', 'dy'],
  Conv3DBackpropFilterV2: ['x', 'dy'],
};

/** Whether a kernel contracts two operands. */
export function isProduct(name: string): boolean {
  return Object.hasOwn(operandNames, name);
}

/** An image in the layout that the kernel reads, or with its last two axes swapped. The tensor is kept. */
interface Image {
  readonly tensor: Tensor;
  readonly isFlipped: boolean;
  /** What its values are, where a matrix unit may sum them. */
  readonly grid: Grid | undefined;
}

/** One operand of a forward call, for its backward products. Its tensors are kept. */
interface Side {
  readonly dataId: DataId;
  readonly slot: SlotOperand | null;
  readonly view: OperandView | undefined;
  /** What the forward product read. */
  readonly image: Image | undefined;
  /** The operand, where its gradient has to be pulled back. */
  readonly operand: Tensor | undefined;
  /** The operand after its norm. */
  readonly normed: Tensor | undefined;
  /** The codes of the image, where it is held so. */
  readonly heldImage?: Held | undefined;
  readonly hasOperand?: boolean;
  /** All that is held so of the operand. */
  readonly held?: readonly Held[];
  /** Whether a matrix unit may sum its images. */
  readonly hasGrid: boolean;
}

interface ForwardCall {
  readonly kernel: string;
  readonly slots: ProductSlots;
  x: Side;
  w: Side;
  /** Names of the operands in the kernel. */
  readonly names: { readonly x: string; readonly w: string };
  /** For messages. */
  readonly path: string;
}

/** The calls whose gradient is being taken, and with respect to which input of the node, where that is known. */
interface BackwardScope {
  readonly calls: readonly ForwardCall[];
  readonly target: string | undefined;
}

/** How a product is to run: its arguments, which operands are images, which accumulator sums it. */
type RunProduct = (
  args: KernelArguments,
  how: { readonly images: ReadonlySet<string>; readonly accumulate: AccumulatorSpec | null },
) => KernelResult;

const noImages: ReadonlySet<string> = new Set();

/** Whether a matrix unit sums. */
const isUnit = (accumulate: AccumulatorSpec | null): boolean =>
  accumulate !== null && unitOf(accumulate) !== undefined;

/** Whether one sums some product that may read a forward image. */
const useUnits = ({ forward, inputGradient, weightGradient }: ProductSlots): boolean =>
  [forward, inputGradient, weightGradient].some(({ accumulate }) => isUnit(accumulate));

/** Places of the tensors that products keep of their operands, after all that an operation keeps itself. */
const firstOfSides = 100;

/** Kernels whose result has the values of their operand, in its order or transposed. */
const copying: ReadonlySet<string> = new Set(['Identity', 'Reshape', 'ExpandDims', 'Cast', 'Transpose']);

/** Whether a transposition swaps the last two axes (true) or none (false); undefined: it does something else. */
function isSwap(perm: readonly number[]): boolean | undefined {
  const last = perm.length - 1;
  if (perm.every((axis, i) => axis === i)) return false;
  const isLast = last >= 1 && perm[last] === last - 1 && perm[last - 1] === last;
  return isLast && perm.every((axis, i) => i >= last - 1 || axis === i) ? true : undefined;
}

/** Norm of each row of a matrix without parameters; what is added to the mean square or the variance. */
const normEpsilon = 1e-5;

export class ProductCalls {
  readonly #tf: TensorFlow;
  readonly #provider: SlotProvider;
  readonly #flips: boolean;
  readonly #undo: (() => void)[] = [];
  /** Calls that no node of the tape has taken up yet. */
  #pending: ForwardCall[] = [];
  /** The parameters of all products that none has taken up; undefined: it has none. */
  #products: (Variable | undefined)[] = [];
  /** What operations keep for their gradients. */
  readonly saved: SavedTensors;
  #tell: (dataId: DataId, source: DataId) => void = () => undefined;
  readonly #scopes: BackwardScope[] = [];
  /** The data that a transposed copy was made of. */
  readonly #sources = new WeakMap<DataId, { readonly dataId: DataId; readonly isSwap: boolean }>();
  readonly #owners = new WeakMap<DataId, Variable>();
  /** Images of parameters, by their data and slot: made once as long as the values are the same. */
  readonly #images = new Map<DataId, Map<string, { readonly key: string; readonly image: Image }>>();

  /**
   * @param flips whether products have the same bits whichever way an operand is stored: ours have, stock ones sum transposed
   *   operands in another order
   */
  constructor(tf: TensorFlow, provider: SlotProvider, flips: boolean) {
    this.#flips = flips;
    this.#tf = tf;
    this.#provider = provider;
    this.saved = new SavedTensors(tf, provider, {
      ownerOf: (dataId) => this.#owner(dataId),
      standsFor: (dataId, source) => {
        this.#sources.set(dataId, this.#rootOf(source));
        this.#tell(dataId, source);
      },
    });
    this.#undo.push(
      watchTape(tf, {
        begins: () => {
          this.saved.begins();
          this.#products = [];
          provider.gradientBegins();
        },
        recorded: (node, saved) => this.#recorded(node, saved),
      }),
      watchDisposal(backendOf(tf), (dataId) => this.#forget(dataId)),
    );
  }

  /** Tells of decoded images of tensors whose place they take. */
  onImage(tell: (dataId: DataId, source: DataId) => void): void {
    this.#tell = tell;
  }

  /** Frees every image and puts the engine back. */
  stop(): void {
    for (const undo of this.#undo.splice(0).reverse()) undo();
    for (const { x, w } of this.#pending) for (const tensor of [x, w].flatMap(tensorsOf)) tensor.dispose();
    this.#pending = [];
    for (const dataId of [...this.#images.keys()]) this.#forget(dataId);
  }

  /** Remembers whose values a kernel has copied: backends may copy where others share. */
  moved(name: string, { inputs, attrs }: KernelArguments, result: KernelResult): void {
    if (!copying.has(name) || Array.isArray(result) || result.dtype !== 'float32') return;
    const { x, input } = inputs as { x?: TensorInfo; input?: TensorInfo };
    const given = x ?? input;
    if (given === undefined || given.dataId === result.dataId) return;
    const known = this.#sources.get(given.dataId);
    const swaps = name === 'Transpose' ? isSwap(attrs?.['perm'] as readonly number[]) : false;
    if (swaps === undefined) return;
    this.#sources.set(result.dataId, {
      dataId: known?.dataId ?? given.dataId,
      isSwap: swaps !== (known?.isSwap ?? false),
    });
  }

  /** Runs a product of the program. */
  run(name: string, args: KernelArguments, log: EmulationLog | undefined, execute: RunProduct): KernelResult {
    const scope = this.#scopes[this.#scopes.length - 1];
    if (scope === undefined) return this.#forward(name, args, log, execute);
    return this.#backward(name, args, scope, execute);
  }

  #forward(
    name: string,
    args: KernelArguments,
    log: EmulationLog | undefined,
    execute: RunProduct,
  ): KernelResult {
    const plain = (): KernelResult => execute(args, { images: noImages, accumulate: null });
    const [first, second] = operandNames[name]!;
    const inputs = args.inputs as Record<string, TensorInfo | undefined>;
    const left = inputs[first];
    const right = inputs[second];
    if (left?.dtype !== 'float32' || right?.dtype !== 'float32') return plain();
    const [leftOwner, rightOwner] = [this.#owner(left.dataId), this.#owner(right.dataId)];
    const isFirst = rightOwner === undefined && leftOwner !== undefined;
    const parameter = rightOwner ?? leftOwner;
    const engine = engineOf(this.#tf);
    const isTaped = engine.state.gradientDepth > 0;
    const path = currentLayer(this.#tf);
    if (isTaped) this.#products.push(parameter);
    const slots = this.#provider.slotsOf({ kernel: name, parameter, path, isTaped, log });
    if (slots === null) return plain();
    const names = isFirst ? { x: second, w: first } : { x: first, w: second };
    const hasGrid = useUnits(slots);
    const side = (part: 'x' | 'w'): Side =>
      this.#side(name, names[part], inputs[names[part]]!, args, slots.forward[part], {
        isParameter: part === 'w' && parameter !== undefined,
        isTaped,
        hasGrid,
      });
    const [x, w] = [side('x'), side('w')];
    const call: ForwardCall = { kernel: name, slots, x, w, names, path: path.join('/') };
    try {
      const images = new Map([
        [names.x, x.image],
        [names.w, w.image],
      ]);
      const result = this.#execute(execute, args, images, slots.forward.accumulate);
      return this.#output(result, slots.forward.y);
    } finally {
      if (isTaped) this.#pending.push(call);
      else for (const tensor of [x, w].flatMap(tensorsOf)) tensor.dispose();
    }
  }

  /** An operand of a forward product through its slot. */
  #side(
    kernel: string,
    name: string,
    info: TensorInfo,
    { attrs }: KernelArguments,
    slot: SlotOperand | null,
    {
      isParameter,
      isTaped,
      hasGrid,
    }: { readonly isParameter: boolean; readonly isTaped: boolean; readonly hasGrid: boolean },
  ): Side {
    const tf = this.#tf;
    const { dataId } = info;
    const none = { view: undefined, image: undefined, operand: undefined, normed: undefined };
    if (slot === null) return { dataId, slot, ...none, hasGrid };
    const view = this.#view(kernel, name, info.shape, attrs, slot);
    const given = this.#tensorOf(info);
    const isPulledBack = isTaped && (slot.norm !== undefined || slot.pullback !== undefined);
    const operand = isPulledBack ? tf.keep(tf.clone(given)) : undefined;
    const normed = slot.norm === undefined ? undefined : this.#normed(given, view, slot.norm);
    const known = isParameter ? this.#images.get(dataId)?.get(name) : undefined;
    const key = `${slot.key}${hasGrid ? ' grid' : ''}`;
    if (known?.key === key) {
      const image = this.#cloned(known.image, info.shape);
      return { dataId, slot, view, image, operand, normed, hasGrid };
    }
    const image = this.#image(normed ?? given, view, slot, hasGrid);
    if (isParameter) this.#keepImage(dataId, name, key, image);
    return { dataId, slot, view, image, operand, normed, hasGrid };
  }

  /** Another reference to an image, for an operand of a shape: a weight may be read as a matrix and as a batch of one. */
  #cloned({ tensor, isFlipped, grid }: Image, shape: readonly number[]): Image {
    const fitted = isFlipped ? swappedShape(shape) : shape;
    const clone = this.#tf.keep(this.#tf.tidy(() => this.#tf.reshape(tensor, [...fitted])));
    return { tensor: clone, isFlipped, grid };
  }

  #view(
    kernel: string,
    operand: string,
    shape: readonly number[],
    attrs: KernelArguments['attrs'],
    { blocks, stored }: SlotOperand,
  ): OperandView {
    return operandView(this.#tf, kernel, operand, shape, attrs, { blocks, stored, flips: this.#flips });
  }

  #image(operand: Tensor, view: OperandView, slot: SlotOperand, hasGrid: boolean): Image {
    const tf = this.#tf;
    let grid: Grid | undefined;
    const tensor = tf.tidy(() => {
      const matrix = view.toMatrix(operand);
      const image = view.fromMatrix(slot.image(matrix));
      if (hasGrid) grid = slot.grid(matrix);
      return tf.keep(image.dataId === operand.dataId ? tf.clone(image) : image);
    });
    return { tensor, isFlipped: view.flips, grid };
  }

  /** Runs a product; a matrix unit sums the elements of scaled images, and its results are scaled then. */
  #execute(
    execute: RunProduct,
    args: KernelArguments,
    images: ReadonlyMap<string, Image | undefined>,
    accumulate: AccumulatorSpec | null,
  ): KernelResult {
    const given = withImages(args, images);
    const how = { images: given.images, accumulate };
    const unit = accumulate === null ? undefined : unitOf(accumulate);
    const [left, right] = [...images];
    const [a, b] = [left?.[1], right?.[1]];
    if (unit === undefined || a?.grid === undefined || b?.grid === undefined) return execute(given.args, how);
    const tf = this.#tf;
    const values = [a, b].map(({ tensor }) => tensor.dataSync() as Float32Array);
    const ready = unitOperands(unit, values as [Float32Array, Float32Array], [a.grid, b.grid]);
    if (ready === undefined) return execute(given.args, how);
    const made = [a, b].map(({ tensor }, i) => tf.tensor(ready.elements[i]!, [...tensor.shape]));
    const elements = new Map(
      [left!, right!].map(([name, image], i) => [name, { ...image!, tensor: made[i]! }]),
    );
    const units = withImages(args, elements);
    try {
      const sums = execute(units.args, { ...how, accumulate: ready.unit }) as TensorInfo;
      const tensor = tf.engine().makeTensorFromTensorInfo(sums);
      const scaled = tf.mul(tensor, ready.factor);
      tensor.dispose();
      return scaled;
    } finally {
      for (const tensor of made) tensor.dispose();
    }
  }

  #normed(operand: Tensor, view: OperandView, kind: 'rms' | 'layer'): Tensor {
    const tf = this.#tf;
    return tf.tidy(() => {
      const normal = view.fromMatrix(normOf(tf, view.toMatrix(operand), kind).normal);
      return tf.keep(view.flips ? swapLast(tf, normal) : normal);
    });
  }

  #keepImage(dataId: DataId, name: string, key: string, image: Image): void {
    let known = this.#images.get(dataId);
    if (known === undefined) {
      known = new Map();
      this.#images.set(dataId, known);
    }
    known.get(name)?.image.tensor.dispose();
    known.set(name, {
      key,
      image: this.#cloned(image, image.isFlipped ? swappedShape(image.tensor.shape) : image.tensor.shape),
    });
  }

  #forget(dataId: DataId): void {
    const known = this.#images.get(dataId);
    if (known === undefined) return;
    this.#images.delete(dataId);
    for (const { image } of known.values()) image.tensor.dispose();
  }

  /** The operand as a tensor; a kernel may be called with what is only described. */
  #tensorOf(info: TensorInfo): Tensor {
    const tf = this.#tf;
    if (info instanceof tf.Tensor) return info;
    const engine = tf.engine();
    backendOf(tf).incRef(info.dataId);
    return engine.makeTensorFromTensorInfo(info);
  }

  #rootOf(dataId: DataId): { readonly dataId: DataId; readonly isSwap: boolean } {
    return this.#sources.get(dataId) ?? { dataId, isSwap: false };
  }

  /** The trained variable whose values the data is, stored as they are or transposed. */
  #owner(dataId: DataId): Variable | undefined {
    const known = this.#owners.get(dataId);
    if (known !== undefined) return known;
    const source = this.#rootOf(dataId).dataId;
    for (const variable of this.#provider.variables)
      if (variable.dataId === source) {
        this.#owners.set(dataId, variable);
        return variable;
      }
    return undefined;
  }

  #backward(name: string, args: KernelArguments, scope: BackwardScope, execute: RunProduct): KernelResult {
    const plain = (): KernelResult => execute(args, { images: noImages, accumulate: null });
    const [first, second] = operandNames[name]!;
    const inputs = args.inputs as Record<string, TensorInfo | undefined>;
    const infos = { [first]: inputs[first], [second]: inputs[second] };
    const found = this.#match(infos, scope);
    if (found === undefined) return plain();
    const { call, part, operand, isSwapped } = found;
    const gradient = operand === first ? second : first;
    const { slots } = call;
    const isInput = part === 'w';
    const own = isInput ? slots.inputGradient.w : slots.weightGradient.x;
    const { g, accumulate } = isInput ? slots.inputGradient : slots.weightGradient;
    const out = isInput ? slots.inputGradient.dx : slots.weightGradient.dw;
    const side = call[part];
    const made: Tensor[] = [];
    try {
      const images = new Map<string, Image | undefined>();
      images.set(
        operand,
        this.#backwardImage(name, operand, infos[operand]!, args, side, own, isSwapped, made),
      );
      if (g !== null) {
        const info = infos[gradient]!;
        const view = this.#view(name, gradient, info.shape, args.attrs, g);
        const image = this.#image(this.#tensorOf(info), view, g, isUnit(accumulate));
        made.push(image.tensor);
        images.set(gradient, image);
      }
      return this.#output(this.#execute(execute, args, images, accumulate), out);
    } finally {
      for (const tensor of made) tensor.dispose();
    }
  }

  /** Which call a backward product belongs to, and which of its operands is the call's own. */
  #match(
    infos: Readonly<Record<string, TensorInfo | undefined>>,
    { calls, target }: BackwardScope,
  ): { call: ForwardCall; part: 'x' | 'w'; operand: string; isSwapped: boolean } | undefined {
    const matches: { call: ForwardCall; part: 'x' | 'w'; operand: string; isSwapped: boolean }[] = [];
    for (const call of calls)
      for (const part of ['w', 'x'] as const)
        for (const [operand, info] of Object.entries(infos)) {
          if (info === undefined) continue;
          const own = this.#rootOf(call[part].dataId);
          const given = this.#rootOf(info.dataId);
          if (own.dataId === given.dataId)
            matches.push({ call, part, operand, isSwapped: own.isSwap !== given.isSwap });
        }
    if (matches.length <= 1 || target === undefined) return matches[0];
    // The gradient with respect to one operand reads the other.
    return matches.find(({ call, part }) => call.names[part === 'x' ? 'w' : 'x'] === target) ?? matches[0];
  }

  /** What a backward product reads of an operand of the forward one; undefined: the operand itself. */
  #backwardImage(
    kernel: string,
    name: string,
    info: TensorInfo,
    { attrs }: KernelArguments,
    side: Side,
    own: SlotOperand | 'same' | null,
    isSwapped: boolean,
    made: Tensor[],
  ): Image | undefined {
    const tf = this.#tf;
    const fitted = (tensor: Tensor, isFlipped: boolean, grid?: Grid): Image => {
      const flipped = isFlipped !== isSwapped;
      const shape = flipped ? swappedShape(info.shape) : info.shape;
      const reshaped = tf.keep(tf.tidy(() => tf.reshape(tensor, [...shape])));
      made.push(reshaped);
      return { tensor: reshaped, isFlipped: flipped, grid };
    };
    if (own === 'same') {
      if (side.image !== undefined) return fitted(side.image.tensor, side.image.isFlipped, side.image.grid);
      return side.normed === undefined ? undefined : fitted(side.normed, false);
    }
    const base =
      own?.of === 'image' && side.image !== undefined
        ? fitted(side.image.tensor, side.image.isFlipped)
        : side.normed === undefined
          ? undefined
          : fitted(side.normed, false);
    if (own === null) return base;
    const tensor = base === undefined ? this.#tensorOf(info) : this.#unflipped(base, made);
    const view = this.#view(kernel, name, tensor.shape, attrs, own);
    const image = this.#image(tensor, view, own, side.hasGrid);
    made.push(image.tensor);
    return image;
  }

  #unflipped({ tensor, isFlipped }: Image, made: Tensor[]): Tensor {
    if (!isFlipped) return tensor;
    const tf = this.#tf;
    const stored = tf.keep(tf.tidy(() => swapLast(tf, tensor)));
    made.push(stored);
    return stored;
  }

  #output(result: KernelResult, output: SlotOutput | null): KernelResult {
    if (output === null || Array.isArray(result)) return result;
    const tf = this.#tf;
    const tensor = tf.engine().makeTensorFromTensorInfo(result);
    const rounded = tf.tidy(() => {
      const columns = result.shape[result.shape.length - 1] ?? 1;
      const matrix = tf.reshape(tensor, [sizeOf(result.shape) / Math.max(columns, 1), columns]);
      return tf.reshape(output(matrix), [...result.shape]);
    });
    tensor.dispose();
    return rounded;
  }

  /** An operation is on the tape: the products that it has run are its own. `saved`: what it keeps for its gradient. */
  #recorded(node: TapeNode, saved: Tensor[]): void {
    const calls = this.#pending;
    // The engine records a clone wherever it is made, within the kernel of a product too.
    if (this.#isClone(node)) return;
    const products = this.#products;
    this.#pending = [];
    this.#products = [];
    const codec = this.saved.codecOf(node, products);
    const kept = calls.flatMap((call) => this.#held(call, codec));
    this.#backwardOf(node, calls);
    const isProductAlone = isProduct(node.kernelName);
    this.saved.keep(
      node,
      saved,
      codec,
      (tensor) => (isProductAlone ? this.#imageInPlaceOf(tensor, calls) : null),
      calls.flatMap(({ x, w }) => [...(x.held ?? []), ...(w.held ?? [])]),
    );
    // What a node has saved is freed with the tape.
    if (kept.length > 0) node.saved = [...node.saved, ...kept];
  }

  /** The codes of an image that both products of the backward pass read in place of an operand. */
  #imageInPlaceOf({ dataId, shape }: Tensor, calls: readonly ForwardCall[]): Held | null {
    for (const { x, w, slots } of calls)
      for (const [side, own] of [
        [x, slots.weightGradient.x],
        [w, slots.inputGradient.w],
      ] as const) {
        const { heldImage, hasOperand, view } = side;
        if (heldImage === undefined || own !== 'same' || hasOperand) continue;
        if (this.#rootOf(side.dataId).dataId === this.#rootOf(dataId).dataId && !view!.flips)
          return { ...heldImage, shape, source: dataId };
      }
    return null;
  }

  /** Tells the gradient of a node which calls it belongs to. */
  #backwardOf(node: TapeNode, calls: readonly ForwardCall[]): void {
    if (calls.length === 0) return;
    const { gradient } = node;
    if (gradient === undefined) return;
    const within = <T>(target: string | undefined, fn: () => T): T => {
      this.#scopes.push({ calls, target });
      try {
        return fn();
      } finally {
        this.#scopes.pop();
      }
    };
    const inputs = node.inputs;
    node.gradient = (dys) => {
      const thunks = within(undefined, () => gradient.call(node, dys));
      return Object.fromEntries(
        Object.entries(thunks).map(([name, thunk]) => [
          name,
          () => this.#pulledBack(calls, inputs, name, within(name, thunk)),
        ]),
      );
    };
  }

  /** Holds the activations that a call's backward products read as a codec says; gives the tensors that stay as they are. */
  #held(call: ForwardCall, codec: TensorCodec | null): Tensor[] {
    return (['x', 'w'] as const).flatMap((part) => {
      const side = call[part];
      if (this.#owner(side.dataId) !== undefined) return tensorsOf(side);
      const own = part === 'x' ? call.slots.weightGradient.x : call.slots.inputGradient.w;
      const { side: held, kept } = this.#heldSide(side, codec, own === 'same' || own?.of === 'image');
      call[part] = held;
      return kept;
    });
  }

  #heldSide(
    side: Side,
    codec: TensorCodec | null,
    isImageRead: boolean,
  ): { readonly side: Side; readonly kept: Tensor[] } {
    const { saved } = this;
    const { operand, normed } = side;
    const image = isImageRead ? side.image : undefined;
    if (!isImageRead) side.image?.tensor.dispose();
    const [heldImage, heldOperand, heldNormed] = [image?.tensor, operand, normed].map((tensor, i) => {
      const held = tensor && saved.hold(tensor, codec, firstOfSides + i);
      if (held) tensor?.dispose();
      return held ?? undefined;
    });
    const kept = [
      heldImage ? undefined : image?.tensor,
      heldOperand ? undefined : operand,
      heldNormed ? undefined : normed,
    ].filter((tensor) => tensor !== undefined);
    const read: Side = {
      ...side,
      heldImage,
      hasOperand: operand !== undefined,
      held: [heldImage, heldOperand, heldNormed].filter((held) => held !== undefined),
      get image() {
        return heldImage && image ? { ...image, tensor: saved.read(heldImage) } : image;
      },
      get operand() {
        return heldOperand ? saved.read(heldOperand) : operand;
      },
      get normed() {
        return heldNormed ? saved.read(heldNormed) : normed;
      },
    };
    return { side: read, kept };
  }

  #isClone({ inputs, outputs }: TapeNode): boolean {
    const root = ({ dataId }: Tensor): DataId => this.#rootOf(dataId).dataId;
    return (
      outputs.length === 1 &&
      Object.values(inputs).some((input) => input && root(input) === root(outputs[0]!))
    );
  }

  /** A gradient with respect to an input, through the norm and the quantiser before the product. */
  #pulledBack(
    calls: readonly ForwardCall[],
    inputs: TapeNode['inputs'],
    name: string,
    gradient: Tensor,
  ): Tensor {
    const dataId = inputs[name]?.dataId;
    let result = gradient;
    for (const call of calls)
      for (const part of ['x', 'w'] as const) {
        const { slot, operand, dataId: own } = call[part];
        if (slot === null || operand === undefined || dataId === undefined) continue;
        if (this.#rootOf(own).dataId !== this.#rootOf(dataId).dataId) continue;
        // One tensor that is both operands has a gradient for each.
        if (Object.hasOwn(inputs, call.names[part]) && call.names[part] !== name) continue;
        if (calls.length > 1)
          throw new ArgumentError(
            call.path,
            `${calls.length} products`,
            'one product in an operation with a gradient of its own, where operands are normed or have gradient rules',
          );
        result = this.#pullBack(call, part, slot, operand, result);
      }
    return result;
  }

  #pullBack(
    call: ForwardCall,
    part: 'x' | 'w',
    slot: SlotOperand,
    operand: Tensor,
    gradient: Tensor,
  ): Tensor {
    const tf = this.#tf;
    const { normed, view } = call[part];
    const { inputGradient, weightGradient } = call.slots;
    const other = call[part === 'x' ? 'w' : 'x'].slot;
    const read = part === 'x' ? inputGradient.w : weightGradient.x;
    const isTurned = slot.stays && other?.stays === true && (read === 'same' || read?.of === 'image');
    const layout = view!;
    return tf.tidy(() => {
      let inner = layout.toMatrix(tf.reshape(gradient, operand.shape));
      if (slot.pullback !== undefined)
        inner = slot.pullback(layout.toMatrix(normed ?? operand), inner, isTurned);
      if (slot.norm !== undefined) inner = normGradient(tf, layout.toMatrix(operand), inner, slot.norm);
      const whole = layout.fromMatrix(inner);
      return tf.reshape(layout.flips ? swapLast(tf, whole) : whole, gradient.shape);
    });
  }
}

function tensorsOf({ image, operand, normed }: Side): Tensor[] {
  return [image?.tensor, operand, normed].filter((tensor) => tensor !== undefined);
}

function swappedShape(shape: readonly number[]): number[] {
  const last = shape.length - 1;
  return [...shape.slice(0, -2), shape[last]!, shape[last - 1]!];
}

/** The last two axes swapped. */
function swapLast(tf: TensorFlow, x: Tensor): Tensor {
  const last = x.rank - 1;
  return tf.transpose(x, [...x.shape.map((_, i) => i).slice(0, -2), last, last - 1]);
}

/** Arguments with images in place of operands; the kernel's flags say which are swapped. */
function withImages(
  args: KernelArguments,
  images: ReadonlyMap<string, Image | undefined>,
): { readonly args: KernelArguments; readonly images: ReadonlySet<string> } {
  const inputs: Record<string, TensorInfo | undefined> = { ...(args.inputs as Record<string, TensorInfo>) };
  const attrs: Record<string, unknown> = { ...args.attrs };
  const replaced = new Set<string>();
  for (const [key, image] of images) {
    if (image === undefined) continue;
    inputs[key] = image.tensor;
    replaced.add(key);
    if (!image.isFlipped) continue;
    const flag = key === 'a' ? 'transposeA' : 'transposeB';
    attrs[flag] = attrs[flag] !== true;
  }
  if (replaced.size === 0) return { args, images: replaced };
  const given = Array.isArray(args.inputs) ? (Object.values(inputs) as TensorInfo[]) : inputs;
  return { args: { ...args, inputs: given, attrs }, images: replaced };
}

/** Rows normed without parameters, and what they were multiplied by. */
function normOf(tf: TensorFlow, matrix: Tensor, kind: 'rms' | 'layer'): { normal: Tensor; inverse: Tensor } {
  const axis = matrix.rank - 1;
  const centred = kind === 'layer' ? tf.sub(matrix, tf.mean(matrix, axis, true)) : matrix;
  const inverse = tf.rsqrt(tf.add(tf.mean(tf.square(centred), axis, true), normEpsilon));
  return { normal: tf.mul(centred, inverse), inverse };
}

function normGradient(tf: TensorFlow, matrix: Tensor, gradient: Tensor, kind: 'rms' | 'layer'): Tensor {
  const axis = matrix.rank - 1;
  const { normal, inverse } = normOf(tf, matrix, kind);
  const along = tf.mul(normal, tf.mean(tf.mul(gradient, normal), axis, true));
  const rest = tf.sub(gradient, along);
  return tf.mul(kind === 'layer' ? tf.sub(rest, tf.mean(gradient, axis, true)) : rest, inverse);
}
