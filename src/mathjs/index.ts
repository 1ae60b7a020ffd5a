/**
 * mathjs in simulated precision: an instance whose numbers are numbers of a format. Everything that mathjs builds on numbers
 * (expressions, dense and sparse matrices, solvers, statistics) then runs on that arithmetic, operation by operation.
 *
 * Not simulated: units, complex numbers, fractions and big numbers, which are as mathjs has them.
 */
import { all, type ConfigOptions, create, type FactoryFunctionMap, type MathJsInstance } from 'mathjs';
import { type Arithmetic, type ArithmeticOptions, createArithmetic } from '../arithmetic/arithmetic.ts';
import { ArgumentError } from '../errors.ts';
import type { Format } from '../formats/format.ts';
import type { FormatSpelling } from '../formats/names.ts';
import {
  type AnyFunction,
  changed,
  type Factories,
  givenOther,
  type Signatures,
  type Typed,
  type TypedFunction,
} from './factories.ts';
import { nodeFactories, settler } from './nodes.ts';
import { numberSignatures, operandOf } from './numbers.ts';

/** A mathjs instance with the arithmetic that it computes in. */
export type Mathematics = MathJsInstance & { readonly arithmetic: Arithmetic };

/** What a unit computes with: mathjs' own functions. */
const unitDependencies = [
  'addScalar',
  'subtractScalar',
  'multiplyScalar',
  'divideScalar',
  'pow',
  'abs',
  'fix',
  'round',
  'equal',
] as const;
/** Of a unit they make a number, which is then one of the format. */
const angular = /^(sin|cos|tan|sec|csc|cot)$/;

type Named = Record<string, AnyFunction>;

/** A typed function whose signatures of numbers are ours, and whose signatures of units are those of binary64. */
function withNumbers(
  original: TypedFunction,
  numbers: Signatures,
  typed: Typed,
  name: string,
  base: Named,
): TypedFunction {
  const signatures = { ...original.signatures };
  for (const types of Object.keys(signatures)) {
    if (types.includes('Unit') && !angular.test(name)) signatures[types] = base[name]!;
    // A signature of numbers or big numbers would conflict with ours of numbers.
    if (types === '...number|BigNumber') {
      delete signatures[types];
      signatures['...BigNumber'] = ((x: never[]) => base[name]!(...x)) as AnyFunction;
    }
  }
  return typed(name, { ...signatures, ...numbers });
}

/**
 * A mathjs instance whose numbers are numbers of a format.
 *
 * Every scalar operation on numbers is as if computed exactly and rounded once, as the options say; comparisons are exact.
 * Numbers from outside (constants, elements of arrays) are rounded when an operation takes them, when they are assigned, and when
 * they are the result of an expression. There are no complex results of real arguments: sqrt(-1) is NaN.
 *
 * @param format A format or its name.
 * @param options As for `arithmetic`: rounding, saturation, random bits and so on.
 * @param config Configuration of mathjs, such as `{ matrix: 'Array' }`.
 * @returns The instance; its `arithmetic` is the arithmetic object, with its cursor, flags and `reset`.
 * @throws ArgumentError for an unknown format or option, or a `config.number` other than `'number'`.
 *
 * @example
 * const math = createMath('bfloat16');
 * math.evaluate('0.1 + 0.2') // 0.30078125
 * math.lusolve([[2, 1], [1, 3]], [1, 2]) // [[0.19921875], [0.6015625]]
 */
export function createMath(
  format: Format | FormatSpelling,
  options: ArithmeticOptions = {},
  config: ConfigOptions = {},
): Mathematics {
  if (config.number !== undefined && config.number !== 'number')
    throw new ArgumentError('config.number', config.number, "'number'");
  const arithmetic = createArithmetic(format, { ...options, operands: 'round' });
  const settings: ConfigOptions = { predictable: true, ...config };
  const base = create(all!, settings);
  const plain = base as unknown as Named & { expression: { mathWithTransform: unknown } };
  const factories = all as unknown as Factories;
  const settle = settler(operandOf(arithmetic));

  const replaced: Factories = {
    ...nodeFactories(factories, settle, plain.expression.mathWithTransform),
    createUnitClass: givenOther(
      factories['createUnitClass']!,
      Object.fromEntries(unitDependencies.map((name) => [name, plain[name]])),
    ),
  };
  for (const [name, numbers] of Object.entries(numberSignatures(arithmetic, base))) {
    const key = `create${name[0]!.toUpperCase()}${name.slice(1)}`;
    replaced[key] = changed(factories[key]!, (original, { typed }) =>
      withNumbers(original as TypedFunction, numbers, typed as Typed, name, plain),
    );
  }
  const math = create({ ...factories, ...replaced } as unknown as FactoryFunctionMap, settings);
  return Object.assign(math, { arithmetic });
}
