/**
 * The part of mathjs that this folder builds on and that its types leave open: factories, typed functions, nodes. Source:
 * mathjs 15, `utils/factory.js`; typed-function 4.
 */

/** Creates a function or class of mathjs from others that it names. */
export interface Factory {
  (dependencies: Record<string, unknown>): unknown;
  /** The name of what it creates. */
  readonly fn: string;
  /** Names of what it needs; a leading `?` marks what it can do without. */
  readonly dependencies: readonly string[];
  readonly meta?: object;
}

export type Factories = Record<string, Factory>;
export type AnyFunction = (...args: never[]) => unknown;
/** Implementations by types of arguments, as `number,number`. */
export type Signatures = Record<string, AnyFunction>;

export interface TypedFunction {
  (...args: unknown[]): unknown;
  readonly signatures: Signatures;
}

export type Typed = (name: string, signatures: Signatures) => TypedFunction;

/** A factory of the same name and needs that changes what another one creates. */
export function changed(
  factory: Factory,
  change: (created: unknown, dependencies: Record<string, unknown>) => unknown,
): Factory {
  const create = (dependencies: Record<string, unknown>): unknown =>
    change(factory(dependencies), dependencies);
  return withNames(factory, create);
}

/** A factory that gives another one other dependencies of some names. */
export function givenOther(factory: Factory, others: Record<string, unknown>): Factory {
  return withNames(factory, (dependencies) => factory({ ...dependencies, ...others }));
}

function withNames(factory: Factory, create: (dependencies: Record<string, unknown>) => unknown): Factory {
  const { fn, dependencies, meta } = factory;
  // mathjs recognises factories by these properties.
  return Object.assign(create, { isFactory: true, fn, dependencies, ...(meta && { meta }) });
}
