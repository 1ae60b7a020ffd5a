/**
 * What is rounded to what while emulation is on: the policy that a user gives. Plain data. The names of roles and options are
 * the contract of `emulate`.
 */

import type { BlockFormat, Format, FormatArgument, FormatSpelling, QuantizerText } from '../formats/index.ts';
import type { QuantizerOptions } from '../quantizers/index.ts';
import type { RoundingMode, Saturation, StochasticVariant, SubnormalTreatment } from '../rounding/options.ts';
import type { AccumulatorSpec } from './accumulator.ts';

/**
 * What a kernel call is for. Four passes: `forward` and `backward`, inside the gradient machinery; `optimizer`, inside
 * `applyGradients`; `predict`, inside `predict`, `evaluate` and the validation of `fit`. Within `forward`, `backward` and
 * `predict`: `loss`, of losses, metrics and regularisers and their gradients; `statistics`, of updates of variables that are not
 * trained, such as moving averages. `other`: everything else.
 */
export const roles = ['forward', 'backward', 'optimizer', 'predict', 'loss', 'statistics', 'other'] as const;
export type Role = (typeof roles)[number];

/** A rounding of tensors: a format and how to get there. Absent fields are those of the policy. */
export interface RoleSpec<F extends string = FormatSpelling> {
  readonly format?: FormatArgument<F>;
  readonly rounding?: RoundingMode;
  readonly saturation?: Saturation;
  readonly subnormals?: SubnormalTreatment;
  /** Random bits per element for stochastic rounding, 1 to 32. */
  readonly randomBits?: number;
  readonly variant?: StochasticVariant;
}

/**
 * What operands are put through before a kernel sees them: a rounding (a format by itself or by name), or a quantiser (its
 * options, a block format by itself or by name, or a name with parts: `'int4/row'`). The name of a format that is used with a scale, such as
 * `int4` or `e4m3fn`, is refused by itself: `'int4/tensor'` is the quantiser, `{ format: 'int4' }` the rounding.
 */
export type InputSpec<F extends string = FormatSpelling> =
  | RoleSpec<F>
  | QuantizerOptions<F>
  | Format
  | BlockFormat
  | QuantizerText<F>;

/** What holds for a kernel call. Absent fields are those of the rules before it. */
export interface KernelSpec<F extends string = FormatSpelling> extends RoleSpec<F> {
  /**
   * Operands: one treatment for all float32 operands (of a fused kernel those of its product, not its bias), or one for each
   * by its name in TensorFlow.js (`{ a: ..., b: ... }`); `null` leaves them. A rounding replaces that of the role; a quantiser
   * comes after it.
   */
  readonly inputs?: InputSpec<F> | Readonly<Record<string, InputSpec<F> | null>> | null;
  /** How matrix products and convolutions are summed. Default `'binary32'`, in order. */
  readonly accumulator?: AccumulatorSpec;
  /** Fused kernels (a product with bias and activation): rounded `'once'` (default), or after each step, `'decomposed'`. */
  readonly fused?: 'once' | 'decomposed';
}

/** A `KernelSpec`, a format by itself or by name, or `null` for float32. */
export type Rule<F extends string = FormatSpelling> = KernelSpec<F> | FormatArgument<F> | null;

export interface LayerSpec<F extends string = FormatSpelling> extends KernelSpec<F> {
  readonly roles?: Readonly<Partial<Record<Role, Rule<F>>>>;
  readonly kernels?: Readonly<Record<string, Rule<F>>>;
}

/** Whose kernels compute: ours where there are any, or the backend's. */
export type Implementation = 'own' | 'stock';

/** The argument of `emulate`. The fields of `KernelSpec` hold for `forward`, `backward` and `predict`. */
export interface Policy<F extends string = FormatSpelling> extends KernelSpec<F> {
  /** Key of the random bits of stochastic rounding, an integer in [0, 2^53). Default 0. */
  readonly seed?: number;
  /**
   * Roles that differ: a rule, the name of a format, or `null` for float32. `loss` and `statistics` add to the pass that they
   * are part of: `{ loss: {} }` rounds losses as the rest of their pass.
   */
  readonly roles?: Partial<Record<Role, Rule<F>>>;
  /**
   * Kernels that differ, by their name in TensorFlow.js, or `matmul`, `convolution` for all that belong to these; and under
   * `implementation` whose kernels compute. `'own'` and `'stock'` by themselves say only that. `'own'` (default): the wasm
   * backend's slow kernels (matrix products with transposes, convolutions, copies) are replaced by ours; results are those of
   * float32 with the documented order of summation. `'stock'`: kernels stay as they are.
   */
  readonly kernels?:
    | Implementation
    | ({ readonly implementation?: Implementation } & Readonly<Record<string, Rule>>);
  /** Layers that differ, by the name of a layer or of a `tf.tidy` scope; `*` stands for any characters. Later ones prevail. */
  readonly layers?: Readonly<Record<string, LayerSpec<F> | FormatArgument<F> | null>>;
  /** Whether `emulation.log` counts what rounding does. Costs a copy of every result. Default false. */
  readonly log?: boolean;
}
