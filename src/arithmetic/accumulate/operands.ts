/**
 * How accumulations read their operands: numbers of the arithmetic's format, which the accumulator's matrix unit, where it is one, reads
 * as numbers of its own.
 */
import { type Numbers, type RealArray, realArray } from '../../array-kinds.ts';
import { checkFields, checkNumber } from '../../check.ts';
import { checkCarrier } from '../../formats/real-arrays.ts';
import type { Addend } from '../../products/model.ts';
import type { ArithmeticContext } from '../context.ts';
import { checkAddends, isMatrixUnit, readOperands } from '../matrix-unit/matrix-unit.ts';
import { type AccumulatorModel, modelNames, type ResolvedAccumulator, resolveAccumulator } from './model.ts';
import { checkMatrix } from './shape.ts';

export interface OperandReader {
  /** The model of a call. */
  resolve(model: AccumulatorModel | undefined): ResolvedAccumulator;
  /** The array that is given, before its elements are looked at. */
  open(name: string, given: Numbers): RealArray;
  /** The operand as the accumulator reads it. */
  read(name: string, x: RealArray, model: ResolvedAccumulator): RealArray;
  /** What a single sum starts from. */
  startOf(c: number | undefined, model: ResolvedAccumulator): number;
  /** What the sums of a batch of matrices of so many elements start from. */
  addendOf(
    c: Numbers | undefined,
    elements: number,
    batch: number,
    like: RealArray,
    model: ResolvedAccumulator,
  ): Addend | undefined;
}

export function operandReader(context: ArithmeticContext): OperandReader {
  const { format, options } = context;
  const find = context.kernels?.firstNonMember;

  function open(name: string, given: Numbers): RealArray {
    const x = realArray(name, given);
    checkCarrier(name, x, format);
    return x;
  }

  return {
    resolve: (model) => resolveAccumulator(format, options, checkFields('', model, modelNames, 'model')),
    open,
    read(name, x, { accumulate }): RealArray {
      const values = context.accept(name, x);
      return isMatrixUnit(accumulate) ? readOperands(accumulate, name, values, find) : values;
    },
    startOf(c, { accumulate }): number {
      if (c === undefined) return 0; // whether the format has a zero or not
      const start = context.accept('c', checkNumber('c', c));
      if (isMatrixUnit(accumulate)) checkAddends(accumulate, 'c', Float64Array.of(start));
      return start;
    },
    addendOf(c, elements, batch, like, { accumulate }): Addend | undefined {
      if (c === undefined) return undefined;
      const values = context.accept('c', open('c', c));
      if (isMatrixUnit(accumulate)) checkAddends(accumulate, 'c', values, find);
      return { values, stride: checkMatrix('c', values, elements, batch, like) };
    },
  };
}
