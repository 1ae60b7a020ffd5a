/** Codes as hexadecimal digits of a fixed number, and back. */
import type { Code } from '../../formats/format.ts';
import { digitsOf, type Field } from '../fields.ts';
import { NotARow } from './form.ts';

/** A writer of a field's codes: upper case, all digits. */
export function hexWriter({ bits }: Pick<Field, 'bits'>): (code: Code) => string {
  const digits = digitsOf(bits);
  return (code) => code.toString(16).toUpperCase().padStart(digits, '0');
}

/** The value of a hexadecimal digit, 16 or more for another character. */
function digitOf(unit: number): number {
  if (unit >= 48 && unit <= 57) return unit - 48;
  if (unit >= 65 && unit <= 70) return unit - 55;
  return unit >= 97 && unit <= 102 ? unit - 87 : 16;
}

/** The integer of up to eight digits of a text, or NaN. */
function integerAt(text: string, from: number, to: number): number {
  let value = 0;
  for (let i = from; i < to; i++) {
    const digit = digitOf(text.charCodeAt(i));
    if (digit > 15) return NaN;
    value = value * 16 + digit;
  }
  return value;
}

function describeField({ name, format, bits }: Field): string {
  return `${name}, a ${format === undefined ? 'number' : `code of ${format.name}`} of ${bits} bits`;
}

/** A reader of a field's codes: exactly the field's digits. Throws NotARow. */
export function hexReader(field: Field): (text: string) => Code {
  const { bits } = field;
  const digits = digitsOf(bits);
  const refuse = (): NotARow =>
    new NotARow(`${digits} hexadecimal digit${digits > 1 ? 's' : ''} for ${describeField(field)}`);
  // Of the digits before the last eight, and of the last eight.
  const highLimit = 2 ** Math.max(0, bits - 32);
  const lowLimit = 2 ** Math.min(32, bits);
  return (text) => {
    if (text.length !== digits) throw refuse();
    const split = Math.max(0, digits - 8);
    const low = integerAt(text, split, digits);
    const high = integerAt(text, 0, split);
    if (!(low < lowLimit && high < highLimit)) throw refuse();
    return bits <= 32 ? low : (BigInt(high) << 32n) | BigInt(low);
  };
}
