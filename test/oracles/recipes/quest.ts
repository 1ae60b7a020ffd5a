/** QuEST (arXiv 2502.05003) by scalars, as docs/recipes/quest.md says it is done here. */
import type { RecipeOracle } from './net.ts';
import { f, type Matrix, mapped, product, transposed, turned, turnedBack } from './numbers.ts';
import { rootMeanSquare } from './statistics.ts';

/** Clipping points in standard deviations, by bits. */
const levels = [0.7979, 1.4935, 2.0511, 2.5139, 2.9161, 3.2766, 3.601, 3.8849];

/** The nearest odd integer from -most to most; half-way the one whose index from the lowest is even. */
function odd(x: number, most: number): number {
  if (x >= most) return most;
  if (x <= -most) return -most;
  const below = 2 * Math.floor((x - 1) / 2) + 1;
  const index = (below + most) / 2;
  const middle = below + 1;
  if (x === middle) return index % 2 === 0 ? below : below + 2;
  return x < middle ? below : below + 2;
}

function operandOf(m: Matrix, bits: number): { image: number[][]; mask: number[][] } {
  const [most, level] = [2 ** bits - 1, levels[bits - 1]!];
  const h = turned(m, 128);
  const image = h.map((row) => {
    const scale = f(f(f(rootMeanSquare(row)) * level) / most);
    return row.map((x) => (scale === 0 ? odd(0, most) * 0 : f(odd(f(x / scale), most) * scale)));
  });
  const mask = h.map((row, r) => {
    const sigma = Math.sqrt(row.reduce((sum, x) => sum + x * x, 0) / row.length);
    return row.map((x, c) => (Math.abs(image[r]![c]! - x) <= (level * sigma) / most ? 1 : 0));
  });
  return { image, mask };
}

const pulledBack = (gradient: Matrix, m: Matrix, bits: number): number[][] => {
  const { mask } = operandOf(m, bits);
  return turnedBack(
    mapped(gradient, (x, r, c) => (mask[r]![c] === 1 ? x : 0)),
    128,
  );
};

export const quest = (bits: number): RecipeOracle => ({
  forward: ({ x, w }) => ({ x: operandOf(x, bits).image, w: operandOf(w, bits).image }),
  inputGradient: ({ x }, { w }, g) => pulledBack(product(g, transposed(w)), x, bits),
  weightGradient: ({ w }, { x }, g) => pulledBack(product(transposed(g), transposed(x)), w, bits),
});

/** Of weights alone: they are rotated back before the product. */
export const questWeights = (bits: number): RecipeOracle => ({
  forward: ({ x, w }) => ({ x, w: turnedBack(operandOf(w, bits).image, 128) }),
  inputGradient: (_, { w }, g) => product(g, transposed(w)),
  weightGradient: ({ w }, { x }, g) =>
    pulledBack(turned(product(transposed(g), transposed(x)), 128), w, bits),
});
