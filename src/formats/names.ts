/** Names to formats: the catalogue's, those made by rule, registered ones, and what else people call them (`aliases.ts`). */
import { pathOf, refusedAs } from '../check.ts';
import { ArgumentError } from '../errors.ts';
import { nearestWords } from '../nearest-words.ts';
import { aliases, ambiguousNames, canonicalSpelling, readingsOf } from './aliases.ts';
import { type BlockFormat, blockFormatByName } from './block.ts';
import {
  type AnyFormat,
  type Catalogue,
  type FormatName,
  formats,
  p3109,
  scalarFormats,
} from './catalogue.ts';
import type { ComplexCodebook } from './complex.ts';
import { fixed } from './fixed.ts';
import { float } from './float.ts';
import type { FieldParameters } from './float-parameters.ts';
import type { FloatFormat, Format, Specials } from './format.ts';
import { int } from './int.ts';
import { logarithmic } from './logarithmic.ts';
import { midrise } from './named-codebooks.ts';
import { posit } from './posit.ts';
import { registeredFormat, registeredNames } from './registered.ts';
import type { AnyFormatName, FormatSpelling } from './spelled.ts';

export type {
  AnyFormatName,
  BlockFormatSpelling,
  CheckedFormat,
  FormatArgument,
  FormatNameArgument,
  FormatSpelling,
  QuantizerText,
} from './spelled.ts';

const forms = 'float(5,2), fixed(4,4), posit(16,1), logarithmic(4,3), bfp(7,16), int12, binary8p3se';

/** The format of numbers of a canonical name; undefined where it is none, or its parameters are impossible. */
function formatIfAny(name: string): Format | undefined {
  try {
    return findScalarFormat(name);
  } catch (error) {
    if (error instanceof ArgumentError) return undefined;
    throw error;
  }
}

/** A name with what tells formats of the same width apart. */
function withLimits(name: string): string {
  const format = formatIfAny(name);
  if (format?.kind !== 'float' || format.bits > 8) return name;
  return `${name} (largest ${format.max}${format.hasInfinity ? ', infinity' : ''})`;
}

/** Names by rule that a text nearly is: one without its rule's marks. */
function nearRules(text: string): string[] {
  const [, exponentBits, mantissaBits] = /^e(\d+)m(\d+)$/i.exec(text) ?? [];
  const [report] = /^binary\d+p\d+/i.exec(text) ?? [];
  const names = [
    ...(mantissaBits === undefined ? [] : [`float(${exponentBits},${mantissaBits})`]),
    ...(report === undefined ? [] : ['se', 'sf', 'ue'].map((kind) => `${report.toLowerCase()}${kind}`)),
  ];
  return names.filter((name) => formatIfAny(name) !== undefined);
}

/** The three names that are nearest to a text. */
function nearestNames(text: string): string[] {
  const meant = new Map<string, readonly string[]>();
  for (const name of allNames()) meant.set(name, [name]);
  for (const [name, others] of Object.entries(aliases))
    for (const other of others) if (other.length > 2) meant.set(other, [name]);
  for (const [name, readings] of Object.entries(ambiguousNames))
    meant.set(
      name,
      readings.map((reading) => reading.name),
    );
  const near = nearestWords(text, meant.keys(), meant.size).flatMap((name) => meant.get(name)!);
  return [...new Set([...nearRules(text), ...near])].slice(0, 3);
}

/** The refusal of a text that names nothing, or several things. */
function unknownFormat(text: unknown): ArgumentError {
  const readings = typeof text === 'string' ? readingsOf(text) : undefined;
  if (readings !== undefined) {
    const each = readings.map(({ name, where }) => {
      const [, limits = ''] = /\((.*)\)$/.exec(withLimits(name)) ?? [];
      return `${name} (${[where, limits].filter((part) => part !== '').join('; ')})`;
    });
    return new ArgumentError('format', text, each.join(' or '));
  }
  const [alone, ...parts] = typeof text === 'string' ? text.split('/') : [];
  const element = parts.length > 0 ? formatIfAny(alone!.trim().toLowerCase()) : undefined;
  if (element !== undefined)
    return new ArgumentError('format', text, `a format by itself, ${element.name}: ${text} is a quantiser`);
  const near = typeof text === 'string' ? nearestNames(text).map(withLimits) : [];
  const names = 'a name that `halfulp formats` lists';
  return new ArgumentError(
    'format',
    text,
    near.length > 0 ? `${near.join(', ')}, or ${names}` : `${names}, or one like ${forms}`,
  );
}

/** The decimal integer of a part of a call, or NaN, which no parameter accepts. */
const integerOf = (part: string): number => (/^[+-]?\d+$/.test(part) ? Number(part) : Number.NaN);

function parseFloatCall(text: string, parts: string[]): FloatFormat {
  const [exponentBits, mantissaBits, ...rest] = parts;
  const parameters: { -readonly [key in keyof FieldParameters]: FieldParameters[key] } = {
    exponentBits: /^infinity$/i.test(exponentBits!) ? Infinity : integerOf(exponentBits!),
    mantissaBits: integerOf(mantissaBits!),
  };
  const given = new Set<string>();
  for (const part of rest) {
    const [key, value] = part.split('=', 2);
    const parameter = value === undefined && key !== 'unsigned' ? 'specials' : key!;
    if (given.has(parameter)) throw new ArgumentError(parameter, part, 'said once');
    given.add(parameter);
    if (value === undefined && key === 'unsigned') parameters.signed = false;
    else if (value === undefined) parameters.specials = key as Specials;
    else if (key === 'bias') parameters.bias = integerOf(value);
    else if (key === 'emax') parameters.emax = integerOf(value);
    else if (key === 'bits') parameters.bits = integerOf(value);
    else if (key === 'domain') parameters.domain = value as 'extended' | 'finite';
    else if (key === 'zero' && value === 'false') parameters.zero = false;
    else if (key === 'subnormals' && value === 'false') parameters.subnormals = false;
    else if (key === 'subnormals' && value === 'normal') parameters.subnormals = 'normal';
    else throw unknownFormat(text);
  }
  return float(parameters);
}

function parseCall(text: string, kind: string, parts: string[]): Format {
  if (kind === 'float') return parseFloatCall(text, parts);
  const [first, second] = parts.map(integerOf) as [number, number];
  const isUnsigned = kind === 'fixed' && parts.length === 3 && parts[2] === 'unsigned';
  if (parts.length > 2 && !isUnsigned) throw unknownFormat(text);
  if (kind === 'fixed') return fixed({ integerBits: first, fractionBits: second, signed: !isUnsigned });
  if (kind === 'posit') return posit({ bits: first, es: second });
  return logarithmic({ integerBits: first, fractionBits: second });
}

/** The format of numbers of a canonical name; undefined for any other. Throws ArgumentError for impossible parameters. */
function findScalarFormat(name: string): Format | undefined {
  if (Object.hasOwn(scalarFormats, name)) return scalarFormats[name as FormatName];
  const report = /^binary(\d{1,2})p(\d{1,2})([su])([ef])$/.exec(name);
  if (report !== null)
    return p3109({
      bits: Number(report[1]),
      precision: Number(report[2]),
      signed: report[3] === 's',
      domain: report[4] === 'e' ? 'extended' : 'finite',
    });
  const integer = /^(u?)int(\d{1,2})(symmetric)?$/.exec(name);
  if (integer !== null)
    return int({
      bits: Number(integer[2]),
      signed: integer[1] === '',
      symmetric: integer[3] !== undefined,
    });
  const uniform = /^midrise([1-8])$/.exec(name);
  if (uniform !== null) return midrise(Number(uniform[1]));
  const call = /^(float|fixed|posit|logarithmic)\(([^(),]+,[^()]+)\)$/.exec(name);
  return call === null
    ? undefined
    : parseCall(
        name,
        call[1]!,
        call[2]!.split(',').map((part) => part.trim().replace(/\s*=\s*/, '=')),
      );
}

/** The format of a canonical name; undefined for any other. */
function findCanonical(name: string): AnyFormat | undefined {
  if (Object.hasOwn(formats, name)) return formats[name as keyof Catalogue];
  return registeredFormat(name) ?? blockFormatByName(name) ?? findScalarFormat(name);
}

/** The names that stand for one format each. */
const allNames = (): string[] => [...Object.keys(formats), ...registeredNames()];

/** What a text names, in the catalogue's spelling or any other; undefined for nothing. Throws ArgumentError for several. */
export function findFormat(text: string): AnyFormat | undefined {
  const found = findCanonical(text);
  if (found !== undefined) return found;
  if (readingsOf(text) !== undefined) throw unknownFormat(text);
  return findCanonical(canonicalSpelling(text, allNames()));
}

/**
 * The catalogue's spelling of a name; one that it reads as it is stays so.
 *
 * @throws ArgumentError for a name that is none.
 */
export function canonicalName(text: string): string {
  return findCanonical(text) === undefined ? parseFormat(text).name : text;
}

/** The block format of a name in any spelling; undefined if it names none. Throws ArgumentError for impossible parameters. */
export function findBlockFormat(text: string): BlockFormat | undefined {
  const found = typeof text === 'string' && readingsOf(text) === undefined ? findFormat(text) : undefined;
  return found?.kind === 'block' ? found : undefined;
}

const kindOf = (given: unknown): unknown =>
  typeof given === 'object' && given !== null && 'decode' in given
    ? (given as { kind?: unknown }).kind
    : undefined;

/** Whether a value is a format of numbers itself, not its name. */
export function isFormat(given: unknown): given is Format {
  const kind = kindOf(given);
  return kind !== undefined && kind !== 'block' && kind !== 'complex';
}

/** Whether a value is a block format itself, not its name. */
export function isBlockFormat(given: unknown): given is BlockFormat {
  return kindOf(given) === 'block';
}

/** What a name stands for, as far as the name's type tells. */
export type FormatOf<N extends string> =
  Lowercase<N> extends `mx${string}` | `nvfp4${string}` | `bfp(${string}`
    ? BlockFormat
    : Lowercase<N> extends 'fourthroots'
      ? ComplexCodebook
      : string extends N
        ? AnyFormat
        : Format;

/**
 * The format of a name: `parseFormat(String(format))` gives the same format. Names of block formats and `fourthRoots` are
 * read too; look at `kind` where the name is not known beforehand.
 *
 * @example
 * parseFormat('e4m3fn').max // 448
 * parseFormat('float(5,6)').precision // 7
 * parseFormat('mxfp4').bitsPerElement // 4.25
 *
 * @throws ArgumentError for an unknown name, with what is accepted.
 */
export function parseFormat<const N extends keyof Catalogue | (string & Record<never, never>)>(
  name: AnyFormatName<N>,
): FormatOf<N> {
  const found = typeof name === 'string' ? findFormat(name) : undefined;
  if (found === undefined) throw unknownFormat(name);
  return found as FormatOf<N>;
}

/**
 * A format of numbers from itself or its name, as every function that rounds accepts.
 *
 * @throws ArgumentError if it is neither, or a block or complex format.
 */
export function toFormat(format: Format | FormatSpelling): Format {
  const found: AnyFormat = typeof format === 'string' ? parseFormat(format) : format;
  if (typeof found !== 'object' || found === null || typeof found.decode !== 'function')
    throw unknownFormat(format);
  if (found.kind === 'block')
    throw new ArgumentError(
      'format',
      found.name,
      `a format of numbers; the elements of ${found.name} are ${found.element.name}`,
    );
  if (found.kind === 'complex')
    throw new ArgumentError(
      'format',
      found.name,
      'a format of numbers; complex ones are rounded by roundToFourthRoots',
    );
  return found;
}

/** `toFormat` of an argument of another name. Throws ArgumentError with its path. */
export function formatAt(path: string, given: Format | FormatSpelling): Format {
  return refusedAs(
    () => toFormat(given),
    ({ argument }) => (argument === 'format' ? path : pathOf(path, argument)),
  );
}
