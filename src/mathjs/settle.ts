/**
 * Results in the format: every number that a function or an expression hands out, in whatever it is wrapped, is a number of the
 * format. Positions (the permutations of a decomposition, the sizes of a matrix) are none, and stay as they are.
 */
import type { Complex } from 'mathjs';
import type { AnyFunction, Signatures, Typed, TypedFunction } from './factories.ts';

/** What mathjs' containers have in common, and what tells them apart. */
interface Container {
  readonly isMatrix?: boolean;
  readonly isSparseMatrix?: boolean;
  readonly isResultSet?: boolean;
  readonly isComplex?: boolean;
  readonly isNode?: boolean;
  readonly isConstantNode?: boolean;
  readonly entries?: readonly unknown[];
  readonly value?: unknown;
  readonly _values?: readonly unknown[];
  valueOf(): unknown;
  map(f: (x: unknown) => unknown, skipZeros: boolean): unknown;
  transform(f: (node: Container) => unknown): unknown;
}

/** Brings numbers into a format, whatever they are in. */
export class Settler {
  readonly #operand: (x: number) => number;
  readonly #positions = new WeakSet<object>();

  constructor(operand: (x: number) => number) {
    this.#operand = operand;
  }

  /** Marks an array or matrix of positions, which `settle` leaves alone. */
  readonly positions = <T>(value: T): T => {
    if (typeof value === 'object' && value !== null) this.#positions.add(value);
    return value;
  };

  /** The numbers in a value brought into the format; the value itself where they are in it. */
  readonly settle = (value: unknown): unknown => {
    if (typeof value === 'number') return this.#operand(value);
    if (typeof value !== 'object' || value === null || this.#positions.has(value)) return value;
    if (Array.isArray(value)) return this.#each(value);
    const container = value as Container;
    if (container.isMatrix) return this.#matrix(container);
    if (container.isComplex) return this.#complex(value);
    if (container.isResultSet) return this.#resultSet(container);
    if (container.isNode) return this.#formula(container);
    if (value instanceof Map) return new Map(Array.from(value, ([key, item]) => [key, this.settle(item)]));
    const prototype: unknown = Object.getPrototypeOf(value);
    return prototype === Object.prototype || prototype === null ? this.#fields(value) : value;
  };

  #each(values: readonly unknown[]): readonly unknown[] {
    let changed: unknown[] | undefined;
    for (const [i, value] of values.entries()) {
      const inFormat = this.settle(value);
      if (Object.is(inFormat, value)) continue;
      changed ??= values.slice();
      changed[i] = inFormat;
    }
    return changed ?? values;
  }

  /** An object with other values of some fields; its prototype and hidden fields as they are. */
  #fields(object: object): object {
    const descriptors = Object.getOwnPropertyDescriptors(object);
    let isSame = true;
    for (const descriptor of Object.values(descriptors)) {
      if (!descriptor.enumerable || !('value' in descriptor)) continue;
      const inFormat = this.settle(descriptor.value);
      isSame &&= Object.is(inFormat, descriptor.value);
      descriptor.value = inFormat;
    }
    return isSame ? object : Object.create(Object.getPrototypeOf(object), descriptors);
  }

  #matrix(value: Container): unknown {
    const stored = value.isSparseMatrix ? value._values : value.valueOf();
    // A sparse matrix may have a pattern and no values.
    if (stored === undefined || this.#each(stored as unknown[]) === stored) return value;
    return value.map(this.settle, value.isSparseMatrix === true);
  }

  #complex(value: object): unknown {
    const { re, im } = value as Complex;
    const parts = [this.#operand(re), this.#operand(im)] as const;
    if (Object.is(parts[0], re) && Object.is(parts[1], im)) return value;
    const Made = value.constructor as new (re: number, im: number) => Complex;
    return new Made(...parts);
  }

  #resultSet(value: Container): unknown {
    const ResultSet = value.constructor as new (entries: readonly unknown[]) => unknown;
    return new ResultSet(this.#each(value.entries ?? []));
  }

  /** A formula with its constants in the format. */
  #formula(node: Container): unknown {
    return node.transform((part) => {
      if (!part.isConstantNode || typeof part.value !== 'number') return part;
      const inFormat = this.#operand(part.value);
      const ConstantNode = part.constructor as unknown as new (value: number) => unknown;
      return Object.is(inFormat, part.value) ? part : new ConstantNode(inFormat);
    });
  }
}

/** What typed-function keeps of a signature that refers to others. */
interface Resolved extends AnyFunction {
  readonly referToSelf?: { readonly callback: (self: AnyFunction) => AnyFunction };
  readonly referTo?: {
    readonly references: readonly string[];
    readonly callback: (...others: AnyFunction[]) => AnyFunction;
  };
}

/** What happens to the arguments and the results of a function. */
export interface Treatment {
  readonly before?: (argument: unknown) => unknown;
  readonly after: (result: unknown) => unknown;
}

/** A signature of a typed function, treated; what it refers to stays open to change. */
function treated(typed: Typed, signature: Resolved, { before, after }: Treatment): AnyFunction {
  const treat =
    (f: AnyFunction): AnyFunction =>
    (...args) =>
      after(f(...(before === undefined ? args : (args.map(before) as never[]))));
  const { referToSelf, referTo } = signature;
  if (referToSelf !== undefined) return typed.referToSelf((self) => treat(referToSelf.callback(self)));
  if (referTo !== undefined)
    return typed.referTo(...referTo.references, (...others: AnyFunction[]) =>
      treat(referTo.callback(...others)),
    );
  return treat(signature);
}

function treatedSignatures(typed: Typed, signatures: Signatures, treatment: Treatment): Signatures {
  return Object.fromEntries(
    Object.entries(signatures).map(([types, f]) => [types, treated(typed, f as Resolved, treatment)]),
  );
}

/** What makes typed functions, those of a name treated: they keep the conversions of types that hold while they are made. */
export function treating(typed: Typed, name: string, treatment: Treatment): Typed {
  return new Proxy(typed, {
    apply: (make, self, [given, ...groups]: [string, ...Signatures[]]) => {
      const made = groups.map((group) =>
        given === name && typeof group === 'object' ? treatedSignatures(typed, group, treatment) : group,
      );
      return Reflect.apply(make, self, [given, ...made]);
    },
  });
}

/** A typed function of the signatures `kept`, treated, and `ours`, as they are; what else the original carries stays. */
export function treatedFunction(
  typed: Typed,
  original: TypedFunction,
  kept: Signatures,
  ours: Signatures,
  treatment: Treatment,
): TypedFunction {
  const signatures = Object.entries(kept).map(([types, f]) => [
    types,
    treated(typed, f as Resolved, treatment),
  ]);
  const made = typed(original.name, { ...Object.fromEntries(signatures), ...ours });
  for (const [key, value] of Object.entries(original))
    if (!(key in made)) Object.assign(made, { [key]: value });
  return made;
}
