/**
 * The operations of an arithmetic as methods of shaped arrays: each element-wise operation by its own name, except `min` and `max`, which
 * reduce and are `minimum` and `maximum` here; and comparisons.
 */
import { type ElementaryName, elementaryFunctions } from '../arithmetic/elementary/index.ts';
import { newArray } from '../array-kinds.ts';
import { checkFields } from '../check.ts';
import { fitsBinary32 } from '../formats/real-arrays.ts';
import { sizeOf } from '../shape.ts';
import { type FlatOperation, operateOnViews } from './elementwise.ts';
import { carrierFor } from './entry.ts';
import { broadcastShape, rowMajor } from './layout.ts';
import type { BinaryName, ComparisonName, ElementwiseOptions } from './method-types.ts';
import type { View } from './moves.ts';
import {
  type Arithmetic,
  ArrayCore,
  type ArrayOperand,
  operandIn,
  resultFor,
  type ShapedArray,
  shaped,
} from './shaped-array.ts';

/** Names of methods, and of the operations that they are. */
const binaryNames: Readonly<Record<BinaryName, keyof Arithmetic>> = {
  ...({ add: 'add', sub: 'sub', mul: 'mul', div: 'div', minimum: 'min', maximum: 'max' } as const),
};

/** Of what `compare` gives; unordered elements are unequal and nothing else. */
const comparisons: Readonly<Record<ComparisonName, (order: number) => boolean>> = {
  equal: (order) => order === 0,
  notEqual: (order) => order !== 0,
  less: (order) => order < 0,
  lessEqual: (order) => order <= 0,
  greater: (order) => order > 0,
  greaterEqual: (order) => order >= 0,
};

type Options = ElementwiseOptions<ShapedArray>;

const operandNames = ['a', 'b', 'c'];

/** A number as an operand goes as it is: the operation looks whether it is in the format. */
function operandsOf(a: ArrayCore, others: readonly ArrayOperand[]): (View | number)[] {
  return [
    a,
    ...others.map((x, i) => (typeof x === 'number' ? x : operandIn(a.arithmetic, x, operandNames[i + 1]!))),
  ];
}

function shapeOf(operands: readonly (View | number)[]): number[] {
  return broadcastShape(
    operandNames,
    operands.map((x) => (typeof x === 'number' ? [] : x.shape)),
  );
}

function elementwise(
  a: ArrayCore,
  name: string,
  others: readonly ArrayOperand[],
  options: Options | undefined,
): ShapedArray {
  const f = a.arithmetic;
  const { out, threads } = checkFields<Options>('', options, ['out', 'threads']);
  const operands = operandsOf(a, others);
  const result = resultFor(f, out, shapeOf(operands));
  const operation = f[name as keyof Arithmetic] as unknown as FlatOperation;
  operateOnViews(f, operation, operands, result, threads === undefined ? {} : { threads });
  return result;
}

/** `arithmetic` of a format that has 0 and 1. */
type Make = (format: 'binary32' | 'binary64') => Arithmetic;

/** The orders of elements, in an arithmetic that has -1, 0 and 1. */
function orders(a: ArrayCore, b: ArrayOperand, make: Make): ShapedArray {
  const f = a.arithmetic;
  const operands = operandsOf(a, [b]);
  const shape = shapeOf(operands);
  const data = newArray(carrierFor(f.format), sizeOf(shape));
  const result = { data, shape, stride: rowMajor(shape), offset: 0 };
  operateOnViews(f, f.compare as unknown as FlatOperation, operands, result, {});
  return shaped(make(fitsBinary32(f.format) ? 'binary32' : 'binary64'), result);
}

function defineMethod(name: string | symbol, method: (this: ArrayCore, ...given: never[]) => unknown): void {
  Object.defineProperty(ArrayCore.prototype, name, { value: method });
}

/** Gives shaped arrays their methods, once, with the first arithmetic. `make`: what makes an arithmetic of plain numbers. */
export function defineMethods(make: Make): void {
  if (Object.hasOwn(ArrayCore.prototype, 'fma')) return;
  const isUnary = (name: string): boolean => elementaryFunctions[name as ElementaryName].arity === 1;
  const functions = Object.keys(elementaryFunctions);
  for (const name of [...functions.filter(isUnary), 'sqrt', 'neg', 'abs'])
    defineMethod(name, function (options?: Options) {
      return elementwise(this, name, [], options);
    });
  const binary = [...functions.filter((name) => !isUnary(name)).map((name) => [name, name])];
  for (const [name, operation] of [...binary, ...Object.entries(binaryNames)] as [string, string][])
    defineMethod(name, function (b: ArrayOperand, options?: Options) {
      return elementwise(this, operation, [b], options);
    });
  defineMethod('fma', function (b: ArrayOperand, c: ArrayOperand, options?: Options) {
    return elementwise(this, 'fma', [b, c], options);
  });
  // What `console.log` of Node prints.
  defineMethod(Symbol.for('nodejs.util.inspect.custom'), function () {
    return `${this.format.name} [${this.shape.join(', ')}]\n${this.toString()}`;
  });
  defineMethod('compare', function (b: ArrayOperand) {
    return orders(this, b, make);
  });
  for (const [name, holds] of Object.entries(comparisons))
    defineMethod(name, function (b: ArrayOperand) {
      const result = orders(this, b, make);
      const { data } = result;
      for (let i = 0; i < data.length; i++) data[i] = holds(data[i]!) ? 1 : 0;
      return result;
    });
}
