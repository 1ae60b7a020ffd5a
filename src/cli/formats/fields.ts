/**
 * The fields of a code: which bits are sign, exponent, significand and so on. Floats, fixed point and logarithms have them
 * at fixed places; a posit's depend on its regime, so they are found code by code. What the fields mean is
 * `docs/formats.md`.
 */

import type { Code, Format } from '../../formats/index.ts';

/** A run of bits. */
export interface Field {
  readonly name: string;
  readonly bits: number;
}

/** The bits of one field in one code. */
interface FieldBits {
  readonly name: string;
  readonly bits: string;
}

const signField = (format: Format): Field[] => (format.isSigned ? [{ name: 'sign', bits: 1 }] : []);

/** Fields with at least one bit, most significant first; those of a posit only as far as they are fixed. */
export function layoutOf(format: Format): readonly Field[] {
  const fields: Field[] = [];
  switch (format.kind) {
    case 'float': {
      const { exponentBits, mantissaBits, bits } = format;
      const used = (format.isSigned ? 1 : 0) + exponentBits + mantissaBits;
      // Both widths of an unbounded exponent are infinite: nothing is left over.
      const unused = bits === Infinity ? 0 : bits - used;
      fields.push({ name: 'unused', bits: unused }, ...signField(format));
      fields.push({ name: 'exponent', bits: exponentBits }, { name: 'significand', bits: mantissaBits });
      break;
    }
    case 'fixed':
      fields.push(...signField(format), { name: 'integer', bits: format.integerBits });
      fields.push({ name: 'fraction', bits: format.fractionBits });
      break;
    case 'logarithmic':
      fields.push({ name: 'sign', bits: 1 }, { name: 'logarithm', bits: format.integerBits });
      fields.push({ name: 'its fraction', bits: format.fractionBits });
      break;
    case 'posit':
      fields.push({ name: 'sign', bits: 1 }, { name: 'regime, exponent, fraction', bits: format.bits - 1 });
      break;
    case 'int':
      fields.push({ name: format.isSigned ? "two's complement" : 'integer', bits: format.bits });
      break;
    case 'codebook':
      fields.push({ name: 'index', bits: format.bits });
      break;
  }
  return fields.filter(({ bits }) => bits > 0);
}

/** Regime: a run of equal bits and the other bit that ends it; then up to es exponent bits; the rest is the fraction. */
function positFields(digits: string, es: number): FieldBits[] {
  const rest = digits.slice(1);
  const sign = { name: 'sign', bits: digits[0]! };
  // Zero and NaR have no fields but the sign.
  if (!rest.includes('1')) return [sign, { name: 'regime', bits: rest }];
  const run = rest[0] === '1' ? /^1+0?/.exec(rest)![0].length : /^0+1?/.exec(rest)![0].length;
  return [
    sign,
    { name: 'regime', bits: rest.slice(0, run) },
    { name: 'exponent', bits: rest.slice(run, run + es) },
    { name: 'fraction', bits: rest.slice(run + es) },
  ].filter(({ bits }) => bits !== '');
}

/** The fields of a code, most significant first. */
export function fieldsOf(code: Code, format: Format): readonly FieldBits[] {
  const digits = code.toString(2).padStart(format.bits, '0');
  if (format.kind === 'posit') return positFields(digits, format.es);
  let start = 0;
  return layoutOf(format).map(({ name, bits }) => {
    start += bits;
    return { name, bits: digits.slice(start - bits, start) };
  });
}

/** The bits of a code with a space between fields. */
export const bitsText = (code: Code, format: Format): string =>
  fieldsOf(code, format)
    .map(({ bits }) => bits)
    .join(' ');
