/** Recognises the plain quantisers that have a kernel of their own. */
import { fitsBinary32 } from '../arrays.ts';
import type { Quantizer } from './quantizer.ts';

/** max / statistic in binary32, a nearest integer within +-limit, over the scale again. */
export interface PlainForm {
  readonly per: 'tensor' | 'row';
  readonly from: 'absmax' | 'absmean';
  readonly limit: number;
  /** The statistic is at least this. */
  readonly smallest: number;
}

/** The plain form of a quantiser; undefined if it is anything more. */
export function plainForm({
  format,
  rounding,
  scale,
  low,
  high,
  transform,
  strength,
}: Quantizer): PlainForm | undefined {
  const { grouping, from, least: smallest } = scale;
  const isInteger = format.kind === 'int' || format.name === 'ternary';
  const isPlainScale =
    scale.stored === 'encode' &&
    scale.format.name === 'binary32' &&
    scale.multiplier === 1 &&
    scale.target === high &&
    smallest > 0 &&
    scale.decay === undefined &&
    scale.history === undefined;
  const isPlainRounding = rounding.rounding === 'nearest-even' && rounding.saturation === 'finite';
  if (!isInteger || !isPlainScale || !isPlainRounding || low !== -high || !fitsBinary32(format))
    return undefined;
  if (transform !== undefined || strength !== 1) return undefined;
  if ((grouping.per !== 'tensor' && grouping.per !== 'row') || (from !== 'absmax' && from !== 'absmean'))
    return undefined;
  return { per: grouping.per, from, limit: high, smallest };
}
