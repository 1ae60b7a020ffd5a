/**
 * How weights are held between two steps, as data: options, checks, and which parameters a store is for. The stores
 * themselves are the other files of this folder.
 */
import { ArgumentError } from '../../errors.ts';
import { type FormatSpelling, toFormat } from '../../formats/index.ts';

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
   * every parameter, norm gains too; `{ match }`: those whose name the regular expression matches.
   */
  readonly of?: 'linear' | 'all' | { readonly match: string };
};

const fieldsOf: Readonly<Record<WeightStoreSpec['kind'], readonly string[]>> = {
  master: [],
  grid: ['format', 'rounding', 'range'],
  bfloat16: ['rounding'],
  'group-int8': ['size', 'rounding'],
};

/** Throws ArgumentError naming `path` unless `match` is the source of a regular expression. */
export function checkMatch(match: unknown, path: string): void {
  try {
    if (typeof match === 'string' && match !== '' && new RegExp(match)) return;
  } catch {
    // Refused below.
  }
  throw new ArgumentError(path, match, 'a regular expression for names such as layers.0.mlp.down');
}

/** Throws ArgumentError naming the field, prefixed by `path`. */
export function checkStore(store: WeightStoreSpec, path: string): void {
  if (typeof store !== 'object' || store === null || !Object.hasOwn(fieldsOf, store.kind))
    throw new ArgumentError(`${path}.kind`, store?.kind, Object.keys(fieldsOf).join(', '));
  const fields = fieldsOf[store.kind];
  for (const [field, value] of Object.entries(store))
    if (field !== 'kind' && field !== 'of' && !fields.includes(field))
      throw new ArgumentError(
        `${path}.${field}`,
        value,
        `no such field; ${['kind', 'of', ...fields].join(', ')}`,
      );
  if (store.kind !== 'master' && store.rounding !== 'stochastic' && store.rounding !== 'nearest-even')
    throw new ArgumentError(`${path}.rounding`, store.rounding, 'stochastic, nearest-even');
  if (store.kind === 'grid') checkGrid(store, path);
  if (
    store.kind === 'group-int8' &&
    !(Number.isInteger(store.size) && store.size >= 1 && store.size <= 2 ** 20)
  )
    throw new ArgumentError(`${path}.size`, store.size, 'an integer from 1 to 1048576');
  const { of = 'linear' } = store;
  if (typeof of === 'object' && of !== null) checkMatch(of.match, `${path}.of.match`);
  else if (of !== 'linear' && of !== 'all')
    throw new ArgumentError(`${path}.of`, of, 'linear, all, { match }');
}

function checkGrid({ format, range }: GridStore, path: string): void {
  let accepted = false;
  try {
    const target = toFormat(format);
    const isInteger = target.kind === 'int' && target.isSigned && target.bits >= 2 && target.bits <= 16;
    accepted = isInteger || target.name === 'ternary';
  } catch (error) {
    if (!(error instanceof ArgumentError)) throw error;
  }
  if (!accepted) throw new ArgumentError(`${path}.format`, format, 'ternary, int2 to int16');
  if (range === 'absmean') return;
  const deviations = (range as { deviations?: number } | undefined)?.deviations;
  if (!(typeof deviations === 'number' && deviations > 0 && Number.isFinite(deviations)))
    throw new ArgumentError(`${path}.range`, range, "'absmean' or { deviations: a positive number }");
}

/** What a selector looks at of a parameter. */
export interface Selectable {
  readonly name: string;
  readonly role: string;
}

/** Whether a store is for a parameter. */
export function isStoreOf({ of = 'linear' }: WeightStoreSpec, { name, role }: Selectable): boolean {
  if (of === 'all') return true;
  return of === 'linear' ? role === 'linear' : new RegExp(of.match).test(name);
}
