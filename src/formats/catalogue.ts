/** The catalogue of named formats. Floats are data in `float-parameters.ts`; names are read in `names.ts`. */
import { ArgumentError } from '../errors.ts';
import { type BlockFormat, type BlockFormatName, blockFormats } from './block.ts';
import { type ComplexCodebook, fourthRoots } from './complex.ts';
import { float } from './float.ts';
import { type FloatCatalogueName, floatCatalogue } from './float-parameters.ts';
import type { FloatFormat, Format, IntFormat, PositFormat } from './format.ts';
import { int } from './int.ts';
import { type NamedCodebooks, namedCodebooks } from './named-codebooks.ts';
import { posit } from './posit.ts';

type Floats = { readonly [name in FloatCatalogueName]: FloatFormat };
type Integers = { readonly [name in 'int2' | 'int4' | 'int8' | 'uint4' | 'uint8']: IntFormat };
type Posits = { readonly [name in 'posit8' | 'posit16' | 'posit32']: PositFormat };
type ScalarCatalogue = Floats & Integers & Posits & NamedCodebooks;
export type Catalogue = ScalarCatalogue &
  Readonly<Record<BlockFormatName, BlockFormat>> & { readonly fourthRoots: ComplexCodebook };

/** Anything that a name can stand for. */
export type AnyFormat = Format | BlockFormat | ComplexCodebook;

export type FormatName = keyof ScalarCatalogue;

const floats = Object.fromEntries(
  Object.entries(floatCatalogue).map(([name, parameters]) => [name, float(parameters)]),
) as Floats;

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
