/**
 * How weights are held between two steps, as data: options, checks, and which parameters a store is for. The stores
 * themselves are the other files of this folder.
 */
import { refusedAs } from '../../check.ts';
import { ArgumentError } from '../../errors.ts';
import { type Format, type FormatSpelling, toFormat } from '../../formats/index.ts';
import { fitsBinary32 } from '../../operations/conversions.ts';
import { namePattern } from '../name-pattern.ts';

/** How an updated weight is written back. */
export type WriteRounding = 'stochastic' | 'nearest-even';

/** Float32, as ordinary training does. */
export interface MasterStore {
  readonly kind: 'master';
}

/**
 * Codes of a format and one scale fixed at the start, no copy in a wider format: direct quantised training.
 * Source of integer grids: Zhao et al., arXiv 2412.04787.
 */
export interface GridStore {
  readonly kind: 'grid';
  /** Any signed scalar format: `'ternary'`, `'int4'`, `'e4m3fn'`, `'posit8'`, `'nf4'`, a fixed-point one. */
  readonly format: FormatSpelling;
  readonly rounding: WriteRounding;
  /**
   * The largest code stands for mean|W| of the initial weights (the paper), for the largest of them, or for k times their root mean
   * square; or a weight times `scale` is the code.
   */
  readonly range: 'absmean' | 'absmax' | { readonly deviations: number } | { readonly scale: number };
  /** What has a scale of its own: the tensor (default), or each output channel. */
  readonly per?: 'tensor' | 'channel';
}

/** Codes of a format without a scale, no copy in a wider format: the weights are the format's own values. */
export interface FormatStore {
  readonly kind: 'format';
  /** Any signed scalar format: `'binary16'`, `'e5m2'`, `'posit16'`. */
  readonly format: FormatSpelling;
  readonly rounding: WriteRounding;
}

/** bfloat16 codes, no copy in a wider format. */
export interface Bfloat16Store {
  readonly kind: 'bfloat16';
  readonly rounding: WriteRounding;
}

/** 8-bit integers with scale and zero point for each group of `size`, taken anew of the updated weights each step. */
export interface GroupStore {
  readonly kind: 'group-int8';
  readonly size: number;
  readonly rounding: WriteRounding;
}

export type WeightStoreSpec =
  | (MasterStore & StoreOf)
  | ((GridStore | FormatStore | Bfloat16Store | GroupStore) & StoreOf & Feedback);

interface StoreOf {
  /**
   * Which parameters are held so; the others are float32. `'linear'` (default): the matrices inside the blocks; `'all'`:
   * every parameter, norm gains too; `{ match }`: those whose name the
   * pattern matches. A rule's store is for what its `where` selects.
   */
  readonly of?: 'linear' | 'all' | { readonly match: string };
}

interface Feedback {
  /**
   * What writing back loses goes into the optimiser's momentum, so that later steps make up for it. Default: it is lost.
   * Source: Nikdan et al., "ECO", arXiv 2601.22101.
   */
  readonly feedback?: 'momentum';
}

/** Whether what a store loses goes into the momentum. */
export function feedsBack(store: WeightStoreSpec | undefined): boolean {
  return store !== undefined && 'feedback' in store && store.feedback === 'momentum';
}

function formatOf(spelling: FormatSpelling, path: string): Format {
  return refusedAs(
    () => toFormat(spelling),
    ({ accepted }) => new ArgumentError(path, spelling, accepted),
  );
}

/** The rule of a store's format. Throws ArgumentError naming the field, prefixed by `path`. */
export function checkStore(store: WeightStoreSpec, path: string): void {
  if (store.kind !== 'grid' && store.kind !== 'format') return;
  const format = formatOf(store.format, `${path}.format`);
  const words =
    'a format with codes of at most 32 bits, of numbers of both signs that binary32 has, or int32';
  // Integers of 32 bits that weights become are binary32 numbers: what is rounded to one is.
  const isHeld =
    format.bits <= 32 &&
    format.min < 0 &&
    format.max > 0 &&
    (fitsBinary32(format) || format.name === 'int32');
  if (!isHeld) throw new ArgumentError(`${path}.format`, store.format, words);
}

/** What a selector looks at of a parameter. */
interface Selectable {
  readonly name: string;
  readonly role: string;
}

/** Whether a store is for a parameter. */
export function isStoreOf({ of = 'linear' }: WeightStoreSpec, { name, role }: Selectable): boolean {
  if (of === 'all') return true;
  return of === 'linear' ? role === 'linear' : namePattern(of.match, 'store.of.match').test(name);
}
