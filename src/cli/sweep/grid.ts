/**
 * Patterns of a sweep file: data with `{key}` in its texts, and a grid with a list of values for each key, become one
 * copy for each combination. It knows nothing of arms.
 */
import { atMost, checkFields, checkObject, pathOf } from '../../check.ts';
import { ArgumentError } from '../../errors.ts';

type Values = Readonly<Record<string, unknown>>;

const words = (value: unknown): string =>
  typeof value === 'object' && value !== null ? Object.values(value).map(words).join('') : String(value);

/** Characters of the longest text that a pattern may become. */
const longestText = 4096;
/** Copies of one pattern, and characters of all of them as JSON. */
const mostCopies = 1000;
const mostCharacters = 2 ** 24;

/** A copy of data in which `"{key}"` is the key's value, and `{key}` within a longer text its words. */
function substitute(data: unknown, values: Values, path: string): unknown {
  if (typeof data === 'string') {
    const whole = /^\{(\w+)\}$/.exec(data)?.[1];
    if (whole !== undefined && Object.hasOwn(values, whole)) return values[whole];
    const text = data.replace(/\{(\w+)\}/g, (place, key: string) =>
      Object.hasOwn(values, key) ? words(values[key]) : place,
    );
    if (text.length > Math.max(longestText, data.length))
      throw new ArgumentError(path, data, `a text of at most ${longestText} characters with its values`);
    return text;
  }
  if (Array.isArray(data)) return data.map((item) => substitute(item, values, path));
  if (typeof data !== 'object' || data === null) return data;
  return Object.fromEntries(
    Object.entries(data).map(([key, value]) => [key, substitute(value, values, pathOf(path, key))]),
  );
}

const isGrid = (given: object): given is Record<string, unknown[]> =>
  Object.values(given).every((values) => Array.isArray(values) && values.length > 0);

/** Every combination of a grid's values, of which there are not too many for copies of so many characters. */
function combinations(given: unknown, path: string, characters: number): Values[] {
  const accepted = 'an object with a list of at least one value for each name';
  const grid = checkObject(path, given, accepted);
  if (!isGrid(grid)) throw new ArgumentError(path, given, accepted);
  const lists = Object.entries(grid);
  const count = lists.reduce((product, [, values]) => product * values.length, 1);
  const most = Math.max(1, Math.min(mostCopies, Math.floor(mostCharacters / characters)));
  atMost(path, count, most, 'combinations of values');
  return lists.reduce<Values[]>(
    (all, [key, values]) => all.flatMap((chosen) => values.map((one) => ({ ...chosen, [key]: one }))),
    [{}],
  );
}

/**
 * The copies of a pattern for its `grid`; one where it has none.
 *
 * @param accepted the fields that a pattern may have beside `grid`
 * @throws ArgumentError naming the field, prefixed by `path`, also if there are more than {@link mostCopies}
 */
export function expandGrid(
  given: unknown,
  path: string,
  accepted: readonly string[],
): Record<string, unknown>[] {
  const names = [...accepted, 'grid'];
  checkFields(path, checkObject(path, given, `an object with ${names.join(', ')}`), names);
  const { grid = {}, ...pattern } = given as Record<string, unknown>;
  return combinations(grid, `${path}.grid`, JSON.stringify(pattern).length).map(
    (values) => substitute(pattern, values, path) as Record<string, unknown>,
  );
}
