/**
 * Which `emulate.scope` the code that runs now was called from, over its awaits: scopes that overlap do not see each other's
 * policies. Where the engine cannot follow asynchronous code there is one scope at a time.
 */
import { ArgumentError } from '../errors.ts';
import { type AsyncStorage, asyncStorage } from './async-storage.ts';

export interface AsyncScope {
  readonly outer: AsyncScope | undefined;
}

let storage: AsyncStorage<AsyncScope> | null | undefined;
/** Scopes that wait for something, where none can be followed. */
let waiting = 0;

function storageOf(): AsyncStorage<AsyncScope> | null {
  if (storage === undefined) storage = asyncStorage() ?? null;
  return storage;
}

/** The scope around the code that runs now. */
export function currentScope(): AsyncScope | undefined {
  return storageOf()?.getStore();
}

/**
 * Runs `begin` in a new scope, then `fn` in it, then `end`, whatever happens.
 * @throws ArgumentError if another scope waits where scopes cannot be told apart
 */
export async function inNewScope<S, T>(
  begin: () => Promise<S>,
  fn: () => T | Promise<T>,
  end: (begun: S) => void,
): Promise<T> {
  const followed = storageOf();
  if (followed !== null)
    return followed.run({ outer: currentScope() }, async () => {
      const begun = await begin();
      try {
        return await fn();
      } finally {
        end(begun);
      }
    });
  if (waiting > 0)
    throw new ArgumentError(
      'emulate.scope',
      'a scope that begins while another one waits',
      'one at a time where there is no AsyncLocalStorage; emulate and stop can be nested',
    );
  waiting++;
  try {
    const begun = await begin();
    try {
      // A scope that the function begins before it waits is inside of this one.
      waiting--;
      let result: T | Promise<T>;
      try {
        result = fn();
      } finally {
        waiting++;
      }
      return await result;
    } finally {
      end(begun);
    }
  } finally {
    waiting--;
  }
}
