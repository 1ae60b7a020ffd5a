/**
 * How weights are held between two steps, as data: options, checks, and which parameters a store is for. The stores
 * themselves are the other files of this folder.
 */
import { ArgumentError } from '../../errors.ts';
import { type Format, type FormatSpelling, toFormat } from '../../formats/index.ts';
import { namePattern } from '../name-pattern.ts';

/** Float32, as ordinary training does. */
export interface MasterStore {
  readonly kind: 'master';
}

/**
 * Integer codes and one scale fixed at the start, no copy in a wider format: direct quantised training.
 * Source: Zhao et al., arXiv 2412.04787.
 */
export interface GridStore {
  readonly kind: 'grid';
  /** `'ternary'` or a signed integer format, such as `'int3'`, `'int4'`, `'int8'`. */
  readonly format: FormatSpelling;
  /** How an updated weight is written back. */
  readonly rounding: 'stochastic' | 'nearest-even';
  /** The largest code stands for mean|W| of the initial weights (the paper), or for k times their root mean square. */
  readonly range: 'absmean' | { readonly deviations: number };
}

/** bfloat16 codes, no copy in a wider format. */
export interface Bfloat16Store {
  readonly kind: 'bfloat16';
  readonly rounding: 'stochastic' | 'nearest-even';
}

/** 8-bit integers with scale and zero point for each group of `size`, taken anew of the updated weights each step. */
export interface GroupStore {
  readonly kind: 'group-int8';
  readonly size: number;
  readonly rounding: 'stochastic' | 'nearest-even';
}

export type WeightStoreSpec = (MasterStore | GridStore | Bfloat16Store | GroupStore) & {
  /**
   * Which parameters are held so; the others are float32. `'linear'` (default): the matrices inside the blocks; `'all'`:
   * every parameter, norm gains too; `{ match }`: those whose name the
   * pattern matches.
   */
  readonly of?: 'linear' | 'all' | { readonly match: string };
};

/** The rule of a store's format. Throws ArgumentError naming the field, prefixed by `path`. */
export function checkStore(store: WeightStoreSpec, path: string): void {
  if (store.kind !== 'grid') return;
  let format: Format | undefined;
  try {
    format = toFormat(store.format);
  } catch (error) {
    if (!(error instanceof ArgumentError)) throw error;
  }
  const isInteger = format?.kind === 'int' && format.isSigned && format.bits >= 2 && format.bits <= 16;
  if (!isInteger && format?.name !== 'ternary')
    throw new ArgumentError(`${path}.format`, store.format, 'ternary, int2 to int16');
}

/** What a selector looks at of a parameter. */
export interface Selectable {
  readonly name: string;
  readonly role: string;
}

/** Whether a store is for a parameter. */
export function isStoreOf({ of = 'linear' }: WeightStoreSpec, { name, role }: Selectable): boolean {
  if (of === 'all') return true;
  return of === 'linear' ? role === 'linear' : namePattern(of.match, 'store.of.match').test(name);
}
