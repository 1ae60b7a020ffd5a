/**
 * What the fields of a recipe may be, for recipes from files: types, ranges, names. Rules that join several fields are
 * recipe-check.ts, and those of an optimiser, a store or a quantiser are theirs.
 */
import { roundingModes, saturations, stochasticVariants, subnormalTreatments } from '../rounding/options.ts';
import {
  boolean,
  fields,
  fileName,
  integer,
  kinds,
  line,
  list,
  listOr,
  maybe,
  number,
  objectOr,
  orNull,
  record,
  type Schema,
  value,
  word,
} from '../schema.ts';
import { patternWords, tryPattern } from './name-pattern.ts';
import { strengthKinds } from './strength.ts';

/** A part of a whole. */
export const part: Schema<number> = number({ from: 0, to: 1 });
const innerPart = number({ above: 0, below: 1 });
const warmup = number({ from: 0, below: 1 });
const positive = number({ above: 0, to: 1e38 });

export const pattern: Schema<string> = value((given) => tryPattern(given) !== undefined, patternWords);

/** A field of a scale: a word, a number, true or false, a list of numbers, or words and numbers by name. */
const plain = value(
  (given) => typeof given === 'string' || typeof given === 'boolean' || Number.isFinite(given),
  'a word, a finite number, true or false',
);
const scaleField: Schema = listOr(number(), objectOr(record(plain), plain));

/** A quantiser; the names and ranges of its scale's fields are its own. */
const quantizerEntries = {
  format: line(100),
  rounding: maybe(word(roundingModes)),
  scale: record(scaleField, 'an object with per, from, ...'),
  saturation: maybe(word(saturations)),
  subnormals: maybe(word(subnormalTreatments)),
  range: maybe(word(['restricted', 'full'])),
  randomBits: maybe(integer(1, 32)),
  variant: maybe(word(stochasticVariants)),
};
const quantizer = fields({ ...quantizerEntries, strength: maybe(part) });
const quantizerOrNull = objectOr(
  quantizer,
  value((given) => given === null, 'a quantiser or null'),
);
const quantizerOrSame = objectOr(
  quantizer,
  value((given) => given === null || given === 'same', "a quantiser, 'same' or null"),
);

const slots = fields({
  forward: fields({ x: quantizerOrNull, w: quantizerOrNull }),
  inputGradient: fields({ g: quantizerOrNull, w: quantizerOrSame }),
  weightGradient: fields({ g: quantizerOrNull, x: quantizerOrSame }),
});

export const phaseIn: Schema = fields({ kind: word(strengthKinds), over: number({ above: 0, to: 1 }) });

export const rounding: Schema = word(['stochastic', 'nearest-even']);
export const optimizerState: Schema = word(['keep', 'reset']);

const phase = fields({
  from: number({ from: 0, below: 1 }),
  linear: slots,
  layers: maybe(list(fields({ match: pattern, linear: slots }), 0, 100)),
  phaseIn: maybe(phaseIn),
  emulate: orNull(
    fields({ format: line(100), rounding: maybe(word(roundingModes)), saturation: maybe(word(saturations)) }),
  ),
  optimizerState,
  rewarm: maybe(part),
});

export const extraNorm: Schema = orNull(
  fields({
    kind: word(['rms', 'layer']),
    where: word(['o,down', 'all']),
    when: maybe(word(['always', 'switch'])),
  }),
);

const least = maybe(integer(0, 2 ** 31));
const codec = kinds({
  float32: {},
  bfloat16: {},
  dynamic8: { block: integer(1, 2 ** 24), least },
  quantizer: { quantizer: fields(quantizerEntries), least },
});

const commonSettings = {
  weightDecay: number({ from: 0, to: 1000 }),
  clipNorm: positive,
  decay: maybe(word(['before', 'after'])),
  second: maybe(codec),
};
const beta = number({ from: 0, below: 1 });
/** From the least normal binary32 number: a smaller one is 0 in the arithmetic of states, where 0 / 0 is no update. */
const epsilon = number({ from: 2 ** -126, to: 1e38 });
const optimizer = kinds({
  adamw: { ...commonSettings, beta1: beta, beta2: beta, epsilon, first: maybe(codec) },
  adafactor: {
    ...commonSettings,
    decayExponent: number({ above: 0, to: 100 }),
    epsilon1: epsilon,
    epsilon2: positive,
    clipThreshold: positive,
    scaleParameter: boolean,
  },
});

export const schedule: Schema = kinds({
  cosine: { warmup, final: part },
  linear: { warmup, final: part },
  wsd: { warmup, decay: part, final: part },
  'two-stage': { warmup, at: innerPart, second: part },
  step: { at: innerPart, before: part, after: part },
});

/** Which parameters a store is for. */
export const selection: Schema = objectOr(fields({ match: pattern }), word(['linear', 'all']));
/** What a grid spans. */
export const gridRange: Schema = objectOr(
  fields({ deviations: number({ above: 0, to: 1000 }) }),
  word(['absmean']),
);
export const groupSize: Schema = integer(1, 2 ** 20);

const store = kinds({
  master: {},
  grid: { format: line(100), rounding, range: gridRange, of: maybe(selection) },
  bfloat16: { rounding, of: maybe(selection) },
  'group-int8': { size: groupSize, rounding, of: maybe(selection) },
});

/** A recipe with all its fields. */
export const recipeSchema: Schema = fields({
  name: fileName,
  title: line(500),
  extraNorm,
  phases: list(phase, 1, 100),
  optimizer,
  schedule,
  decaySchedule: maybe(schedule),
  store: maybe(store),
  inference: maybe(list(fields({ name: line(40), w: quantizer }), 0, 20)),
});
