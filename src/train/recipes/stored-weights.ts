/**
 * Weights that lie between two steps in few bits, each recipe a configuration and nothing more.
 * Sources: Zhao et al., "Direct quantized training", arXiv 2412.04787; Zhang et al., "Q-GaLore", arXiv 2407.08296 (groups of 8-bit
 * integers); Nikdan et al., "ECO", arXiv 2601.22101 (what is lost goes into the momentum).
 */

import { checkAbsent } from '../../check.ts';
import { ArgumentError } from '../../errors.ts';
import { checkCodeBits } from '../../formats/codes.ts';
import { type FormatSpelling, formatAt } from '../../formats/names.ts';
import { boolean, line, maybe, value, word } from '../../schema.ts';
import { type LinearSlots, type OperandSpec, plainSlots } from '../linear-slots.ts';
import { momentsOf, type OptimizerSettings } from '../optimizers/settings.ts';
import type { StateCodecSpec } from '../optimizers/state-codec.ts';
import type { Recipe, Rule } from '../recipe.ts';
import { gridRange, groupSize, selection, rounding as writeBack } from '../recipe-schema.ts';
import type { WeightStoreSpec } from '../stores/index.ts';
import { checkOptions, optionsOf, partOf, phase, type RecipeOptions, recipe } from './base.ts';
import { bitnetSlots, ternaryWeights } from './bitnet.ts';
import { scaledMoment } from './states.ts';

const bits = value<number>(
  (given) => given === 1.58 || (Number.isInteger(given) && (given as number) >= 2 && (given as number) <= 16),
  '1.58, or an integer from 2 to 16',
);

const dqtOptions = optionsOf({
  bits: maybe(bits),
  store: maybe(line(100)),
  eco: maybe(boolean),
  environment: maybe(word(['float32', 'bfloat16', 'fp8'])),
  rounding: maybe(writeBack),
  range: maybe(gridRange),
  of: maybe(selection),
  activations: maybe(boolean),
  ternaryInference: maybe(boolean),
});
const bfloat16Options = optionsOf({ rounding: maybe(writeBack), of: maybe(selection) });
const groupOptions = optionsOf({ size: maybe(groupSize), rounding: maybe(writeBack) });

/** What direct quantised training accepts. */
export interface DqtOptions extends RecipeOptions {
  /** Bits of a weight: 1.58 (ternary), or 2 to 16. This, or `store`. */
  readonly bits?: number;
  /**
   * Any signed format of at most 16 bits instead of integers: `'e4m3fn'`, `'posit8'`, `'binary16'`. Integers and formats of at most 8 bits have a
   * scale, fixed at the start; others are the format's own values.
   */
  readonly store?: FormatSpelling;
  /** Whether what writing back loses goes into the momentum (ECO). Default false. */
  readonly eco?: boolean;
  /**
   * What everything else is held and computed in: `'float32'` (default); `'bfloat16'`: results, moments and the other parameters; `'fp8'`: besides,
   * gradients that products read in e5m2, and moments in e4m3fn and binary16, each with a scale of the tensor.
   */
  readonly environment?: 'float32' | 'bfloat16' | 'fp8';
  /** How an updated weight is written back. Default `'stochastic'`. */
  readonly rounding?: 'stochastic' | 'nearest-even';
  /** Default `'absmean'`, the paper's; of floating-point and posit stores, 8 deviations. */
  readonly range?: 'absmean' | { readonly deviations: number };
  /** Which parameters are on the grid. Default `'linear'`; the paper's code: `'all'`. */
  readonly of?: 'linear' | 'all' | { readonly match: string };
  /** Activations of linear layers as 8-bit integers per row. Default true. */
  readonly activations?: boolean;
  /** Also validate with ternary (absmean) weights at the end. Default: where bits is above 1.58. */
  readonly ternaryInference?: boolean;
}

/** Deviations that the largest code of a format with exponents stands for. */
const floatDeviations = 8;

/** The format of the codes, and what it is called in names and titles. */
function gridOf({ bits: given, store }: DqtOptions): {
  readonly format: string;
  readonly name: string;
  readonly words: string;
  readonly isInteger: boolean;
  /** Whether its values are those of the weights, without a scale. */
  readonly isOwn: boolean;
} {
  if (given === undefined && store === undefined)
    throw new ArgumentError('bits', given, '1.58, or an integer from 2 to 16; or store, a format');
  if (store === undefined) {
    const isTernary = given === 1.58;
    const words = isTernary ? 'ternary' : `${given}-bit`;
    return {
      format: isTernary ? 'ternary' : `int${given}`,
      name: `dqt${given}`,
      words,
      isInteger: true,
      isOwn: false,
    };
  }
  if (given !== undefined) throw new ArgumentError('store', store, `nothing beside bits: ${given}`);
  const format = formatAt('store', store);
  checkCodeBits('store', format, 16);
  return {
    ...{ format: format.name, name: `dqt-${partOf(format.name)}`, words: format.name },
    isOwn: format.bits > 8 && format.kind !== 'int',
    isInteger: format.kind === 'int' || format.kind === 'codebook' || format.kind === 'fixed',
  };
}

/** The store of the weights. */
function storeOf(options: DqtOptions): WeightStoreSpec {
  const { rounding = 'stochastic', of = 'linear', eco = false, range } = options;
  const { format, isInteger, isOwn } = gridOf(options);
  const feedback = eco ? ({ feedback: 'momentum' } as const) : {};
  if (isOwn) {
    checkAbsent('range', range, `nothing: ${format} has no scale`);
    return { kind: 'format', format, rounding, of, ...feedback };
  }
  const usual = isInteger ? 'absmean' : { deviations: floatDeviations };
  return { kind: 'grid', format, rounding, range: range ?? usual, of, ...feedback };
}

/** How moments are held in an environment. */
function momentsIn(environment: 'bfloat16' | 'fp8', settings: OptimizerSettings): object {
  const codecs: Readonly<Record<'first' | 'second', StateCodecSpec>> =
    environment === 'bfloat16'
      ? { first: { kind: 'bfloat16' }, second: { kind: 'bfloat16' } }
      : { first: scaledMoment('e4m3fn'), second: scaledMoment('binary16') };
  return Object.fromEntries(momentsOf(settings).map((moment) => [moment, codecs[moment]]));
}

/** The recipe in a narrower environment; what the optimiser's options say of moments stays. */
function inEnvironment(made: Recipe, store: WeightStoreSpec, options: DqtOptions): Recipe {
  const { environment = 'float32', optimizer, rounding = 'stochastic', of = 'linear' } = options;
  if (environment === 'float32') return { ...made, store };
  if (typeof of === 'object')
    throw new ArgumentError('environment', environment, "'float32' beside a pattern of parameters");
  const g: OperandSpec = { format: 'e5m2', scale: { per: 'tensor', from: 'absmax' } };
  const phases = made.phases.map((one) => ({
    ...one,
    emulate: { format: 'bfloat16' },
    linear:
      environment === 'bfloat16'
        ? one.linear
        : {
            ...one.linear,
            inputGradient: { ...one.linear.inputGradient, g },
            weightGradient: { ...one.linear.weightGradient, g },
          },
  }));
  const settings = {
    ...made.optimizer,
    ...momentsIn(environment, made.optimizer),
    ...optimizer,
  } as OptimizerSettings;
  const { of: _, ...own } = store;
  const others = { kind: 'bfloat16', rounding } as const;
  const rules: Rule[] = [
    { where: { role: 'all' }, set: { store: others } },
    { where: { role: 'linear' }, set: { store: own } },
  ];
  const held = of === 'all' ? { store } : { rules };
  return { ...made, phases, optimizer: settings, ...held };
}

/**
 * Direct quantised training: weights are codes of a fixed grid and nothing else, read as they are stored. Weight decay
 * comes after the step, as in the paper's code, and the rate falls to 0, so that the noise of rounding does.
 * @throws ArgumentError if an option is not valid.
 * @example
 * await train({ tf, model: 'llama-tiny', data, recipe: recipes.dqt({ bits: 8 }), steps: 1000, seed: 1 });
 */
export function dqt(options: DqtOptions): Recipe {
  checkOptions(dqtOptions, options);
  const { rounding = 'stochastic', range, of = 'linear', activations = true, eco = false } = options;
  const { name, words } = gridOf(options);
  const { environment = 'float32', optimizer } = options;
  const { schedule = { kind: 'cosine', warmup: 0.05, final: 0 } } = options;
  const { ternaryInference = options.bits !== undefined && options.bits !== 1.58 } = options;
  const slots: LinearSlots = activations
    ? { ...plainSlots, forward: { x: bitnetSlots.forward.x, w: null } }
    : plainSlots;
  const names = [
    name,
    ...(rounding === 'stochastic' ? [] : ['nearest']),
    ...(range === undefined || range === 'absmean' ? [] : [`${range.deviations}sigma`]),
    ...(of === 'linear' ? [] : [of === 'all' ? 'all' : 'some']),
    ...(activations ? [] : ['weights-only']),
    ...(eco ? ['eco'] : []),
    ...(environment === 'float32' ? [] : [environment]),
  ];
  const made = recipe(
    names.join('-'),
    `direct quantised training, ${words} weights, ${rounding} write-back${eco ? ', losses into the momentum' : ''}${environment === 'float32' ? '' : `, ${environment} environment`}`,
    [phase(0, slots)],
    {
      ...options,
      schedule,
      optimizer: { decay: 'after', ...optimizer } as RecipeOptions['optimizer'] & object,
    },
  );
  return {
    ...inEnvironment(made, storeOf(options), options),
    ...(ternaryInference ? { inference: [{ name: 'ternary', w: ternaryWeights }] } : {}),
  };
}

/** Weights as bfloat16 codes and no wider copy, written back with stochastic or nearest rounding. */
export function bfloat16Weights(
  options: RecipeOptions & {
    readonly rounding?: 'stochastic' | 'nearest-even';
    readonly of?: 'linear' | 'all' | { readonly match: string };
  } = {},
): Recipe {
  checkOptions(bfloat16Options, options);
  const { rounding = 'stochastic', of = 'linear' } = options;
  const made = recipe(
    `bfloat16-weights${rounding === 'stochastic' ? '' : '-nearest'}`,
    `weights held in bfloat16, ${rounding} write-back`,
    [phase(0, plainSlots)],
    options,
  );
  return { ...made, store: { kind: 'bfloat16', rounding, of } };
}

/** Weights as 8-bit integers in groups with scale and zero point, taken anew each step (Q-GaLore's weights). */
export function groupInt8Weights(
  options: RecipeOptions & { readonly size?: number; readonly rounding?: 'stochastic' | 'nearest-even' } = {},
): Recipe {
  checkOptions(groupOptions, options);
  const { rounding = 'stochastic', size = 256 } = options;
  const made = recipe(
    `int8-group${size}${rounding === 'stochastic' ? '' : '-nearest'}`,
    `weights held as 8-bit integers in groups of ${size}, ${rounding} write-back`,
    [phase(0, plainSlots)],
    options,
  );
  return { ...made, store: { kind: 'group-int8', size, rounding } };
}
