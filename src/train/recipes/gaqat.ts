/**
 * Learned steps that stay as they are while their gradients do not know which way to go. A configuration and nothing more.
 * Source: Jiang, Meng, Tang et al., "GAQAT: gradient-adaptive quantization-aware training for domain generalization", arXiv 2412.05551.
 */
import { integer, maybe, number } from '../../schema.ts';
import type { FreezeSpec, LinearSlots, OperandSpec } from '../linear-slots.ts';
import type { Recipe } from '../recipe.ts';
import { checkOptions, optionsOf, phase, recipe } from './base.ts';
import { type LsqOptions, lsq, lsqOptionEntries } from './lsq.ts';

/** What GAQAT accepts. */
export interface GaqatOptions extends LsqOptions {
  /** Steps in which changes of sign are counted, and for which steps stay as they are. Default 50. */
  readonly window?: number;
  /** Part of a window's steps: where the sign of a gradient changes more often, the step stays. 0 to below 1. Default 0.4. */
  readonly above?: number;
}

const gaqatOptions = optionsOf({
  ...lsqOptionEntries,
  window: maybe(integer(2, 2 ** 21)),
  above: maybe(number({ from: 0, below: 1 })),
});

/** An operand whose learned numbers freeze. */
function freezing<T>(spec: T, freeze: FreezeSpec): T {
  const { learn } = (spec ?? {}) as OperandSpec;
  return learn === undefined ? spec : { ...spec, learn: learn.map((one) => ({ ...one, freeze })) };
}

/**
 * Learned step sizes (`lsq`), each of which stays as it is for a window of steps where the sign of its gradient changed too often in the
 * window before.
 * @throws ArgumentError if an option is not valid.
 * @example
 * const run = await applyRecipe(tf, recipes.gaqat({ bits: 3, window: 100 }), { model, steps: 1000, seed: 1 });
 */
export function gaqat(options: GaqatOptions = {}): Recipe {
  checkOptions(gaqatOptions, options);
  const { window = 50, above = 0.4, ...own } = options;
  const made = lsq(own);
  const freezingSlots = <S extends Partial<LinearSlots>>(slots: S): S => {
    const { x, w } = slots.forward!;
    const freeze = { window, above };
    return { ...slots, forward: { ...slots.forward, x: freezing(x, freeze), w: freezing(w, freeze) } };
  };
  const name = `${made.name.replace(/^lsq/, 'gaqat')}-window${window}-above${above}`;
  const [only] = made.phases;
  return {
    ...recipe(
      name,
      `${made.title}, frozen where signs disagree`,
      [phase(0, freezingSlots(only!.linear))],
      own,
    ),
    rules: made.rules!.map(({ where, set }) => ({ where, set: freezingSlots(set as LinearSlots) })),
  };
}
