/**
 * What the fields of a recipe may be, for recipes from files: types, ranges, names. Rules that join several fields are
 * recipe-check.ts, and those of an optimiser, a store or a quantiser are theirs.
 */
import { roundingModes, saturations } from '../rounding/options.ts';
import {
  anything,
  boolean,
  fields,
  fileName,
  having,
  integer,
  kinds,
  line,
  list,
  maybe,
  number,
  objectOr,
  oneOfFields,
  orNull,
  record,
  type Schema,
  value,
  word,
} from '../schema.ts';
import { longestWord } from './controllers/adapt.ts';
import { curveSchema } from './curve.ts';
import { patternWords, tryPattern } from './name-pattern.ts';
import { codecSchema, decaySchema, optimizerSchema } from './optimizers/schema.ts';
import { parameterRoles } from './parameter-role.ts';
import { quantizerEntries, scaleField } from './quantizer-schema.ts';
import { savedSchema } from './saved/spec.ts';
import { scheduleSchema } from './schedule.ts';
import { phaseInSchema } from './strength.ts';
import { projectEntries, updateEntries } from './update/spec.ts';

/** A part of a whole. */
export const part: Schema<number> = number({ from: 0, to: 1 });
const positive = number({ above: 0, to: 1e38 });
const weight = number({ from: 0, to: 1e38 });
/** A number of bits, not necessarily whole. */
const bits = number({ from: 1, to: 32 });

/** A pattern of names. */
export const pattern: Schema<string> = value((given) => tryPattern(given) !== undefined, patternWords);

const quantizer = fields({ ...quantizerEntries, strength: maybe(part) });
/** A transform or a gradient rule, by its name or with options, which are its own. */
const named = objectOr(record(scaleField), line(100));
const learnedNames = ['scale', 'zeroPoint', 'bits', 'form', 'levels'] as const;
/** An operand: a quantiser, a rounding, a norm, or both. */
const operandEntries = {
  ...quantizerEntries,
  format: maybe(line(100)),
  scale: maybe(quantizerEntries.scale),
  strength: maybe(part),
  transform: maybe(record(anything, 'an object with name, ...')),
  invert: maybe(boolean),
  gradient: maybe(named),
  nan: maybe(word(['error', 'zero', 'max', 'group'])),
  of: maybe(word(['operand', 'image'])),
  norm: maybe(word(['rms', 'layer'])),
  form: maybe(
    kinds({
      power: { bits: list(integer(2, 16), 2, 2) },
      'low-rank': {
        rank: integer(1, 65536),
        alpha: maybe(positive),
        at: word(['before', 'after']),
        fade: maybe(curveSchema),
      },
      complex: { product: maybe(word(['conjugate', 'plain'])) },
    }),
  ),
  learn: maybe(
    list(
      fields({
        of: word(learnedNames),
        learningRate: positive,
        freeze: maybe(fields({ window: integer(2, 2 ** 21), above: number({ from: 0, below: 1 }) })),
        target: maybe(bits),
        range: maybe(list(bits, 2, 2)),
        within: maybe(list(positive, 2, 2)),
        penalty: maybe(fields({ kind: word(['mean', 'size']), weight: positive })),
      }),
      1,
      3,
    ),
  ),
};
const operandOf = (words: string, accepts: (given: unknown) => boolean): Schema =>
  objectOr(fields(operandEntries), value(accepts, words));
const isName = (given: unknown): boolean => typeof given === 'string' && given.length <= 200;
const operandOrNull = operandOf(
  'a quantiser, its name or null',
  (given) => given === null || (isName(given) && given !== 'same'),
);
const operandOrSame = operandOf(
  "a quantiser, its name, 'same' or null",
  (given) => given === null || isName(given),
);
const outputEntries = {
  ...quantizerEntries,
  format: maybe(quantizerEntries.format),
  scale: maybe(quantizerEntries.scale),
  strength: maybe(part),
  transform: operandEntries.transform,
};
const outputOf = (entries: Readonly<Record<string, Schema>>) =>
  maybe(
    objectOr(
      fields(entries),
      value((given) => given === null || isName(given), 'a rounding, a quantiser, its name or null'),
    ),
  );
const output = outputOf(outputEntries);
const accumulator = maybe(
  objectOr(
    record(anything),
    value(
      (given) => given === null || typeof given === 'string',
      'a format, exact, a matrix unit, a model or null',
    ),
  ),
);

const slotEntries = {
  forward: { x: operandOrNull, w: operandOrNull, y: output, accumulate: accumulator },
  inputGradient: {
    g: operandOrNull,
    w: operandOrSame,
    dx: outputOf({ ...outputEntries, turn: operandEntries.transform }),
    accumulate: accumulator,
  },
  weightGradient: { g: operandOrNull, x: operandOrSame, dw: output, accumulate: accumulator },
};
const slots = fields({
  forward: fields(slotEntries.forward),
  inputGradient: fields(slotEntries.inputGradient),
  weightGradient: fields(slotEntries.weightGradient),
});

export const rounding: Schema = word(['stochastic', 'nearest-even']);
export const optimizerState: Schema = word(['keep', 'reset']);

export const extraNorm: Schema = orNull(
  fields({
    kind: word(['rms', 'layer']),
    where: word(['o,down', 'all']),
    when: maybe(word(['always', 'switch'])),
  }),
);

/** Which parameters a store is for. */
export const selection: Schema = objectOr(fields({ match: pattern }), word(['linear', 'all']));
/** What a grid spans. */
const rangeFields = having(
  'scale',
  fields({ scale: number({ from: 2 ** -126, to: 1e38 }) }),
  fields({ deviations: number({ above: 0, to: 1000 }) }),
);
export const gridRange: Schema = objectOr(rangeFields, word(['absmean']));
const storeRange: Schema = objectOr(rangeFields, word(['absmean', 'absmax']));
export const groupSize: Schema = integer(1, 2 ** 20);

const writeBack = { rounding, of: maybe(selection), feedback: maybe(word(['momentum'])) };
/** How weights are held between steps. */
export const storeSchema: Schema = kinds({
  master: {},
  grid: {
    ...{ format: line(100), range: storeRange, per: maybe(word(['tensor', 'channel'])) },
    ...writeBack,
  },
  format: { format: line(100), ...writeBack },
  bfloat16: writeBack,
  'group-int8': { size: groupSize, ...writeBack },
});

const where = fields({
  role: maybe(word([...parameterRoles, ...(['activation-product', 'all'] as const)])),
  layer: maybe(line(200)),
  parameter: maybe(pattern),
  depth: maybe(list(number(), 2, 2)),
  kind: maybe(line(40)),
  atLeast: maybe(integer(0, 2 ** 40)),
  end: maybe(word(['first', 'last'])),
});

/** Some of the slots of a product. */
const someOf = <E extends Record<string, Schema>>(entries: E) =>
  maybe(fields(Object.fromEntries(Object.entries(entries).map(([name, one]) => [name, maybe(one)]))));

const ratesEntries = Object.fromEntries(
  ['parameter', ...learnedNames].map((part) => [part, maybe(number({ above: 0, to: 1 }))]),
);

const rule = fields({
  where,
  set: fields({
    forward: someOf(slotEntries.forward),
    inputGradient: someOf(slotEntries.inputGradient),
    weightGradient: someOf(slotEntries.weightGradient),
    store: maybe(storeSchema),
    first: maybe(codecSchema),
    second: maybe(codecSchema),
    weightDecay: maybe(decaySchema),
    rates: maybe(fields(ratesEntries)),
    frozen: maybe(boolean),
    learns: maybe(list(word(learnedNames), 0, learnedNames.length)),
    fixedCodes: maybe(boolean),
    updated: maybe(number({ above: 0, to: 1 })),
  }),
  optional: maybe(boolean),
});

const phase = fields({
  from: number({ from: 0, below: 1 }),
  linear: slots,
  layers: maybe(list(fields({ match: pattern, linear: slots }), 0, 100)),
  phaseIn: maybe(phaseInSchema),
  emulate: orNull(
    fields({ format: line(100), rounding: maybe(word(roundingModes)), saturation: maybe(word(saturations)) }),
  ),
  optimizerState,
  rewarm: maybe(part),
  batchNorm: maybe(fields({ folded: maybe(boolean), statistics: maybe(word(['batch', 'moving'])) })),
  objective: maybe(
    fields({
      task: weight,
      soft: maybe(weight),
      temperature: maybe(positive),
      features: maybe(weight),
      block: maybe(integer(0, 65535)),
      intervenes: maybe(boolean),
    }),
  ),
  rules: maybe(list(rule, 0, 100)),
});

const durationWords = 'a part of all steps (from 1e-6, below 1), or a whole number of steps from 1';
const isDuration = (given: unknown): boolean =>
  typeof given === 'number' &&
  (Number.isInteger(given) ? given >= 1 && given < 2 ** 31 : given >= 1e-6 && given < 1);
const duration = value<number>(isDuration, durationWords);
const time = value<number>((given) => given === 0 || isDuration(given), `0, ${durationWords}`);

const event = fields({
  at: maybe(time),
  every: maybe(duration),
  do: list(
    oneOfFields({
      reset: { reset: word(['moments']) },
      rewarm: { rewarm: duration, shape: maybe(word(['linear', 'cosine'])) },
      switch: { switch: list(rule, 1, 100) },
      freeze: { freeze: where },
    }),
    1,
    100,
  ),
});

/** A projection of gradients. */
export const projectSchema: Schema = fields({
  ...projectEntries,
  quantizer: maybe(fields(quantizerEntries)),
});

/** What gradients and steps go through. */
export const updateSchema: Schema = fields({
  ...updateEntries,
  project: maybe(projectSchema),
  rule: maybe(optimizerSchema),
});

const pair = <T>(each: Schema<T>) => list(each, 2, 2);

/** What changes formats. */
const controllerSchema: Schema = kinds({
  adaPT: {
    lookback: maybe(pair(integer(1, 10_000))),
    bins: maybe(pair(integer(1, 10_000))),
    momentum: maybe(part),
    buffer: maybe(integer(1, longestWord - 1)),
    tolerance: maybe(number({ from: 0, to: 1e38 })),
  },
});

/** A recipe with all its fields. */
export const recipeSchema: Schema = fields({
  name: fileName,
  title: line(500),
  extraNorm,
  phases: list(phase, 1, 100),
  optimizer: optimizerSchema,
  schedule: scheduleSchema,
  decaySchedule: maybe(scheduleSchema),
  store: maybe(storeSchema),
  inference: maybe(list(fields({ name: line(40), w: objectOr(quantizer, line(200)) }), 0, 20)),
  rules: maybe(list(rule, 0, 100)),
  events: maybe(list(event, 0, 100)),
  values: maybe(record(anything)),
  update: maybe(updateSchema),
  teacher: maybe(fields({ initial: maybe(boolean) })),
  controller: maybe(controllerSchema),
  saved: maybe(savedSchema),
});
