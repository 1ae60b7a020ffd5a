/**
 * Operands of linear layers in NVFP4, a configuration and nothing more: float32 weights, states and everything else.
 * Sources: NVIDIA, "Pretraining large language models with NVFP4", arXiv 2509.25149; Cook et al., "Four over six", arXiv 2512.02010.
 */
import { boolean, fields, integer, maybe, number, type Schema, word } from '../../schema.ts';
import type { LinearSlots, OperandSpec } from '../linear-slots.ts';
import type { Phase, Recipe, Rule } from '../recipe.ts';
import { rounding as gradientRounding } from '../recipe-schema.ts';
import { checkOptions, optionsOf, phase, type RecipeOptions, recipe } from './base.ts';
import { bfloat16Slots } from './bfloat16-slots.ts';

/** Blocks of a model, counted from either end, whose layers read bfloat16. */
interface ExemptBlocks {
  readonly first?: number;
  readonly last?: number;
}

const blocks = maybe(integer(1, 2 ** 16));
/** What `ExemptBlocks` may be. */
const exemptBlocks: Schema = fields({ first: blocks, last: blocks });

/** The rules that give blocks at the ends of a model bfloat16 operands. */
function exemptRules({ first, last }: ExemptBlocks = {}): Rule[] {
  const depths = [
    ...(first === undefined ? [] : [[0, first - 1] as const]),
    ...(last === undefined ? [] : [[-last, -1] as const]),
  ];
  return depths.map((depth) => ({ where: { depth }, set: bfloat16Slots }));
}

/** What NVFP4 training accepts. */
export interface Nvfp4Options extends RecipeOptions {
  /**
   * Random Hadamard transform of the operands of weight gradients, 16 elements along the tokens: with the signs of the published
   * implementation in all layers and steps (`'fixed'`, default), with signs drawn anew in each step, or none.
   */
  readonly hadamard?: 'fixed' | 'step' | 'none';
  /** How gradients are rounded. Default `'stochastic'`. */
  readonly rounding?: 'stochastic' | 'nearest-even';
  /**
   * Which weights share a scale: tiles of 16 x 16, which the forward and the input gradient's product read alike (default), or blocks of
   * 16 along what each of them sums over.
   */
  readonly weights?: 'tile' | 'block';
  /** Blocks at the ends of the model whose layers read bfloat16; the paper's model of 62: 2 and 8. Default: none. */
  readonly exempt?: ExemptBlocks;
  /** From part `at` of the steps on operands are bfloat16: all (default), or those of forward products. Default: never. */
  readonly finish?: { readonly at: number; readonly of?: 'all' | 'forward' };
  /** Blocks try their maximum at 6 and at 4 and keep the better: of weights, of activations, or of gradients too (`'all'`). */
  readonly fourOverSix?: {
    readonly of: 'weights' | 'activations' | 'all';
    /** What is compared. Default `'mae'`. */
    readonly error?: 'mae' | 'mse';
    /** The scale of the largest block. Default 448. */
    readonly scaleMax?: 448 | 256;
  };
  /** Whether what forward products read of activations has a second scale a token, not one of the tensor. Default false. */
  readonly rowScaled?: boolean;
}

const nvfp4Options = optionsOf({
  hadamard: maybe(word(['fixed', 'step', 'none'])),
  rounding: maybe(gradientRounding),
  weights: maybe(word(['tile', 'block'])),
  exempt: maybe(exemptBlocks),
  finish: maybe(fields({ at: number({ above: 0, below: 1 }), of: maybe(word(['all', 'forward'])) })),
  fourOverSix: maybe(
    fields({
      of: word(['weights', 'activations', 'all']),
      error: maybe(word(['mae', 'mse'])),
      scaleMax: maybe(word([448, 256])),
    }),
  ),
  rowScaled: maybe(boolean),
});

/** What the options say, with the defaults. */
function settled({
  hadamard = 'fixed',
  rounding = 'stochastic',
  weights = 'tile',
  exempt,
  finish,
  fourOverSix,
  rowScaled = false,
}: Nvfp4Options) {
  return { hadamard, rounding, weights, exempt, finish, fourOverSix, rowScaled };
}

type Settled = ReturnType<typeof settled>;

/** The operands by what they are. */
function operandsOf({ hadamard, rounding, weights, fourOverSix, rowScaled }: Settled): LinearSlots {
  const base = { from: 'absmax', format: 'e4m3fn', tensorScale: true } as const;
  const scaleOf = (kind: 'weights' | 'activations' | 'gradients') => {
    const { of, error = 'mae', scaleMax } = fourOverSix ?? {};
    if (of !== 'all' && of !== kind) return base;
    return { ...base, fourOverSix: error, ...(scaleMax === undefined ? {} : { scaleMax }) };
  };
  const alongSums = { per: 'block', size: 16 } as const;
  const x: OperandSpec = { format: 'e2m1', scale: { ...alongSums, ...scaleOf('activations') } };
  const w: OperandSpec = {
    format: 'e2m1',
    scale: {
      ...(weights === 'tile' ? ({ per: 'tile', rows: 16, columns: 16 } as const) : alongSums),
      ...scaleOf('weights'),
    },
  };
  const g: OperandSpec = {
    format: 'e2m1',
    scale: { ...alongSums, ...scaleOf('gradients') },
    ...(rounding === 'nearest-even' ? {} : { rounding }),
  };
  const signs = hadamard === 'step' ? { seed: 'step' } : { signs: 'transformer-engine' };
  const turned =
    hadamard === 'none'
      ? {}
      : { transform: { name: 'hadamard', size: 16, ...signs }, invert: false as const };
  return {
    forward: { x: rowScaled ? { ...x, scale: { ...x.scale!, tensorScale: 'row' } } : x, w },
    inputGradient: { g, w: weights === 'tile' ? 'same' : w },
    weightGradient: { g: { ...g, ...turned }, x: { ...x, ...turned } },
  };
}

/** The last phase: bfloat16 in all products, or in the forward one; what the others read is their own then. */
function finishOf(slots: LinearSlots, { at, of = 'all' }: NonNullable<Nvfp4Options['finish']>): Phase {
  if (of === 'all') return phase(at, bfloat16Slots);
  const { inputGradient, forward } = slots;
  const w = inputGradient.w === 'same' ? forward.w : inputGradient.w;
  return phase(at, {
    ...slots,
    forward: bfloat16Slots.forward,
    inputGradient: { ...inputGradient, w },
  });
}

/** What of the recipe's name says how it differs from the published one. */
function namesOf({ hadamard, rounding, weights, exempt, finish, fourOverSix, rowScaled }: Settled): string[] {
  return [
    ...(hadamard === 'fixed' ? [] : [hadamard === 'step' ? 'step-signs' : 'plain']),
    ...(rounding === 'stochastic' ? [] : ['nearest']),
    ...(weights === 'tile' ? [] : ['1d']),
    ...(fourOverSix === undefined ? [] : [fourOverSixName(fourOverSix)]),
    ...(rowScaled ? ['row-scaled'] : []),
    ...(exempt === undefined ? [] : [`exempt-${exempt.first ?? 0}-${exempt.last ?? 0}`]),
    ...(finish === undefined
      ? []
      : [`bfloat16${finish.of === 'forward' ? '-forward' : ''}@${percent(finish.at)}`]),
  ];
}

/** A part of the steps in percent. */
const percent = (part: number): number => Math.round(part * 10000) / 100;

/** Four over six as its options say, without those that are as they are by default. */
function fourOverSixName({
  of,
  error = 'mae',
  scaleMax = 448,
}: NonNullable<Nvfp4Options['fourOverSix']>): string {
  return ['4over6', of, ...(error === 'mae' ? [] : [error]), ...(scaleMax === 448 ? [] : [scaleMax])].join(
    '-',
  );
}

/**
 * NVFP4: e2m1 elements, e4m3fn scales of 16 of them, one scale of the tensor. Weights in tiles of 16 x 16, so that the forward and the
 * input gradient's product read the same codes; gradients are rounded stochastically; operands of weight gradients are rotated.
 * @throws ArgumentError if an option is not valid.
 * @example
 * const run = await applyRecipe(tf, recipes.nvfp4({ exempt: { first: 1 }, finish: { at: 0.82 } }), { model, steps: 1000, seed: 1 });
 */
export function nvfp4(options: Nvfp4Options = {}): Recipe {
  checkOptions(nvfp4Options, options);
  const choice = settled(options);
  const { hadamard, rounding, exempt, finish } = choice;
  const slots = operandsOf(choice);
  const phases = [phase(0, slots), ...(finish === undefined ? [] : [finishOf(slots, finish)])];
  const title = [
    'NVFP4 operands',
    ...(hadamard === 'none' ? [] : ['random Hadamard']),
    `${rounding} gradients`,
    ...(exempt === undefined ? [] : ['bfloat16 in blocks at the ends']),
    ...(finish === undefined
      ? []
      : [`${finish.of === 'forward' ? 'forward ' : ''}bfloat16 from ${percent(finish.at)} % on`]),
  ];
  const made = recipe(['nvfp4', ...namesOf(choice)].join('-'), title.join(', '), phases, options);
  const rules = exemptRules(exempt);
  return rules.length === 0 ? made : { ...made, rules };
}
