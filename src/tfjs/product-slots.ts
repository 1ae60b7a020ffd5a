/**
 * What the operands and results of a product can be put through, product by product: the interface between the machinery
 * that watches TensorFlow.js' products (product-calls.ts) and whoever decides what they read. Types only.
 */
import type { Tensor, Variable } from '@tensorflow/tfjs';
import type { AccumulatorSpec } from './accumulator.ts';
import type { KernelArguments } from './internals.ts';
import type { EmulationLog } from './log.ts';
import type { SavedProvider } from './saved-tensors.ts';
import type { Grid } from './unit-operands.ts';

/** One operand of one product, ready to be applied. */
export interface SlotOperand {
  /** The slot and whatever else the image depends on beside the tensor: images of weights are kept under it. */
  readonly key: string;
  /** Whether groups are blocks along the axis that is summed over. */
  readonly blocks: boolean;
  /** Whether it reads the matrix of each tap of a filter, outputs by inputs. Default: no. */
  readonly byTap?: boolean;
  /** Whether the quantiser names its own axis and sees the operand as it is stored. */
  readonly stored: boolean;
  /** What it reads: the operand (default), or the image that the forward product read. */
  readonly of: 'operand' | 'image';
  /** A norm without parameters of each row before everything else. */
  readonly norm: 'rms' | 'layer' | undefined;
  /** The image of a matrix, of its shape; a new tensor. Called inside `tf.tidy`. */
  image(matrix: Tensor): Tensor;
  /** What the values of that image are, if all are elements times units: for matrix units and sums of integers. Called after `image`. */
  grid(matrix: Tensor): Grid | undefined;
  /** Whether the image stays transformed along the matrix's rows, as its partner's does. */
  readonly stays: boolean;
  /**
   * The gradient with respect to the matrix, from the one with respect to its image or, where the image stays transformed
   * and `isTurned` is false, to what the image would be if it were turned back. Absent: the same. Called inside `tf.tidy`.
   */
  readonly pullback: ((matrix: Tensor, gradient: Tensor, isTurned: boolean) => Tensor) | undefined;
}

/** What is done to a result: a matrix of rows along its last axis. Called inside `tf.tidy`. */
export type SlotOutput = (result: Tensor) => Tensor;

/** What one of the three products of a layer reads and how it sums. Null: as it is, binary32 in order. */
interface ForwardSlots {
  readonly x: SlotOperand | null;
  readonly w: SlotOperand | null;
  readonly y: SlotOutput | null;
  readonly accumulate: AccumulatorSpec | null;
}

interface InputGradientSlots {
  readonly g: SlotOperand | null;
  readonly w: SlotOperand | 'same' | null;
  readonly dx: SlotOutput | null;
  readonly accumulate: AccumulatorSpec | null;
}

interface WeightGradientSlots {
  readonly g: SlotOperand | null;
  readonly x: SlotOperand | 'same' | null;
  readonly dw: SlotOutput | null;
  readonly accumulate: AccumulatorSpec | null;
}

/**
 * The slots of one call of a layer: y = x w, dx = g w, dw = g x. Of a product without a parameter x and w are its first
 * and second operand.
 */
export interface ProductSlots {
  readonly forward: ForwardSlots;
  readonly inputGradient: InputGradientSlots;
  readonly weightGradient: WeightGradientSlots;
}

/** A forward product that is about to be computed. */
export interface ProductIdentity {
  readonly kernel: string;
  readonly attrs: KernelArguments['attrs'];
  /** The trained variable among its operands, or the variable that one is a view of; undefined: it has none. */
  readonly parameter: Variable | undefined;
  /** The names of its operands in the kernel: x and w as in {@link ProductSlots}. */
  readonly names: { readonly x: string; readonly w: string };
  /** The shape of w, and whether it is the parameter with its last two axes swapped. */
  readonly weight: { readonly shape: readonly number[]; readonly isSwap: boolean };
  /** Layers and named scopes around it, the outermost first. */
  readonly path: readonly string[];
  /** Whether a gradient will be taken through it. */
  readonly isTaped: boolean;
  /** The log of the policy in force. */
  readonly log: EmulationLog | undefined;
}

/** Whoever decides what products read, and how what is kept of operations is held. */
export interface SlotProvider extends SavedProvider {
  /** The variables that make a product one of a layer. */
  readonly variables: Iterable<Variable>;
  /** The slots of a call that is about to run; null: nothing is done to it. */
  slotsOf(product: ProductIdentity): ProductSlots | null;
  /** An outermost gradient is about to be taken. */
  gradientBegins(): void;
}
