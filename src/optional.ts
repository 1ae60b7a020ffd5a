/** Packages that are not dependencies of this one: loaded when they are first needed, asked for by name where they are not there. */
import { ArgumentError } from './errors.ts';

/** That a package is missing, as the error of the argument that needs it. `otherwise` is what else would do: `, or data of your own`. */
export function notInstalled(argument: string, name: string, otherwise = ''): ArgumentError {
  return new ArgumentError(argument, `${name}, which is not installed`, `npm install ${name}${otherwise}`);
}

/** Whether a module was not found: Node says so by a code, browsers in a TypeError about a specifier that nothing resolves. */
export function isNotFound(cause: unknown): boolean {
  const { code, message } = cause as { readonly code?: unknown; readonly message?: unknown };
  return code === 'ERR_MODULE_NOT_FOUND' || (cause instanceof TypeError && /specifier/.test(String(message)));
}

/**
 * What `load` gives.
 *
 * @throws ArgumentError where it finds that the package, or one that it needs, is not installed.
 */
export async function optionalPackage<T>(
  argument: string,
  name: string,
  load: () => Promise<T>,
  otherwise = '',
): Promise<T> {
  try {
    return await load();
  } catch (cause) {
    if (!isNotFound(cause)) throw cause;
    throw notInstalled(argument, name, otherwise);
  }
}
