/**
 * What stays known over an `await`: Node's AsyncLocalStorage, taken when it is first asked for, so that nothing of Node is
 * imported where there is none. Browsers have no counterpart; there `asyncStorage` gives undefined.
 */

export interface AsyncStorage<T> {
  run<R>(value: T, fn: () => R): R;
  getStore(): T | undefined;
}

interface Hooks {
  readonly AsyncLocalStorage: new () => AsyncStorage<never>;
}

interface Process {
  getBuiltinModule?(name: string): unknown;
}

/** A storage of its own; undefined where the engine has none. */
export function asyncStorage<T>(): AsyncStorage<T> | undefined {
  const { process } = globalThis as { process?: Process };
  const hooks = process?.getBuiltinModule?.('node:async_hooks') as Hooks | undefined;
  return hooks && (new hooks.AsyncLocalStorage() as unknown as AsyncStorage<T>);
}
