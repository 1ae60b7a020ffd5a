/**
 * Contrasts: the differences or ratios between arms that a sweep file asks about, paired by seed, with 95 % intervals
 * by Student's t. Each interval is for its contrast alone; nothing is corrected for there being many.
 */
import { atMost, checkList } from '../../check.ts';
import { ArgumentError } from '../../errors.ts';
import { wordsFor } from '../../nearest-words.ts';
import { checkSchema, fields, line, listOr, maybe, word } from '../../schema.ts';
import { halfInterval, type Spread, spread } from '../statistics.ts';
import type { FinishedRun } from './finished-run.ts';
import { expandGrid } from './grid.ts';
import { type MeasureName, measureNames, measuresOf } from './measures.ts';

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

const mostContrasts = 1000;

const contrastSchema = fields({
  name: line(200),
  arm: listOr(line(200), line(200)),
  against: listOr(line(200), line(200)),
  of: maybe(word(measureNames)),
  againstOf: maybe(word(measureNames)),
  as: maybe(word(['difference', 'ratio'])),
});

/** One name of an arm, or a list of them, as a list. Throws ArgumentError naming `argument`. */
export function armList(
  given: string | string[],
  argument: string,
  names: ReadonlySet<string>,
): readonly string[] {
  const arms = Array.isArray(given) ? given : [given];
  const unknown = arms.find((name) => !names.has(name));
  if (arms.length === 0 || unknown !== undefined)
    throw new ArgumentError(argument, unknown ?? given, `one or a list of ${wordsFor(unknown, [...names])}`);
  return arms;
}

/**
 * Reads the field `contrasts` of a sweep file, whose entries may have a grid.
 *
 * @param names of the sweep's arms
 * @throws ArgumentError naming the field, prefixed by `path`
 */
export function readContrasts(given: unknown, path: string, names: ReadonlySet<string>): Contrast[] {
  const contrasts: Contrast[] = [];
  const seen = new Set<string>();
  for (const [index, entry] of checkList(path, given, 'a list of { name, arm, against }').entries()) {
    const at = `${path}[${index}]`;
    for (const copy of expandGrid(entry, at, ['name', 'arm', 'against', 'of', 'againstOf', 'as'])) {
      const { name, arm, against, of, againstOf, as } = checkSchema(at, copy, contrastSchema);
      if (seen.has(name)) throw new ArgumentError(path, name, 'contrasts of different names');
      atMost(path, seen.size + 1, mostContrasts, 'contrasts');
      seen.add(name);
      const measure = of ?? 'validationLoss';
      contrasts.push({
        name,
        arms: armList(arm, `${at}.arm`, names),
        against: armList(against, `${at}.against`, names),
        measure,
        againstMeasure: againstOf ?? measure,
        as: as ?? 'difference',
      });
    }
  }
  return contrasts;
}

/** What came out of a contrast. */
export interface ContrastResult {
  readonly contrast: Contrast;
  /** The seeds that every arm of it finished, and for which all have the measure. */
  readonly seeds: readonly number[];
  /** Of those, the ones with which a run of one of its arms diverged. */
  readonly diverged: readonly number[];
  /** How many seeds all of its arms are to be trained with. */
  readonly planned: number;
  /** Of the differences, or ratios, over those seeds; NaN where runs diverged. */
  readonly value: Spread | null;
  /** Half the 95 % interval of the mean; null for fewer than two seeds. */
  readonly interval: number | null;
}

/** Mean of a measure over arms, by seed: those for which all arms have it. NaN where a run of them diverged. */
function meanOver(
  finished: readonly FinishedRun[],
  arms: readonly string[],
  measure: MeasureName,
): (seed: number) => number | null {
  const values = arms.map((name) =>
    measuresOf(
      finished.filter(({ run }) => run.arm.name === name),
      measure,
    ),
  );
  return (seed) => {
    const own = values.flatMap((of) => of.get(seed) ?? []);
    return own.length < arms.length ? null : own.reduce((sum, value) => sum + value, 0) / arms.length;
  };
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
    const oneOf = meanOver(finished, arms, measure);
    const otherOf = meanOver(finished, against, againstMeasure);
    const pairs = common.flatMap((seed) => {
      const [one, other] = [oneOf(seed), otherOf(seed)];
      if (one === null || other === null) return [];
      return [{ seed, value: as === 'ratio' ? one / other : one - other }];
    });
    const value = spread(pairs.map((pair) => pair.value));
    const hasDiverged = (seed: number): boolean =>
      finished.some(
        ({ run, divergence }) =>
          divergence !== null && run.seed === seed && [...arms, ...against].includes(run.arm.name),
      );
    const seeds = pairs.map(({ seed }) => seed);
    return {
      contrast,
      seeds,
      diverged: seeds.filter(hasDiverged),
      planned: common.length,
      value,
      interval: value === null ? null : halfInterval(value),
    };
  });
}
