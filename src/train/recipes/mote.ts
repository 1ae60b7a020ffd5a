/**
 * A mixture of experts whose experts are ternary, beside a feed-forward layer in full precision that every row reads. A configuration and
 * nothing more. Source: Wang, Xu, Wang et al., "MoTE: mixture of ternary experts for memory-efficient large multimodal models", arXiv
 * 2506.14435.
 */
import { checkAbsent } from '../../check.ts';
import { boolean, maybe, number, word } from '../../schema.ts';
import { plainSlots } from '../linear-slots.ts';
import type { Phase, Recipe, Rule } from '../recipe.ts';
import { pattern } from '../recipe-schema.ts';
import { checkOptions, optionsOf, phase, type RecipeOptions, recipe } from './base.ts';
import { bitnetSlotsOf } from './bitnet.ts';

/** What MoTE accepts. */
export interface MoteOptions extends RecipeOptions {
  /** Part of all steps of ordinary training before experts become ternary. 0: none, for models that are trained. Default 0.5. */
  readonly at?: number;
  /** What is trained from then on: experts and routers alone (default), or all. */
  readonly trains?: 'experts' | 'all';
  /** False: weights only; else experts read 8-bit activations. Default true. */
  readonly activations?: boolean;
  /** Pattern of the names of experts. Default `'expert'`. */
  readonly experts?: string;
  /** Pattern of the names of routers, where they are trained and not all is. Default `'router'`. */
  readonly routers?: string;
}

const moteOptions = optionsOf({
  at: maybe(number({ from: 0, below: 1 })),
  trains: maybe(word(['experts', 'all'])),
  activations: maybe(boolean),
  experts: maybe(pattern),
  routers: maybe(pattern),
});

/**
 * MoTE: after some ordinary training the experts read ternary weights and 8-bit activations, and they and the routers alone are trained.
 * @throws ArgumentError if an option is not valid.
 * @example
 * await train({ tf, model: 'llama-tiny-moe', data, recipe: recipes.mote(), steps: 1000, seed: 1 });
 */
export function mote(options: MoteOptions = {}): Recipe {
  checkOptions(moteOptions, options);
  if (options.trains === 'all')
    checkAbsent('routers', options.routers, "nothing, unless trains is 'experts'");
  const {
    at = 0.5,
    trains = 'experts',
    activations = true,
    experts = 'expert',
    routers = 'router',
  } = options;
  const frozen = (parameter: string, is: boolean): Rule => ({ where: { parameter }, set: { frozen: is } });
  const ternary: Phase = {
    ...phase(at, plainSlots),
    layers: [{ match: experts, linear: bitnetSlotsOf({ activations }) }],
    ...(trains === 'experts' && {
      rules: [frozen('.', true), frozen(experts, false), frozen(routers, false)],
    }),
  };
  const name = [
    'mote',
    ...(at === 0.5 ? [] : [`@${at}`]),
    ...(trains === 'experts' ? [] : ['all']),
    ...(activations ? [] : ['weights-only']),
  ].join('-');
  const title = `ternary experts${activations ? ' on 8-bit activations' : ''} beside a shared one in full precision`;
  return recipe(name, title, at === 0 ? [ternary] : [phase(0, plainSlots), ternary], options);
}
