/**
 * The text of `halfulp formats`: the catalogue as one table for each kind of format, and how to name the formats that
 * have no entry. Which facts there are is facts.ts.
 */

import { shortText } from '../../explained/notation.ts';
import type {
  AnyFormat,
  BlockFormat,
  CodebookFormat,
  ComplexCodebook,
  FloatFormat,
  Format,
} from '../../formats/index.ts';
import { absent, type Column, formatTable, type TableStyle } from '../text-table.ts';
import { epsilon, minPositive } from './facts.ts';

type Entry = AnyFormat;
export type Kind = Entry['kind'];

/** A column and what it shows of a format. */
interface Field<T> {
  readonly column: Column;
  readonly cell: (format: T) => string;
}

function field<T>(first: string, second: string, name: string, cell: (format: T) => string): Field<T> {
  return { column: { heading: [first, second], name, align: 'right' }, cell };
}

const orAbsent = (x: number): string => (Number.isNaN(x) ? absent : shortText(x));

const name: Field<Entry> = {
  column: { heading: ['', 'name'], name: 'name', align: 'left' },
  cell: ({ name }) => name,
};
const bits: Field<Format | ComplexCodebook> = field('', 'bits', 'bits', (format) => String(format.bits));
const least: Field<Format> = field('', 'min', 'smallest value', ({ min }) => shortText(min));
const largest: Field<Format> = field('', 'max', 'largest value', ({ max }) => shortText(max));
const smallest: Field<Format> = field('min', 'positive', 'smallest positive value', (format) =>
  shortText(minPositive(format)),
);
const spacing: Field<Format> = field('', 'epsilon', 'from 1 to the next value', (format) =>
  orAbsent(epsilon(format)),
);

const specials: Field<FloatFormat> = {
  column: { heading: ['special', 'codes'], name: 'special codes', align: 'left' },
  cell: ({ hasInfinity, hasNaN, hasNegativeZero }) =>
    `${hasInfinity ? 'inf' : '   '} ${hasNaN ? 'NaN' : '   '} ${hasNegativeZero ? '-0' : ''}`.trimEnd(),
};

const floatFields: readonly Field<FloatFormat>[] = [
  name,
  bits,
  field(
    '',
    'fields',
    'exponent and mantissa bits',
    (format) => `e${format.exponentBits}m${format.mantissaBits}`,
  ),
  field('', 'bias', 'bias', ({ bias }) => String(bias)),
  largest,
  field('min', 'normal', 'smallest normal value', ({ minNormal }) => shortText(minNormal)),
  smallest,
  spacing,
  specials,
];

const codebookFields: readonly Field<CodebookFormat>[] = [
  name,
  bits,
  field('', 'values', 'number of values', (format) => String(format.values().length)),
  field('entropy', 'bits', 'information, bits', ({ entropyBits }) => shortText(entropyBits)),
  least,
  largest,
  smallest,
];

/** One table: its title, its columns, and which formats it is for. */
interface Section<T extends Entry> {
  readonly kind: Kind;
  readonly title: string;
  readonly fields: readonly Field<T>[];
}

function section<T extends Entry>(kind: T['kind'], title: string, fields: readonly Field<T>[]): Section<T> {
  return { kind, title, fields };
}

const sections = [
  section<FloatFormat>('float', 'Binary floats', floatFields),
  section<Extract<Format, { kind: 'int' }>>('int', 'Integers', [name, bits, least, largest]),
  section<Extract<Format, { kind: 'posit' }>>('posit', 'Posits (one NaR, no infinity)', [
    name,
    bits,
    field('', 'es', 'exponent bits', ({ es }) => String(es)),
    largest,
    smallest,
    spacing,
  ]),
  section<CodebookFormat>('codebook', 'Codebooks (a list of values; the code is the index)', codebookFields),
  section<BlockFormat>('block', 'Blocks (elements that share a scale)', [
    name,
    field('bits per', 'element', 'bits per element', ({ bitsPerElement }) => String(bitsPerElement)),
    field('', 'elements', 'format of an element', ({ element }) => element.name),
    field('', 'size', 'elements in a block', ({ size }) => String(size)),
    field('', 'scale', 'format of the scale', ({ scale }) => scale.name),
    field(
      'tensor',
      'scale',
      "format of the tensor's scale",
      ({ tensorScale }) => tensorScale?.name ?? absent,
    ),
  ]),
  section<ComplexCodebook>('complex', 'Complex numbers (by roundToFourthRoots)', [
    name,
    bits,
    {
      column: { heading: ['', 'values'], name: 'values', align: 'left' },
      cell: () => '1, i, -1, -i',
    },
  ]),
] as const;

export const kinds: readonly Kind[] = sections.map(({ kind }) => kind);

/** Names by rule, with an example each. */
const otherNames: readonly (readonly [form: string, meaning: string])[] = [
  ['binary8p3se', 'P3109: binary{K}p{P}{s|u}{e|f}, K 3 to 15 bits, precision'],
  ['', 'P, signed or unsigned, extended (with infinities) or finite'],
  ['float(5,6)', 'exponent and mantissa bits, then as needed bias=N,'],
  ['', 'fn, fnuz, finite or p3109, unsigned, subnormals=false'],
  ['float(Infinity,7)', 'an unbounded exponent'],
  ['int12, uint3', 'up to 53 bits; int8symmetric leaves -128 out'],
  ['fixed(4,4)', 'integer and fraction bits, and a sign; fixed(4,4,unsigned)'],
  ['posit(16,1)', 'bits and es'],
  ['logarithmic(4,3)', 'sign; integer and fraction bits of the base-2 logarithm'],
  ['bfp(7,16)', 'mantissa bits and block size of block floating point'],
];

function table<T extends Entry>({ fields }: Section<T>, entries: readonly T[], style: TableStyle): string {
  return formatTable(
    fields.map(({ column }) => column),
    entries.map((entry) => fields.map(({ cell }) => cell(entry))),
    style,
  );
}

/** The page for these formats; the names by rule are left out of a filtered list. */
export function cataloguePage(entries: readonly Entry[], withRules: boolean, style: TableStyle): string {
  const parts = sections.flatMap((each) => {
    const own = entries.filter(({ kind }) => kind === each.kind);
    if (own.length === 0) return [];
    // The kind of the section is the kind of its formats.
    return [`${style.emphasise(each.title)}\n\n${table(each as Section<Entry>, own, style)}`];
  });
  if (withRules) {
    const width = Math.max(...otherNames.map(([form]) => form.length));
    const lines = otherNames.map(([form, meaning]) => `${form.padEnd(width)}  ${meaning}\n`);
    parts.push(`${style.emphasise('By name')}\n\n${lines.join('')}`);
  }
  return parts.join('\n');
}
