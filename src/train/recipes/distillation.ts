/**
 * Quantised students of a teacher in float32: soft targets, learned levels, blocks that read what the teacher's blocks gave. Configurations
 * and nothing more; the terms of the loss are `src/train/objective.ts`.
 * Sources: Polino, Pascanu, Alistarh, "Model compression via distillation and quantization", arXiv 1802.05668; Kim, Oh, Park et al.,
 * "Teacher intervention: improving convergence of quantization aware training for ultra-low precision transformers", arXiv 2302.11812.
 */
import { checkAbsent } from '../../check.ts';
import { boolean, integer, maybe, number, type Schema, word } from '../../schema.ts';
import { type LinearSlots, type OperandSpec, plainSlots } from '../linear-slots.ts';
import { asksTeacher, type ObjectiveSpec, type Phase, type Recipe } from '../recipe.ts';
import { checkOptions, optionsOf, phase, type RecipeOptions, recipe } from './base.ts';

const weight = number({ from: 0, to: 1e6 });
const taughtOptions: Readonly<Record<string, Schema>> = {
  alpha: maybe(number({ from: 0, to: 1 })),
  temperature: maybe(number({ above: 0, to: 1000 })),
  features: maybe(weight),
  initial: maybe(boolean),
};

/** What students accept. */
interface TaughtOptions extends RecipeOptions {
  /** Weight of the task's loss, 0 to 1; the rest is that of the teacher's answers. Default 0.5. */
  readonly alpha?: number;
  /** What both logits are divided by, where `alpha` is below 1. Default 1. */
  readonly temperature?: number;
  /** Weight of the mean squared difference of what blocks give from what the teacher's give. Default 0; Teacher Intervention: 1. */
  readonly features?: number;
  /** Whether training begins with the teacher's weights. Default: distillation false, Teacher Intervention true. */
  readonly initial?: boolean;
}

/** Throws ArgumentError naming an option of answers that have no weight. */
function checkTaught({ alpha, temperature }: TaughtOptions): void {
  if (alpha === 1)
    checkAbsent('temperature', temperature, 'nothing where alpha is 1, which leaves answers no weight');
}

/** The terms of a student's loss. */
function objectiveOf({ alpha = 0.5, temperature = 1 }: TaughtOptions, features: number): ObjectiveSpec {
  const soft = 1 - alpha;
  return {
    task: alpha,
    ...(soft > 0 && { soft, ...(temperature === 1 ? {} : { temperature }) }),
    ...(features > 0 && { features }),
  };
}

/** A recipe with the teacher that its objectives ask, or that training begins with; none, where nobody does. */
function withTeacher(made: Recipe, initial: boolean | undefined): Recipe {
  const isAsked = made.phases.some(({ objective }) => objective && asksTeacher(objective));
  if (!isAsked && initial !== true) return made;
  return { ...made, teacher: initial === undefined ? {} : { initial } };
}

/** What of a name and a title says how a student is taught. */
const taughtSuffix = ({ alpha = 0.5, temperature = 1 }: TaughtOptions, features: string): string =>
  `${alpha === 0.5 ? '' : `-alpha${alpha}`}${temperature === 1 ? '' : `-T${temperature}`}${features}`;

/** What quantised distillation accepts. */
export interface DistillationOptions extends TaughtOptions {
  /** Bits of weights, 1 to 8. Default 2. */
  readonly bits?: number;
  /** Weights that share a scale. Default 256. */
  readonly group?: number;
  /** `'uniform'` (default), or `'learned'`: the values that weights may have are trained too (differentiable quantisation). */
  readonly levels?: 'uniform' | 'learned';
  /**
   * What a group's scale is from: its largest magnitude (`'absmax'`, default), or its range, zero in it (`'minmax'`, the published linear
   * scaling with a whole number of steps for its shift). Only of uniform levels.
   */
  readonly scaling?: 'absmax' | 'minmax';
  /** Peak rate of learned levels. Default 1e-3. */
  readonly levelRate?: number;
  /** How weights are rounded. Default `'nearest-even'`. */
  readonly rounding?: 'nearest-even' | 'stochastic';
}

const distillationOptions = optionsOf({
  ...taughtOptions,
  bits: maybe(integer(1, 8)),
  group: maybe(integer(1, 2 ** 20)),
  levels: maybe(word(['uniform', 'learned'])),
  scaling: maybe(word(['absmax', 'minmax'])),
  levelRate: maybe(number({ above: 0, to: 1 })),
  rounding: maybe(word(['nearest-even', 'stochastic'])),
});

/** Weights of a student. */
function weightsOf(options: DistillationOptions): OperandSpec {
  const { bits = 2, group = 256, levels, scaling, levelRate = 1e-3, rounding } = options;
  const isLearned = levels === 'learned';
  const format = scaling === 'minmax' ? `uint${bits}` : `midrise${bits}`;
  // The end of the range stays where the levels began.
  const end = scaling === 'minmax' ? {} : ({ stored: 'decode', target: 2 ** bits - 1 } as const);
  return {
    format,
    ...(rounding === 'stochastic' ? { rounding } : {}),
    scale: { per: 'block', size: group, from: scaling ?? 'absmax', ...end },
    ...(isLearned ? { gradient: 'levels', learn: [{ of: 'levels', learningRate: levelRate }] } : {}),
  };
}

/**
 * Quantised distillation: alpha times the task's loss and 1 - alpha times T² KL(teacher || student), of a student whose weights are
 * read in few bits with a scale for each group; with learned levels differentiable quantisation.
 * @throws ArgumentError if an option is not valid.
 * @example
 * await train({ tf, model: 'mlp', data, recipe: recipes.distillation({ bits: 2, levels: 'learned' }), steps: 1500, seed: 1 });
 */
export function distillation(options: DistillationOptions = {}): Recipe {
  checkOptions(distillationOptions, options);
  checkTaught(options);
  const { bits = 2, group = 256, levels, scaling, levelRate, rounding, features = 0 } = options;
  const isLearned = levels === 'learned';
  if (isLearned) checkAbsent('scaling', scaling, "nothing, unless levels are 'uniform'");
  else checkAbsent('levelRate', levelRate, "nothing, unless levels are 'learned'");
  const taught: Phase = {
    ...phase(0, { ...plainSlots, forward: { x: null, w: weightsOf(options) } }),
    objective: objectiveOf(options, features),
  };
  const suffix = taughtSuffix(options, features === 0 ? '' : `-features${features}`);
  const name = [
    `distillation${bits}${suffix}`,
    ...(group === 256 ? [] : [`group${group}`]),
    ...(isLearned ? ['levels'] : []),
    ...(scaling === 'minmax' ? [scaling] : []),
    ...(rounding === 'stochastic' ? ['stochastic'] : []),
    ...(options.initial === true ? ['from-teacher'] : []),
  ].join('-');
  const title = `${bits}-bit weights${isLearned ? ' of learned levels' : ''}, taught by float32`;
  return withTeacher(recipe(name, title, [taught], options), options.initial);
}

/** What Teacher Intervention accepts. */
export interface TeacherInterventionOptions extends TaughtOptions {
  /** Bits of weights, 2 to 8, or 1.58: ternary. Default 1.58. */
  readonly bits?: number;
  /** Part of all steps in which blocks read what the teacher's blocks gave: 0 (never) or more, below 1. Default 0.3. */
  readonly until?: number;
  /** False: weights only; else activations are 8-bit integers. Default true. */
  readonly activations?: boolean;
}

const interventionOptions = optionsOf({
  ...taughtOptions,
  bits: maybe(word([1.58, 2, 3, 4, 5, 6, 7, 8])),
  until: maybe(number({ from: 0, below: 1 })),
  activations: maybe(boolean),
});

/**
 * Teacher Intervention: while training begins each block reads what the teacher's block before it gave, so that errors of quantisers do
 * not add up, and is trained to give what the teacher's gives; then the student reads what it makes itself.
 * @throws ArgumentError if an option is not valid.
 * @example
 * await train({ tf, model: 'llama-tiny', data, recipe: recipes.teacherIntervention({ until: 0.2 }), steps: 1000, seed: 1 });
 */
export function teacherIntervention(options: TeacherInterventionOptions = {}): Recipe {
  checkOptions(interventionOptions, options);
  checkTaught(options);
  const { bits = 1.58, until = 0.3, activations = true, features = 1, initial = true } = options;
  const w: OperandSpec =
    bits === 1.58
      ? { format: 'ternary', scale: { per: 'tensor', from: 'absmean' } }
      : { format: `int${bits}`, scale: { per: 'row', from: 'absmax' } };
  const x: OperandSpec | null = activations
    ? { format: 'int8', scale: { per: 'row', from: 'absmax' } }
    : null;
  const slots: LinearSlots = { ...plainSlots, forward: { x, w } };
  const objective = objectiveOf(options, features);
  const second: Phase = { ...phase(until, slots), objective };
  const phases =
    until === 0 ? [second] : [{ ...phase(0, slots), objective: { ...objective, intervenes: true } }, second];
  const suffix = taughtSuffix(options, features === 1 ? '' : `-features${features}`);
  const name = `intervention${bits}${suffix}${until === 0.3 ? '' : `@${until}`}${activations ? '' : '-weights-only'}`;
  const title = `${bits === 1.58 ? 'ternary' : `${bits}-bit`} weights, ${until === 0 ? "no block reads the teacher's" : `blocks read the teacher's up to ${until * 100} %`}`;
  return withTeacher(recipe(name, title, phases, options), initial);
}
