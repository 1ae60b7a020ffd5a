/**
 * What the nodes of an expression need beyond rounded functions: results and assigned values that no function has touched (a
 * constant, a matrix of constants) become numbers of the format, and indices stay integers of binary64.
 */
import { type AnyFunction, changed, type Factories } from './factories.ts';

interface NodeClass {
  readonly prototype: Record<string, AnyFunction>;
}

type Evaluate = (...args: unknown[]) => unknown;
type Compile = (this: unknown, math: unknown, names: unknown) => Evaluate;

interface Container {
  readonly isMatrix?: boolean;
  readonly isResultSet?: boolean;
  readonly entries?: readonly unknown[];
  map(f: (x: unknown) => unknown): Container;
}

/** The numbers in a value brought into the format; anything but numbers, arrays, matrices and result sets as it is. */
export function settler(operand: (x: number) => number): (value: unknown) => unknown {
  return function settle(value): unknown {
    if (typeof value === 'number') return operand(value);
    if (Array.isArray(value)) return value.map(settle);
    const container = value as Container | null;
    if (container?.isMatrix) return container.map(settle);
    if (container?.isResultSet) {
      const ResultSet = (value as object).constructor as new (entries: unknown[]) => unknown;
      return new ResultSet((container.entries ?? []).map(settle));
    }
    return value;
  };
}

/** The factories of nodes, changed. `indexing` are the functions that expressions within an index use. */
export function nodeFactories(
  { createNode, createAssignmentNode, createIndexNode }: Factories,
  settle: (value: unknown) => unknown,
  indexing: unknown,
): Factories {
  return {
    createNode: changed(createNode!, (created) => {
      const { prototype } = created as NodeClass;
      const compile = prototype['compile'] as () => { evaluate: Evaluate };
      prototype['compile'] = function (this: unknown) {
        const { evaluate } = compile.call(this);
        return { evaluate: (scope: unknown) => settle(evaluate(scope)) };
      };
      return created;
    }),
    createAssignmentNode: changed(createAssignmentNode!, (created) => {
      const { prototype } = created as NodeClass;
      const compile = prototype['_compile'] as unknown as Compile;
      prototype['_compile'] = function (
        this: { value: { _compile: Compile } },
        math: unknown,
        names: unknown,
      ) {
        const value = {
          _compile: (...args: [unknown, unknown]): Evaluate => {
            const evaluate = this.value._compile(...args);
            return (...scope) => settle(evaluate(...scope));
          },
        };
        return compile.call(Object.create(this as object, { value: { value } }), math, names);
      };
      return created;
    }),
    createIndexNode: changed(createIndexNode!, (created) => {
      const { prototype } = created as NodeClass;
      const compile = prototype['_compile'] as unknown as Compile;
      prototype['_compile'] = function (this: unknown, _math: unknown, names: unknown) {
        return compile.call(this, indexing, names);
      };
      return created;
    }),
  };
}
