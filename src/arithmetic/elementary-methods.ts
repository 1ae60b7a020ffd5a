/** The elementary functions as methods of an `arithmetic` object. Their numerics are in `elementary/`. */
import { isRealArray } from '../array-kinds.ts';
import type { ArithmeticContext } from './context.ts';
import {
  type ElementaryName,
  elementaryFunctions,
  elementaryTable,
  type UnaryName,
} from './elementary/index.ts';
import {
  type BinaryMethod,
  binaryMethod,
  type Elementwise,
  type UnaryMethod,
  unaryMethod,
} from './elementwise.ts';
import { type Counter, countOutcome } from './flags.ts';
import type { OperationPlan } from './operations.ts';

export type ElementaryMethods = { readonly [name in UnaryName]: UnaryMethod } & {
  readonly [name in Exclude<ElementaryName, UnaryName>]: BinaryMethod;
};

function elementwise(
  name: ElementaryName,
  context: ArithmeticContext,
  plan: OperationPlan,
  counter: Counter | undefined,
): Elementwise {
  const { format, options, kernels } = context;
  const { hasNegativeZeroOperands } = plan;
  const { evaluate, outcome } = elementaryFunctions[name];
  if (counter !== undefined)
    return {
      scalar: (x, y, _, random) => {
        const result = outcome(x, y, format, options, random, hasNegativeZeroOperands);
        countOutcome(result, plan, random, counter.flags, counter.tininess);
        return result.value;
      },
      draws: true,
    };
  const scalar: Elementwise['scalar'] = (x, y, _, random) =>
    evaluate(x, y, format, options, random, hasNegativeZeroOperands);
  if (kernels === undefined) return { scalar, draws: true };
  return {
    scalar,
    draws: true,
    quick: ([x], out, taken, threads) => {
      if (!isRealArray(x)) return false;
      const ofOne = (value: number): number => evaluate(value, 0, format, options, 0);
      // A look-up is faster than a kernel, but tables of more than 8 bits take longer to make than a kernel takes for most arrays.
      const onKernel = (): boolean =>
        kernels.elementary?.(name, x, out, format, taken, threads, ofOne) === true;
      if (format.bits > 8 && onKernel()) return true;
      // A table is worth its while where it is not longer than the array.
      if (x.length < 2 ** format.bits) return onKernel();
      const table = elementaryTable(name, format, options);
      if (table === undefined) return false;
      const codes = kernels.codesOf(x, format);
      for (let i = 0; i < out.length; i++) out[i] = Number.isNaN(x[i]) ? NaN : table[codes[i]!]!;
      return true;
    },
  };
}

/** The methods, by the names of the functions. */
export function elementaryMethods(
  context: ArithmeticContext,
  plan: OperationPlan,
  counter: Counter | undefined,
): ElementaryMethods {
  const names = Object.keys(elementaryFunctions) as ElementaryName[];
  const methods = names.map((name) => {
    const operation = elementwise(name, context, plan, counter);
    const isUnary = elementaryFunctions[name].arity === 1;
    return [name, isUnary ? unaryMethod(operation, context) : binaryMethod(operation, context)];
  });
  return Object.fromEntries(methods) as ElementaryMethods;
}
