/** Whether a layer is meant by a name in a policy. Strings only. */
import { globMatcher } from '../glob.ts';

const matchers = new Map<string, (name: string) => boolean>();

function matcherOf(pattern: string): (name: string) => boolean {
  let known = matchers.get(pattern);
  if (known === undefined) {
    known = globMatcher(pattern);
    matchers.set(pattern, known);
  }
  return known;
}

/**
 * Whether a pattern is the name of a layer on the path, or of the path itself, its names joined by `/`. `*` stands for any
 * characters. An empty pattern means what lies in no layer.
 */
export function matchesLayer(pattern: string, path: readonly string[]): boolean {
  const isMeant = matcherOf(pattern);
  return isMeant(path.join('/')) || path.some(isMeant);
}
