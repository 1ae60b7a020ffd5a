/** What every published recipe accepts, and how a recipe is made of it. */
import { checkAbsent } from '../../check.ts';
import { checkSchema, fields, maybe, objectOr, type Schema, value } from '../../schema.ts';
import type { LinearSlots } from '../linear-slots.ts';
import {
  type AdafactorSettings,
  type AdamWSettings,
  defaultOptimizer,
  defaultSettings,
  type LionSettings,
  type OptimizerSettings,
  type SgdSettings,
} from '../optimizers/index.ts';
import { optimizerSchema } from '../optimizers/schema.ts';
import type { ExtraNorm, Phase, Recipe } from '../recipe.ts';
import { extraNorm, updateSchema } from '../recipe-schema.ts';
import { defaultSchedule, type Schedule, scheduleSchema, twoStageDecay, twoStageRate } from '../schedule.ts';
import type { LossScale, UpdateSpec } from '../update/spec.ts';

/** Fields of one kind of optimiser. */
type SettingsOfKind<S extends OptimizerSettings> = S extends unknown ? Pick<S, 'kind'> & Partial<S> : never;

/** What every recipe accepts. */
export interface RecipeOptions {
  /** Default: parameter-free RMS norm before the attention-output and the down projection. */
  readonly extraNorm?: ExtraNorm | null;
  /** Fields of the optimiser that differ from the default; with another `kind`, from that kind's default. */
  readonly optimizer?:
    | Partial<AdamWSettings>
    | SettingsOfKind<AdafactorSettings | SgdSettings | LionSettings>;
  /** Default: 5 % warm-up, then a cosine to 10 %; `'two-stage'`: BitNet's, for rate and weight decay. */
  readonly schedule?: Schedule | 'two-stage';
  /** What gradients and steps go through. Default: clipping at the optimiser's `clipNorm`. */
  readonly update?: UpdateSpec;
}

const commonOptions = {
  update: maybe(updateSchema),
  extraNorm: maybe(extraNorm),
  // Its fields are checked together with those that it does not name.
  optimizer: maybe(
    value(
      (given) => typeof given === 'object' && given !== null && !Array.isArray(given),
      'an object with fields of the optimiser',
    ),
  ),
  schedule: maybe(
    objectOr(
      scheduleSchema,
      value((given) => given === 'two-stage', "an object with kind, ..., or 'two-stage'"),
    ),
  ),
};

/** What a recipe accepts: what every recipe does, and options of its own. */
export const optionsOf = (own: Readonly<Record<string, Schema>>): Schema =>
  fields({ ...commonOptions, ...own });

/** What a recipe accepts that has an update of its own. */
export function optionsWithoutUpdate(own: Readonly<Record<string, Schema>>): Schema {
  const { update: _, ...rest } = commonOptions;
  return fields({ ...rest, ...own });
}

/** Throws ArgumentError naming the option of a recipe that is wrong. */
export function checkOptions(schema: Schema, options: unknown): void {
  checkSchema('', options, schema);
}

/** A format as a part of a recipe's name: `posit-8-0`. */
export const partOf = (format: string): string => format.replace(/\W+/g, '-').replace(/-$/, '');

/** A phase that emulates nothing and keeps the optimiser's state. */
export const phase = (from: number, linear: LinearSlots): Phase => ({
  from,
  linear,
  emulate: null,
  optimizerState: 'keep',
});

/** The optimiser with what its options leave to the defaults of its kind. Throws ArgumentError. */
function optimizerOf(given: RecipeOptions['optimizer'] = {}): OptimizerSettings {
  const { kind = 'adamw' } = given;
  const defaults = Object.hasOwn(defaultSettings, kind) ? defaultSettings[kind] : defaultOptimizer;
  const settings = { ...defaults, ...given };
  checkSchema('optimizer', settings, optimizerSchema);
  return settings as OptimizerSettings;
}

/** A recipe with what its options say, and the defaults of all recipes. */
export function recipe(
  name: string,
  title: string,
  phases: readonly Phase[],
  options: RecipeOptions,
): Recipe {
  const extraNorm =
    options.extraNorm === undefined ? ({ kind: 'rms', where: 'o,down' } as const) : options.extraNorm;
  const { schedule = defaultSchedule } = options;
  if (options.update?.gradient !== undefined)
    checkAbsent(
      'optimizer.clipNorm',
      options.optimizer?.clipNorm,
      'nothing where operators on gradients take the place of clipping',
    );
  return {
    name,
    title,
    extraNorm,
    phases,
    optimizer: optimizerOf(options.optimizer),
    ...(schedule === 'two-stage' ? { schedule: twoStageRate, decaySchedule: twoStageDecay } : { schedule }),
    ...(options.update === undefined ? {} : { update: options.update }),
  };
}

/** A recipe whose gradients are unscaled first, then go through what they do without a loss scale: operators, or clipping. */
export function withLossScale(made: Recipe, scale: LossScale): Recipe {
  const { update = {}, optimizer } = made;
  const clip = { kind: 'clipByGlobalNorm', limit: optimizer.clipNorm } as const;
  return { ...made, update: { ...update, gradient: [scale, ...(update.gradient ?? [clip])] } };
}
