/** What the fields of a quantiser in a file may be: types and names. Which scales there are is the quantiser's own matter. */
import { roundingModes, saturations, stochasticVariants, subnormalTreatments } from '../rounding/options.ts';
import {
  integer,
  line,
  listOr,
  maybe,
  number,
  objectOr,
  record,
  type Schema,
  value,
  word,
} from '../schema.ts';

type QuantizerEntry =
  | ('format' | 'rounding' | 'scale' | 'saturation' | 'subnormals' | 'range')
  | ('randomBits' | 'variant');

/** A field of a scale: a word, a number, true or false, a list of numbers, or words and numbers by name. */
const plain = value(
  (given) => typeof given === 'string' || typeof given === 'boolean' || Number.isFinite(given),
  'a word, a finite number, true or false',
);
export const scaleField: Schema = listOr(number(), objectOr(record(plain), plain));

/** A quantiser; the names and ranges of its scale's fields are its own. */
export const quantizerEntries: Readonly<Record<QuantizerEntry, Schema>> = {
  format: line(100),
  rounding: maybe(word(roundingModes)),
  scale: record(scaleField, 'an object with per, from, ...'),
  saturation: maybe(word(saturations)),
  subnormals: maybe(word(subnormalTreatments)),
  range: maybe(word(['restricted', 'full'])),
  randomBits: maybe(integer(1, 32)),
  variant: maybe(word(stochasticVariants)),
};
