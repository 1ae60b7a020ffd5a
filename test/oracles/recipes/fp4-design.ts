/** Points of the FP4 design space (arXiv 2509.17791) by scalars, as docs/recipes/fp4-design.md says it is done here. */
import { outliersApart, slope } from './fp4-dge.ts';
import { drawing, exponentBelow, toNearest } from './mxfp4.ts';
import type { Call, RecipeOracle } from './net.ts';
import {
  e4m3,
  f,
  floatMagnitudes,
  inBlocks,
  largest32,
  type Matrix,
  magnitude,
  mapped,
  nearest,
  product,
  signsOf,
  transposed,
  turned,
} from './numbers.ts';

/** Exponents of 5 bits without a sign, 3 bits of fraction; the last code is NaN. */
const ue5m3 = floatMagnitudes(3, 15, 114688);
const e5m2 = floatMagnitudes(2, 15, 57344);
const floats: Readonly<Record<string, readonly number[]>> = { ue5m3, e4m3fn: e4m3, e5m2 };

/** Options of the recipe, with its names. */
export interface Point {
  readonly scaleFormat?: string;
  readonly size?: number;
  readonly tensorScale?: boolean;
  readonly hadamard?: 'none' | 'weightGradient' | 'backward' | 'all';
  readonly rounding?: 'stochastic' | 'nearest-even';
  readonly estimator?: 'straight-through' | 'clipped' | 'dge';
  readonly outliers?: number;
}

type Round = (x: number, index: number) => number;

/** A block by its scale: its numbers in units, and the value of an element. */
interface Units {
  readonly scaled: readonly number[];
  readonly imageOf: (element: number) => number;
}

/** How a block is scaled; `all`: the largest magnitude of its tensor. */
function unitsOf(
  block: readonly number[],
  all: number,
  { scaleFormat = 'ue5m3', tensorScale }: Point,
): Units {
  const most = magnitude(block);
  if (scaleFormat === 'e8m0') {
    const scale = 2 ** (most === 0 ? -127 : Math.max(exponentBelow(most) - 2, -127));
    return { scaled: block.map((x) => x / scale), imageOf: (element) => f(element * scale) };
  }
  if (scaleFormat === 'binary32') {
    const factor = most === 0 ? largest32 : Math.min(f(6 / most), largest32);
    return { scaled: block.map((x) => f(x * factor)), imageOf: (element) => f(element / factor) };
  }
  const values = floats[scaleFormat]!;
  if (tensorScale !== true) {
    const scale = nearest(values, most / 6);
    if (scale === 0) return { scaled: block.map(() => 0), imageOf: () => 0 };
    return { scaled: block.map((x) => f(x / scale)), imageOf: (element) => f(element * scale) };
  }
  const largest = values.at(-1)!;
  const encode = all === 0 ? 1 : Math.min(f(f(6 * largest) / all), largest32);
  const decode = f(1 / encode);
  const scale = nearest(values, Math.min(largest, f(most * f(encode * f(1 / 6)))));
  const multiplier = Math.min(f(1 / f(scale * decode)), largest32);
  return {
    scaled: block.map((x) => f(x * multiplier)),
    imageOf: (element) => f(element * scale * decode),
  };
}

const blocks = (m: Matrix, point: Point, round: Round = toNearest): number[][] => {
  const all = magnitude(m.flat());
  return inBlocks(m, point.size ?? 16, (block, start) => {
    const { scaled, imageOf } = unitsOf(block, all, point);
    return scaled.map((x, i) => imageOf(round(x, start + i)));
  });
};

/** The gradient of a weight by what its forward image passes on, the weight being x in units. */
const estimators = {
  'straight-through': (gradient: number) => gradient,
  clipped: (gradient: number, x: number) => (Math.abs(x) > 6 ? 0 : gradient),
  dge: (gradient: number, x: number) => f(gradient * slope(x)),
};

function pulledBack(dw: Matrix, w: Matrix, point: Point): Matrix {
  const { estimator = 'straight-through', size = 16 } = point;
  const all = magnitude(w.flat());
  const scaled = inBlocks(w, size, (block) => unitsOf(block, all, point).scaled);
  return mapped(dw, (gradient, r, c) => estimators[estimator](gradient, scaled[r]![c]!));
}

export function fp4Design(point: Point = {}): RecipeOracle {
  const { size = 16, hadamard = 'weightGradient', rounding = 'stochastic', outliers } = point;
  const rotation = 2 ** Math.min(Math.floor(Math.log2(size)), 7);
  const within =
    (call: Call, of: string, products: readonly string[]) =>
    (m: Matrix): Matrix =>
      products.includes(hadamard)
        ? turned(m, rotation, signsOf({ ...call, product: of, operand: '' }, rotation))
        : m;
  const gradients = (call: Call, of: string): Round =>
    rounding === 'stochastic' ? drawing(call, of, 'g') : toNearest;
  return {
    forward(call) {
      const rotated = within(call, 'forward', ['all']);
      const read = (x: Matrix): number[][] => blocks(x, point);
      const x = outliers === undefined ? read(rotated(call.x)) : outliersApart(call.x, outliers, read).whole;
      return { x, w: blocks(rotated(call.w), point) };
    },
    inputGradient(call, _, g) {
      const rotated = within(call, 'inputGradient', ['all', 'backward']);
      const left = blocks(rotated(g), point, gradients(call, 'inputGradient'));
      return product(left, blocks(rotated(transposed(call.w)), point));
    },
    weightGradient(call, _, g) {
      const rotated = within(call, 'weightGradient', ['all', 'backward', 'weightGradient']);
      const left = blocks(rotated(transposed(g)), point, gradients(call, 'weightGradient'));
      return pulledBack(product(left, blocks(rotated(transposed(call.x)), point)), call.w, point);
    },
  };
}
