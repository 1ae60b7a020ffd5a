/**
 * Formats of the user's own by their names: what `registerFormat` (`register.ts`) has taken in, for the reading of names (`names.ts`).
 * A name keeps its meaning as long as the program runs.
 */
import type { BlockFormat } from './block.ts';
import type { CodebookFormat } from './format.ts';

/** The formats whose names their makers choose. */
export type NamedFormat = CodebookFormat | BlockFormat;

const registered = new Map<string, NamedFormat>();

/** The names in use. */
export function registeredNames(): Iterable<string> {
  return registered.keys();
}

/** The format of a name; undefined for none. */
export function registeredFormat(name: string): NamedFormat | undefined {
  return registered.get(name);
}

export function keepFormat(format: NamedFormat): void {
  registered.set(format.name, format);
}
