/**
 * What operations keep for the backward pass, as data: which tensors, and how they are held. What the codecs do is the other files of
 * this folder; how tensors reach them is `src/tfjs/saved-tensors.ts`.
 */
import { checkCodeBits } from '../../formats/codes.ts';
import type { QuantizerOptions } from '../../quantizers/index.ts';
import {
  fields,
  integer,
  kinds,
  line,
  list,
  maybe,
  number,
  objectOr,
  type Schema,
  word,
} from '../../schema.ts';
import { savingRoles } from '../../tfjs/saved-tensors.ts';
import { quantizerEntries } from '../quantizer-schema.ts';
import { checkQuantizerSpec } from '../quantizer-spec.ts';

interface Least {
  /** Smaller tensors stay as they are. Default 4096 elements. */
  readonly least?: number;
}

/** As it is, where an earlier rule would code it. */
interface NotCoded {
  readonly kind: 'none';
}

/** A copy. */
interface Float32Saved extends Least {
  readonly kind: 'float32';
}

/** To nearest. */
interface Bfloat16Saved extends Least {
  readonly kind: 'bfloat16';
}

/** Codes and scales of a quantiser, the tensor in its own shape; without a memory. */
interface QuantizerSaved extends Least {
  readonly kind: 'quantizer';
  readonly quantizer: QuantizerOptions & { readonly format: string };
}

/**
 * 8-bit codes between a running least and a running largest value of each group. Groups are attention heads: the second axis of
 * four, the first of three modulo their number; else equal parts of the last axis. What no part divides is one group.
 * Source: Pan, Chen, He et al., "Mesa: a memory-saving training framework for transformers", arXiv 2111.11124, section 3.
 */
export interface RangesSaved extends Least {
  readonly kind: 'ranges8';
  readonly groups: number;
  /** What is left of the running values a step later, in [0, 1). Default 0.9; 0: of this step. */
  readonly decay?: number;
  /** Default `'nearest-even'`. */
  readonly rounding?: 'nearest-even' | 'stochastic';
}

export type SavedCodecSpec = NotCoded | Float32Saved | Bfloat16Saved | QuantizerSaved | RangesSaved;

/** Roles of what is kept: of products with a parameter that parameter's, else what the operation computes. */
const layerRoles = ['linear', 'convolution', 'embedding', 'head', 'router'] as const;
export type SavedRole = (typeof layerRoles)[number] | (typeof savingRoles)[number];

/** How the tensors of some operations are held; later ones win. */
export interface SavedRule<N extends string = never> {
  readonly where: {
    /** Default: all. */
    readonly role?: SavedRole | 'all';
    /** Glob on the layer's path, or on the parameter's name. */
    readonly layer?: string;
  };
  readonly codec: SavedCodecSpec | N;
}

const least = maybe(integer(0, 2 ** 31));

/** What a recipe keeps for its backward pass. */
export const savedSchema: Schema = list(
  fields({
    where: fields({ role: maybe(word([...layerRoles, ...savingRoles, 'all'])), layer: maybe(line(200)) }),
    codec: objectOr(
      kinds({
        none: {},
        float32: { least },
        bfloat16: { least },
        quantizer: { quantizer: fields(quantizerEntries), least },
        ranges8: {
          groups: integer(1, 65536),
          decay: maybe(number({ from: 0, below: 1 })),
          rounding: maybe(word(['nearest-even', 'stochastic'])),
          least,
        },
      }),
      line(200),
    ),
  }),
  0,
  100,
);

/** The rule of codecs that are quantisers. Throws ArgumentError naming the field, prefixed by `path`. */
export function checkSavedRules(rules: readonly SavedRule[] | undefined, path: string): void {
  rules?.forEach(({ codec }, i) => {
    if (codec.kind !== 'quantizer') return;
    const place = `${path}[${i}].codec.quantizer`;
    const { format } = checkQuantizerSpec(place, codec.quantizer);
    checkCodeBits(`${place}.format`, format, 32);
  });
}
