/** What the settings of optimisers in a file may be. */
import {
  boolean,
  fields,
  integer,
  kinds,
  line,
  maybe,
  number,
  objectOr,
  type Schema,
  word,
} from '../../schema.ts';
import { quantizerEntries } from '../quantizer-schema.ts';

const positive = number({ above: 0, to: 1e38 });

const least = maybe(integer(0, 2 ** 31));
/** How a state is held. */
export const codecSchema: Schema = objectOr(
  kinds({
    float32: {},
    bfloat16: {},
    dynamic8: { block: integer(1, 2 ** 24), least },
    expansion8: { block: integer(1, 2 ** 24), least },
    quantizer: { quantizer: fields(quantizerEntries), shape: maybe(word(['row', 'own'])), least },
  }),
  line(200),
);

/** A weight decay. */
export const decaySchema: Schema<number> = number({ from: 0, to: 1000 });
const commonSettings = {
  weightDecay: decaySchema,
  clipNorm: positive,
  decay: maybe(word(['before', 'after'])),
};
const [first, second] = [maybe(codecSchema), maybe(codecSchema)];
const beta = number({ from: 0, below: 1 });
/** From the least normal binary32 number: a smaller one is 0 in the arithmetic of states, where 0 / 0 is no update. */
const epsilon = number({ from: 2 ** -126, to: 1e38 });
/** The settings of an optimiser. */
export const optimizerSchema: Schema = kinds({
  adamw: { ...commonSettings, beta1: beta, beta2: beta, epsilon, first, second },
  adafactor: {
    ...commonSettings,
    decayExponent: number({ above: 0, to: 100 }),
    epsilon1: epsilon,
    epsilon2: positive,
    clipThreshold: positive,
    scaleParameter: boolean,
    second,
  },
  sgd: { ...commonSettings, momentum: beta, nesterov: boolean, first },
  lion: { ...commonSettings, beta1: beta, beta2: beta, first },
});
