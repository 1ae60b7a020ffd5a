/**
 * What a transform is: a map applied to a tensor before it is quantised, and its inverse, applied after. The transforms
 * themselves have a file each; how quantisers apply them is their matter.
 */
import { isRealArray, kindOf, type RealArray, realArray } from '../../array-kinds.ts';
import { checkFields, checkFunction, integerInRange } from '../../check.ts';
import { ArgumentError } from '../../errors.ts';
import { checkThreads } from '../../kernels/threads.ts';
import { integerOf64Bits } from '../../rounding/options.ts';
import { axisOption, checkShape } from '../grouping.ts';

export { newLike } from '../../array-kinds.ts';

/** What `forward` found out about x and `inverse` needs: plain data, stored beside the codes. */
export type Residue =
  | { readonly kind: 'none' }
  /** Numbers of each group (exponents, factors), `perGroup` of them in turn. */
  | { readonly kind: 'statistics'; readonly perGroup: number; readonly values: Float32Array }
  /** Elements of x kept as they are, apart from the rest, which has 0 in their places: indices, ascending, and values. */
  | { readonly kind: 'sparse'; readonly indices: Uint32Array; readonly values: RealArray }
  /** The same for elements beyond two bounds, where the rest has `low` or `high`. */
  | {
      readonly kind: 'clamped';
      readonly indices: Uint32Array;
      readonly values: RealArray;
      readonly low: number;
      readonly high: number;
    }
  /** Powers of two, one a channel: the channel was multiplied by 2^shift. */
  | { readonly kind: 'shifts'; readonly shifts: Uint8Array }
  /** Those of composed transforms, in the order of application. */
  | { readonly kind: 'composed'; readonly parts: readonly Residue[] };

/** The residue of transforms that keep nothing. */
export const noResidue: Residue = Object.freeze({ kind: 'none' });

/** Whether a value is a residue of some kind, whole. */
function isResidue(given: Residue | null | undefined): given is Residue {
  switch (given?.kind) {
    case 'none':
      return true;
    case 'statistics':
      return kindOf(given.values) === 'Float32Array' && Number.isSafeInteger(given.perGroup);
    case 'sparse':
    case 'clamped':
      return kindOf(given.indices) === 'Uint32Array' && isRealArray(given.values);
    case 'shifts':
      return kindOf(given.shifts) === 'Uint8Array';
    case 'composed':
      return Array.isArray(given.parts) && given.parts.every(isResidue);
    default:
      return false;
  }
}

/** Throws ArgumentError for what no transform gave. */
export function checkResidue(residue: Residue): Residue {
  if (!isResidue(residue)) throw new ArgumentError('residue', residue, 'the residue that forward gave');
  return residue;
}

/** Bytes that storing the residue takes, exact. Throws ArgumentError for what is no residue. */
export function residueBytes(residue: Residue): number {
  checkResidue(residue);
  switch (residue.kind) {
    case 'none':
      return 0;
    case 'statistics':
      return residue.values.byteLength;
    case 'sparse':
      return residue.indices.byteLength + residue.values.byteLength;
    case 'clamped':
      return residue.indices.byteLength + residue.values.byteLength + 2 * residue.values.BYTES_PER_ELEMENT;
    case 'shifts':
      return residue.shifts.byteLength;
    case 'composed':
      return residue.parts.reduce((sum, part) => sum + residueBytes(part), 0);
  }
}

/** What a call may say beyond the options: the axis of the contraction, and where random bits come from. */
export interface TransformContext {
  /** Axis that a product will sum over; transforms that name no axis work along it. Default: the last. */
  readonly axis?: number;
  /** Take the place of the options of the same name, for transforms that draw a random number an element. */
  readonly seed?: number | bigint;
  readonly stream?: number | bigint;
  readonly offset?: number;
  /** Which of several drawing transforms of a composition this is, from 0: each has numbers of its own. `compose` says it. */
  readonly part?: number;
  /**
   * Threads that share the work, this one included: 1 to 64. Default 1. The bits do not depend on it. Rotations of blocks of up to 1024
   * elements have use for more than one, where the tensor is large enough. In a browser, `await startThreads(n)` first.
   */
  readonly threads?: number;
}

/** The outcome of `forward`. */
export interface Transformed<A extends RealArray> {
  /** As many as x has, a new array: what is to be quantised. */
  readonly values: A;
  readonly residue: Residue;
}

/**
 * What becomes of a product x y whose operands are replaced by their transforms, unquantised.
 *
 * - `cancels`: nothing, if both operands have the same transform along the axis that is summed over.
 * - `scales`: it is multiplied by known factors, which dividing the product's rows, columns or all of it takes away.
 * - `adds`: x is the transformed values plus the sparse residue, so a product with the residue is added.
 * - `never`: the values must be transformed back first.
 */
export type InProduct = 'cancels' | 'scales' | 'adds' | 'never';

/** Derivative of the quantiser between forward and inverse: from the gradient of its result to that of its argument. */
export type InnerPullback<A extends RealArray> = (gradient: A) => A;

/**
 * A forward/inverse pair. Immutable; its options are plain data, from which `transform` makes it again. Arithmetic is
 * in the precision of the array: each operation on a Float32Array is rounded to binary32, unless a transform says otherwise.
 */
export interface Transform {
  readonly name: string;
  readonly inProduct: InProduct;
  /** How many of its parts draw a random number an element. Default 0. */
  readonly draws?: number;
  /**
   * Transforms x, which stays as it is.
   *
   * @param shape Row-major shape of x.
   * @throws ArgumentError if the shape does not fit x or the transform does not fit the shape.
   */
  forward<A extends RealArray>(x: A, shape: readonly number[], context?: TransformContext): Transformed<A>;
  /**
   * Transforms values back; they stay as they are. `residue` and `context` are those of `forward`.
   *
   * @throws ArgumentError for a residue of another transform or shape.
   */
  inverse<A extends RealArray>(
    values: A,
    shape: readonly number[],
    residue: Residue,
    context?: TransformContext,
  ): A;
  /**
   * The gradient with respect to x of a loss through inverse(quantise(forward(x))), from the gradient with respect to the result.
   * Rotations turn the gradient, apply `inner` and turn it back. Elementwise transforms apply `inner` alone: their own
   * derivatives, there and back, are taken to cancel, as straight-through estimation has it. Elements kept exact in a sparse
   * residue get the gradient unchanged.
   */
  pullback<A extends RealArray>(
    gradient: A,
    shape: readonly number[],
    residue: Residue,
    inner: InnerPullback<A>,
    context?: TransformContext,
  ): A;
  /**
   * The gradient with respect to x of a loss through forward(x).values alone, the residue held fast: the derivative of each element's
   * map, the transposed rotation, nothing where elements are set aside or clamped. Elements that are 0 get nothing where their
   * derivative is 0 or infinite.
   */
  forwardGradient<A extends RealArray>(
    gradient: A,
    x: RealArray,
    shape: readonly number[],
    residue: Residue,
    context?: TransformContext,
  ): A;
  /** The gradient with respect to `values` of a loss through inverse(values), likewise. */
  inverseGradient<A extends RealArray>(
    gradient: A,
    values: RealArray,
    shape: readonly number[],
    residue: Residue,
    context?: TransformContext,
  ): A;
  /** Plain data; `transform(data)` gives the same transform. */
  toJSON(): TransformData;
}

const contextNames: readonly (keyof TransformContext)[] = [
  ...(['axis', 'seed', 'stream', 'offset', 'part', 'threads'] as const),
];

/** Throws ArgumentError for what is no transform. */
export function checkTransform(path: string, given: Transform): void {
  if (typeof given?.forward !== 'function' || typeof given.inverse !== 'function')
    throw new ArgumentError(path, given, 'a transform');
}

/** Reads an array that a transform is called with, and checks what comes with it. Throws ArgumentError. */
export function checkedArray<A extends RealArray>(
  path: string,
  given: A,
  shape: readonly number[],
  context: TransformContext | undefined,
): A {
  const x = realArray(path, given) as A;
  checkShape(shape, x.length);
  const { axis, part, seed, stream, offset, threads } = checkFields('', context, contextNames, 'context');
  axisOption(axis);
  integerInRange('part', part, 0, 2 ** 32 - 1, 0);
  integerOf64Bits('seed', seed);
  integerOf64Bits('stream', stream);
  integerInRange('offset', offset, 0, Number.MAX_SAFE_INTEGER, 0);
  if (threads !== undefined) checkThreads(threads);
  return x;
}

/** A transform as its users have it: frozen, and what its methods are called with is checked before. */
export function checkedTransform<T extends Transform>(transform: T): T {
  return Object.freeze({
    ...transform,
    forward: (x, shape, context) => transform.forward(checkedArray('x', x, shape, context), shape, context),
    inverse: (values, shape, residue, context) => {
      const x = checkedArray('values', values, shape, context);
      return transform.inverse(x, shape, checkResidue(residue), context);
    },
    pullback: (gradient, shape, residue, inner, context) => {
      const g = checkedArray('gradient', gradient, shape, context);
      checkFunction('inner', inner);
      return transform.pullback(g, shape, checkResidue(residue), inner, context);
    },
    forwardGradient: (gradient, x, shape, residue, context) => {
      const g = checkedArray('gradient', gradient, shape, context);
      const given = checkedArray('x', x, shape, context);
      return transform.forwardGradient(g, given, shape, checkResidue(residue), context);
    },
    inverseGradient: (gradient, values, shape, residue, context) => {
      const g = checkedArray('gradient', gradient, shape, context);
      const given = checkedArray('values', values, shape, context);
      return transform.inverseGradient(g, given, shape, checkResidue(residue), context);
    },
  } satisfies Transform as T);
}

/** Options with the transform's name: what `transform` takes and JSON holds. */
export interface TransformData {
  readonly name: string;
  readonly [option: string]: unknown;
}

/** The residue as the kind that a transform makes. Throws ArgumentError for any other. */
export function residueOf<K extends Residue['kind']>(
  residue: Residue,
  kind: K,
): Extract<Residue, { readonly kind: K }> {
  if (residue.kind !== kind)
    throw new ArgumentError('residue', residue, `the ${kind} that forward gave of this tensor`);
  return residue as Extract<Residue, { readonly kind: K }>;
}
