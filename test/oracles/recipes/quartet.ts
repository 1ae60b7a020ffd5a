/** Quartet (arXiv 2505.14669) by scalars, as docs/recipes/quartet.md says it is done here. */
import { drawing, exponentBelow, mxBlocks, toNearest } from './mxfp4.ts';
import type { Call, RecipeOracle } from './net.ts';
import {
  e2m1,
  f,
  inBlocks,
  type Matrix,
  magnitude,
  mapped,
  nearest,
  product,
  signsOf,
  transposed,
  turned,
  turnedBack,
} from './numbers.ts';
import { deviation } from './statistics.ts';

type Round = (x: number, index: number) => number;

/** The exponent of the scale of a rotated block: the power of two at or below 2.92247856 sigma / 6. */
function exponentOf(block: readonly number[]): number {
  const threshold = f(f(deviation(block)) * 2.92247856);
  if (threshold === 0) return -127;
  // threshold / 6 and threshold / 3 lie between the same powers of two, one apart, and 3 2^k is exact.
  let exponent = exponentBelow(threshold) - 3;
  while (6 * 2 ** (exponent + 1) <= threshold) exponent++;
  return Math.max(exponent, -127);
}

/** What a forward operand becomes, and where it does not clip. */
function forwardOperand(m: Matrix, round: Round): { image: number[][]; mask: number[][] } {
  const h = turned(m, 32);
  return {
    image: inBlocks(h, 32, (block, start) => {
      const scale = 2 ** exponentOf(block);
      return block.map((x, i) => f(round(x / scale, start + i) * scale));
    }),
    mask: inBlocks(h, 32, (block) => {
      const scale = 2 ** exponentOf(block);
      return block.map((x) => (Math.abs(x / scale) < 6 ? 1 : 0));
    }),
  };
}

/** What comes out of a backward product, masked and rotated back. */
const pulledBack = (gradient: Matrix, m: Matrix): number[][] => {
  const { mask } = forwardOperand(m, toNearest);
  return turnedBack(
    mapped(gradient, (x, r, c) => (mask[r]![c] === 1 ? x : 0)),
    32,
  );
};

export interface QuartetVariant {
  readonly forward?: 'stochastic';
  readonly backward?: 'nearest-even' | 'aligned';
}

export function quartet({ forward, backward }: QuartetVariant = {}): RecipeOracle {
  const backwardOperand = (m: Matrix, call: Call, of: string, operand: string): number[][] => {
    const h = turned(m, 32, signsOf({ ...call, product: of, operand }, 32));
    if (backward === undefined) return mxBlocks(h, drawing(call, of, operand), 0.75);
    if (backward === 'nearest-even') return mxBlocks(h, toNearest, 0.75);
    return inBlocks(h, 32, (block) => {
      const most = magnitude(block);
      const unit = 0.75 * (most === 0 ? 2 ** 127 : 2 ** -Math.max(exponentBelow(most) - 2, -127));
      return block.map((x) => f(nearest(e2m1, x * unit) / (unit / 1.009276)));
    });
  };
  const rounding = (call: Call, operand: string): Round =>
    forward === undefined ? toNearest : drawing(call, 'forward', operand);
  return {
    forward: (call) => ({
      x: forwardOperand(call.x, rounding(call, 'x')).image,
      w: forwardOperand(call.w, rounding(call, 'w')).image,
    }),
    inputGradient: (call, { w }, g) =>
      pulledBack(
        product(
          backwardOperand(g, call, 'inputGradient', 'g'),
          backwardOperand(transposed(w), call, 'inputGradient', 'w'),
        ),
        call.x,
      ),
    weightGradient: (call, { x }, g) =>
      pulledBack(
        product(
          backwardOperand(transposed(g), call, 'weightGradient', 'g'),
          backwardOperand(transposed(x), call, 'weightGradient', 'x'),
        ),
        call.w,
      ),
  };
}
