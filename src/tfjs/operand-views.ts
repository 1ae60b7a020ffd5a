/**
 * How a product's operand looks to a quantiser: a matrix whose rows run along the axis that the product sums over, so that
 * blocks and rows mean the same in every kernel, whichever way an operand is stored. Shapes and moves only.
 *
 * A convolution sums over taps and channels: its filter is (outputs, taps x channels), or (outputs, taps, channels) for
 * quantisers in blocks, which then lie along input channels; what it reads is (positions, channels). The gradient of a
 * filter sums over positions: both operands are (channels, positions). A depthwise convolution sums over taps alone:
 * its filter is (channels, taps).
 */
import type { Tensor } from '@tensorflow/tfjs';
import { sizeOf } from '../shape.ts';
import type { KernelArguments, TensorFlow } from './internals.ts';

/** Ways of an operand to the quantiser's matrix and back. */
export interface OperandView {
  toMatrix(x: Tensor): Tensor;
  /** Back to the layout that the kernel reads, or, where `flips`, to that layout with its last two axes swapped. */
  fromMatrix(matrix: Tensor): Tensor;
  /** Whether the kernel takes the operand with its last two axes swapped, which a flag of the kernel says. */
  readonly flips: boolean;
}

const asStored: OperandView = { toMatrix: (x) => x, fromMatrix: (x) => x, flips: false };

/** The last two axes swapped. */
function swapped(tf: TensorFlow, x: Tensor): Tensor {
  const axes = x.shape.map((_, i) => i);
  const last = axes.length - 1;
  return tf.transpose(x, [...axes.slice(0, -2), last, last - 1]);
}

/** Axes `rows` in front, the others behind, as a matrix; or with every axis kept, where `whole`. */
function permuted(
  tf: TensorFlow,
  shape: readonly number[],
  order: readonly number[],
  rows: number,
  whole: boolean,
): OperandView {
  const moved = order.map((axis) => shape[axis]!);
  const isMoved = order.some((axis, i) => axis !== i);
  const back = order.map((_, axis) => order.indexOf(axis));
  const matrix = [sizeOf(moved.slice(0, rows)), sizeOf(moved.slice(rows))];
  return {
    toMatrix: (x) => {
      const turned = isMoved ? tf.transpose(x, [...order]) : x;
      return whole ? turned : tf.reshape(turned, matrix);
    },
    fromMatrix: (m) => {
      const turned = whole ? m : tf.reshape(m, moved);
      return isMoved ? tf.transpose(turned, back) : turned;
    },
    flips: false,
  };
}

/** The operands of a kernel by what they are: the order of axes with the summed ones last, and how many are rows. */
function convolutionOrder(name: string, operand: string, rank: number): { order: number[]; rows: number } {
  const axes = Array.from({ length: rank }, (_, i) => i);
  const channels = rank - 1;
  const positions = axes.slice(0, -1);
  if (operand !== 'filter') {
    // The gradient of a filter sums over positions, everything else over the channels of what is no filter.
    if (name.includes('BackpropFilter')) return { order: [channels, ...positions], rows: 1 };
    return { order: axes, rows: channels };
  }
  const taps = axes.slice(0, -2);
  if (name.includes('Depthwise')) return { order: [rank - 2, rank - 1, ...taps], rows: 2 };
  if (name.includes('BackpropInput')) return { order: axes, rows: rank - 1 };
  return { order: [rank - 1, ...taps, rank - 2], rows: 1 };
}

/** The labels of both operands and of the result. */
function labelsOf(equation: string): { operands: [string, string]; result: string } {
  const [inputs, result = ''] = equation.replace(/\s/g, '').split('->') as [string, string?];
  return { operands: inputs.split(',') as [string, string], result };
}

/** Labels of an equation of two operands: those that are summed over are in both, and lie as the first has them. */
function einsumOrder(equation: string, index: number): { order: number[]; rows: number } {
  const { operands, result } = labelsOf(equation);
  const [first, second] = operands;
  const labels = operands[index]!;
  const summed = [...first].filter((label) => second.includes(label) && !result.includes(label));
  const rows = [...labels].flatMap((label, i) => (summed.includes(label) ? [] : [i]));
  return { order: [...rows, ...summed.map((label) => labels.indexOf(label))], rows: rows.length };
}

/**
 * The view of a product's result whose rows are those of an operand, in the order in which it has them.
 * @param operand its name, as in {@link operandView}; undefined: rows are what lies along the last axis
 */
export function resultView(
  tf: TensorFlow,
  name: string,
  operand: string | undefined,
  shape: readonly number[],
  attrs: KernelArguments['attrs'],
): OperandView {
  const axes = shape.map((_, i) => i);
  const last = shape.length - 1;
  if (name === 'Einsum' && operand !== undefined) {
    const { operands, result } = labelsOf(String(attrs?.['equation']));
    const own = [...operands[Number(operand)]!].flatMap((label) => {
      const axis = result.indexOf(label);
      return axis < 0 ? [] : [axis];
    });
    const others = axes.filter((axis) => !own.includes(axis));
    return permuted(tf, shape, [...own, ...others], own.length, false);
  }
  const isSecond = (name === 'BatchMatMul' || name === '_FusedMatMul') && operand === 'b';
  return permuted(tf, shape, isSecond ? [...axes.slice(0, -2), last, last - 1] : axes, last, false);
}

/**
 * The view of an operand of a product's kernel.
 * @param operand its name: `a`, `b`, `x`, `filter`, `dy`, or an index for `Einsum`
 * @param blocks whether the quantiser's groups are blocks, which must not run from one tap of a filter into the next
 * @param byTap whether the quantiser sees the matrix of each tap of a filter
 * @param flips whether the kernel may take the operand with its last two axes swapped
 * @param stored whether the quantiser names an axis of its own, and so sees the operand as it is stored
 */
export function operandView(
  tf: TensorFlow,
  name: string,
  operand: string,
  shape: readonly number[],
  attrs: KernelArguments['attrs'],
  {
    blocks,
    byTap = false,
    stored,
    flips,
  }: {
    readonly blocks: boolean;
    readonly byTap?: boolean;
    readonly stored: boolean;
    readonly flips: boolean;
  },
): OperandView {
  if (stored) return asStored;
  if (name === 'BatchMatMul' || name === '_FusedMatMul') {
    const isTransposed = attrs?.[operand === 'a' ? 'transposeA' : 'transposeB'] === true;
    if ((operand === 'a') !== isTransposed) return asStored;
    return { toMatrix: (x) => swapped(tf, x), fromMatrix: (x) => (flips ? x : swapped(tf, x)), flips };
  }
  if (byTap && operand === 'filter') {
    const axes = shape.map((_, i) => i);
    // Of a transposed convolution outputs lie before inputs.
    const sides = name.includes('BackpropInput') ? axes.slice(-2) : axes.slice(-2).reverse();
    return permuted(tf, shape, [...axes.slice(0, -2), ...sides], 0, true);
  }
  const { order, rows } =
    name === 'Einsum'
      ? einsumOrder(String(attrs?.['equation']), Number(operand))
      : convolutionOrder(name, operand, shape.length);
  const isWhole = blocks && operand === 'filter' && !name.includes('Backprop') && !name.includes('Depthwise');
  return permuted(tf, shape, order, rows, isWhole);
}
