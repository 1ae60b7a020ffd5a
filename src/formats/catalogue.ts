/** The catalogue of named formats. Floats are data in `float-parameters.ts`; names are read in `names.ts`. */
import { checkBoolean, checkFields, integerInRange, oneOf } from '../check.ts';
import { ArgumentError } from '../errors.ts';
import { type BlockFormat, type BlockFormatName, blockFormats } from './block.ts';
import { type ComplexCodebook, fourthRoots } from './complex.ts';
import { float } from './float.ts';
import { floatOf } from './float-format.ts';
import { type FloatCatalogueName, floatCatalogue, withDefaults } from './float-parameters.ts';
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
  Object.entries(floatCatalogue).map(([name, parameters]) => [name, floatOf(withDefaults(parameters))]),
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
  /** Default true. */
  readonly signed?: boolean;
  /** With infinities, or without. Default `'extended'`. */
  readonly domain?: 'extended' | 'finite';
}

const p3109Names: readonly (keyof P3109Parameters)[] = ['bits', 'precision', 'signed', 'domain'];

/**
 * An IEEE P3109 format (report v4.0).
 *
 * @example
 * p3109({ bits: 8, precision: 3 }).name // 'binary8p3se'
 *
 * @throws ArgumentError if a parameter is not accepted.
 */
export function p3109(parameters: P3109Parameters): FloatFormat {
  const given = checkFields('', parameters, p3109Names, 'parameters');
  const signed = checkBoolean('signed', given.signed, true);
  const domain = oneOf('domain', given.domain, ['extended', 'finite'], 'extended');
  const bits = integerInRange('bits', given.bits, 3, 15);
  const precision = integerInRange('precision', given.precision, 1, signed ? bits - 1 : bits);
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
