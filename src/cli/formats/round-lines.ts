/**
 * Many numbers rounded to some formats, a line each: in blocks on kernels, in memory that does not grow. A number whose nearest binary64
 * number may be rounded otherwise than what was typed is rounded exactly, by itself.
 */
import { ArgumentError } from '../../errors.ts';
import { hexCode } from '../../explained/notation.ts';
import type { Format } from '../../formats/index.ts';
import { encode, round } from '../../operations/index.ts';
import { drawIntegers, isStochastic, type ResolvedRounding } from '../../rounding/index.ts';
import { dropsHighBits } from '../../rounding/options.ts';
import { readAnyNumber, roundGiven } from './read-number.ts';

/** What a line says of a rounded number. */
export const lineForms = ['value', 'code', 'hex', 'csv'] as const;
type LineForm = (typeof lineForms)[number];

/** A format with how it is rounded to. */
export interface Target {
  readonly format: Format;
  readonly options: ResolvedRounding;
}

/** Numbers as they were typed, and the number of the first one's line where they come from lines. */
export interface Batch {
  readonly texts: readonly string[];
  /** What the number of an index is called in an error. */
  argument(index: number): string;
}

const decimal = /^[+-]?(?:\d+\.?\d*|\.\d+)(?:e[+-]?\d+)?$/i;
const bits = new Uint32Array(2);
const double = new Float64Array(bits.buffer);
const isLittleEndian = new Uint8Array(Uint32Array.of(1).buffer)[0] === 1;
const [low, high] = isLittleEndian ? [0, 1] : [1, 0];

/** Whether one of the last bits of a binary64 number, below so many from its leading one, is set. For normal numbers. */
function hasBitsBelow(x: number, count: number): boolean {
  const last = 53 - count;
  if (last <= 0) return false;
  double[0] = x;
  if (last >= 32) return bits[low] !== 0 || (bits[high]! & (2 ** (last - 32) - 1)) !== 0;
  return (bits[low]! & (last === 32 ? -1 : 2 ** last - 1)) !== 0;
}

/** Whether a binary64 number may be one at which a rounding changes its mind: only there may what it stands for be rounded otherwise. */
type Turns = (x: number) => boolean;

/** Values and the middles of two; undefined if one of them is no binary64 number. */
function turnsOfList(values: readonly number[]): ReadonlySet<number> | undefined {
  const turns = new Set(values);
  for (const [i, value] of values.slice(1).entries()) {
    const middle = (values[i]! + value) / 2;
    if (middle - values[i]! !== value - middle || 2 * middle - value !== values[i]) return undefined;
    turns.add(middle);
  }
  return turns;
}

/** The turns of a rounding: values, the middles of two, and the steps of stochastic rounding. True where they are not known. */
function turnsOf({ format, options }: Target): Turns {
  const beyond = options.rounding === 'stochastic' ? options.randomBits + 1 : 1;
  if (dropsHighBits(options)) return () => true;
  const ofBits =
    (count: number): Turns =>
    (x) =>
      !hasBitsBelow(x, count);
  switch (format.kind) {
    case 'float':
      return ofBits(format.precision + beyond);
    case 'int':
    case 'fixed':
      return ofBits(format.bits + beyond);
    case 'posit':
      // Neighbours at the ends are 2^(2^es) apart as a ratio.
      return ofBits(format.bits + beyond + 2 ** format.es);
    case 'codebook': {
      const turns = beyond === 1 ? turnsOfList(format.values()) : undefined;
      return turns === undefined ? () => true : (x) => turns.has(x);
    }
    case 'logarithmic':
      return () => true;
  }
}

const powersOfTen = Array.from({ length: 12 }, (_, k) => 10 ** k);

/** Whether a decimal fraction is exactly its nearest binary64 number, where that is told quickly: all products below are exact. */
function isExactDecimal(text: string, x: number): boolean {
  const unsigned = text.charCodeAt(0) === 43 || text.charCodeAt(0) === 45 ? text.slice(1) : text;
  if (unsigned.length > 15 || /e/i.test(unsigned)) return false;
  const point = unsigned.indexOf('.');
  if (point < 0) return true;
  const places = unsigned.length - point - 1;
  if (places > 11 || hasBitsBelow(x, 26)) return false;
  return Math.abs(x) * powersOfTen[places]! === Number(unsigned.replace('.', ''));
}

/** Numbers of a block, up to one that is none. */
interface Numbers {
  /** The nearest binary64 ones. */
  readonly values: Float64Array;
  /** Indices of those to be rounded from what was typed. */
  readonly apart: readonly number[];
  /** What is wrong with the next. */
  readonly fault?: unknown;
}

function read(batch: Batch, turns: readonly Turns[]): Numbers {
  const { texts } = batch;
  const values = new Float64Array(texts.length);
  const apart: number[] = [];
  for (let i = 0; i < texts.length; i++) {
    const text = texts[i]!;
    const x = decimal.test(text) ? Number(text) : NaN;
    const size = Math.abs(x);
    if (size > 2 ** -1000 && size < 2 ** 1000) {
      values[i] = x;
      if (turns.some((turn) => turn(x)) && !isExactDecimal(text, x)) apart.push(i);
      continue;
    }
    try {
      const given = readAnyNumber(text, batch.argument(i));
      values[i] = given.value;
      if (!given.exact) apart.push(i);
    } catch (fault) {
      return { values: values.subarray(0, i), apart, fault };
    }
  }
  return { values, apart };
}

/** A number as a line has it: what JavaScript reads back, `inf` and `-0` too. */
function valueText(x: number): string {
  if (Object.is(x, -0)) return '-0';
  return Number.isFinite(x) ? String(x) : Number.isNaN(x) ? 'nan' : x < 0 ? '-inf' : 'inf';
}

/** Texts of the codes of a format of at most 16 bits, made as they are met. */
class Texts {
  readonly #lines: string[] = [];
  readonly #format: Format;
  readonly #form: LineForm;

  constructor(format: Format, form: LineForm) {
    this.#format = format;
    this.#form = form;
    if (form !== 'value' && format.bits === Infinity)
      throw new ArgumentError('--as', form, `value: ${format.name} has no codes`);
  }

  #code(code: number | bigint): string {
    return this.#form === 'code' ? String(code) : hexCode(code, this.#format.bits);
  }

  /** A line's text of one rounded number. */
  #line(x: number, code: number | bigint | undefined): string {
    if (this.#form === 'value') return valueText(x);
    const text = code === undefined ? '' : this.#code(code);
    return this.#form === 'csv' ? `${valueText(x)},${text}` : text || 'nan';
  }

  /** The texts of rounded numbers. */
  of(rounded: Float64Array): string[] {
    const format = this.#format;
    const hasCode = (x: number): boolean => !Number.isNaN(x) || format.hasNaN;
    if (format.bits > 16)
      return Array.from(rounded, (x) =>
        this.#line(x, this.#form !== 'value' && hasCode(x) ? format.encode(x) : undefined),
      );
    // NaN of a format without it has the code of 0 here, and is told apart.
    const codes = encode(rounded, format, { nan: 'zero' }) as ArrayLike<number>;
    return Array.from(rounded, (x, i) => {
      if (!hasCode(x)) return this.#line(x, undefined);
      const code = codes[i]!;
      this.#lines[code] ??= this.#line(x, code);
      return this.#lines[code];
    });
  }
}

const quoted = (cell: string): string => (cell.includes(',') ? `"${cell}"` : cell);

/** Lines of numbers rounded to formats, a piece for each block; a bad number ends them with an error that names its line. */
export async function* roundedLines(
  batches: AsyncIterable<Batch>,
  targets: readonly Target[],
  form: LineForm,
): AsyncGenerator<string> {
  const texts = targets.map(({ format }) => new Texts(format, form));
  const turns = targets.map(turnsOf);
  const separator = form === 'csv' ? ',' : ' ';
  if (form === 'csv') {
    const columns = targets.flatMap(({ format: { name } }) => [quoted(name), quoted(`${name} code`)]);
    yield `${['number', ...columns].join(',')}\n`;
  }
  let index = 0;
  for await (const batch of batches) {
    const { values, apart, fault } = read(batch, turns);
    const columns = targets.map(({ format, options }, k) => {
      const { rounding, saturation, subnormals, seed, stream, randomBits, variant } = options;
      const own = { rounding, saturation, subnormals, seed, stream, randomBits, variant };
      const offset = options.offset + index;
      const rounded = round(values, format, { ...own, offset });
      for (const i of apart) {
        const draw = { ...options, offset: offset + i };
        const random = isStochastic(rounding) ? drawIntegers(1, draw)[0]! : 0;
        rounded[i] = roundGiven(readAnyNumber(batch.texts[i]!, batch.argument(i)), format, options, random);
      }
      return texts[k]!.of(rounded);
    });
    const [first] = columns as [string[]];
    const lines =
      columns.length === 1 && form !== 'csv'
        ? first
        : first.map((_, i) => {
            const cells = columns.map((column) => column[i]!);
            return [...(form === 'csv' ? [quoted(batch.texts[i]!)] : []), ...cells].join(separator);
          });
    index += lines.length;
    if (lines.length > 0) yield `${lines.join('\n')}\n`;
    if (fault !== undefined) throw fault;
  }
}
