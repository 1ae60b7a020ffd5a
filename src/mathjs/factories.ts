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
  readonly meta?: { readonly isTransformFunction?: boolean; readonly isClass?: boolean };
}

export type Factories = Record<string, Factory>;
export type AnyFunction = (...args: never[]) => unknown;
/** Implementations by types of arguments, as `number,number`. */
export type Signatures = Record<string, AnyFunction>;

export interface TypedFunction {
  (...args: unknown[]): unknown;
  readonly name: string;
  readonly signatures: Signatures;
}

export interface Typed {
  (name: string, signatures: Signatures): TypedFunction;
  referToSelf(callback: (self: AnyFunction) => AnyFunction): AnyFunction;
  referTo(...references: (string | ((...others: AnyFunction[]) => AnyFunction))[]): AnyFunction;
}

/** A factory of the same name and needs that changes what another one creates. */
export function changed(
  factory: Factory,
  change: (created: unknown, dependencies: Record<string, unknown>) => unknown,
): Factory {
  const create = (dependencies: Record<string, unknown>): unknown =>
    change(factory(dependencies), dependencies);
  return withNames(factory, create);
}

/** A factory that gives another one dependencies of some names from elsewhere, taken from there when it creates. */
export function givenOther(
  factory: Factory,
  names: readonly string[],
  others: Readonly<Record<string, unknown>>,
): Factory {
  const needed = names.filter((name) => factory.dependencies.includes(name));
  if (needed.length === 0) return factory;
  return withNames(factory, (dependencies) =>
    factory({ ...dependencies, ...Object.fromEntries(needed.map((name) => [name, others[name]])) }),
  );
}

/** A factory that needs more than another one. */
export function needing(factory: Factory, ...names: string[]): Factory {
  const create = (dependencies: Record<string, unknown>): unknown => factory(dependencies);
  return withNames(factory, create, [...new Set([...factory.dependencies, ...names])]);
}

/** A factory of the same name and needs, unless others are named, that creates in another way. */
export function withNames(
  { fn, dependencies, meta }: Factory,
  create: (dependencies: Record<string, unknown>) => unknown,
  needs: readonly string[] = dependencies,
): Factory {
  // mathjs recognises factories by these properties.
  return Object.assign(create, { isFactory: true, fn, dependencies: needs, ...(meta && { meta }) });
}

/** Signatures for an array and for a matrix as the first argument. */
export function forCollections(signatures: Signatures): Signatures {
  const entries = Object.entries(signatures);
  return Object.fromEntries(
    ['Array', 'Matrix'].flatMap((kind) => entries.map(([rest, f]) => [`${kind}${rest}`, f])),
  );
}
