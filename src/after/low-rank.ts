/**
 * What a quantiser loses of a matrix, W - Q(W), kept as a product of two thin ones: the nearest of that rank (Eckart, Young). The npm
 * package `ml-matrix`, an optional peer, decomposes. Source: Yao et al., "ZeroQuant-V2", arXiv 2303.08302, section 5 (LoRC).
 */
import { checkFields, integerInRange } from '../check.ts';
import { optionalPackage } from '../optional.ts';
import { namedQuantizer, type Quantized, type Quantizer } from '../quantizers/index.ts';
import { checkMatrix, type MatrixShape } from './matrix.ts';

export interface LowRankOptions {
  /** The quantiser of the matrix: itself or its name. Default `'int4/row'`. */
  readonly quantizer?: Quantizer | string;
  /** Rank of the term, at most the smaller side. Default 8. */
  readonly rank?: number;
}

export interface LowRankResult {
  /** Q(W) + U V, each rounded to binary32. */
  readonly values: Float32Array;
  /** rows x rank and rank x columns, binary32. */
  readonly u: Float32Array;
  readonly v: Float32Array;
  /** Q(W): codes and scales. */
  readonly quantized: Quantized;
  /** Bits of codes, scales and both factors in binary32. */
  readonly bits: number;
}

/** A matrix with the product of two thin ones added: each sum in binary64, rounded to binary32. */
export function withErrorTerm(
  image: ArrayLike<number>,
  { u, v }: Pick<LowRankResult, 'u' | 'v'>,
  [rows, columns]: MatrixShape,
): Float32Array {
  const rank = u.length / rows;
  return Float32Array.from(image, (x, at) => {
    const [i, j] = [Math.floor(at / columns), at % columns];
    let term = 0;
    for (let r = 0; r < rank; r++) term += u[i * rank + r]! * v[r * columns + j]!;
    return x + term;
  });
}

/**
 * A quantised matrix with an error term of low rank.
 *
 * @param w The matrix, row by row.
 * @throws ArgumentError for what does not fit, or without the package ml-matrix.
 * @example
 * const { values } = await lowRankError(w, [256, 256], { quantizer: 'int4/row', rank: 8 });
 */
export async function lowRankError(
  w: Float32Array,
  shape: MatrixShape,
  given?: LowRankOptions,
): Promise<LowRankResult> {
  const { quantizer = 'int4/row', rank: wanted } = checkFields('', given, ['quantizer', 'rank']);
  checkMatrix('w', w, shape);
  const [rows, columns] = shape;
  const rank = integerInRange('rank', wanted, 1, Math.min(rows, columns), Math.min(8, rows, columns));
  const by = typeof quantizer === 'string' ? namedQuantizer(quantizer) : quantizer;
  const { Matrix, SVD } = await optionalPackage('lowRankError', 'ml-matrix', () => import('ml-matrix'));
  const quantized = by.quantize(w, shape);
  const { values: image, bytes } = quantized;
  const error = Float64Array.from(w, (x, i) => x - image[i]!);
  const { leftSingularVectors, rightSingularVectors, diagonal } = new SVD(
    Matrix.from1DArray(rows, columns, error),
    { autoTranspose: true },
  );
  const u = new Float32Array(rows * rank);
  const v = new Float32Array(rank * columns);
  for (let r = 0; r < rank; r++) {
    const root = Math.sqrt(diagonal[r]!);
    for (let i = 0; i < rows; i++) u[i * rank + r] = root * leftSingularVectors.get(i, r);
    for (let j = 0; j < columns; j++) v[r * columns + j] = root * rightSingularVectors.get(j, r);
  }
  const values = withErrorTerm(image, { u, v }, shape);
  return { values, u, v, quantized, bits: 8 * bytes + 32 * (u.length + v.length) };
}
