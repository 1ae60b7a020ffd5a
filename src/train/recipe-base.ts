/** What every published recipe accepts, and how a recipe is made of it. */
import {
  type AdafactorSettings,
  type AdamWSettings,
  defaultOptimizer,
  defaultSettings,
  type LionSettings,
  type OptimizerSettings,
  type SgdSettings,
} from './optimizers/index.ts';
import type { ExtraNorm, LinearSlots, Phase, Recipe } from './recipe.ts';
import { defaultSchedule, type Schedule, twoStageDecay, twoStageRate } from './schedule.ts';
import type { UpdateSpec } from './update/spec.ts';

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

/** A phase that emulates nothing and keeps the optimiser's state. */
export const phase = (from: number, linear: LinearSlots): Phase => ({
  from,
  linear,
  emulate: null,
  optimizerState: 'keep',
});

function optimizerOf(given: RecipeOptions['optimizer'] = {}): OptimizerSettings {
  const { kind = 'adamw' } = given;
  const defaults = Object.hasOwn(defaultSettings, kind) ? defaultSettings[kind] : defaultOptimizer;
  return { ...defaults, ...given } as OptimizerSettings;
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
