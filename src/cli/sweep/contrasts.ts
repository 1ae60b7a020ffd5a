/**
 * Contrasts: the differences or ratios between arms that a sweep file asks about, paired by seed, with 95 % intervals
 * by Student's t. Each interval is for its contrast alone; nothing is corrected for there being many.
 */
import { ArgumentError } from '../../errors.ts';
import { halfInterval, type Spread, spread } from '../statistics.ts';
import { expandGrid } from './grid.ts';
import { type FinishedRun, type MeasureName, measureNames, measureOf } from './measures.ts';

/** One question: an arm against another, or the mean of several against the mean of others. */
export interface Contrast {
  readonly name: string;
  readonly arms: readonly string[];
  readonly against: readonly string[];
  readonly measure: MeasureName;
  /** The measure of `against`: the same one unless the file says otherwise. */
  readonly againstMeasure: MeasureName;
  readonly as: 'difference' | 'ratio';
}

const fields = ['name', 'arm', 'against', 'of', 'againstOf', 'as'];

function armList(given: unknown, argument: string, names: ReadonlySet<string>): readonly string[] {
  const list = Array.isArray(given) ? given : [given];
  if (list.length === 0 || !list.every((name) => typeof name === 'string' && names.has(name)))
    throw new ArgumentError(argument, given, `one or a list of ${[...names].join(', ')}`);
  return list as string[];
}

/**
 * Reads the field `contrasts` of a sweep file, whose entries may have a grid.
 *
 * @param names of the sweep's arms
 * @throws ArgumentError naming the field, prefixed by `path`
 */
export function readContrasts(given: unknown, path: string, names: ReadonlySet<string>): Contrast[] {
  if (!Array.isArray(given)) throw new ArgumentError(path, given, 'a list of { name, arm, against }');
  const contrasts = given.flatMap((entry, index) => {
    const at = `${path}[${index}]`;
    const measure = (value: unknown, field: string): MeasureName => {
      const found = measureNames.find((name) => name === value);
      if (found === undefined) throw new ArgumentError(`${at}.${field}`, value, measureNames.join(', '));
      return found;
    };
    return expandGrid(entry, at, fields).map((copy): Contrast => {
      const { name, of = 'validationLoss', againstOf = of, as = 'difference' } = copy;
      if (typeof name !== 'string' || name === '') throw new ArgumentError(`${at}.name`, name, 'a text');
      if (as !== 'difference' && as !== 'ratio') throw new ArgumentError(`${at}.as`, as, 'difference, ratio');
      return {
        name,
        arms: armList(copy['arm'], `${at}.arm`, names),
        against: armList(copy['against'], `${at}.against`, names),
        measure: measure(of, 'of'),
        againstMeasure: measure(againstOf, 'againstOf'),
        as,
      };
    });
  });
  if (new Set(contrasts.map(({ name }) => name)).size < contrasts.length)
    throw new ArgumentError(path, contrasts.map(({ name }) => name).join(), 'contrasts of different names');
  return contrasts;
}

/** What came out of a contrast. */
export interface ContrastResult {
  readonly contrast: Contrast;
  /** The seeds that every arm of it finished, and for which all have the measure. */
  readonly seeds: readonly number[];
  /** How many seeds all of its arms are to be trained with. */
  readonly planned: number;
  /** Of the differences, or ratios, over those seeds. */
  readonly value: Spread | null;
  /** Half the 95 % interval of the mean; null for fewer than two seeds. */
  readonly interval: number | null;
}

/** Mean of a measure over arms for one seed; null unless all have it. */
function meanOver(
  finished: readonly FinishedRun[],
  arms: readonly string[],
  measure: MeasureName,
  seed: number,
): number | null {
  let sum = 0;
  for (const name of arms) {
    const found = finished.find(({ run }) => run.arm.name === name && run.seed === seed);
    const value = found === undefined ? null : measureOf(found, measure);
    if (value === null) return null;
    sum += value;
  }
  return sum / arms.length;
}

/**
 * Evaluates contrasts over the seeds that their arms have in common.
 *
 * @param seedsOf the seeds that an arm is to be trained with
 */
export function contrastResults(
  contrasts: readonly Contrast[],
  finished: readonly FinishedRun[],
  seedsOf: ReadonlyMap<string, readonly number[]>,
): ContrastResult[] {
  return contrasts.map((contrast) => {
    const { arms, against, measure, againstMeasure, as } = contrast;
    const [first = [], ...others] = [...arms, ...against].map((name) => seedsOf.get(name) ?? []);
    const common = first.filter((seed) => others.every((list) => list.includes(seed)));
    const pairs = common.flatMap((seed) => {
      const one = meanOver(finished, arms, measure, seed);
      const other = meanOver(finished, against, againstMeasure, seed);
      if (one === null || other === null) return [];
      return [{ seed, value: as === 'ratio' ? one / other : one - other }];
    });
    const value = spread(pairs.map((pair) => pair.value));
    return {
      contrast,
      seeds: pairs.map(({ seed }) => seed),
      planned: common.length,
      value,
      interval: value === null ? null : halfInterval(value),
    };
  });
}
