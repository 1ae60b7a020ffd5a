/**
 * A mixture of ternary experts beside a shared matrix, as scalar loops from its papers (arXiv 2506.14435; the term of the loss: 2101.03961,
 * equations 4 to 6), forward and backward. Nothing here is the library's; every product and sum is one binary32 operation.
 */
import { integer, scaled } from './quantizers.ts';
import { byRows, type Matrix, mapped, plainProduct, transposed, whole } from './slots.ts';
import { sumInFours } from './statistics.ts';

const f = Math.fround;

/** Signs by the mean magnitude of the matrix. */
const ternary = whole((w) => {
  const mean = sumInFours([...w].map(Math.abs)) / w.length;
  const scale = f(1 / f(mean));
  return w.map((v) => f(integer(1)(f(v * scale)) / scale));
});

const int8 = byRows(scaled(integer(127), 127));

/** Weights (outputs, inputs), without those of the router. */
interface Mixture {
  readonly shared: Matrix;
  readonly experts: readonly Matrix[];
}

/** The experts of the largest probabilities of a row, of equals the first. */
function likeliest(row: Float32Array, active: number): number[] {
  const left = [...row.keys()];
  return Array.from({ length: active }, () => {
    const best = left.reduce((most, i) => (row[i]! > row[most]! ? i : most), left[0]!);
    left.splice(left.indexOf(best), 1);
    return best;
  });
}

/**
 * The result y, and the gradients of weights and input where that of y is t.
 * @param probabilities of each row, the softmax of x times the router
 * @param balance weight of the term of the loss
 */
export function mixtureStep(
  { shared, experts }: Mixture,
  x: Matrix,
  t: Matrix,
  probabilities: Matrix,
  { active, balance }: { readonly active: number; readonly balance: number },
) {
  const count = experts.length;
  const p = (row: number, i: number): number => probabilities.values[row * count + i]!;
  const chosen = Array.from({ length: x.rows }, (_, row) =>
    likeliest(probabilities.values.slice(row * count, (row + 1) * count), active),
  );
  const only = (m: Matrix, i: number): Matrix =>
    mapped(m, (v, at) => (chosen[Math.floor(at / m.columns)]!.includes(i) ? v : v * 0));
  const sum = (a: Matrix, b: Matrix): Matrix => mapped(a, (v, i) => f(v + b.values[i]!));
  const asked = experts.map((w, i) => {
    const [input, weight] = [int8(only(x, i)), ternary(w)];
    const gates = only(
      { rows: x.rows, columns: 1, values: probabilities.values.filter((_, at) => at % count === i) },
      i,
    );
    const own = plainProduct(input, weight);
    const given = mapped(own, (v, at) => f(v * gates.values[Math.floor(at / own.columns)]!));
    const g = mapped(t, (v, at) => f(v * gates.values[Math.floor(at / t.columns)]!));
    const gateGradient = Array.from({ length: x.rows }, (_, row) => {
      let total = 0;
      for (let j = 0; j < t.columns; j++)
        total = f(total + f(t.values[row * t.columns + j]! * own.values[row * t.columns + j]!));
      return chosen[row]!.includes(i) ? total : 0;
    });
    return {
      ...{ given, gateGradient },
      dw: plainProduct(transposed(g), transposed(input)),
      dx: only(plainProduct(g, transposed(weight)), i),
    };
  });
  const parts = experts.map((_, i) => chosen.filter((own) => own.includes(i)).length / (x.rows * active));
  let term = 0;
  for (let row = 0; row < x.rows; row++) for (let i = 0; i < count; i++) term += parts[i]! * p(row, i);
  const slopes = parts.map((part) => f((balance * count * part) / x.rows));
  const logits = mapped(probabilities, (_, at) => {
    const row = Math.floor(at / count);
    const g = experts.map((_, i) => f(asked[i]!.gateGradient[row]! + slopes[i]!));
    const along = g.reduce((total, v, i) => f(total + f(v * p(row, i))), 0);
    const i = at % count;
    return f(f(g[i]! * p(row, i)) - f(along * p(row, i)));
  });
  return {
    y: sum(plainProduct(x, shared), asked.map(({ given }) => given).reduce(sum)),
    term: f((balance * count * term) / x.rows),
    shared: plainProduct(transposed(t), transposed(x)),
    router: plainProduct(transposed(logits), transposed(x)),
    experts: asked.map(({ dw }) => dw),
  };
}
