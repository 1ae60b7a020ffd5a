/**
 * The settings of optimisers as data, and their defaults. What fields may be is `../recipe-schema.ts`.
 */
import { checkCodecFit, checkStateCodec, type StateCodecSpec } from './state-codec.ts';

interface CommonSettings {
  /** Decoupled decay, per unit of learning rate, of the parameters with two or more axes. */
  readonly weightDecay: number;
  /** Largest global norm of the gradients; larger ones are scaled down to it. */
  readonly clipNorm: number;
  /** Whether a weight decays before its step or, with the step's result, after it. Default 'before'. */
  readonly decay?: 'before' | 'after';
  /** How the second moment is held. Default float32. */
  readonly second?: StateCodecSpec;
}

export interface AdamWSettings extends CommonSettings {
  readonly kind: 'adamw';
  /** Decay of the running mean of the gradient, in [0, 1). */
  readonly beta1: number;
  /** Decay of the running mean of its square, in [0, 1). */
  readonly beta2: number;
  /** Added to the root of the second moment; positive. */
  readonly epsilon: number;
  /** How the first moment is held. Default float32. */
  readonly first?: StateCodecSpec;
}

export interface AdafactorSettings extends CommonSettings {
  readonly kind: 'adafactor';
  /** The decay of step t is 1 - t^-decayExponent: 0.8 in the source. */
  readonly decayExponent: number;
  /** Added to squared gradients: 1e-30. */
  readonly epsilon1: number;
  /** Least root mean square of a parameter, where the rate is relative to it: 1e-3. */
  readonly epsilon2: number;
  /** Largest root mean square of an update: 1. */
  readonly clipThreshold: number;
  /** Whether the learning rate is relative to the parameter's root mean square. */
  readonly scaleParameter: boolean;
}

export type OptimizerSettings = AdamWSettings | AdafactorSettings;

/** AdamW with betas 0.9 and 0.95, epsilon 1e-8, weight decay 0.1, clipping at 1. */
export const defaultOptimizer: AdamWSettings = {
  kind: 'adamw',
  beta1: 0.9,
  beta2: 0.95,
  epsilon: 1e-8,
  weightDecay: 0.1,
  clipNorm: 1,
};

/** Adafactor with the source's constants and an absolute rate. */
export const defaultAdafactor: AdafactorSettings = {
  kind: 'adafactor',
  decayExponent: 0.8,
  epsilon1: 1e-30,
  epsilon2: 1e-3,
  clipThreshold: 1,
  scaleParameter: false,
  weightDecay: 0.1,
  clipNorm: 1,
};

/** The rules of the codecs of states. Throws ArgumentError naming the field, prefixed by `path`. */
export function checkOptimizer(settings: OptimizerSettings, path: string): void {
  if (settings.kind === 'adamw' && settings.first !== undefined)
    checkStateCodec(settings.first, `${path}.first`);
  if (settings.second !== undefined) checkStateCodec(settings.second, `${path}.second`);
}

/** Checks that the codecs take the states of parameters of these shapes. Throws ArgumentError naming the field. */
export function checkStateFit(
  settings: OptimizerSettings,
  shapes: readonly (readonly number[])[],
  path: string,
): void {
  const counts = shapes.map((shape) => shape.reduce((product, extent) => product * extent, 1));
  if (settings.kind === 'adamw') {
    for (const state of ['first', 'second'] as const)
      checkCodecFit(settings[state], counts, `${path}.${state}`);
    return;
  }
  // Row and column means of matrices, vectors whole.
  const factored = shapes.flatMap((shape) => [...shape]);
  checkCodecFit(settings.second, factored, `${path}.second`);
}
