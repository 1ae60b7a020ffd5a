/** NVFP4 training (arXiv 2509.25149) by scalars, as docs/recipes/nvfp4.md says it is done here. */
import type { Call, RecipeOracle } from './net.ts';
import {
  drawsOf,
  e2m1,
  e4m3,
  f,
  largest32,
  type Matrix,
  magnitude,
  nearest,
  product,
  stochastic,
  transposed,
  turned,
} from './numbers.ts';

const publishedSigns = [1, 1, 1, -1, 1, -1, -1, -1, -1, -1, -1, 1, -1, 1, -1, -1];

/** Values, and the codes and scales that they come from. */
export interface TwoLevels {
  readonly values: number[][];
  readonly elements: number[][];
  /** One for each block of a row, tiles' repeated. */
  readonly scales: number[][];
}

/** A matrix in blocks of 16 along its rows, or in tiles of 16 x 16. */
export function twoLevels(
  m: Matrix,
  isTiled: boolean,
  round: (x: number, index: number) => number,
): TwoLevels {
  const amax = magnitude(m.flat());
  const encode = amax === 0 ? 1 : Math.min(f(f(448 * 6) / amax), largest32);
  const decode = f(1 / encode);
  const width = m[0]!.length;
  const blockOf = (r: number, c: number): number[] => {
    const [top, left] = [isTiled ? r - (r % 16) : r, c - (c % 16)];
    return m.slice(top, isTiled ? top + 16 : top + 1).flatMap((row) => row.slice(left, left + 16));
  };
  const scaleOf = (r: number, c: number): number =>
    nearest(e4m3, Math.min(448, f(magnitude(blockOf(r, c)) * f(encode * f(1 / 6)))));
  const scales = m.map((_, r) => Array.from({ length: Math.ceil(width / 16) }, (_, b) => scaleOf(r, 16 * b)));
  const elements = m.map((row, r) =>
    row.map((x, c) => {
      const multiplier = Math.min(f(1 / f(scales[r]![Math.floor(c / 16)]! * decode)), largest32);
      return round(f(x * multiplier) + 0, r * width + c);
    }),
  );
  const values = elements.map((row, r) =>
    row.map((element, c) => f(element * scales[r]![Math.floor(c / 16)]! * decode)),
  );
  return { values, elements, scales };
}

const toNearest = (x: number): number => nearest(e2m1, x);

const gradientsOf = ({ seed, step, layer }: Call, of: string, g: Matrix): number[][] => {
  const draw = drawsOf({ seed, step, layer, product: of, operand: 'g' });
  return twoLevels(g, false, (x, index) => stochastic(e2m1, x, draw(index))).values;
};

export const nvfp4: RecipeOracle = {
  forward: ({ x, w }) => ({
    x: twoLevels(x, false, toNearest).values,
    w: twoLevels(w, true, toNearest).values,
  }),
  inputGradient: (call, { w }, g) => product(gradientsOf(call, 'inputGradient', g), transposed(w)),
  weightGradient(call, _images, g) {
    const left = turned(transposed(g), 16, publishedSigns);
    const right = turned(transposed(call.x), 16, publishedSigns);
    return product(gradientsOf(call, 'weightGradient', left), twoLevels(right, false, toNearest).values);
  },
};
