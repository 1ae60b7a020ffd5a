/**
 * Shaped arrays as text, laid out as NumPy lays out its own (numpy.array2string with its default print options): shortest digits that
 * tell a number from the others of its format, at most 8 after the point; columns aligned; 75 characters a line; long arrays by their ends.
 */
import type { Format } from '../formats/format.ts';
import { resolveRounding } from '../rounding/options.ts';
import { roundScalar } from '../rounding/round.ts';
import { sizeOf } from '../shape.ts';
import type { View } from './moves.ts';

const lineWidth = 75;
const mostDigits = 8;
/** Longer arrays are shown by so many elements at either end of each axis. */
const threshold = 1000;
const edge = 3;

/** Decimal digits of a positive number and the power of ten of the first. */
interface Digits {
  readonly digits: string;
  readonly exponent: number;
}

/** So many digits, rounded to nearest, ties to the even digit. */
function digitsOf(x: number, count: number): Digits {
  const [mantissa, exponent] = x.toExponential(count - 1).split('e') as [string, string];
  const rounded = { digits: mantissa.replace('.', ''), exponent: Number(exponent) };
  // JavaScript rounds ties up. A tie has one digit more, a 5, and then nothing.
  const more = x.toExponential(Math.min(count + 60, 100)).replace(/^(\d)\.?(\d*)e.*/, '$1$2');
  const isTie = /^50*$/.test(more.slice(count)) && more.slice(0, count) !== rounded.digits;
  if (!isTie || Number(more[count - 1]) % 2 === 1) return rounded;
  return { digits: more.slice(0, count), exponent: Number(x.toExponential(100).split('e')[1]) };
}

/** The fewest digits that come back to the number in its format. */
function shortest(x: number, format: Format): Digits {
  const nearest = resolveRounding(format);
  for (let count = 1; ; count++) {
    const found = digitsOf(x, count);
    const back = Number(`${found.digits[0]}.${found.digits.slice(1)}0e${found.exponent}`);
    if (count === 17 || roundScalar(back, format, nearest, 0) === x) return found;
  }
}

/** Digits with the point where it belongs: `1.`, `0.25`, `1200.`. */
function positional({ digits, exponent }: Digits): string {
  if (exponent < 0) return `0.${'0'.repeat(-exponent - 1)}${digits}`;
  const whole = digits.padEnd(exponent + 1, '0');
  return `${whole.slice(0, exponent + 1)}.${whole.slice(exponent + 1)}`;
}

/** A magnitude as a decimal fraction with as few digits after the point as it needs, at most `mostDigits`. */
function fraction(x: number, format: Format): string {
  if (x === 0) return '0.';
  const found = shortest(x, format);
  const after = found.digits.length - 1 - found.exponent;
  const shown = after <= mostDigits ? found : digitsOf(x, Math.max(found.exponent + 1 + mostDigits, 1));
  return positional(shown).replace(/0+$/, '');
}

/** A magnitude in scientific notation, so many digits after the point. */
function scientific(x: number, after: number, places: number): string {
  const { digits, exponent } =
    x === 0 ? { digits: '0'.repeat(after + 1), exponent: 0 } : digitsOf(x, after + 1);
  const power = String(Math.abs(exponent)).padStart(places, '0');
  return `${digits[0]}.${digits.slice(1)}e${exponent < 0 ? '-' : '+'}${power}`;
}

/** From here on numbers are scientific: where a float has no more decimal digits, at 1000 at the least. */
function longestWhole(format: Format): number {
  const digits = format.kind === 'float' ? Math.floor(format.mantissaBits * Math.log10(2)) : 15;
  return digits >= 15 ? 1e16 : 10 ** Math.max(digits, 3);
}

/** A number by itself: all digits that tell it from the others of its format. */
function scalarText(x: number, format: Format): string {
  if (!Number.isFinite(x)) return special(x);
  const sign = isNegative(x) ? '-' : '';
  if (x === 0) return `${sign}0.0`;
  const found = shortest(Math.abs(x), format);
  const digits = found.digits.replace(/(?<=.)0+$/, '');
  const isPlain = Math.abs(x) >= 1e-4 && Math.abs(x) < longestWhole(format);
  if (isPlain) return sign + positional(found).replace(/\.0*$/, '.0');
  const power = `${found.exponent < 0 ? '-' : '+'}${String(Math.abs(found.exponent)).padStart(2, '0')}`;
  return `${sign}${digits[0]}${digits.length > 1 ? '.' : ''}${digits.slice(1)}e${power}`;
}

const isNegative = (x: number): boolean => x < 0 || Object.is(x, -0);
const special = (x: number): string => (Number.isNaN(x) ? 'nan' : x < 0 ? '-inf' : 'inf');

/** How the elements of one array are written: all alike, so that columns align. */
function writerFor(values: readonly number[], format: Format): (x: number) => string {
  const finite = values.filter(Number.isFinite);
  const magnitudes = finite.map(Math.abs).filter((x) => x !== 0);
  const [least, most] = [Math.min(...magnitudes), Math.max(...magnitudes)];
  const isScientific =
    magnitudes.length > 0 &&
    (most >= Math.min(longestWhole(format), 1e8) || least < 1e-4 || most / least > 1000);
  const sign = (x: number): string => (isNegative(x) ? '-' : '');
  const write = isScientific ? scientificWriter(finite, format, sign) : fixedWriter(finite, format, sign);
  const width = Math.max(...values.map((x) => (Number.isFinite(x) ? write(x) : special(x)).length), 0);
  return (x) => (Number.isFinite(x) ? write(x) : special(x)).padStart(width);
}

type Sign = (x: number) => string;

function fixedWriter(finite: readonly number[], format: Format, sign: Sign): (x: number) => string {
  const text = (x: number): string => `${sign(x)}${fraction(Math.abs(x), format)}`;
  const after = (written: string): number => written.length - 1 - written.indexOf('.');
  const before = Math.max(...finite.map((x) => text(x).indexOf('.')), 0);
  const behind = Math.max(...finite.map((x) => after(text(x))), 0);
  return (x) => {
    const written = text(x);
    return `${' '.repeat(before - written.indexOf('.'))}${written}${' '.repeat(behind - after(written))}`;
  };
}

function scientificWriter(finite: readonly number[], format: Format, sign: Sign): (x: number) => string {
  const parts = finite.filter((x) => x !== 0).map((x) => shortest(Math.abs(x), format));
  const after = Math.min(Math.max(...parts.map(({ digits }) => digits.length - 1)), mostDigits);
  const places = Math.max(...parts.map(({ exponent }) => String(Math.abs(exponent)).length), 2);
  return (x) => sign(x) + scientific(Math.abs(x), after, places);
}

/** The places along an axis that are shown, `undefined` standing for those left out. */
function placesOf(extent: number, isLong: boolean): (number | undefined)[] {
  const all = Array.from({ length: extent }, (_, i) => i);
  return isLong && extent > 2 * edge ? [...all.slice(0, edge), undefined, ...all.slice(-edge)] : all;
}

/** The words of a vector, cut into lines. */
function lines(words: readonly string[], indent: string, width: number): string {
  let text = '';
  let line = indent;
  words.forEach((word, i) => {
    if (line.length + word.length > width && line.length > indent.length) {
      text += `${line.trimEnd()}\n`;
      line = indent;
    }
    line += i < words.length - 1 ? `${word} ` : word;
  });
  return text + line;
}

/** The array as text. */
export function textOf({ data, shape, stride, offset }: View, format: Format): string {
  const isLong = sizeOf(shape) > threshold;
  const shown: number[] = [];
  const collect = (axis: number, place: number): void => {
    if (axis === shape.length) shown.push(data[place]!);
    else
      for (const i of placesOf(shape[axis]!, isLong))
        if (i !== undefined) collect(axis + 1, place + i * stride[axis]!);
  };
  if (sizeOf(shape) === 0) return '[]';
  collect(0, offset);
  const write = writerFor(shown, format);
  const part = (axis: number, place: number, indent: string, width: number): string => {
    if (axis === shape.length) return write(data[place]!);
    const inner = (i: number | undefined): string =>
      i === undefined ? '...' : part(axis + 1, place + i * stride[axis]!, `${indent} `, width - 1);
    const words = placesOf(shape[axis]!, isLong).map(inner);
    const body =
      axis === shape.length - 1
        ? lines(words, indent, width - 1)
        : words.map((word) => indent + word).join('\n'.repeat(shape.length - 1 - axis));
    return `[${body.slice(indent.length)}]`;
  };
  return shape.length === 0 ? scalarText(data[offset]!, format) : part(0, offset, ' ', lineWidth);
}
