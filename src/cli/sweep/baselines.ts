/**
 * Which arm the loss of another is compared to: a baseline with the same model, data and number of steps. Losses of different
 * models, of different data or after different numbers of steps differ by that before they differ by anything a recipe does.
 */
import { ArgumentError } from '../../errors.ts';
import { canonicalJson } from '../../train/index.ts';
import type { DataOptions } from '../data-options.ts';
import { armList } from './contrasts.ts';
import type { SweepArm } from './sweep-run.ts';

/** What of a sweep arms have in common, unless they say otherwise. */
interface Setting {
  readonly model: string | undefined;
  readonly steps: number;
  readonly data: DataOptions;
  readonly arms: readonly SweepArm[];
}

/** What a run of an arm has in common with those that its losses may be compared to. */
const settingOf = (arm: SweepArm, { model, steps, data }: Setting): string =>
  canonicalJson([arm.model ?? model, arm.steps ?? steps, arm.data ?? data]);

/**
 * Reads the field `baseline` of a sweep file: the name of an arm, or a list of them. The first arm, if it is absent.
 *
 * @throws ArgumentError for what is no arm, and for two baselines of the same model, data and steps
 */
export function readBaselines(given: string | string[] | undefined, sweep: Setting): readonly string[] {
  const { arms } = sweep;
  const names = armList(given ?? arms[0]!.name, 'sweep.baseline', new Set(arms.map(({ name }) => name)));
  const settings = names.map((name) => settingOf(arms.find((arm) => arm.name === name)!, sweep));
  const twin = settings.findIndex((setting, i) => settings.indexOf(setting) < i);
  if (twin >= 0)
    throw new ArgumentError(
      'sweep.baseline',
      names[twin],
      `one arm of each model, data and number of steps; ${names[settings.indexOf(settings[twin]!)]} has the same`,
    );
  return names;
}

/** The baseline of an arm; undefined for a baseline itself, and where none has its model, data and steps. */
export function baselineOf(
  arm: SweepArm,
  sweep: Setting & { readonly baselines: readonly string[] },
): string | undefined {
  if (sweep.baselines.includes(arm.name)) return undefined;
  const setting = settingOf(arm, sweep);
  const base = sweep.arms.find(
    (other) => sweep.baselines.includes(other.name) && settingOf(other, sweep) === setting,
  );
  return base?.name;
}
