/**
 * `Einsum` of one or two tensors by a batched matrix product: letters in both operands and the result are the batch, letters
 * in both operands only are summed over, in the order in which the first operand has them; letters of one operand only that
 * the result lacks are summed first, in binary32, in order. Also its gradient, which TensorFlow.js does not have.
 */

import type { Tensor } from '@tensorflow/tfjs';
import { checkDistinct, checkLength } from '../check.ts';
import { ArgumentError } from '../errors.ts';
import { sizeOf } from '../shape.ts';
import type { KernelArguments, TensorFlow, TensorInfo } from './internals.ts';
import type { Place, Workspace } from './workspace.ts';

interface Equation {
  readonly operands: readonly string[];
  readonly result: string;
}

/**
 * The letters of `'bij,bjk->bik'`; without an arrow, the result has the letters that occur once, in alphabetical order. Refuses
 * what TensorFlow.js refuses, in its words, and letters that the shapes do not fit.
 */
function readEquation(
  tf: TensorFlow,
  equation: string,
  tensors: readonly { readonly shape: readonly number[] }[],
): Equation {
  const [left = '', right] = equation.replace(/\s/g, '').split('->');
  const once = [...new Set(left.replaceAll(',', ''))].filter((letter) => left.split(letter).length === 2);
  const whole = right === undefined ? `${left}->${once.sort().join('')}` : equation;
  try {
    const { allDims, idDims } = tf.backend_util.decodeEinsumEquation(whole, tensors.length);
    tf.backend_util.checkEinsumDimSizes(allDims.length, idDims, tensors as Tensor[]);
  } catch (error) {
    throw new ArgumentError('equation', equation, `what TensorFlow.js does (${(error as Error).message})`);
  }
  const operands = left.split(',');
  operands.forEach((letters, i) => {
    const { shape } = tensors[i]!;
    checkLength(
      'equation',
      letters,
      shape.length,
      `a letter for each dimension of the shape [${shape}]`,
      equation,
    );
  });
  const result = right ?? once.join('');
  checkDistinct('equation', [...result], 'distinct letters in the result', equation);
  return { operands, result };
}

/** Copies `from`, whose dimensions are named by `letters`, so that they lie in the order of `order`; others are summed. */
function arrange(
  from: Float32Array,
  to: Float32Array,
  letters: string,
  order: string,
  lengths: ReadonlyMap<string, number>,
): void {
  const strides = new Map<string, number>();
  let stride = 1;
  for (const letter of [...letters].reverse()) {
    strides.set(letter, stride);
    stride *= lengths.get(letter)!;
  }
  const summed = [...letters].filter((letter) => !order.includes(letter));
  const offsetsOf = (names: readonly string[]): Int32Array => {
    let offsets = Int32Array.of(0);
    for (const name of names) {
      const length = lengths.get(name)!;
      const next = new Int32Array(offsets.length * length);
      for (let i = 0; i < next.length; i++)
        next[i] = offsets[Math.floor(i / length)]! + (i % length) * strides.get(name)!;
      offsets = next;
    }
    return offsets;
  };
  const kept = offsetsOf([...order]);
  const added = offsetsOf(summed);
  if (summed.length === 0) for (let i = 0; i < kept.length; i++) to[i] = from[kept[i]!]!;
  else
    for (let i = 0; i < kept.length; i++) {
      let sum = 0;
      for (let j = 0; j < added.length; j++) sum = Math.fround(sum + from[kept[i]! + added[j]!]!);
      to[i] = sum;
    }
}

/** The axes of a product: those of both operands and the result, of one of them and it, of both and not of it. */
function axesOf(a: string, b: string, result: string) {
  const pick = (letters: string, inA: boolean, inB: boolean, inResult: boolean): string =>
    [...letters]
      .filter((x) => a.includes(x) === inA && b.includes(x) === inB && result.includes(x) === inResult)
      .join('');
  return {
    batch: pick(result, true, true, true),
    rows: pick(result, true, false, true),
    columns: pick(result, false, true, true),
    summed: pick(a, true, true, false),
  };
}

/** The kernel. */
export function einsum(tf: TensorFlow, args: KernelArguments, space: Workspace): TensorInfo {
  const infos = Object.values(args.inputs) as TensorInfo[];
  const { operands, result } = readEquation(tf, args.attrs?.['equation'] as string, infos);
  const lengths = new Map<string, number>();
  operands.forEach((letters, i) => {
    [...letters].forEach((letter, axis) => {
      lengths.set(letter, infos[i]!.shape[axis]!);
    });
  });
  const lengthOf = (letters: string): number => sizeOf([...letters].map((letter) => lengths.get(letter)!));
  const out = space.result([...result].map((letter) => lengths.get(letter)!));
  const held: Place[] = [];
  const arranged = (from: Place, letters: string, order: string): Place => {
    if (letters === order) return from;
    const to = space.scratch(lengthOf(order));
    held.push(to);
    arrange(space.view(from, lengthOf(letters)), space.view(to, lengthOf(order)), letters, order, lengths);
    return to;
  };
  /** The result of numbers that lie in an order of their own. */
  const finish = (from: Place, order: string): TensorInfo => {
    const [source, target] = [space.view(from, lengthOf(order)), space.view(out.place, lengthOf(result))];
    if (from !== out.place) arrange(source, target, order, result, lengths);
    for (const place of held) space.free(place);
    return out.finish();
  };
  const [a = '', b] = operands;
  if (b === undefined) return finish(space.operand(infos[0]!), a);
  const { batch, rows, columns, summed } = axesOf(a, b, result);
  const left = arranged(space.operand(infos[0]!), a, batch + rows + summed);
  // As it lies, if it lies transposed.
  const transposeB = b === batch + columns + summed;
  const right = transposeB
    ? space.operand(infos[1]!)
    : arranged(space.operand(infos[1]!), b, batch + summed + columns);
  const order = batch + rows + columns;
  const product = order === result ? out.place : space.scratch(lengthOf(order));
  if (lengthOf(order) > 0)
    space.multiply(left, right, product, {
      m: lengthOf(rows),
      n: lengthOf(columns),
      k: lengthOf(summed),
      transposeB,
      batch: lengthOf(batch),
    });
  if (order !== result) held.push(product);
  return finish(product, order);
}

/** The gradients with respect to the operands. */
export function einsumGradient(
  tf: TensorFlow,
  dy: Tensor,
  saved: readonly Tensor[],
  equation: string,
): Record<number, () => Tensor> {
  const { operands, result } = readEquation(tf, equation, saved);
  const gradient = (i: number) => (): Tensor => {
    const letters = operands[i]!;
    const [other] = operands.filter((_, j) => j !== i);
    // Letters that were summed out of this operand alone: the gradient is the same along them.
    const kept = [...letters].filter((letter) => result.includes(letter) || other?.includes(letter)).join('');
    const inner =
      other === undefined
        ? tf.einsum(`${result}->${kept}`, dy)
        : tf.einsum(`${result},${other}->${kept}`, dy, saved[1 - i]!);
    if (kept === letters) return inner;
    const { shape } = saved[i]!;
    const wide = inner.reshape(
      [...letters].map((letter, axis) => (kept.includes(letter) ? shape[axis]! : 1)),
    );
    return tf.broadcastTo(wide, shape);
  };
  return Object.fromEntries(operands.map((_, i) => [i, gradient(i)]));
}
