/** One sum, by the reference of `inner-product.ts`, or by a kernel where the caller above has lent one and the sum is long. */
import { isRealArray, newLike } from '../../array-kinds.ts';
import { drawingParts } from '../../products/model.ts';
import type { ArithmeticContext } from '../context.ts';
import type { Counter } from '../flags.ts';
import { isMatrixUnit } from '../matrix-unit/matrix-unit.ts';
import { type CallDraws, takeDraws } from './draws.ts';
import { accumulated, innerProduct, type Terms } from './inner-product.ts';
import { modelFor, type ResolvedAccumulator } from './model.ts';
import type { Term } from './term.ts';

/** From this length on a sum is given to a kernel. */
const kernelLength = 64;

const vectorShape = { m: 1, n: 1, transposeA: false, transposeB: false, batch: 1 } as const;

/** What an accumulator holds after all terms, the random integer of what takes the place of the conversion, and the model. */
interface Held {
  readonly value: Term;
  readonly model: ResolvedAccumulator;
  readonly random: number;
}

interface SingleSums {
  /** The sum, converted. */
  one(terms: Terms, model: ResolvedAccumulator): number;
  /** The sum as the accumulator has it. */
  held(terms: Terms, model: ResolvedAccumulator): Held;
}

export function singleSums(context: ArithmeticContext, counter: Counter | undefined): SingleSums {
  /** A long sum by a kernel; undefined where there is none. */
  function kernelSum(
    { a, b, start }: Terms,
    model: ResolvedAccumulator,
    draws: CallDraws,
  ): number | undefined {
    const k = a.length;
    // Kernels do not count.
    const kernels = counter === undefined ? context.kernels : undefined;
    if (kernels?.matmul === undefined || k < kernelLength || !isRealArray(a)) return undefined;
    const factors = isRealArray(b) ? b : newLike(a, k).fill(1);
    const whole = b === undefined ? { ...model, products: 'exact' as const } : model;
    // Any result and any addend is a number of binary64.
    const out = new Float64Array(1);
    const shape = { ...vectorShape, k, batchStrideA: k, batchStrideB: k };
    const addend = Object.is(start, 0) ? undefined : { values: Float64Array.of(start), stride: 1 };
    return kernels.matmul(a, factors, out, shape, whole, draws.call, context.threads, addend)
      ? out[0]!
      : undefined;
  }

  return {
    one(terms, given): number {
      const model = modelFor(terms.a.length, given);
      const draws = takeDraws(context, drawingParts(model, terms.b !== undefined), 1, terms.a.length);
      return kernelSum(terms, model, draws) ?? innerProduct(terms, model, draws.of(0), counter);
    },
    held(terms, given): Held {
      const { length } = terms.a;
      const model = { ...modelFor(length, given), converts: true };
      const { accumulate } = model;
      const draws = takeDraws(context, drawingParts(model, terms.b !== undefined), 1, length);
      const draw = draws.of(0);
      // A kernel gives what a number of the accumulator's format holds; integers that are supplied lie where the conversion has its own.
      const isNumber = accumulate !== 'exact' && !isMatrixUnit(accumulate) && draws.call.random === undefined;
      const unconverted = isNumber && { ...model, conversion: accumulate, converts: false };
      const quick = unconverted ? kernelSum(terms, unconverted, draws) : undefined;
      return {
        value: quick ?? accumulated(terms, model, draw, counter),
        model,
        random: draw('conversions', 0),
      };
    },
  };
}
