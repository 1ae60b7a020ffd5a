/**
 * Quantisers by a short text, the same wherever one is taken: a block format, or a format and how it is scaled. No numerics live here.
 */
import { ArgumentError } from '../errors.ts';
import type { Format } from '../formats/format.ts';
import { canonicalName, findBlockFormat, toFormat } from '../formats/names.ts';
import type { QuantizerSpelling, QuantizerText } from '../formats/spelled.ts';
import { nearestWords } from '../nearest-words.ts';
import { blockFormatOptions } from './block-options.ts';
import type { Grouping } from './grouping.ts';
import type { QuantizerOptions } from './quantizer-options.ts';
import { type Statistic, statistics } from './scale-options.ts';

/** Statistics that need nothing but their name. */
const plainStatistics: readonly string[] = statistics.filter(
  (name) => name !== 'constant' && name !== 'percentile' && name !== 'learned',
);

const groupingWords = 'tensor, row, column, block:SIZE, tile:ROWSxCOLUMNS';
const accepted = `FORMAT, or FORMAT/PART/..., parts of ${groupingWords}, ${plainStatistics.join(', ')}, scale:FORMAT, or unscaled`;

/** The scale of numbers that are rounded as they are. */
const unscaled = { per: 'tensor', from: 'constant', value: 1 } as const;

/**
 * Whether a format by itself is used without a scale: floats of more than 8 bits, posits, fixed point and logarithmic formats, which place their
 * range themselves. Integers, codebooks and narrow floats are used with one.
 */
export function standsAlone(format: Format): boolean {
  return format.kind === 'float' ? format.bits > 8 : format.kind !== 'int' && format.kind !== 'codebook';
}

function groupingOf(part: string): Grouping | undefined {
  if (part === 'tensor' || part === 'row' || part === 'column') return { per: part };
  const block = /^block:(\d{1,9})$/.exec(part);
  if (block !== null) return { per: 'block', size: Number(block[1]) };
  const tile = /^tile:(\d{1,9})x(\d{1,9})$/.exec(part);
  return tile === null ? undefined : { per: 'tile', rows: Number(tile[1]), columns: Number(tile[2]) };
}

/** What the parts of a text say of the scale. */
interface Parts {
  grouping?: Grouping;
  from?: Statistic;
  scale?: string;
  unscaled?: true;
}

/** A part, by what it is about; undefined: none. */
function readPart(given: string): Parts | undefined {
  const part = given.trim().toLowerCase();
  const grouping = groupingOf(part);
  if (grouping !== undefined) return { grouping };
  if (plainStatistics.includes(part)) return { from: part as Statistic };
  if (part.startsWith('scale:')) return { scale: canonicalName(given.trim().slice('scale:'.length)) };
  return part === 'unscaled' ? { unscaled: true } : undefined;
}

function refused(text: string, part: string): ArgumentError {
  const [near] = nearestWords(part, [
    ...['tensor', 'row', 'column', 'block:32', 'tile:16x16', 'scale:e8m0', 'unscaled'],
    ...plainStatistics,
  ]);
  return new ArgumentError(
    'quantizer',
    text,
    near === undefined ? accepted : `${accepted} (did you mean ${near}?)`,
  );
}

/** The parts together; each thing is said once. */
function readParts(text: string, parts: readonly string[]): Parts {
  const all: Parts = {};
  for (const part of parts) {
    const read = readPart(part);
    if (read === undefined) throw refused(text, part);
    for (const about of Object.keys(read))
      if (Object.hasOwn(all, about))
        throw new ArgumentError('quantizer', text, `one ${about === 'from' ? 'statistic' : about}`);
    Object.assign(all, read);
  }
  if (all.unscaled && parts.length > 1)
    throw new ArgumentError('quantizer', text, 'unscaled alone: nothing else is about a scale');
  return all;
}

/** The options of a format of numbers with the parts of its scale. */
function scaledOptions(text: string, element: Format, parts: readonly string[]): QuantizerOptions {
  const read = readParts(text, parts);
  const isAlone = parts.length === 0 && standsAlone(element);
  if (read.unscaled || isAlone)
    return {
      format: element,
      scale: unscaled,
      ...((element.kind === 'int' || element.kind === 'fixed') && element.isSigned && { range: 'full' }),
      ...(isAlone && { saturation: 'none' }),
    };
  const isTernary = element.name === 'ternary' || element.name === 'binary';
  const { grouping = { per: 'tensor' }, from = isTernary ? 'absmean' : 'absmax', scale: format } = read;
  return { format: element, scale: { ...grouping, from, ...(format !== undefined && { format }) } };
}

/**
 * The options of the quantiser of a text: see `docs/quantizers.md`.
 *
 * @throws ArgumentError for a text that is none.
 * @example
 * namedQuantizerOptions('int8/row') // { format: int8, scale: { per: 'row', from: 'absmax' } }
 */
export function namedQuantizerOptions<const T extends QuantizerSpelling>(
  text: QuantizerText<T>,
): QuantizerOptions {
  const [name, ...parts] = typeof text === 'string' ? text.split('/') : [];
  if (name === undefined) throw new ArgumentError('quantizer', text, accepted);
  const block = findBlockFormat(name.trim());
  if (block === undefined) return scaledOptions(text, toFormat(name.trim()), parts);
  if (parts.length > 0)
    throw new ArgumentError('quantizer', text, `${name} alone: a block format has its scales`);
  return blockFormatOptions(block);
}

/**
 * The text of a quantiser by its canonical name and parts in lower case.
 *
 * @throws ArgumentError for a text that is none.
 */
export function canonicalQuantizerName(text: string): string {
  namedQuantizerOptions(text);
  const [name, ...parts] = text.split('/') as [string, ...string[]];
  const words = parts.map((part) => {
    const scale = readPart(part)?.scale;
    return scale === undefined ? part.trim().toLowerCase() : `scale:${scale}`;
  });
  return [canonicalName(name.trim()), ...words].join('/');
}

/** What a text means where tensors may be rounded as well as quantised. */
type RoundingOrQuantizer =
  | { readonly rounding: Format; readonly quantizer?: undefined }
  | { readonly rounding?: undefined; readonly quantizer: QuantizerOptions };

/**
 * What a text means where tensors may be rounded as well as quantised: a block format or a text with parts is a quantiser, a format that is
 * used without a scale a rounding. A format that is used with one is refused by itself: it could be either.
 *
 * @throws ArgumentError for a text that is none, or either.
 */
export function roundingOrQuantizer(text: string): RoundingOrQuantizer {
  if (text.includes('/') || findBlockFormat(text) !== undefined)
    return { quantizer: namedQuantizerOptions(text) };
  const format = toFormat(text);
  if (standsAlone(format)) return { rounding: format };
  throw new ArgumentError(
    'format',
    text,
    `${format.name}/tensor (scaled; or /row, /block:32, ...) or { format: '${format.name}' } (rounded to its numbers as they are)`,
  );
}
