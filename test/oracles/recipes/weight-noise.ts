/** Gaussian weight sampling (arXiv 2505.11170) and DiffQ (arXiv 2104.09987) by scalars, as docs/recipes/weight-noise.md has them. */
import { oracleRandomInteger } from '../philox.ts';
import { adamW, type Call, type Moments, type RecipeOracle } from './net.ts';
import { f, fnv, type Matrix, magnitude, mapped, product, transposed } from './numbers.ts';

/** A group of weights: their places, row and column. */
type Group = readonly (readonly [row: number, column: number])[];

/** Rectangles of rows by columns, by rows of rectangles; short at the ends. */
function rectangles(w: Matrix, height: number, width: number): Group[] {
  const [rows, columns] = [w.length, w[0]!.length];
  const groups: Group[] = [];
  for (let top = 0; top < rows; top += height)
    for (let left = 0; left < columns; left += width) {
      const group: [number, number][] = [];
      for (let r = top; r < Math.min(rows, top + height); r++)
        for (let c = left; c < Math.min(columns, left + width); c++) group.push([r, c]);
      groups.push(group);
    }
  return groups;
}

/** round(N(0, 1) / 2): the probabilities of 1, 2, 3 and more to either side, in units of 2^-32. */
function rounded(random: number): number {
  const above = [681419126, 5797767, 1231];
  const size = (x: number): number => above.filter((tail) => x < tail).length;
  return random < 2 ** 31 ? -size(random) : size(2 ** 32 - 1 - random);
}

const uniform = (random: number): number => ((random >>> 8) + 0.5) / 2 ** 24 - 0.5;

/** To 8 significant bits, of two equally near the even one. */
export function bfloat16(x: number): number {
  if (x === 0) return x;
  const unit = 2 ** (Math.floor(Math.log2(Math.abs(x))) - 7);
  const whole = Math.floor(x / unit);
  const rest = x / unit - whole;
  const up = rest > 0.5 || (rest === 0.5 && whole % 2 !== 0);
  return (up ? whole + 1 : whole) * unit;
}

/** How one recipe has its noise and learns its bits. */
interface Rule {
  groups(w: Matrix): Group[];
  noise(random: number): number;
  /** The step of a group for b bits, and its derivative over the step. */
  step(w: Matrix, group: Group, b: number): number;
  slope(b: number): number;
  readonly begin: number;
  bits(p: number): number;
  bitSlope(p: number): number;
  /** The derivative of the term of the objective with respect to p. */
  term(p: number, group: Group, groups: number): number;
  settle(p: number): number;
  cast(x: number): number;
}

interface Learned {
  readonly bits: number[];
  readonly moments: Moments;
}

/** The layers of a net whose bits are learned from step to step. */
export function noisyWeights(
  rule: Rule,
  rate: number,
): (step: number) => readonly [RecipeOracle, RecipeOracle] {
  const known = new Map<string, Learned>();
  const learnedOf = (layer: string, count: number): Learned => {
    const zeros = new Array<number>(count).fill(0);
    const made = known.get(layer) ?? {
      bits: new Array<number>(count).fill(rule.begin),
      moments: { first: zeros, second: zeros },
    };
    known.set(layer, made);
    return made;
  };
  const randomsOf = ({ seed, step, layer }: Call): ((index: number) => number) => {
    const stream = ((fnv(`${layer}/forward.w`) ^ 0x904416d1n) << 32n) | BigInt(step);
    return (index) => oracleRandomInteger(BigInt(index), BigInt(seed), stream, 32);
  };
  const noises = (call: Call): { r: number[][]; groups: Group[]; steps: number[]; learned: Learned } => {
    const { w, layer } = call;
    const random = randomsOf(call);
    const groups = rule.groups(w);
    const learned = learnedOf(layer, groups.length);
    return {
      r: mapped(w, (_, row, column) => rule.noise(random(row * w[0]!.length + column))),
      groups,
      steps: groups.map((group, i) => f(rule.step(w, group, rule.bits(learned.bits[i]!)))),
      learned,
    };
  };
  const oracle: RecipeOracle = {
    forward(call) {
      const { r, groups, steps } = noises(call);
      const noisy = call.w.map((row) => [...row]);
      groups.forEach((group, i) => {
        for (const [row, column] of group)
          noisy[row]![column] = rule.cast(f(noisy[row]![column]! + f(f(r[row]![column]!) * steps[i]!)));
      });
      return { x: call.x, w: noisy };
    },
    inputGradient: (_, { w }, g) => product(g, transposed(w)),
    weightGradient(call, { x }, g) {
      const dw = product(transposed(g), transposed(x));
      const { r, groups, steps, learned } = noises(call);
      const gradient = groups.map((group, i) => {
        const [p, b] = [learned.bits[i]!, rule.bits(learned.bits[i]!)];
        let sum = 0;
        const slope = -Math.LN2 * steps[i]! * rule.slope(b);
        for (const [row, column] of group) sum += dw[row]![column]! * r[row]![column]! * slope;
        return f(sum * rule.bitSlope(p) + rule.term(p, group, groups.length));
      });
      const [next] = adamW([learned.bits], [gradient], learned.moments, call.step, { rate, decay: 0 });
      learned.bits.splice(0, Infinity, ...next!.map(rule.settle));
      return dw;
    },
  };
  return () => [oracle, oracle];
}

/** Lines from `initial` to `target`, tiles of 32 x 32. */
export const gaussianRule = (initial: number, target: number, penalty: number): Rule => ({
  groups: (w) => rectangles(w, 32, 32),
  noise: rounded,
  step: (w, group, b) => magnitude(group.map(([r, c]) => w[r]![c]!)) * 2 ** (1 - b),
  slope: () => 1,
  begin: 1,
  bits: (p) => target + p * (initial - target),
  bitSlope: () => initial - target,
  term: (_p, _group, groups) => penalty / groups,
  settle: (p) =>
    f(Math.max((1 - target) / (initial - target), Math.min((32 - target) / (initial - target), p))),
  cast: bfloat16,
});

/** Logistic between two ends, groups of weights of an output, the range of the matrix, uniform noise. */
export function diffQRule(
  initial: number,
  [low, high]: readonly [number, number],
  size: number,
  penalty: number,
): Rule {
  const part = (p: number): number => 1 / (1 + Math.exp(-p));
  const ranges = new WeakMap<Matrix, number>();
  const rangeOf = (w: Matrix): number => {
    const range = ranges.get(w) ?? Math.max(...w.flat()) - Math.min(...w.flat());
    ranges.set(w, range);
    return range;
  };
  const bits = (p: number): number => low + (high - low) * part(p);
  const bitSlope = (p: number): number => (high - low) * part(p) * (1 - part(p));
  return {
    groups: (w) => rectangles(w, 1, size),
    noise: uniform,
    step: (w, _, b) => rangeOf(w) / (2 ** b - 1),
    slope: (b) => 2 ** b / (2 ** b - 1),
    begin: f(Math.log((initial - low) / (high - initial))),
    bits,
    bitSlope,
    term: (p, group) => ((penalty * group.length) / 2 ** 23) * bitSlope(p),
    settle: (p) => f(Math.max(-16, Math.min(16, p))),
    cast: (x) => x,
  };
}
