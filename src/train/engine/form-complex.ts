/**
 * A real weight of a layer as a complex one whose numbers are fourth roots of unity: rows and columns are the real parts of outputs and
 * inputs, then the imaginary ones. Of a matrix that is not of that kind the nearest is taken, so that the form stands in any program.
 * Source: Wang et al., "iFairy: the first 2-bit complex LLM with all parameters in {±1, ±i}", arXiv 2508.05571 (nearest root by angle, a
 * scale for the real and one for the imaginary roots, gradients straight through), and the authors' implementation (the conjugate).
 */
import { roundToFourthRoots } from '../../formats/complex.ts';
import type { ComplexForm } from '../recipe.ts';
import type { Form, FormedMatrix } from './form.ts';

/** What a scale is at least. */
const leastScale = Math.fround(1e-5);

/** The signs of the four quarters of a matrix: [[r, ±i], [i, ±r]] of r + i's product with x, or with the conjugate of x. */
const signsOf = ({ product = 'conjugate' }: ComplexForm) =>
  product === 'conjugate' ? ({ real: -1, imaginary: 1 } as const) : ({ real: 1, imaginary: -1 } as const);

/** Where the quarters of a matrix have element (i, j): r and its like, i and its like. */
function quarters({ rows, columns }: FormedMatrix) {
  const [height, width] = [rows / 2, columns / 2];
  const at = (i: number, j: number) => {
    const first = i * columns + j;
    const below = first + height * columns;
    return { r: first, r2: below + width, i: below, i2: first + width };
  };
  return { height, width, at };
}

const isComplex = ({ rows, columns }: FormedMatrix): boolean => rows % 2 === 0 && columns % 2 === 0;

/** Mean magnitude of every other number from `start` where it is not 0 after rounding, in binary32. */
function scaleOf(parts: Float32Array, roots: Float32Array, start: 0 | 1): number {
  let [sum, count] = [0, 0];
  for (let i = start; i < parts.length; i += 2) {
    if (roots[i] === 0) continue;
    sum += Math.abs(parts[i]!);
    count++;
  }
  return count === 0 ? leastScale : Math.max(Math.fround(sum / count), leastScale);
}

export function complexForm(spec: ComplexForm): Form {
  const signs = signsOf(spec);
  return {
    staysInTap: true,
    initial: () => [],
    settled: (form) => ({ form }),
    before: (matrix) => {
      const { values } = matrix;
      if (!isComplex(matrix)) return values;
      const { height, width, at } = quarters(matrix);
      const parts = new Float32Array(2 * height * width);
      for (let i = 0; i < height; i++)
        for (let j = 0; j < width; j++) {
          const place = at(i, j);
          const k = 2 * (i * width + j);
          parts[k] = (values[place.r]! + signs.real * values[place.r2]!) / 2;
          parts[k + 1] = (values[place.i]! + signs.imaginary * values[place.i2]!) / 2;
        }
      const roots = roundToFourthRoots(parts);
      const scales = [scaleOf(parts, roots, 0), scaleOf(parts, roots, 1)] as const;
      const image = new Float32Array(values.length);
      for (let i = 0; i < height; i++)
        for (let j = 0; j < width; j++) {
          const place = at(i, j);
          const k = 2 * (i * width + j);
          const [real, imaginary] = [roots[k]! * scales[0], roots[k + 1]! * scales[1]];
          image[place.r] = real;
          image[place.r2] = signs.real * real;
          image[place.i] = imaginary;
          image[place.i2] = signs.imaginary * imaginary;
        }
      return image;
    },
    pullback: (matrix, _numbers, gradient) => {
      if (!isComplex(matrix)) return gradient;
      const { height, width, at } = quarters(matrix);
      const back = new Float32Array(gradient.length);
      for (let i = 0; i < height; i++)
        for (let j = 0; j < width; j++) {
          const { r, r2, i: im, i2 } = at(i, j);
          back[r] = (gradient[r]! + signs.real * gradient[r2]!) / 2;
          back[r2] = signs.real * back[r]!;
          back[im] = (gradient[im]! + signs.imaginary * gradient[i2]!) / 2;
          back[i2] = signs.imaginary * back[im]!;
        }
      return back;
    },
  };
}
