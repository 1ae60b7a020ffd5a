/** Which of a policy's layers there are in a program: a name that matches nothing is a mistake that nobody would notice. */
import { pathOf } from '../check.ts';
import { nearestWords } from '../nearest-words.ts';
import { matchesLayer } from './layer-names.ts';

/** What of the names of layers in a policy a program has met so far. */
export interface LayerUse {
  /** Whether there is nothing left to find out. */
  readonly isOver: boolean;
  /** For every kernel call until `report`. */
  note(path: readonly string[]): void;
  /** What to say of names that have matched nothing, once; undefined: nothing. Before any kernel call there is nothing to say. */
  report(): string | undefined;
}

/** The names of layers and scopes for a message: those near to a pattern, or the first few. */
function examples(pattern: string, names: readonly string[]): string {
  const near = nearestWords(pattern.replaceAll('*', ''), names);
  if (near.length > 0) return `nearest: ${near.join(', ')}`;
  const first = names.slice(0, 8);
  return names.length === 0
    ? 'no kernel ran in a layer or a named scope'
    : `there were ${first.join(', ')}${names.length > first.length ? ', ...' : ''}`;
}

/** Follows the use of these names. */
export function layerUse(patterns: readonly string[]): LayerUse {
  const seen = new Set<string>();
  const names = new Set<string>();
  const unmatched = new Set(patterns);
  let isOver = patterns.length === 0;
  return {
    get isOver() {
      return isOver;
    },
    note(path) {
      if (isOver) return;
      const key = path.join('/');
      if (seen.has(key)) return;
      seen.add(key);
      for (const name of path) names.add(name);
      for (const pattern of unmatched) if (matchesLayer(pattern, path)) unmatched.delete(pattern);
    },
    report() {
      if (isOver || seen.size === 0) return undefined;
      isOver = true;
      const lines = [...unmatched].map(
        (pattern) => `${pathOf('layers', pattern)} (${examples(pattern, [...names])})`,
      );
      return lines.length === 0 ? undefined : `emulate: nothing that ran is meant by ${lines.join('; ')}`;
    },
  };
}
