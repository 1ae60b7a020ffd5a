/**
 * Patterns of a sweep file: data with `{key}` in its texts, and a grid with a list of values for each key, become one
 * copy for each combination. It knows nothing of arms.
 */
import { ArgumentError } from '../../errors.ts';

type Values = Readonly<Record<string, unknown>>;

const words = (value: unknown): string =>
  typeof value === 'object' && value !== null ? Object.values(value).map(words).join('') : String(value);

/** A copy of data in which `"{key}"` is the key's value, and `{key}` within a longer text its words. */
function substitute(data: unknown, values: Values): unknown {
  if (typeof data === 'string') {
    const whole = /^\{(\w+)\}$/.exec(data)?.[1];
    if (whole !== undefined && Object.hasOwn(values, whole)) return values[whole];
    return data.replace(/\{(\w+)\}/g, (text, key: string) =>
      Object.hasOwn(values, key) ? words(values[key]) : text,
    );
  }
  if (Array.isArray(data)) return data.map((item) => substitute(item, values));
  if (typeof data !== 'object' || data === null) return data;
  return Object.fromEntries(Object.entries(data).map(([key, value]) => [key, substitute(value, values)]));
}

/** Every combination of a grid's values. */
function combinations(grid: Readonly<Record<string, readonly unknown[]>>): Values[] {
  return Object.entries(grid).reduce<Values[]>(
    (all, [key, values]) => all.flatMap((chosen) => values.map((value) => ({ ...chosen, [key]: value }))),
    [{}],
  );
}

/**
 * The copies of a pattern for its `grid`; one where it has none.
 *
 * @param accepted the fields that a pattern may have beside `grid`
 * @throws ArgumentError naming the field, prefixed by `path`
 */
export function expandGrid(
  given: unknown,
  path: string,
  accepted: readonly string[],
): Record<string, unknown>[] {
  if (typeof given !== 'object' || given === null || Array.isArray(given))
    throw new ArgumentError(path, given, `an object with ${accepted.join(', ')}, grid`);
  const { grid = {}, ...pattern } = given as Record<string, unknown>;
  for (const field of Object.keys(pattern))
    if (!accepted.includes(field))
      throw new ArgumentError(
        `${path}.${field}`,
        pattern[field],
        `no such field; ${accepted.join(', ')}, grid`,
      );
  if (typeof grid !== 'object' || grid === null || !Object.values(grid).every(Array.isArray))
    throw new ArgumentError(`${path}.grid`, grid, 'an object with a list of values for each name');
  return combinations(grid as Record<string, unknown[]>).map(
    (values) => substitute(pattern, values) as Record<string, unknown>,
  );
}
