/**
 * Patterns of names in recipes and on the command line: regular expressions in the syntax of RE2, whose matching takes
 * time proportional to the name's length whatever the pattern is. The engine is the npm package `re2js`.
 */
import { RE2JS } from 're2js';
import { ArgumentError } from '../errors.ts';

/** Characters of the longest pattern: programs of the engine are at most a thousand times as long. */
const longestPattern = 200;

/** What patterns are, in words. */
export const patternWords: string =
  `a regular expression of at most ${longestPattern} characters, without look-around and back-references (RE2), ` +
  'for names such as layers.0.mlp.down';

/** A pattern of names; a RegExp is one too. */
export interface NamePattern {
  readonly source: string;
  /** Whether the name has a part that the pattern matches. */
  test(name: string): boolean;
}

const known = new Map<string, NamePattern>();

/** The pattern of a text; undefined for what is none. */
export function tryPattern(match: unknown): NamePattern | undefined {
  if (typeof match !== 'string' || match === '' || match.length > longestPattern) return undefined;
  const made = known.get(match);
  if (made !== undefined) return made;
  try {
    const compiled = RE2JS.compile(RE2JS.translateRegExp(match));
    const pattern: NamePattern = { source: match, test: (name) => compiled.matcher(name).find() };
    known.set(match, pattern);
    return pattern;
  } catch {
    return undefined;
  }
}

/** The pattern of a text. Throws ArgumentError naming `path`. */
export function namePattern(match: unknown, path: string): NamePattern {
  const pattern = tryPattern(match);
  if (pattern === undefined) throw new ArgumentError(path, match, patternWords);
  return pattern;
}
