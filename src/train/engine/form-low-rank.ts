/**
 * A product of two thin matrices beside a weight: added to it before the quantiser, as an adapter that is merged into what is quantised,
 * or to what the quantiser gave, as a branch of full precision whose factor may fall to 0.
 * Sources: Hu et al., "LoRA", arXiv 2106.09685 (factors and what they begin with); Jeon, Kim, Kim, "L4Q: parameter efficient
 * quantization-aware fine-tuning on large language models", arXiv 2402.04902 (merged before the quantiser); Huang et al., "QVGen: pushing
 * the limit of quantized video generative models", arXiv 2505.11497 (the branch that goes).
 */
import { curveAt } from '../curve.ts';
import type { LowRankForm } from '../linear-slots.ts';
import { gaussians } from '../random.ts';
import { firstEigenvectors, gram } from '../update/projection.ts';
import type { Form, FormedMatrix } from './form.ts';

/** left right, (rows, rank) by (rank, columns), row-major in one list. */
interface Factors {
  readonly rank: number;
  readonly left: Float64Array;
  readonly right: Float64Array;
}

/** The matrix plus factor (left right), whose elements are sums in the order of the rank in binary64; rounded once. */
function plusProduct(
  { values, rows, columns }: FormedMatrix,
  { rank, left, right }: Factors,
  factor: number,
) {
  const product = new Float64Array(rows * columns);
  for (let i = 0; i < rows; i++)
    for (let k = 0; k < rank; k++) {
      const own = left[i * rank + k]!;
      for (let j = 0; j < columns; j++) product[i * columns + j]! += own * right[k * columns + j]!;
    }
  return values.map((x, i) => x + factor * product[i]!);
}

/** factor (g rightᵀ) and factor (leftᵀ g), in one list. */
function gradientsOf(
  g: Float32Array,
  { rows, columns }: FormedMatrix,
  { rank, left, right }: Factors,
  factor: number,
): Float64Array {
  const all = new Float64Array(left.length + right.length);
  for (let i = 0; i < rows; i++)
    for (let k = 0; k < rank; k++)
      for (let j = 0; j < columns; j++) {
        const given = factor * g[i * columns + j]!;
        all[i * rank + k]! += given * right[k * columns + j]!;
        all[left.length + k * columns + j]! += left[i * rank + k]! * given;
      }
  return all;
}

/** The factors that leave the least squares of a matrix: singular vectors along its shorter side, and what they make of it. */
function bestFactors({ values, rows, columns }: FormedMatrix, rank: number): Float64Array {
  const isLeft = rows <= columns;
  const side = isLeft ? rows : columns;
  const basis = firstEigenvectors(gram(values, rows, columns), side, rank);
  const all = new Float64Array(rank * (rows + columns));
  const [own, other] = isLeft ? [0, rows * rank] : [rows * rank, 0];
  for (let k = 0; k < rank; k++) {
    for (let i = 0; i < side; i++)
      all[own + (isLeft ? i * rank + k : k * columns + i)] = basis[i * rank + k]!;
    for (let i = 0; i < rows; i++)
      for (let j = 0; j < columns; j++) {
        const part = values[i * columns + j]! * basis[(isLeft ? i : j) * rank + k]!;
        all[other + (isLeft ? k * columns + j : i * rank + k)]! += part;
      }
  }
  return all;
}

export function lowRankForm({ rank: most, alpha = most, at, fade }: LowRankForm): Form {
  const rankOf = ({ rows, columns }: FormedMatrix): number => Math.min(most, rows, columns);
  const factorsOf = (numbers: readonly number[], matrix: FormedMatrix): Factors => {
    const rank = rankOf(matrix);
    const all = Float64Array.from(numbers);
    return { rank, left: all.subarray(0, matrix.rows * rank), right: all.subarray(matrix.rows * rank) };
  };
  const scale = alpha / most;
  const common: Pick<Form, 'staysInTap' | 'settled'> = {
    staysInTap: false,
    settled: (numbers, scales) => ({ form: numbers.map(Math.fround), ...(scales && { scales }) }),
  };
  if (at === 'before')
    return {
      ...common,
      initial: (matrix, { seed, key }) => {
        const rank = rankOf(matrix);
        const right = gaussians(rank * matrix.columns, 1 / Math.sqrt(matrix.columns), seed, `${key}/form`);
        return [...new Float64Array(matrix.rows * rank), ...right];
      },
      before: (matrix, numbers) => plusProduct(matrix, factorsOf(numbers, matrix), scale),
      trained: (matrix, numbers, gradient) =>
        gradientsOf(gradient, matrix, factorsOf(numbers, matrix), scale),
    };
  const factorAt = ({ step, steps }: { readonly step: number; readonly steps: number }): number =>
    scale * (fade === undefined ? 1 : curveAt(fade, step, steps));
  return {
    ...common,
    initial: (matrix, { quantised }) => {
      const image = quantised();
      const error = matrix.values.map((x, i) => x - image[i]!);
      return Array.from(bestFactors({ ...matrix, values: error }, rankOf(matrix)), Math.fround);
    },
    after: (image, numbers, place) => {
      const factor = factorAt(place);
      return factor === 0 ? image.values : plusProduct(image, factorsOf(numbers, image), factor);
    },
    trained: (matrix, numbers, gradient, place) =>
      gradientsOf(gradient, matrix, factorsOf(numbers, matrix), factorAt(place)),
  };
}
