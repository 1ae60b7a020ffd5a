/**
 * Quantisers by a short text, for command lines and comparisons: a format and how it is scaled. No numerics live here.
 */
import { checkFields } from '../../check.ts';
import { ArgumentError } from '../../errors.ts';
import { findBlockFormat, toFormat } from '../../formats/names.ts';
import type { RoundingMode } from '../../rounding/options.ts';
import { blockQuantizerOptions } from '../blocks.ts';
import type { Grouping } from '../grouping.ts';
import type { NaNInGroups, QuantizerOptions } from '../options.ts';
import { type Quantizer, quantizer } from '../quantizer.ts';
import { type Statistic, statistics } from '../scale-options.ts';
import type { TransformData } from '../transforms/index.ts';

/** What a text does not say. */
export interface NamedOptions {
  readonly rounding?: RoundingMode;
  readonly transform?: TransformData;
  /** Random bits of stochastic rounding. */
  readonly seed?: number | bigint;
  /** What becomes of NaN: as in `quantizer`. */
  readonly nan?: NaNInGroups;
}

/** Statistics that need nothing but their name. */
const plainStatistics: readonly Statistic[] = statistics.filter(
  (name) => name !== 'constant' && name !== 'percentile' && name !== 'learned',
);

const accepted = `FORMAT, or FORMAT/PART/..., parts of tensor, row, column, block:SIZE, tile:ROWSxCOLUMNS, ${plainStatistics.join(', ')}, scale:FORMAT`;

function groupingOf(part: string): Grouping | undefined {
  if (part === 'tensor' || part === 'row' || part === 'column') return { per: part };
  const block = /^block:(\d{1,9})$/.exec(part);
  if (block !== null) return { per: 'block', size: Number(block[1]) };
  const tile = /^tile:(\d{1,9})x(\d{1,9})$/.exec(part);
  return tile === null ? undefined : { per: 'tile', rows: Number(tile[1]), columns: Number(tile[2]) };
}

/** The options of a format of numbers with the parts of its scale. */
function scalarOptions(text: string, name: string, parts: readonly string[]): QuantizerOptions {
  let grouping: Grouping = { per: 'tensor' };
  const element = toFormat(name);
  const isTernary = element.name === 'ternary' || element.name === 'binary';
  let from: Statistic = isTernary ? 'absmean' : 'absmax';
  let format: string | undefined;
  for (const part of parts) {
    const found = groupingOf(part);
    if (found !== undefined) grouping = found;
    else if (plainStatistics.includes(part as Statistic)) from = part as Statistic;
    else if (part.startsWith('scale:')) format = part.slice('scale:'.length);
    else throw new ArgumentError('quantizer', text, accepted);
  }
  return { format: element, scale: { ...grouping, from, ...(format !== undefined && { format }) } };
}

/**
 * The quantiser of a text: a block format's name (`mxfp4`, `nvfp4`, `bfp(7,16)`), or a format of numbers with what its scale is per
 * (default `tensor`), what it is taken from (default `absmax`, `absmean` for ternary and binary) and how it is stored (default
 * binary32), in any order.
 *
 * @throws ArgumentError for a text that is none.
 *
 * @example
 * namedQuantizer('nvfp4');
 * namedQuantizer('int4/block:32/mse');
 * namedQuantizer('e2m1/block:16/scale:ue5m3', { transform: { name: 'hadamard', size: 16 } });
 */
export function namedQuantizer(text: string, options?: NamedOptions): Quantizer {
  const given = checkFields('', options, ['rounding', 'transform', 'seed', 'nan']);
  const [name, ...parts] = typeof text === 'string' ? text.split('/') : [];
  if (name === undefined) throw new ArgumentError('quantizer', text, accepted);
  const block = findBlockFormat(name);
  if (block !== undefined && parts.length > 0)
    throw new ArgumentError('quantizer', text, `${name} alone: a block format has its scales`);
  const base = block === undefined ? scalarOptions(text, name, parts) : blockQuantizerOptions(block);
  return quantizer({ ...base, ...given });
}
