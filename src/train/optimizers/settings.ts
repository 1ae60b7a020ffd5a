/**
 * The settings of optimisers as data, and their defaults. What fields may be is `schema.ts`.
 */
import { checkObject, oneOf, refusedAs } from '../../check.ts';
import { ArgumentError } from '../../errors.ts';
import { checkSchema } from '../../schema.ts';
import { sizeOf } from '../../shape.ts';
import { type Curve, checkCurve, curveAt, curveSchema } from '../curve.ts';
import { withSpelledQuantizers } from '../named-slots.ts';
import { feedsBack, type WeightStoreSpec } from '../stores/index.ts';
import { sidesOf } from './factored.ts';
import { optimizerSchema } from './schema.ts';
import { checkCodecFit, checkStateCodec, type StateCodecSpec } from './state-codec.ts';
import type { MomentCodecs } from './states.ts';

export interface CommonSettings {
  /** Decoupled decay, per unit of learning rate, of the parameters with two or more axes. */
  readonly weightDecay: number;
  /** Largest global norm of the gradients; larger ones are scaled down to it. */
  readonly clipNorm: number;
  /** Whether a weight decays before its step or, with the step's result, after it. Default 'before'. */
  readonly decay?: 'before' | 'after';
}

export interface AdamWSettings<N extends string = never> extends CommonSettings {
  readonly kind: 'adamw';
  /** Decay of the running mean of the gradient, in [0, 1). */
  readonly beta1: number;
  /** Decay of the running mean of its square, in [0, 1). */
  readonly beta2: number;
  /** Added to the root of the second moment; positive. */
  readonly epsilon: number;
  /** How the first moment is held. Default float32. */
  readonly first?: StateCodecSpec | N;
  /** How the second moment is held. Default float32. */
  readonly second?: StateCodecSpec | N;
}

export interface AdafactorSettings<N extends string = never> extends CommonSettings {
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
  /** How the second moment is held. Default float32. */
  readonly second?: StateCodecSpec | N;
}

export interface SgdSettings<N extends string = never> extends CommonSettings {
  readonly kind: 'sgd';
  /** What is left of the momentum a step later, in [0, 1); 0: none. */
  readonly momentum: number;
  /** Whether steps look ahead by one. */
  readonly nesterov: boolean;
  /** How the momentum is held. Default float32. */
  readonly first?: StateCodecSpec | N;
}

export interface LionSettings<N extends string = never> extends CommonSettings {
  readonly kind: 'lion';
  /** Weight of the momentum in the step's signs, in [0, 1). */
  readonly beta1: number;
  /** Decay of the momentum, in [0, 1). */
  readonly beta2: number;
  /** How the momentum is held. Default float32. */
  readonly first?: StateCodecSpec | N;
}

/** With `N`, states may be held by a name: `'int8/block:256'`. */
export type OptimizerSettings<N extends string = never> =
  | AdamWSettings<N>
  | AdafactorSettings<N>
  | SgdSettings<N>
  | LionSettings<N>;

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

/** Momentum 0.9, weight decay 0.1, clipping at 1. */
export const defaultSgd: SgdSettings = {
  kind: 'sgd',
  momentum: 0.9,
  nesterov: false,
  weightDecay: 0.1,
  clipNorm: 1,
};

/** The source's betas 0.9 and 0.99, weight decay 0.1, clipping at 1. */
export const defaultLion: LionSettings = {
  kind: 'lion',
  beta1: 0.9,
  beta2: 0.99,
  weightDecay: 0.1,
  clipNorm: 1,
};

/** Every kind with its defaults. */
export const defaultSettings: { readonly [S in OptimizerSettings as S['kind']]: S } = {
  adamw: defaultOptimizer,
  adafactor: defaultAdafactor,
  sgd: defaultSgd,
  lion: defaultLion,
};

/** Settings whose states may be held by a name. */
export type GivenSettings<S> = Omit<Partial<S>, 'first' | 'second'> & {
  readonly [M in keyof S & ('first' | 'second')]?: S[M] | (string & Record<never, never>);
};

/** Settings with what they leave to the defaults. Throws ArgumentError naming the field that is wrong. */
export function settled<S extends OptimizerSettings>(defaults: S, given: GivenSettings<S>): S {
  checkObject('settings', given);
  const all: S = { ...defaults };
  const fields = given as Readonly<Record<string, unknown>>;
  // Inherited ones too, so that none is ignored.
  for (const field in fields) if (fields[field] !== undefined) Object.assign(all, { [field]: fields[field] });
  oneOf('settings.kind', all.kind, [defaults.kind]);
  checkSchema('settings', all, optimizerSchema);
  const spelled = withSpelledQuantizers<S>('settings', all);
  checkOptimizer(spelled, 'settings');
  return spelled;
}

/** Which moments an optimiser keeps. */
export function momentsOf(settings: OptimizerSettings): readonly ('first' | 'second')[] {
  switch (settings.kind) {
    case 'adamw':
      return ['first', 'second'];
    case 'adafactor':
      return ['second'];
    case 'lion':
      return ['first'];
    case 'sgd':
      return settings.momentum === 0 ? [] : ['first'];
  }
}

/** The rules of the codecs of states. Throws ArgumentError naming the field, prefixed by `path`. */
export function checkOptimizer(settings: OptimizerSettings, path: string): void {
  for (const moment of ['first', 'second'] as const) {
    const codec = (settings as MomentCodecs)[moment];
    if (codec === undefined) continue;
    if (!momentsOf(settings).includes(moment))
      throw new ArgumentError(`${path}.${moment}`, codec.kind, 'nothing: there is no such state');
    checkStateCodec(codec, `${path}.${moment}`);
  }
}

/**
 * What a store loses can go into the momentum of an optimiser whose steps are proportional to it. Throws ArgumentError naming
 * the field, prefixed by `path`, with others.
 */
export function checkFeedback(optimizer: OptimizerSettings, store: WeightStoreSpec, path: string): void {
  if (!feedsBack(store)) return;
  const { kind } = optimizer;
  const momentum = kind === 'adamw' ? optimizer.beta1 : kind === 'sgd' ? optimizer.momentum : 0;
  if (momentum === 0)
    throw new ArgumentError(
      `${path}.feedback`,
      'momentum',
      `nothing with ${kind} as it is set: adamw and sgd with a momentum take it up`,
    );
}

/** Checks that the codecs take the states of parameters of these shapes. Throws ArgumentError naming the field. */
export function checkStateFit(
  settings: OptimizerSettings,
  shapes: readonly (readonly number[])[],
  path: string,
): void {
  for (const moment of momentsOf(settings)) {
    // Of Adafactor's matrices there are row and column means.
    const counts =
      settings.kind === 'adafactor'
        ? shapes.flatMap((shape) => (shape.length < 2 ? [...shape] : [...sidesOf(shape)]))
        : shapes.map((shape) => sizeOf(shape));
    checkCodecFit((settings as MomentCodecs)[moment], counts, `${path}.${moment}`);
  }
}

/** Settings that no curve is for: the weight decay has a schedule of its own, and clipping comes before the optimiser. */
const constantFields: readonly string[] = ['weightDecay', 'clipNorm'];

/**
 * Checks curves of settings by field.
 * @param pathOf what a field's curve is called
 * @throws ArgumentError naming a field that has no numbers, or a point that the field may not have
 */
export function checkValues(
  values: Readonly<Record<string, Curve>>,
  settings: OptimizerSettings,
  pathOf: (field: string) => string,
): void {
  const fields = Object.entries(settings).flatMap(([field, value]) =>
    typeof value === 'number' && !constantFields.includes(field) ? [field] : [],
  );
  for (const field of Object.keys(checkObject('values', values))) {
    const path = pathOf(field);
    oneOf(path, field, fields);
    const curve = checkSchema(path, values[field], curveSchema);
    checkCurve(curve, path);
    if (field === 'momentum' && settings.kind === 'sgd' && settings.momentum === 0)
      throw new ArgumentError(path, curve, 'nothing, where the momentum is 0 and none is held');
    curve.points.forEach(([, value], i) => {
      refusedAs(
        () => checkSchema('', { ...settings, [field]: value }, optimizerSchema),
        ({ accepted }) => new ArgumentError(`${path}.points[${i}]`, value, accepted),
      );
    });
  }
}

/** A momentum that takes up what stores lose may not become 0. Arguments and errors as of {@link checkValues}. */
export function checkFedMomentum(
  values: Readonly<Record<string, Curve>>,
  { kind }: OptimizerSettings,
  pathOf: (field: string) => string,
): void {
  const field = kind === 'adamw' ? 'beta1' : 'momentum';
  values[field]?.points.forEach(([, value], i) => {
    if (value === 0)
      throw new ArgumentError(
        `${pathOf(field)}.points[${i}]`,
        value,
        'a number above 0, where what a store loses goes into the momentum',
      );
  });
}

/** Settings as curves have them at a step of `steps`. */
export function settingsAt<S extends OptimizerSettings>(
  settings: S,
  values: Readonly<Record<string, Curve>>,
  step: number,
  steps: number,
): S {
  const now = Object.entries(values).map(([field, curve]) => [field, curveAt(curve, step, steps)]);
  return { ...settings, ...Object.fromEntries(now) };
}
