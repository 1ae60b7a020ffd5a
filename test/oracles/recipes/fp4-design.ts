/** The default point of the FP4 design space (arXiv 2509.17791) by scalars, as docs/recipes/fp4-design.md says it is done here. */
import { drawing, toNearest } from './mxfp4.ts';
import type { Call, RecipeOracle } from './net.ts';
import {
  f,
  floatMagnitudes,
  inBlocks,
  type Matrix,
  magnitude,
  nearest,
  product,
  signsOf,
  transposed,
  turned,
} from './numbers.ts';

/** Exponents of 5 bits without a sign, 3 bits of fraction; the last code is NaN. */
const ue5m3 = floatMagnitudes(3, 15, 114688);

const blocks = (m: Matrix, round: (x: number, index: number) => number): number[][] =>
  inBlocks(m, 16, (block, start) => {
    const scale = nearest(ue5m3, magnitude(block) / 6);
    return block.map((x, i) => (scale === 0 ? 0 : f(round(f(x / scale), start + i) * scale)));
  });

export const fp4Design: RecipeOracle = {
  forward: ({ x, w }) => ({ x: blocks(x, toNearest), w: blocks(w, toNearest) }),
  inputGradient: (call, _, g) =>
    product(blocks(g, drawing(call, 'inputGradient', 'g')), blocks(transposed(call.w), toNearest)),
  weightGradient(call: Call, _, g) {
    const signs = signsOf({ ...call, product: 'weightGradient', operand: '' }, 16);
    const [left, right] = [turned(transposed(g), 16, signs), turned(transposed(call.x), 16, signs)];
    return product(blocks(left, drawing(call, 'weightGradient', 'g')), blocks(right, toNearest));
  },
};
