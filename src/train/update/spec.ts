/**
 * What happens to gradients and steps beside the optimiser's own rule, as data: operators in the order in which they act. What
 * each does is the other files of this folder.
 */
import { checkAbsent, numberInRange } from '../../check.ts';
import { ArgumentError } from '../../errors.ts';
import type { QuantizerOptions } from '../../quantizers/index.ts';
import {
  boolean,
  fields,
  integer,
  kinds,
  list,
  maybe,
  number,
  type Schema,
  value,
  word,
} from '../../schema.ts';
import { isPowerOfTwo, powerOfTwoWords } from '../../tfjs/loss-scale.ts';
import { type Curve, checkCurve, curveSchema } from '../curve.ts';
import type { OptimizerSettings } from '../optimizers/settings.ts';

/** Scales all gradients down so that their norm together is at most `limit`. */
interface ClipByGlobalNorm {
  readonly kind: 'clipByGlobalNorm';
  readonly limit: number;
}

/**
 * Elements of a gradient that exceed a running mean of its largest magnitude are scaled down, the largest to that mean.
 * Source: Huang et al., "Stable-SPAM", arXiv 2502.17055, section 4.1 (AdaClip).
 */
export interface AdaClip {
  readonly kind: 'adaClip';
  /** Of the running mean. Default 0.999. */
  readonly decay?: number;
}

/**
 * A gradient gets the norm â / (sqrt(b̂) + epsilon) of the running means a of its norm and b of the square.
 * Source: Huang et al., "Stable-SPAM", arXiv 2502.17055, section 4.1 (AdaGN).
 */
export interface AdaNorm {
  readonly kind: 'adaNorm';
  /** Of the mean of norms. Default 0.7. */
  readonly decay1?: number;
  /** What `decay1` is multiplied by in the course of the run, from 0 to 1. Default: nothing. */
  readonly factor?: Curve;
  /** Of the mean of their squares. Default 0.9. */
  readonly decay2?: number;
  /** Default 1e-8. */
  readonly epsilon?: number;
}

/**
 * Elements whose square exceeds `threshold` times its running mean v are clipped to sign(g) sqrt(threshold v).
 * Source: Huang et al., "SPAM", arXiv 2501.06842, section 3.2. The mean is the operator's own, of the clipped gradients.
 */
export interface SpamClip {
  readonly kind: 'spamClip';
  /** Default 5000. */
  readonly threshold?: number;
  /** Of the running mean. Default 0.999. */
  readonly decay?: number;
}

/**
 * What training of an integer graph has in the gradient's place: the gradient with respect to the integers W / s of a weight on a grid,
 * taken back to steps of the weight, is s^2 g. Other parameters stay as they are.
 */
interface IntegerGradient {
  readonly kind: 'integerGradient';
}

/**
 * Quantisation-aware scaling: gradients of weights on a grid are divided by s^2, so that those of an integer graph are as large,
 * relative to the weights, as in floating point. Source: Lin et al., "On-device training under 256KB memory", arXiv 2206.15472,
 * section 3.1.
 */
interface QuantizationAwareScaling {
  readonly kind: 'qas';
}

/** Every gradient is divided by its norm, unless that is 0: it has a direction only. */
interface UnitNorm {
  readonly kind: 'unitNorm';
}

/**
 * The loss's gradient begins as `initial`, not as 1; gradients are divided by it before all else. A dynamic scale is halved where
 * one is not finite, and the step is left out; it doubles after `growthInterval` finite steps.
 * Source: Micikevicius et al., "Mixed precision training", arXiv 1710.03740, section 3.2.
 */
export interface LossScale {
  readonly kind: 'lossScale';
  /** A power of two. Default 2^15. */
  readonly initial?: number;
  /** Default true. */
  readonly dynamic?: boolean;
  /** Default 2000. */
  readonly growthInterval?: number;
  /** Bounds of a dynamic scale, powers of two. Defaults 1 and 2^24. */
  readonly smallest?: number;
  readonly largest?: number;
}

export type GradientOperatorSpec =
  | ClipByGlobalNorm
  | AdaClip
  | AdaNorm
  | SpamClip
  | UnitNorm
  | IntegerGradient
  | QuantizationAwareScaling
  | LossScale;

/**
 * The rate of each parameter's step, weight decay included, is divided by max(1, RMS / limit), RMS being the root mean square of
 * g / max(sqrt(v), epsilon) with the second moment v: StableAdamW.
 * Source: Wortsman et al., "Stable and low-precision training for large-scale vision-language models", arXiv 2304.13013, algorithm 2.
 */
export interface RmsClip {
  readonly kind: 'rmsClip';
  /** Default 1. */
  readonly limit?: number;
  /** Default 1e-8. */
  readonly epsilon?: number;
}

export type StepOperatorSpec = RmsClip;

/**
 * The optimiser works on gradients of matrices in a basis of `rank` vectors, and keeps its moments there.
 * Sources: Zhao et al., "GaLore", arXiv 2403.03507; Zhang et al., "Q-GaLore", arXiv 2407.08296.
 */
export interface ProjectSpec {
  /** Matrices whose shorter side does not exceed it are left as they are. */
  readonly rank: number;
  /** Steps after which the basis is found anew. Default 200. */
  readonly period?: number;
  /** Factor on steps. Default 0.25. */
  readonly scale?: number;
  /**
   * The period doubles where the mean cosine of the first vectors of the last `queue` (default 5) pairs of successive bases is at
   * least `threshold` (default 0.4). Default: it stays.
   */
  readonly adaptive?: { readonly threshold?: number; readonly queue?: number };
  /**
   * How the basis is held: codes of the matrix that multiplies gradients, read as one row: a row for each vector where it stands on the
   * right, else for each of their elements. Default float32.
   */
  readonly quantizer?: QuantizerOptions & { readonly format: string };
  /** Which matrices: those inside the blocks (default), or all. */
  readonly of?: 'linear' | 'all';
}

/** What a recipe does to gradients and steps. Without it, gradients are clipped at the optimiser's `clipNorm`. */
export interface UpdateSpec<N extends string = never> {
  /** In place of the clipping at `clipNorm`, in this order. */
  readonly gradient?: readonly GradientOperatorSpec[];
  /** Gradients of the recipe's own optimiser in fewer dimensions. Default: as they are. */
  readonly project?: ProjectSpec;
  /** The optimiser, in place of the recipe's `optimizer`. */
  readonly rule?: OptimizerSettings<N>;
  /** On the steps of the recipe's own optimiser, in this order. */
  readonly step?: readonly StepOperatorSpec[];
}

const below1 = number({ from: 0, below: 1 });
const positive = number({ above: 0, to: 1e38 });
const power = value<number>(isPowerOfTwo, powerOfTwoWords);

const gradientOperator = kinds({
  clipByGlobalNorm: { limit: positive },
  adaClip: { decay: maybe(below1) },
  adaNorm: {
    decay1: maybe(below1),
    factor: maybe(curveSchema),
    decay2: maybe(below1),
    epsilon: maybe(positive),
  },
  spamClip: { threshold: maybe(positive), decay: maybe(below1) },
  unitNorm: {},
  integerGradient: {},
  qas: {},
  lossScale: {
    initial: maybe(power),
    dynamic: maybe(boolean),
    growthInterval: maybe(integer(1, 2 ** 31)),
    smallest: maybe(power),
    largest: maybe(power),
  },
});

const stepOperator = kinds({ rmsClip: { limit: maybe(positive), epsilon: maybe(positive) } });

/** Operators on steps. */
export const stepSchema: Schema = list(stepOperator, 0, 20);

/** Fields of an update, but for those with parts that are known elsewhere. */
export const updateEntries: Readonly<Record<string, Schema>> = {
  gradient: maybe(list(gradientOperator, 0, 20)),
  step: maybe(stepSchema),
};

/** Fields of a projection, but for its quantiser. */
export const projectEntries: Readonly<Record<string, Schema>> = {
  rank: integer(1, 2 ** 16),
  period: maybe(integer(1, 2 ** 31)),
  scale: maybe(positive),
  adaptive: maybe(fields({ threshold: maybe(number({ from: 0, to: 1 })), queue: maybe(integer(1, 1000)) })),
  of: maybe(word(['linear', 'all'])),
};

/** Throws ArgumentError naming a point that is no factor. */
function checkFactor(factor: Curve, path: string): void {
  checkCurve(factor, path);
  factor.points.forEach(([, value], i) => {
    numberInRange(`${path}.points[${i}][1]`, value, { from: 0, to: 1 });
  });
}

/** The rules that join operators. Throws ArgumentError naming the field, prefixed by `path`. */
export function checkUpdate(
  { gradient = [], step = [] }: UpdateSpec,
  hasSecond: boolean,
  path: string,
): void {
  gradient.forEach((spec, i) => {
    const place = `${path}.gradient[${i}]`;
    if (spec.kind === 'adaNorm' && spec.factor !== undefined) checkFactor(spec.factor, `${place}.factor`);
    if (spec.kind !== 'lossScale') return;
    if (i > 0) throw new ArgumentError(`${place}.kind`, spec.kind, 'the first of the operators, or none');
    const { initial = 2 ** 15, dynamic = true, smallest = 1, largest = 2 ** 24 } = spec;
    for (const field of ['growthInterval', 'smallest', 'largest'] as const)
      if (!dynamic)
        checkAbsent(`${place}.${field}`, spec[field], 'nothing, as dynamic is false: the scale stays');
    if (dynamic && !(initial >= smallest && initial <= largest))
      throw new ArgumentError(`${place}.initial`, initial, `a power of two from ${smallest} to ${largest}`);
  });
  if (step.length > 0 && !hasSecond)
    throw new ArgumentError(
      `${path}.step[0].kind`,
      step[0]!.kind,
      'nothing: the optimiser has no second moment',
    );
}
