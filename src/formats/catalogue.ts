/** The catalogue of named formats, and names to formats. Floats are data in `float-parameters.ts`. */
import { ArgumentError } from '../errors.ts';
import { type BlockFormat, type BlockFormatName, blockFormats, findBlockFormat } from './block.ts';
import { type ComplexCodebook, fourthRoots } from './complex.ts';
import { fixed } from './fixed.ts';
import { float } from './float.ts';
import { type FloatCatalogueName, type FloatParameters, floatCatalogue } from './float-parameters.ts';
import type { FloatFormat, Format, IntFormat, PositFormat, Specials } from './format.ts';
import { int } from './int.ts';
import { logarithmic } from './logarithmic.ts';
import { type NamedCodebooks, namedCodebooks } from './named-codebooks.ts';
import { posit } from './posit.ts';

type Floats = { readonly [name in FloatCatalogueName]: FloatFormat };
type Integers = { readonly [name in 'int2' | 'int4' | 'int8' | 'uint4' | 'uint8']: IntFormat };
type Posits = { readonly [name in 'posit8' | 'posit16' | 'posit32']: PositFormat };
type ScalarCatalogue = Floats & Integers & Posits & NamedCodebooks;
type Catalogue = ScalarCatalogue &
  Readonly<Record<BlockFormatName, BlockFormat>> & { readonly fourthRoots: ComplexCodebook };

/** Anything that a name can stand for. */
export type AnyFormat = Format | BlockFormat | ComplexCodebook;

export type FormatName = keyof ScalarCatalogue;

const floats = Object.fromEntries(
  Object.entries(floatCatalogue).map(([name, parameters]) => [name, float(parameters)]),
) as Floats;

const otherNames: Readonly<Record<string, Format>> = Object.freeze({
  // Another name for the same format, as NVIDIA's documentation spells it.
  ue8m0: floats.e8m0,
});

/** Every format of numbers that has a name of its own. P3109 formats are made by `p3109` or by name. */
export const scalarFormats: ScalarCatalogue = Object.freeze({
  ...floats,
  int2: int({ bits: 2 }),
  int4: int({ bits: 4 }),
  int8: int({ bits: 8 }),
  uint4: int({ bits: 4, signed: false }),
  uint8: int({ bits: 8, signed: false }),
  posit8: posit({ bits: 8 }),
  posit16: posit({ bits: 16 }),
  posit32: posit({ bits: 32 }),
  ...namedCodebooks,
});

/** The catalogue: formats of numbers, block formats, and `fourthRoots` for complex numbers. */
export const formats: Catalogue = Object.freeze({ ...scalarFormats, ...blockFormats, fourthRoots });

export interface P3109Parameters {
  /** K, 3 to 15. */
  readonly bits: number;
  /** P, with the hidden bit: 1 to K - 1 signed, 1 to K unsigned. */
  readonly precision: number;
  readonly signed: boolean;
  readonly domain: 'extended' | 'finite';
}

/**
 * An IEEE P3109 format (report v4.0).
 *
 * @example
 * p3109({ bits: 8, precision: 3, signed: true, domain: 'extended' }).name // 'binary8p3se'
 *
 * @throws ArgumentError if a parameter is not accepted.
 */
export function p3109({ bits, precision, signed, domain }: P3109Parameters): FloatFormat {
  if (!Number.isInteger(bits) || bits < 3 || bits > 15)
    throw new ArgumentError('bits', bits, 'an integer from 3 to 15');
  const most = signed ? bits - 1 : bits;
  if (!Number.isInteger(precision) || precision < 1 || precision > most)
    throw new ArgumentError('precision', precision, `an integer from 1 to ${most}`);
  const exponentBits = bits - precision + (signed ? 0 : 1);
  if (exponentBits > 11)
    throw new ArgumentError(
      'precision',
      precision,
      `at least ${precision + exponentBits - 11}: 11 exponent bits fit in binary64`,
    );
  return float({
    exponentBits,
    mantissaBits: precision - 1,
    specials: 'p3109',
    signed,
    domain,
  });
}

const accepted =
  `a name of the catalogue (${Object.keys(scalarFormats).join(', ')}), binary{K}p{P}{s|u}{e|f}, ` +
  'int{N}, uint{N}, fixed(integerBits,fractionBits[,unsigned]), posit(bits,es), ' +
  'logarithmic(integerBits,fractionBits), float(exponentBits,mantissaBits[,bias=N][,fn|fnuz|finite|p3109]...); ' +
  `of blocks: ${Object.keys(blockFormats).join(', ')}, bfp(mantissaBits,block)`;

function parseFloatCall(text: string, parts: string[]): FloatFormat {
  const [exponentBits, mantissaBits, ...rest] = parts.map((part) => part.trim());
  const parameters: { -readonly [key in keyof FloatParameters]: FloatParameters[key] } = {
    exponentBits: Number(exponentBits),
    mantissaBits: Number(mantissaBits),
  };
  for (const part of rest) {
    const [key, value] = part.split('=', 2);
    if (value === undefined && key === 'unsigned') parameters.signed = false;
    else if (value === undefined) parameters.specials = key as Specials;
    else if (key === 'bias') parameters.bias = Number(value);
    else if (key === 'bits') parameters.bits = Number(value);
    else if (key === 'domain') parameters.domain = value as 'extended' | 'finite';
    else if (key === 'zero' && value === 'false') parameters.zero = false;
    else if (key === 'subnormals' && value === 'false') parameters.subnormals = false;
    else if (key === 'subnormals' && value === 'normal') parameters.subnormals = 'normal';
    else throw new ArgumentError('format', text, accepted);
  }
  return float(parameters);
}

function parseCall(text: string, kind: string, parts: string[]): Format {
  if (kind === 'float') return parseFloatCall(text, parts);
  const [first, second] = parts.map(Number) as [number, number];
  const isUnsigned = kind === 'fixed' && parts.length === 3 && parts[2]!.trim() === 'unsigned';
  if (parts.length > 2 && !isUnsigned) throw new ArgumentError('format', text, accepted);
  if (kind === 'fixed') return fixed({ integerBits: first, fractionBits: second, signed: !isUnsigned });
  if (kind === 'posit') return posit({ bits: first, es: second });
  return logarithmic({ integerBits: first, fractionBits: second });
}

/** The format of numbers of a name. Throws ArgumentError for any other name. */
function parseScalarFormat(name: string): Format {
  if (Object.hasOwn(scalarFormats, name)) return scalarFormats[name as FormatName];
  if (Object.hasOwn(otherNames, name)) return otherNames[name]!;
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
  const call = /^(float|fixed|posit|logarithmic)\(([^(),]+),([^()]+)\)$/.exec(name);
  if (call !== null) return parseCall(name, call[1]!, `${call[2]},${call[3]}`.split(','));
  throw new ArgumentError('format', name, accepted);
}

/** What a name stands for, as far as the name's type tells. */
export type FormatOf<N extends string> = N extends BlockFormatName | `bfp(${string}`
  ? BlockFormat
  : N extends 'fourthRoots'
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
export function parseFormat<N extends string>(name: N): FormatOf<N> {
  if (typeof name !== 'string') throw new ArgumentError('format', name, accepted);
  const special = name === 'fourthRoots' ? fourthRoots : findBlockFormat(name);
  return (special ?? parseScalarFormat(name)) as FormatOf<N>;
}

/**
 * A format of numbers from itself or its name, as every function that rounds accepts.
 *
 * @throws ArgumentError if it is neither, or a block or complex format.
 */
export function toFormat(format: Format | string): Format {
  const found: AnyFormat = typeof format === 'string' ? parseFormat(format) : format;
  if (typeof found !== 'object' || found === null || typeof found.decode !== 'function')
    throw new ArgumentError('format', format, accepted);
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
