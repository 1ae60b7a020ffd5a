/** NVFP4 training (arXiv 2509.25149; four over six: 2512.02010) by scalars, as docs/recipes/nvfp4.md says it is done here. */
import type { Call, RecipeOracle } from './net.ts';
import {
  drawsOf,
  e2m1,
  e4m3,
  f,
  largest32,
  type Matrix,
  magnitude,
  mapped,
  nearest,
  product,
  signsOf,
  stochastic,
  transposed,
  turned,
} from './numbers.ts';
import { bfloat16 } from './quantizers.ts';

export const publishedSigns = [1, 1, 1, -1, 1, -1, -1, -1, -1, -1, -1, 1, -1, 1, -1, -1];

/** Values, and the codes and scales that they come from. */
export interface TwoLevels {
  readonly values: number[][];
  readonly elements: number[][];
  /** One for each block of a row, tiles' repeated. */
  readonly scales: number[][];
}

/** Which of two scales of a block is the better one. */
export interface FourOverSix {
  readonly error: 'mae' | 'mse';
  readonly scaleMax: number;
}

export interface Levels {
  /** Tiles of 16 x 16 instead of blocks of 16 along the rows. */
  readonly isTiled?: boolean;
  /** A second scale of each row. */
  readonly isRowScaled?: boolean;
  readonly fourOverSix?: FourOverSix | undefined;
  readonly round?: (x: number, index: number) => number;
}

const toNearest = (x: number): number => nearest(e2m1, x);

/** By what elements of a block are multiplied. */
const multiplierOf = (scale: number, encode: number): number =>
  Math.min(f(1 / f(scale * f(1 / encode))), largest32);

/** Sums of rows in halves, row i and row i + n / 2 first; what is missing of a tile adds nothing. */
function inHalves(sums: readonly number[]): number {
  if (sums.length === 1) return sums[0]!;
  const half = sums.length / 2;
  return inHalves(sums.slice(0, half).map((sum, i) => f(sum + sums[half + i]!)));
}

/** The scale of a block with its maximum at 4 where that has the smaller error, else at 6. */
function betterScale(
  block: Matrix,
  { amax, encode, height }: { readonly amax: number; readonly encode: number; readonly height: number },
  { error, scaleMax }: FourOverSix,
): number {
  const base = f(f(magnitude(block.flat()) / 6) * encode);
  const errorOf = (scale: number): number => {
    const multiplier = multiplierOf(scale, encode);
    const sums = block.map((row) =>
      row.reduce((sum, x) => {
        const value = f(f(f(toNearest(f(x * multiplier)) * scale) * amax) / (6 * scaleMax));
        const difference = f(value - x);
        return f(sum + (error === 'mse' ? f(difference * difference) : Math.abs(difference)));
      }, 0),
    );
    return inHalves([...sums, ...new Array<number>(height - sums.length).fill(0)]);
  };
  const [six, four] = [base, f(1.5 * base)].map((scale) => nearest(e4m3, Math.min(448, scale))) as [
    number,
    number,
  ];
  return errorOf(four) < errorOf(six) ? four : six;
}

/** A matrix in blocks of 16 along its rows, or in tiles of 16 x 16. */
export function twoLevels(m: Matrix, options: Levels): TwoLevels {
  const { isTiled = false, isRowScaled = false, fourOverSix, round = toNearest } = options;
  const { scaleMax = 448 } = fourOverSix ?? {};
  const [all, width] = [magnitude(m.flat()), m[0]!.length];
  const amaxOf = (r: number): number => (isRowScaled ? magnitude(m[r]!) : all);
  const encodeOf = (r: number): number =>
    amaxOf(r) === 0 ? 1 : Math.min(f(f(scaleMax * 6) / amaxOf(r)), largest32);
  const blockOf = (r: number, c: number): number[][] => {
    const [top, left] = [isTiled ? r - (r % 16) : r, c - (c % 16)];
    return m.slice(top, isTiled ? top + 16 : top + 1).map((row) => row.slice(left, left + 16));
  };
  const scaleOf = (r: number, c: number): number => {
    const [block, encode] = [blockOf(r, c), encodeOf(r)];
    if (fourOverSix !== undefined)
      return betterScale(block, { amax: amaxOf(r), encode, height: isTiled ? 16 : 1 }, fourOverSix);
    return nearest(e4m3, Math.min(448, f(magnitude(block.flat()) * f(encode * f(1 / 6)))));
  };
  const scales = m.map((_, r) => Array.from({ length: Math.ceil(width / 16) }, (_, b) => scaleOf(r, 16 * b)));
  const scaleAt = (r: number, c: number): number => scales[r]![Math.floor(c / 16)]!;
  const elements = mapped(m, (x, r, c) =>
    round(f(x * multiplierOf(scaleAt(r, c), encodeOf(r))) + 0, r * width + c),
  );
  const values = mapped(elements, (element, r, c) => f(element * scaleAt(r, c) * f(1 / encodeOf(r))));
  return { values, elements, scales };
}

/** Options of the recipe, with its names. */
export interface Nvfp4Variant {
  readonly hadamard?: 'fixed' | 'step' | 'none';
  readonly rounding?: 'stochastic' | 'nearest-even';
  readonly weights?: 'tile' | 'block';
  readonly rowScaled?: boolean;
  readonly fourOverSix?: FourOverSix & { readonly of: 'weights' | 'activations' | 'all' };
}

export function nvfp4(variant: Nvfp4Variant = {}): RecipeOracle {
  const { hadamard = 'fixed', rounding = 'stochastic', weights = 'tile', fourOverSix, rowScaled } = variant;
  const tried = (of: 'weights' | 'activations' | 'gradients'): Pick<Levels, 'fourOverSix'> =>
    fourOverSix?.of === 'all' || fourOverSix?.of === of ? { fourOverSix } : {};
  const weightsOf = (w: Matrix): number[][] =>
    twoLevels(w, { isTiled: weights === 'tile', ...tried('weights') }).values;
  const gradientsOf = ({ seed, step, layer }: Call, of: string, g: Matrix): number[][] => {
    const draw = drawsOf({ seed, step, layer, product: of, operand: 'g' });
    const drawn = (x: number, index: number): number => stochastic(e2m1, x, draw(index));
    return twoLevels(g, {
      round: rounding === 'stochastic' ? drawn : toNearest,
      ...tried('gradients'),
    }).values;
  };
  return {
    forward: ({ x, w }) => ({
      x: twoLevels(x, { isRowScaled: rowScaled === true, ...tried('activations') }).values,
      w: weightsOf(w),
    }),
    inputGradient: (call, { w }, g) => {
      const read = weights === 'tile' ? transposed(w) : weightsOf(transposed(call.w));
      return product(gradientsOf(call, 'inputGradient', g), read);
    },
    weightGradient(call, _images, g) {
      const signs =
        hadamard === 'step'
          ? signsOf({ ...call, product: 'weightGradient', operand: '' }, 16)
          : publishedSigns;
      const rotated = (m: Matrix): Matrix => (hadamard === 'none' ? m : turned(m, 16, signs));
      const x = twoLevels(rotated(transposed(call.x)), tried('activations')).values;
      return product(gradientsOf(call, 'weightGradient', rotated(transposed(g))), x);
    },
  };
}

const inBfloat16 = (m: Matrix): number[][] => mapped(m, bfloat16);

/** Operands in bfloat16, as of exempt blocks and at the end of training. */
export const brief: RecipeOracle = {
  forward: ({ x, w }) => ({ x: inBfloat16(x), w: inBfloat16(w) }),
  inputGradient: (_, { w }, g) => product(inBfloat16(g), transposed(w)),
  weightGradient: (_, { x }, g) => product(transposed(inBfloat16(g)), transposed(x)),
};

/** Forward operands in bfloat16; the backward products have their own in four bits. */
export const briefForward: RecipeOracle = {
  ...nvfp4(),
  forward: brief.forward,
  inputGradient: (call, _, g) => {
    const w = twoLevels(transposed(call.w), { isTiled: true }).values;
    return nvfp4().inputGradient(call, { x: call.x, w: transposed(w) }, g);
  },
};
