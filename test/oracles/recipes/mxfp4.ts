/** MXFP4 training by scalars: OCP MX v1.0 blocks, stochastic gradients as in arXiv 2502.20586, as docs/recipes/mxfp4.md says. */
import type { Call, RecipeOracle } from './net.ts';
import {
  drawsOf,
  e2m1,
  f,
  inBlocks,
  type Matrix,
  magnitude,
  nearest,
  product,
  signsOf,
  stochastic,
  transposed,
  turned,
} from './numbers.ts';

/** The exponent of the power of two at or below x > 0. */
export function exponentBelow(x: number): number {
  let exponent = Math.floor(Math.log2(x));
  while (2 ** exponent > x) exponent--;
  while (2 ** (exponent + 1) <= x) exponent++;
  return exponent;
}

/** Exponents of a block's scale by its largest magnitude: OCP's, and those of torchao and TransformerEngine; 4 is 2^2, the largest element 6. */
const exponents = {
  floor: (most: number) => exponentBelow(most) - 2,
  ceil: (most: number) => exponentBelow(most) - 2 + (most > 2 ** exponentBelow(most) ? 1 : 0),
  // Half a unit of the last of e2m1's two bits: a quarter of the leading one.
  even: (most: number) => exponentBelow(most + 2 ** exponentBelow(most) / 4) - 2,
  rceil: (most: number) => {
    let exponent = exponentBelow(most) - 3;
    while (6 * 2 ** exponent < most) exponent++;
    return exponent;
  },
};
export type Direction = keyof typeof exponents;

/** Blocks of 32 along the rows: exponents from the largest magnitude, elements of x times a factor, values divided by it. */
export const mxBlocks = (
  m: Matrix,
  round: (x: number, index: number) => number,
  factor = 1,
  direction: Direction = 'floor',
): number[][] =>
  inBlocks(m, 32, (block, start) => {
    const most = magnitude(block);
    const exponent = most === 0 ? -127 : Math.max(exponents[direction](most), -127);
    return block.map((x, i) => f(round(x * factor * 2 ** -exponent, start + i) / (factor * 2 ** -exponent)));
  });

export const toNearest = (x: number): number => nearest(e2m1, x);

/** Rounds the elements of a slot stochastically. */
export function drawing(
  { seed, step, layer }: Call,
  of: string,
  operand: string,
): (x: number, index: number) => number {
  const draw = drawsOf({ seed, step, layer, product: of, operand });
  return (x, index) => stochastic(e2m1, x, draw(index));
}

export interface MxOptions {
  readonly isStochastic?: boolean;
  readonly prescale?: number;
  readonly isTurned?: boolean;
  readonly direction?: Direction;
}

export function mxfp4({
  isStochastic = false,
  prescale = 1,
  isTurned = false,
  direction,
}: MxOptions): RecipeOracle {
  const blocks = (m: Matrix, round: (x: number, index: number) => number, factor?: number): number[][] =>
    mxBlocks(m, round, factor, direction);
  const backward = (call: Call, of: string, g: Matrix, other: Matrix): number[][] => {
    const signs = signsOf({ ...call, product: of, operand: '' }, 32);
    const [left, right] = isTurned ? [turned(g, 32, signs), turned(other, 32, signs)] : [g, other];
    const round = isStochastic ? drawing(call, of, 'g') : toNearest;
    return product(blocks(left, round, prescale), blocks(right, toNearest));
  };
  return {
    forward: ({ x, w }) => ({ x: blocks(x, toNearest), w: blocks(w, toNearest) }),
    inputGradient: (call, _, g) => backward(call, 'inputGradient', g, transposed(call.w)),
    weightGradient: (call, _, g) => backward(call, 'weightGradient', transposed(g), transposed(call.x)),
  };
}
