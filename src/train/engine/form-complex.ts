/**
 * A real weight of a layer as a complex one whose numbers are fourth roots of unity: rows and columns are the real parts of outputs and
 * inputs, then the imaginary ones. Of a matrix that is not of that kind the nearest is taken, so that the form stands in any program.
 * Source: Wang et al., "iFairy: the first 2-bit complex LLM with all parameters in {±1, ±i}", arXiv 2508.05571 (nearest root by angle, a
 * scale for the real and one for the imaginary roots, gradients straight through), and the authors' implementation (the conjugate).
 */
import { roundToFourthRoots } from '../../formats/complex.ts';
import type { ComplexForm } from '../linear-slots.ts';
import type { Form, FormedMatrix } from './form.ts';

/** What a scale is at least. */
const leastScale = Math.fround(1e-5);

/** The signs of the four quarters of a matrix: [[r, ±i], [i, ±r]] of r + i's product with x, or with the conjugate of x. */
const signsOf = ({ product = 'conjugate' }: ComplexForm) =>
  product === 'conjugate' ? ({ real: -1, imaginary: 1 } as const) : ({ real: 1, imaginary: -1 } as const);

/** Where a complex number has its real part twice, and its imaginary one. */
interface Place {
  readonly r: number;
  readonly r2: number;
  readonly i: number;
  readonly i2: number;
}

/** Visits the complex numbers of each matrix. */
function forEachNumber(
  { values, rows, columns }: FormedMatrix,
  visit: (k: number, place: Place) => void,
): void {
  const [height, width] = [rows / 2, columns / 2];
  for (let k = 0; k < values.length / 4; k++) {
    const row = Math.floor(k / width);
    const r = (row + Math.floor(row / height) * height) * columns + (k % width);
    const i = r + height * columns;
    visit(k, { r, r2: i + width, i, i2: r + width });
  }
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
      const parts = new Float32Array(values.length / 2);
      forEachNumber(matrix, (k, { r, r2, i, i2 }) => {
        parts[2 * k] = (values[r]! + signs.real * values[r2]!) / 2;
        parts[2 * k + 1] = (values[i]! + signs.imaginary * values[i2]!) / 2;
      });
      const roots = roundToFourthRoots(parts);
      const scales = [scaleOf(parts, roots, 0), scaleOf(parts, roots, 1)] as const;
      const image = new Float32Array(values.length);
      forEachNumber(matrix, (k, { r, r2, i, i2 }) => {
        const [real, imaginary] = [roots[2 * k]! * scales[0], roots[2 * k + 1]! * scales[1]];
        image[r] = real;
        image[r2] = signs.real * real;
        image[i] = imaginary;
        image[i2] = signs.imaginary * imaginary;
      });
      return image;
    },
    pullback: (matrix, _numbers, gradient) => {
      if (!isComplex(matrix)) return gradient;
      const back = new Float32Array(gradient.length);
      forEachNumber(matrix, (_, { r, r2, i, i2 }) => {
        back[r] = (gradient[r]! + signs.real * gradient[r2]!) / 2;
        back[r2] = signs.real * back[r]!;
        back[i] = (gradient[i]! + signs.imaginary * gradient[i2]!) / 2;
        back[i2] = signs.imaginary * back[i]!;
      });
      return back;
    },
  };
}
