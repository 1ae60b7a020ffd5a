/**
 * What products read in place of their operands: images that slots make of them, in the layout that the kernel reads; those of parameters are
 * kept as long as the values are the same. Which product reads which is product-calls.ts'.
 */
import type { Tensor } from '@tensorflow/tfjs';
import { type AccumulatorSpec, unitOf } from './accumulator.ts';
import {
  backendOf,
  type DataId,
  type KernelArguments,
  type KernelResult,
  sizeOf,
  type TensorFlow,
  type TensorInfo,
} from './internals.ts';
import { type OperandView, operandView } from './operand-views.ts';
import type { SlotOperand, SlotOutput } from './product-slots.ts';
import { normOf, swapLast, swappedShape } from './row-norms.ts';
import type { Held, SavedTensors, TensorCodec } from './saved-tensors.ts';
import { type Grid, unitOperands } from './unit-operands.ts';

/** An image in the layout that the kernel reads, or with its last two axes swapped. The tensor is kept. */
export interface Image {
  readonly tensor: Tensor;
  readonly isFlipped: boolean;
  /** What its values are, where a matrix unit may sum them. */
  readonly grid: Grid | undefined;
}

/** One operand of a forward call, for its backward products. Its tensors are kept. */
export interface Side {
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

/** How a product is to run: its arguments, which operands are images, which accumulator sums it. */
export type RunProduct = (
  args: KernelArguments,
  how: { readonly images: ReadonlySet<string>; readonly accumulate: AccumulatorSpec | null },
) => KernelResult;

/** Whether a matrix unit sums. */
export const isUnit = (accumulate: AccumulatorSpec | null): boolean =>
  accumulate !== null && unitOf(accumulate) !== undefined;

/** Places of the tensors that products keep of their operands, after all that an operation keeps itself. */
const firstOfSides = 100;

/** The tensors of an operand. */
export function tensorsOf({ image, operand, normed }: Side): Tensor[] {
  return [image?.tensor, operand, normed].filter((tensor) => tensor !== undefined);
}

/** Holds what backward products read of an operand as a codec says; gives the tensors that stay as they are. */
export function heldSide(
  saved: SavedTensors,
  side: Side,
  codec: TensorCodec | null,
  isImageRead: boolean,
): { readonly side: Side; readonly kept: Tensor[] } {
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

/** Makes images, and has products read them. */
export class ProductImages {
  readonly #tf: TensorFlow;
  readonly #flips: boolean;
  /** Images of parameters, by their data and slot: made once as long as the values are the same. */
  readonly #images = new Map<DataId, Map<string, { readonly key: string; readonly image: Image }>>();

  /** @param flips whether products have the same bits whichever way an operand is stored */
  constructor(tf: TensorFlow, flips: boolean) {
    this.#tf = tf;
    this.#flips = flips;
  }

  /** An operand of a forward product through its slot. */
  side(
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
    const view = this.view(kernel, name, info.shape, attrs, slot);
    const given = this.tensorOf(info);
    const isPulledBack = isTaped && (slot.norm !== undefined || slot.pullback !== undefined);
    const operand = isPulledBack ? tf.keep(tf.clone(given)) : undefined;
    const normed = slot.norm === undefined ? undefined : this.#normed(given, view, slot.norm);
    const known = isParameter ? this.#images.get(dataId)?.get(name) : undefined;
    const key = `${slot.key}${hasGrid ? ' grid' : ''}`;
    if (known?.key === key) {
      const image = this.#cloned(known.image, info.shape);
      return { dataId, slot, view, image, operand, normed, hasGrid };
    }
    const image = this.image(normed ?? given, view, slot, hasGrid);
    if (isParameter) this.#keepImage(dataId, name, key, image);
    return { dataId, slot, view, image, operand, normed, hasGrid };
  }

  /** Another reference to an image, for an operand of a shape: a weight may be read as a matrix and as a batch of one. */
  #cloned({ tensor, isFlipped, grid }: Image, shape: readonly number[]): Image {
    const fitted = isFlipped ? swappedShape(shape) : shape;
    const clone = this.#tf.keep(this.#tf.tidy(() => this.#tf.reshape(tensor, [...fitted])));
    return { tensor: clone, isFlipped, grid };
  }

  view(
    kernel: string,
    operand: string,
    shape: readonly number[],
    attrs: KernelArguments['attrs'],
    { blocks, stored }: SlotOperand,
  ): OperandView {
    return operandView(this.#tf, kernel, operand, shape, attrs, { blocks, stored, flips: this.#flips });
  }

  image(operand: Tensor, view: OperandView, slot: SlotOperand, hasGrid: boolean): Image {
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
  execute(
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

  forget(dataId: DataId): void {
    const known = this.#images.get(dataId);
    if (known === undefined) return;
    this.#images.delete(dataId);
    for (const { image } of known.values()) image.tensor.dispose();
  }

  /** Frees every image. */
  clear(): void {
    for (const dataId of [...this.#images.keys()]) this.forget(dataId);
  }

  /** The operand as a tensor; a kernel may be called with what is only described. */
  tensorOf(info: TensorInfo): Tensor {
    const tf = this.#tf;
    if (info instanceof tf.Tensor) return info;
    const engine = tf.engine();
    backendOf(tf).incRef(info.dataId);
    return engine.makeTensorFromTensorInfo(info);
  }

  /** What a backward product reads of an operand of the forward one; undefined: the operand itself. */
  backwardImage(
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
    const tensor = base === undefined ? this.tensorOf(info) : this.#unflipped(base, made);
    const view = this.view(kernel, name, tensor.shape, attrs, own);
    const image = this.image(tensor, view, own, side.hasGrid);
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

  /** A result through its slot. */
  output(result: KernelResult, output: SlotOutput | null): KernelResult {
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
}
