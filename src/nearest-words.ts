/** What a message says of a word that is none of those accepted: the nearest ones. */
import { ArgumentError } from './errors.ts';

/** Number of insertions, deletions, changes and swaps of neighbours that turn one word into the other (Damerau). */
function editDistance(a: string, b: string): number {
  let before: number[] = [];
  let last = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    for (let j = 1; j <= b.length; j++) {
      const change = a[i - 1] === b[j - 1] ? 0 : 1;
      let least = Math.min(row[j - 1]! + 1, last[j]! + 1, last[j - 1]! + change);
      const swapped = i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1];
      if (swapped) least = Math.min(least, before[j - 2]! + 1);
      row.push(least);
    }
    before = last;
    last = row;
  }
  return last[b.length]!;
}

/** A word without what spelling does not distinguish: case, and the marks between parts of a name. */
export function bare(word: string): string {
  return word.toLowerCase().replace(/[-_. ]/g, '');
}

/** Whether words are forms of one: `saturate` and `saturation`. */
function haveOneStem(a: string, b: string): boolean {
  let common = 0;
  while (common < a.length && a[common] === b[common]) common++;
  return common >= 7 && common >= a.length - 2;
}

/** The accepted words nearest to the given one, best first: at most `count`, none that is another word altogether. */
export function nearestWords(given: unknown, accepted: Iterable<string>, count = 3): string[] {
  if (typeof given !== 'string' || given.length > 60) return [];
  const wanted = bare(given);
  if (wanted.length < 2) return [];
  const scored: { word: string; distance: number }[] = [];
  for (const word of accepted) {
    const candidate = bare(word);
    const at = wanted.length >= 3 ? candidate.indexOf(wanted) : -1;
    const goesOn = candidate.length >= 3 && wanted.startsWith(candidate);
    const part = at === 0 ? 0.5 : at > 0 || goesOn || haveOneStem(wanted, candidate) ? 1.5 : Infinity;
    const distance = Math.min(editDistance(wanted, candidate), part);
    if (distance <= Math.max(1.5, Math.floor(wanted.length / 3))) scored.push({ word, distance });
  }
  scored.sort((a, b) => a.distance - b.distance);
  return scored.slice(0, count).map(({ word }) => word);
}

/** The accepted words for a message: all, then the nearest one ("did you mean"). */
export function wordsFor(given: unknown, accepted: readonly string[]): string {
  const near = nearestWords(given, accepted, 1);
  return near.length === 0 ? accepted.join(', ') : `${accepted.join(', ')} (did you mean ${near[0]}?)`;
}

/** A refusal that lists the nearest accepted names instead of a long catalogue. */
export function unknownName(
  path: string,
  given: unknown,
  accepted: readonly string[],
  where: string,
): ArgumentError {
  const near = nearestWords(given, accepted);
  const hint = near.length === 0 ? '' : `${near.join(', ')}; `;
  return new ArgumentError(path, given, `${hint}${where}`);
}
