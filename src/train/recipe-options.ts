/** What the options of the published recipes may be: types and ranges, also for files that name a recipe. */
import {
  boolean,
  checkSchema,
  fields,
  integer,
  line,
  maybe,
  number,
  objectOr,
  type Schema,
  value,
  word,
} from '../schema.ts';
import {
  extraNorm,
  gridRange,
  groupSize,
  optimizerState,
  part,
  rounding,
  selection,
  updateSchema,
} from './recipe-schema.ts';
import { scheduleSchema } from './schedule.ts';
import { phaseInSchema } from './strength.ts';

const common = {
  update: maybe(updateSchema),
  extraNorm: maybe(extraNorm),
  // Its fields are checked with those that it does not name, as part of the recipe.
  optimizer: maybe(
    value(
      (given) => typeof given === 'object' && given !== null && !Array.isArray(given),
      'an object with fields of the optimiser',
    ),
  ),
  schedule: maybe(
    objectOr(
      scheduleSchema,
      value((given) => given === 'two-stage', "an object with kind, ..., or 'two-stage'"),
    ),
  ),
};
const bitnet = {
  ...common,
  weights: maybe(word(['absmean', 'absmedian'])),
  activations: maybe(boolean),
};
const bits = value<number>(
  (given) => given === 1.58 || (Number.isInteger(given) && (given as number) >= 2 && (given as number) <= 16),
  '1.58, or an integer from 2 to 16',
);

/** Names of the published recipes, as files write them. */
export type RecipeName =
  | 'float32'
  | 'bitnet'
  | 'bitnetTransition'
  | 'bfloat16'
  | 'dqt'
  | 'bfloat16Weights'
  | 'groupInt8Weights'
  | 'adam8bit'
  | 'nvfp4'
  | 'mxfp4';

const schemas: Readonly<Record<RecipeName, Schema>> = {
  float32: fields(common),
  bitnet: fields(bitnet),
  bitnetTransition: fields({
    ...bitnet,
    at: number({ above: 0, below: 1 }),
    first: maybe(line(100)),
    optimizerState: maybe(optimizerState),
    rewarm: maybe(part),
    phaseIn: maybe(phaseInSchema),
  }),
  bfloat16: fields(common),
  dqt: fields({
    ...common,
    bits,
    rounding: maybe(rounding),
    range: maybe(gridRange),
    of: maybe(selection),
    activations: maybe(boolean),
    ternaryInference: maybe(boolean),
  }),
  bfloat16Weights: fields({ ...common, rounding: maybe(rounding), of: maybe(selection) }),
  groupInt8Weights: fields({ ...common, size: maybe(groupSize), rounding: maybe(rounding) }),
  adam8bit: fields({ ...common, block: maybe(integer(1, 2 ** 24)), least: maybe(integer(0, 2 ** 31)) }),
  nvfp4: fields({ ...common, hadamard: maybe(word(['fixed', 'step', 'none'])), rounding: maybe(rounding) }),
  mxfp4: fields({ ...common, rounding: maybe(rounding) }),
};

/** Throws ArgumentError naming the option of a recipe that is wrong. */
export function checkRecipeOptions(name: RecipeName, options: unknown): void {
  checkSchema('', options, schemas[name]);
}
