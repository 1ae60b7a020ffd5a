/**
 * What the nodes of an expression need beyond rounded functions: results, assigned values and results of the functions it defines
 * that no function has touched (a constant, a matrix of constants) become numbers of the format, and indices stay integers of
 * binary64.
 */
import { type AnyFunction, changed, type Factories, type Factory } from './factories.ts';

interface NodeClass {
  readonly prototype: Record<string, AnyFunction>;
}

type Evaluate = (...args: unknown[]) => unknown;
type Compile = (this: unknown, math: unknown, names: unknown) => Evaluate;

/** Has the value of a child settled before the node sees it. */
function settlingChild(
  created: unknown,
  child: 'value' | 'expr',
  settle: (value: unknown) => unknown,
): unknown {
  const { prototype } = created as NodeClass;
  const compile = prototype['_compile'] as unknown as Compile;
  prototype['_compile'] = function (
    this: Record<string, { _compile: Compile }>,
    math: unknown,
    names: unknown,
  ) {
    const given = this[child]!;
    const settled = Object.create(given, {
      _compile: {
        value: (...args: [unknown, unknown]): Evaluate => {
          const evaluate = given._compile(...args);
          return (...scope) => settle(evaluate(...scope));
        },
      },
    });
    return compile.call(Object.create(this, { [child]: { value: settled } }), math, names);
  };
  return created;
}

/** The factories of nodes, changed. `indexing` are the functions that expressions within an index use. */
export function nodeFactories(
  { createNode, createAssignmentNode, createFunctionAssignmentNode, createIndexNode }: Factories,
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
    createAssignmentNode: changed(createAssignmentNode!, (created) =>
      settlingChild(created, 'value', settle),
    ),
    createFunctionAssignmentNode: changed(createFunctionAssignmentNode!, (created) =>
      settlingChild(created, 'expr', settle),
    ),
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

/** A parser whose variables, set by the user, are in the format as those that an expression assigns. */
export function settlingParser(factory: Factory, settle: (value: unknown) => unknown): Factory {
  return changed(factory, (created) => {
    const { prototype } = created as NodeClass;
    const set = prototype['set'] as (name: unknown, value: unknown) => unknown;
    prototype['set'] = function (this: unknown, name: unknown, value: unknown) {
      return set.call(this, name, settle(value));
    };
    return created;
  });
}
