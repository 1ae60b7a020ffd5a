/** AdaPT (arXiv 2107.13490) by scalars, as docs/recipes/adapt.md has it: fixed-point operands, and the controller of their formats. */
import type { Call, RecipeOracle } from './net.ts';
import { drawsOf, f, type Matrix, mapped, product, transposed } from './numbers.ts';

interface Format {
  readonly word: number;
  readonly fraction: number;
}

/** To a multiple of 2^-fraction next to x, the farther from 0 with the probability of what is cut off; within the word's range. */
function stochastic(x: number, { word, fraction }: Format, random: number): number {
  const steps = Math.abs(x) * 2 ** fraction;
  const whole = Math.floor(steps);
  const size = whole + (Math.floor((steps - whole) * 2 ** 32) + random >= 2 ** 32 ? 1 : 0);
  const most = 2 ** (word - 1);
  const clamped = x < 0 || Object.is(x, -0) ? -Math.min(size, most) : Math.min(size, most - 1);
  // There is one zero.
  return clamped * 2 ** -fraction + 0;
}

const rounded = (m: Matrix, format: Format, call: Call, product: string, operand: string): number[][] => {
  const draws = drawsOf({ ...call, product, operand });
  return mapped(m, (x, r, c) => stochastic(x, format, draws(r * m[0]!.length + c)));
};

/** Shares of equal bins between two ends. */
function shares(values: readonly number[], low: number, high: number, bins: number): number[] {
  const counts = new Array<number>(bins).fill(0);
  for (const x of values) {
    const at = Math.floor((x - low) * (bins / (high - low)));
    counts[at < 0 ? 0 : at >= bins ? bins - 1 : at]!++;
  }
  return counts.map((count) => count / values.length);
}

function keeps(
  values: readonly number[],
  { word, fraction }: Format,
  bins: number,
  tolerance: number,
): boolean {
  const [low, high] = [Math.min(...values), Math.max(...values)];
  const most = 2 ** (word - 1);
  const held = values.map((x) => {
    const steps = x * 2 ** fraction;
    const near = Math.round(steps);
    // Math.round goes up half-way; here it is to even.
    const even = Math.abs(steps - Math.trunc(steps)) === 0.5 ? 2 * Math.round(steps / 2) : near;
    return Math.max(-most, Math.min(most - 1, even)) / 2 ** fraction;
  });
  const [p, q] = [shares(values, low, high, bins), shares(held, low, high, bins)];
  let lost = 0;
  for (let i = 0; i < bins; i++)
    if (p[i]! > 0) lost += q[i] === 0 ? Infinity : p[i]! * Math.log(p[i]! / q[i]!);
  return lost <= tolerance;
}

/** Where a search by halves ends, for what holds from some number on. */
function halved(low: number, high: number, holds: (n: number) => boolean): number {
  while (low < high) {
    const middle = (low + high) >> 1;
    if (holds(middle)) high = middle;
    else low = middle + 1;
  }
  return high;
}

export interface AdaptRule {
  readonly first: Format;
  readonly lookback: readonly [number, number];
  readonly bins: readonly [number, number];
  readonly tolerance: number;
  readonly buffer: number;
  readonly lossScale: number;
  /** Which gradients are fixed-point numbers. */
  readonly gradients: 'weights' | 'all' | 'float32';
}

interface State {
  format: Format;
  lookback: number;
  bins: number;
  count: number;
  norms: number;
  sum: number[];
}

/** What was decided, by layer, one entry a step. */
export type Decided = Record<string, Format[]>;

/** Two layers under the controller; `last` is the layer whose gradient is the loss's. */
export function adapt(
  rule: AdaptRule,
  last: string,
  decided: Decided = {},
): () => readonly [RecipeOracle, RecipeOracle] {
  const states = new Map<string, State>();
  const stateOf = (layer: string, size: number): State => {
    const begun = { lookback: rule.lookback[1], bins: rule.bins[1], count: 0, norms: 0 };
    const known = states.get(layer) ?? { format: rule.first, ...begun, sum: new Array<number>(size).fill(0) };
    states.set(layer, known);
    return known;
  };
  let strategy = 'min';
  let losses: number[] = [];
  const follow = (loss: number): void => {
    const lookbacks = [...states.values()].map(({ lookback }) => lookback);
    const length = Math.floor(lookbacks.reduce((a, b) => a + b, 0) / lookbacks.length);
    const past = losses.slice(-length);
    if (past.length === length) {
      const mean = past.reduce((a, b) => a + b, 0) / length;
      strategy = mean > loss ? 'min' : strategy === 'min' ? 'mean' : 'max';
    }
    losses = [...past, loss];
  };
  const decide = (state: State, w: Matrix, dw: Matrix): void => {
    // In the order in which a variable lies, inputs by outputs.
    const g = transposed(dw).flat();
    state.count++;
    state.norms += Math.sqrt(g.reduce((sum, x) => sum + x * x, 0));
    state.sum = state.sum.map((x, i) => f(x + g[i]!));
    const norm = Math.sqrt(state.sum.reduce((sum, x) => sum + x * x, 0));
    const diversity = norm === 0 ? Infinity : state.norms / norm;
    const [few, many] = rule.lookback;
    const wanted = Math.ceil(Math.min(Math.max(many / diversity, few), many));
    state.lookback = Math.ceil(wanted * 0.33 + state.lookback * (1 - 0.33));
    if (state.lookback === many) state.bins++;
    if (state.lookback === few) state.bins--;
    state.bins = Math.min(Math.max(state.bins, rule.bins[0]), rule.bins[1]);
    if (state.count < state.lookback) return;
    const values = transposed(w).flat();
    const held = (format: Format): boolean => keeps(values, format, state.bins, rule.tolerance);
    const fl = halved(0, state.format.fraction, (n) => held({ word: 24 + n, fraction: n }));
    const wl = halved(fl + 1, Math.max(state.format.word, fl + 1), (n) => held({ word: n, fraction: fl }));
    const above = diversity > 0 && diversity < Infinity ? Math.log(diversity) - 1 : 0;
    let more = 1;
    if (above > 0) {
      const one = Math.max(Math.ceil(1 / above ** 2), 1);
      const two = Math.max(Math.min(Math.ceil(32 * above ** 2), 32) - fl, 0);
      more = { min: Math.min(one, two), mean: Math.ceil((one + two) / 2), max: Math.max(one, two) }[
        strategy
      ]!;
    }
    const fraction = Math.min(fl + more, 24);
    const word = Math.min(Math.max(wl, fraction) + 1, 24);
    const kept = Math.min(fraction, 24 - rule.buffer);
    state.format = { word: Math.max(Math.min(kept + rule.buffer, 24), word), fraction: kept };
    Object.assign(state, { count: 0, norms: 0, sum: state.sum.map(() => 0) });
  };
  const oracle: RecipeOracle = {
    forward(call) {
      const { format } = stateOf(call.layer, call.w.flat().length);
      return {
        x: rounded(call.x, format, call, 'forward', 'x'),
        w: rounded(call.w, format, call, 'forward', 'w'),
      };
    },
    inputGradient(call, { w }, g) {
      // The other product has decided by then, for the next step.
      const { format } = before.get(call.layer)!;
      const read = rule.gradients === 'all' ? rounded(g, format, call, 'inputGradient', 'g') : g;
      return product(read, transposed(w));
    },
    weightGradient(call, { x }, g) {
      const state = stateOf(call.layer, call.w.flat().length);
      const { format } = state;
      before.set(call.layer, { format });
      const turned = transposed(g);
      const read = rule.gradients === 'all' ? rounded(turned, format, call, 'weightGradient', 'g') : turned;
      const plain = product(read, transposed(x));
      const dw =
        rule.gradients === 'float32'
          ? plain
          : transposed(rounded(transposed(plain), format, call, 'weightGradient', 'dw'));
      if (call.layer === last)
        follow(g.flat().reduce((sum, each) => sum + each * each, 0) / (4 * rule.lossScale));
      decide(state, call.w, dw);
      decided[call.layer] = [...(decided[call.layer] ?? []), state.format];
      return dw;
    },
  };
  const before = new Map<string, { readonly format: Format }>();
  return () => [oracle, oracle];
}
