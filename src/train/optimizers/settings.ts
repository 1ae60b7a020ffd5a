/**
 * The settings of optimisers as data, their defaults and checks.
 */
import { ArgumentError } from '../../errors.ts';
import { checkStateCodec, type StateCodecSpec } from './state-codec.ts';

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

const fieldsOf: Readonly<Record<OptimizerSettings['kind'], readonly string[]>> = {
  adamw: [...Object.keys(defaultOptimizer), 'decay', 'first', 'second'],
  adafactor: [...Object.keys(defaultAdafactor), 'decay', 'second'],
};

const wrong = (path: string, field: string, given: unknown, accepted: string): ArgumentError =>
  new ArgumentError(`${path}.${field}`, given, accepted);

/** Throws ArgumentError naming the field, prefixed by `path`, if the settings are not valid. */
export function checkOptimizer(settings: OptimizerSettings, path: string): void {
  if (typeof settings !== 'object' || settings === null)
    throw new ArgumentError(path, settings, `an object with ${fieldsOf.adamw.join(', ')}`);
  if (!Object.hasOwn(fieldsOf, settings.kind)) throw wrong(path, 'kind', settings.kind, 'adamw, adafactor');
  const names = fieldsOf[settings.kind];
  for (const [field, value] of Object.entries(settings))
    if (!names.includes(field)) throw wrong(path, field, value, `no such field; ${names.join(', ')}`);
  const positive: readonly (readonly [string, number])[] =
    settings.kind === 'adamw'
      ? [['epsilon', settings.epsilon]]
      : [
          ['decayExponent', settings.decayExponent],
          ['epsilon1', settings.epsilon1],
          ['epsilon2', settings.epsilon2],
          ['clipThreshold', settings.clipThreshold],
        ];
  if (settings.kind === 'adamw')
    for (const field of ['beta1', 'beta2'] as const)
      if (!(settings[field] >= 0 && settings[field] < 1))
        throw wrong(path, field, settings[field], 'a number from 0 to below 1');
  for (const [field, value] of [...positive, ['clipNorm', settings.clipNorm] as const])
    if (!(value > 0)) throw wrong(path, field, value, 'a positive number');
  if (settings.kind === 'adafactor' && typeof settings.scaleParameter !== 'boolean')
    throw wrong(path, 'scaleParameter', settings.scaleParameter, 'true or false');
  if (!(settings.weightDecay >= 0)) throw wrong(path, 'weightDecay', settings.weightDecay, 'a number from 0');
  const { decay = 'before' } = settings;
  if (decay !== 'before' && decay !== 'after') throw wrong(path, 'decay', decay, 'before, after');
  if (settings.kind === 'adamw' && settings.first !== undefined)
    checkStateCodec(settings.first, `${path}.first`);
  if (settings.second !== undefined) checkStateCodec(settings.second, `${path}.second`);
}
