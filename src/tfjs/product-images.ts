/**
 * What products read in place of their operands: images that slots make of them, in the layout that the kernel reads; those of parameters are
 * kept as long as the values are the same. Which product reads which is product-calls.ts'.
 */
import type { Tensor } from '@tensorflow/tfjs';
import { ArgumentError } from '../errors.ts';
import { type AccumulatorSpec, isInteger32, unitOf } from './accumulator.ts';
import { stepsAfterProduct, withoutSteps } from './fused.ts';
import {
  backendOf,
  type DataId,
  type KernelArguments,
  type KernelResult,
  type TensorFlow,
  type TensorInfo,
} from './internals.ts';
import { fusedNames } from './kernel-names.ts';
import { type OperandView, operandView, resultView } from './operand-views.ts';
import { disposeImage, type Image, type Side } from './product-sides.ts';
import type { SlotOperand, SlotOutput } from './product-slots.ts';
import { normOf, swapLast, swappedShape } from './row-norms.ts';
import { type Grid, integersOf, unitOperands } from './unit-operands.ts';

/** A product of scaled images: the elements that are summed, by what, and what the sums are multiplied by. */
interface ScaledProduct {
  readonly elements: readonly [Float32Array | Tensor, Float32Array | Tensor];
  readonly accumulate: AccumulatorSpec;
  /** Of the sums as they come. */
  finish(sums: Tensor): Tensor;
}

/** How a product is to run: its arguments, which operands are images, which accumulator sums it. */
export type RunProduct = (
  args: KernelArguments,
  how: { readonly images: ReadonlySet<string>; readonly accumulate: AccumulatorSpec | null },
) => KernelResult;

/** Whether elements are summed, not the values that they stand for: by a matrix unit, or as integers. */
export const sumsElements = (accumulate: AccumulatorSpec | null): boolean =>
  accumulate !== null && (isInteger32(accumulate) || unitOf(accumulate) !== undefined);

/** The largest magnitude of sums of integers; what is beyond it stays there. */
const mostInteger = 2 ** 31;

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
    return this.#reshaped(tensor, isFlipped, grid, isFlipped ? swappedShape(shape) : shape);
  }

  /** Other references to an image's tensors, in a shape. The tensors are kept. */
  #reshaped(tensor: Tensor, isFlipped: boolean, grid: Grid | undefined, shape: readonly number[]): Image {
    const tf = this.#tf;
    const reshaped = (one: Tensor): Tensor => tf.keep(tf.tidy(() => tf.reshape(one, [...shape])));
    const elements = grid?.elements && reshaped(grid.elements);
    return { tensor: reshaped(tensor), isFlipped, grid: grid && elements ? { ...grid, elements } : grid };
  }

  view(
    kernel: string,
    operand: string,
    shape: readonly number[],
    attrs: KernelArguments['attrs'],
    { blocks, byTap = false, stored }: SlotOperand,
  ): OperandView {
    return operandView(this.#tf, kernel, operand, shape, attrs, {
      blocks,
      byTap,
      stored,
      flips: this.#flips,
    });
  }

  image(operand: Tensor, view: OperandView, slot: SlotOperand, hasGrid: boolean): Image {
    const tf = this.#tf;
    let grid: Grid | undefined;
    const tensor = tf.tidy(() => {
      const matrix = view.toMatrix(operand);
      const image = view.fromMatrix(slot.image(matrix));
      if (hasGrid) grid = slot.grid(matrix);
      if (grid?.elements) grid = { ...grid, elements: tf.keep(view.fromMatrix(grid.elements)) };
      return tf.keep(image.dataId === operand.dataId ? tf.clone(image) : image);
    });
    return { tensor, isFlipped: view.flips, grid };
  }

  /** Runs a product; where elements of scaled images are summed, its sums are scaled before a bias and an activation follow. */
  execute(
    execute: RunProduct,
    name: string,
    args: KernelArguments,
    images: ReadonlyMap<string, Image | undefined>,
    accumulate: AccumulatorSpec | null,
  ): KernelResult {
    const scaled = accumulate === null ? undefined : this.#scaled(name, images, accumulate);
    if (scaled === undefined) {
      const given = withImages(args, images);
      return execute(given.args, { images: given.images, accumulate });
    }
    const tf = this.#tf;
    const made = [...images.values()].map((image, i) => {
      const elements = scaled.elements[i]!;
      const { shape } = image!.tensor;
      return elements instanceof Float32Array
        ? tf.tensor(elements, [...shape])
        : tf.reshape(elements, [...shape]);
    });
    const elements = new Map([...images].map(([key, image], i) => [key, { ...image!, tensor: made[i]! }]));
    const isFused = fusedNames.has(name);
    const given = withImages(isFused ? withoutSteps(args) : args, elements);
    try {
      const how = { images: given.images, accumulate: scaled.accumulate };
      const sums = tf.engine().makeTensorFromTensorInfo(execute(given.args, how) as TensorInfo);
      const result = tf.tidy(() => {
        const steps = isFused ? stepsAfterProduct(args) : [];
        return steps.reduce<Tensor>((tensor, { kernel, inputs, attrs }) => {
          const read = Object.entries(inputs(tensor)).map(([key, info]) => [key, this.tensorOf(info)]);
          return tf.engine().runKernel(kernel, Object.fromEntries(read), attrs as never) as Tensor;
        }, scaled.finish(sums));
      });
      sums.dispose();
      return result;
    } finally {
      for (const tensor of made) tensor.dispose();
    }
  }

  /** The elements of a product's images and their scaling; undefined: values are summed as they are. */
  #scaled(
    name: string,
    images: ReadonlyMap<string, Image | undefined>,
    accumulate: AccumulatorSpec,
  ): ScaledProduct | undefined {
    const [a, b] = [...images.values()];
    if (isInteger32(accumulate)) return this.#integers(name, images);
    const unit = unitOf(accumulate);
    if (unit === undefined || a?.grid === undefined || b?.grid === undefined) return undefined;
    const values = [a, b].map(({ tensor }) => tensor.dataSync() as Float32Array);
    const ready = unitOperands(unit, values as [Float32Array, Float32Array], [a.grid, b.grid]);
    if (ready === undefined) return undefined;
    const { elements, factor } = ready;
    return { elements, accumulate: ready.unit, finish: (sums) => this.#tf.mul(sums, factor) };
  }

  /** Sums of 8-bit integers and the like, which are exact: one rounding makes them binary32, another one scales them. */
  #integers(name: string, images: ReadonlyMap<string, Image | undefined>): ScaledProduct {
    const tf = this.#tf;
    const [a, b] = [...images].map(([key, image]) => {
      const grid = image?.grid;
      if (grid?.format.kind !== 'int')
        throw new ArgumentError(
          `${name}.${key}`,
          'values that are no integers times a scale',
          'what int32 sums: a quantiser of an integer format with one scale, without a transform and at full strength; or a weight that a grid of integers holds',
        );
      return { ...image!, grid };
    }) as [Image & { grid: Grid }, Image & { grid: Grid }];
    const elements = [a, b].map(
      ({ tensor, grid }) => grid.elements ?? integersOf(tensor.dataSync() as Float32Array, grid),
    ) as [Float32Array | Tensor, Float32Array | Tensor];
    const unit = a.grid.unit * b.grid.unit;
    const outputs = a.grid.outputs ?? b.grid.outputs;
    const areRows = a.grid.outputs !== undefined && (name === 'BatchMatMul' || name === '_FusedMatMul');
    const finish = (sums: Tensor): Tensor => {
      const held = tf.clipByValue(sums, -mostInteger, mostInteger);
      if (outputs === undefined) return tf.mul(held, Math.fround(unit));
      const factors = Float32Array.from(outputs, (one) => unit * one);
      const size = factors.length;
      const rows = areRows ? tf.reshape(held, [-1, size, held.shape.at(-1)!]) : tf.reshape(held, [-1, size]);
      return tf.reshape(tf.mul(rows, tf.tensor(factors, areRows ? [size, 1] : [size])), held.shape);
    };
    return { elements, accumulate: 'exact', finish };
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
    const before = known.get(name);
    if (before) disposeImage(before.image);
    const { tensor, isFlipped, grid } = image;
    known.set(name, { key, image: this.#reshaped(tensor, isFlipped, grid, tensor.shape) });
  }

  forget(dataId: DataId): void {
    const known = this.#images.get(dataId);
    if (known === undefined) return;
    this.#images.delete(dataId);
    for (const { image } of known.values()) disposeImage(image);
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
    const fitted = (tensor: Tensor, isFlipped: boolean, grid?: Grid): Image => {
      const flipped = isFlipped !== isSwapped;
      const image = this.#reshaped(tensor, flipped, grid, flipped ? swappedShape(info.shape) : info.shape);
      made.push(image.tensor, ...(image.grid?.elements ? [image.grid.elements] : []));
      return image;
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
    made.push(image.tensor, ...(image.grid?.elements ? [image.grid.elements] : []));
    return image;
  }

  #unflipped({ tensor, isFlipped }: Image, made: Tensor[]): Tensor {
    if (!isFlipped) return tensor;
    const tf = this.#tf;
    const stored = tf.keep(tf.tidy(() => swapLast(tf, tensor)));
    made.push(stored);
    return stored;
  }

  /**
   * A result through its slot.
   * @param rowsOf the operand of the kernel whose rows are the result's; undefined: rows are what lies along the last axis
   */
  output(
    result: KernelResult,
    output: SlotOutput | null,
    kernel: string,
    { attrs }: KernelArguments,
    rowsOf?: string,
  ): KernelResult {
    if (output === null || Array.isArray(result)) return result;
    const tf = this.#tf;
    const tensor = tf.engine().makeTensorFromTensorInfo(result);
    const rounded = tf.tidy(() => {
      const { toMatrix, fromMatrix } = resultView(tf, kernel, rowsOf, result.shape, attrs);
      return tf.reshape(fromMatrix(output(toMatrix(tensor))), [...result.shape]);
    });
    tensor.dispose();
    return rounded;
  }
}
