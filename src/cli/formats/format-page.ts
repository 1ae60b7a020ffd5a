/**
 * The text of `halfulp format NAME`: bit layout, meaning of a code, limits, special codes, and the table of values or its
 * landmarks. The data is in facts.ts, fields.ts and value-table.ts.
 */

import { hexCode, numberText, shortText, valueText } from '../../explained/notation.ts';
import type { BlockFormat, ComplexCodebook, FloatFormat, Format } from '../../formats/index.ts';
import {
  type CodeRange,
  countValues,
  epsilon,
  hasNormals,
  landmarksOf,
  minPositive,
  nanCodes,
} from './facts.ts';
import { bitsText, type Field, layoutOf } from './fields.ts';
import { valueGrid } from './value-table.ts';

/** How the page is to look. */
interface PageStyle {
  /** Characters in a line. */
  readonly width: number;
  readonly emphasise: (text: string) => string;
}

type Line = readonly [label: string, text: string];

const bitsWord = (bits: number): string => (bits === 1 ? '1 bit' : `${bits} bits`);

/** A box for each field with the positions of its first and last bit above it and its width below its name. */
function drawLayout(fields: readonly Field[]): string {
  let position = fields.reduce((sum, { bits }) => sum + bits, 0);
  const boxes = fields.map(({ name, bits }) => {
    const high = position - 1;
    position -= bits;
    const width = Math.max(name.length, bitsWord(bits).length, String(high).length + 4);
    const positions =
      bits === 1
        ? centred(String(high), width)
        : `${high}${String(position).padStart(width - String(high).length)}`;
    return {
      positions,
      name: centred(name, width),
      bits: centred(bitsWord(bits), width),
      rule: '-'.repeat(width),
    };
  });
  const row = (texts: readonly string[]): string => `  | ${texts.join(' | ')} |`;
  const rule = `  +-${boxes.map((box) => box.rule).join('-+-')}-+`;
  return [
    `    ${boxes.map((box) => box.positions).join('   ')}`.trimEnd(),
    rule,
    row(boxes.map((box) => box.name)),
    row(boxes.map((box) => box.bits)),
    rule,
    '',
  ].join('\n');
}

function centred(text: string, width: number): string {
  return text.padStart(Math.floor((width + text.length) / 2)).padEnd(width);
}

/** The layout of an exponent without bounds, which has no codes to draw. */
const unboundedLayout = (format: FloatFormat): string =>
  `  sign, exponent without bounds (no codes), ${format.mantissaBits} significand bits\n`;

function floatMeaning(format: FloatFormat): string[] {
  const sign = format.isSigned ? '(-1)^sign ' : '';
  if (format.bits === Infinity) return [`${sign}1.significand 2^exponent`];
  if (!hasNormals(format)) return [`${sign}0.significand 2^${format.emin}`];
  const normal = `${sign}1.significand 2^(exponent - ${format.bias})`;
  if (format.subnormals === 'normal')
    return [normal, ...(format.hasZero ? ['zero if exponent and significand are 0'] : [])];
  if (format.subnormals === false) return [normal, 'zero if exponent is 0'];
  const small = format.mantissaBits === 0 ? 'zero' : `${sign}0.significand 2^${format.emin}`;
  return [normal, `${small} if exponent is 0`];
}

/** What a code stands for, where it is not a special one. */
function meaningOf(format: Format): string[] {
  switch (format.kind) {
    case 'float':
      return floatMeaning(format);
    case 'int':
      return [format.isSigned ? "the integer in two's complement" : 'the integer'];
    case 'fixed':
      return [`the code${format.isSigned ? " in two's complement" : ''} times 2^-${format.fractionBits}`];
    case 'logarithmic':
      return [`(-1)^sign 2^k, k two's complement with ${format.fractionBits} bits after the point`];
    case 'codebook':
      return ['the value at the index'];
    case 'posit':
      return [
        `1.fraction 2^(${2 ** format.es} r + exponent) if the sign is 0,`,
        "else minus the value of the two's complement",
        'regime: k ones and a 0 give r = k - 1, k zeros and a 1 give -k',
        `then ${bitsWord(format.es)} of exponent (0 where cut off) and the fraction`,
      ];
  }
}

/** A number exactly and, where that is a long decimal, as a power of two as well. */
function bothWays(x: number): string {
  const exact = numberText(x);
  const short = shortText(x);
  return short === exact || short.startsWith('~') ? exact : `${short} = ${exact}`;
}

function exponentsText(format: FloatFormat): string {
  const { emin, emax, bias, bits } = format;
  if (!hasNormals(format)) return `${emin} only`;
  return `${emin} to ${emax}, ${bits === Infinity ? 'all of binary64' : `bias ${bias}`}`;
}

function limits(format: Format): Line[] {
  const positive = bothWays(minPositive(format));
  const range: Line = ['range', `${numberText(format.min)} to ${numberText(format.max)}`];
  switch (format.kind) {
    case 'float':
      return [
        ['precision', `${bitsWord(format.precision)}, the hidden one included`],
        ['exponents', exponentsText(format)],
        ['max', bothWays(format.max)],
        ...(format.isSigned ? [] : [['min', numberText(format.min)] as const]),
        ['min normal', hasNormals(format) ? bothWays(format.minNormal) : 'none'],
        ['min positive', format.hasSubnormals ? `${positive}, subnormal` : positive],
        ['epsilon', `${bothWays(format.epsilon)}; unit roundoff ${bothWays(format.unitRoundoff)}`],
      ];
    case 'int':
      return [range];
    case 'fixed':
      return [range, ['step', bothWays(format.step)]];
    case 'posit':
    case 'logarithmic':
      return [range, ['min positive', positive], ['epsilon', bothWays(epsilon(format))]];
    case 'codebook':
      return [range, ['min positive', positive], ['information', `${shortText(format.entropyBits)} bits`]];
  }
}

function rangeText({ first, last }: CodeRange, bits: number): string {
  return first === last ? hexCode(first, bits) : `${hexCode(first, bits)} to ${hexCode(last, bits)}`;
}

/** The parts on one line if that is short, else each on its own. */
function wideLines(label: string, parts: readonly string[]): Line[] {
  const line = parts.join(', ');
  if (line.length <= 60) return [[label, line]];
  return parts.map((part, i) => [i === 0 ? label : '', part]);
}

/** Zeros, infinities and NaN with their codes. */
function specialCodes(format: Format): Line[] {
  if (format.bits === Infinity) return [['special', 'zero, -0, infinity, -infinity, NaN']];
  const code = (x: number): string => hexCode(format.encode(x), format.bits);
  const nan = nanCodes(format).map((range) => rangeText(range, format.bits));
  const canonical = format.hasNaN && nan.length > 1 ? [`canonical ${code(NaN)}`] : [];
  const name = format.kind === 'posit' ? 'NaR' : format.hasNaN ? 'NaN' : 'no number';
  return [
    ['zero', format.has(0) ? `${code(0)}${format.hasNegativeZero ? `, -0 ${code(-0)}` : ''}` : 'none'],
    ...(format.kind === 'float'
      ? ([
          [
            'infinity',
            format.hasInfinity
              ? `${code(Infinity)}${format.isSigned ? `, -inf ${code(-Infinity)}` : ''}`
              : 'none',
          ],
        ] as const)
      : []),
    ...(nan.length > 0
      ? wideLines(name, [...nan, ...canonical])
      : format.kind === 'float'
        ? ([['NaN', 'none']] as const)
        : []),
  ];
}

function facts(format: Format): string {
  const count = countValues(format);
  const lines: Line[] = [
    ...meaningOf(format).map((text, i): Line => [i === 0 ? 'value' : '', text]),
    ...limits(format),
    ...specialCodes(format),
    ...(count === undefined ? [] : [['values', `${count} finite ones`] as const]),
  ];
  const width = Math.max(...lines.map(([label]) => label.length));
  return lines.map(([label, text]) => `  ${label.padEnd(width)}  ${text}\n`).join('');
}

function landmarkTable(format: Format, width: number): string {
  const all = landmarksOf(format).map(({ name, value }) => {
    if (format.bits === Infinity) return [name, valueText(value, format)];
    const code = format.encode(value);
    return [name, hexCode(code, format.bits), bitsText(code, format), valueText(value, format)];
  });
  const table = aligned(all);
  const isTooWide = Math.max(...table.map((text) => text.length)) > width && format.bits > 16;
  // The bits of a wide code say little that its hexadecimal digits do not.
  const lines = isTooWide ? aligned(all.map((row) => row.filter((_, i) => i !== 2))) : table;
  return `${lines.join('\n')}\n`;
}

function aligned(rows: readonly (readonly string[])[]): string[] {
  const widths = rows[0]!.map((_, i) => Math.max(...rows.map((row) => row[i]!.length)));
  return rows.map((row) => `  ${row.map((text, i) => text.padEnd(widths[i]!)).join('  ')}`.trimEnd());
}

const kindNames: Readonly<Record<Format['kind'], string>> = {
  float: 'binary float',
  int: 'integer',
  fixed: 'fixed point',
  posit: 'posit',
  logarithmic: 'logarithmic',
  codebook: 'codebook',
};

/** The page of a format; `allCodes` gives every code instead of the landmarks. */
export function formatPage(format: Format, allCodes: boolean, { width, emphasise }: PageStyle): string {
  const size = format.bits === Infinity ? 'no codes' : bitsWord(format.bits);
  const layout =
    format.kind === 'float' && format.bits === Infinity
      ? unboundedLayout(format)
      : drawLayout(layoutOf(format));
  const table = allCodes
    ? `${emphasise('All codes')}\n\n${valueGrid(format, width)}`
    : `${emphasise('Landmarks')}\n\n${landmarkTable(format, width)}`;
  return [
    `${emphasise(format.name)}: ${kindNames[format.kind]}, ${size}\n`,
    layout,
    facts(format),
    table,
  ].join('\n');
}

const complexText = ([real, imaginary]: readonly [number, number]): string =>
  imaginary === 0 ? String(real) : `${imaginary < 0 ? '-' : ''}i`;

/** The page of the complex codebook. */
export function complexPage(format: ComplexCodebook, { emphasise }: PageStyle): string {
  const rows = format
    .values()
    .map(
      (value, code) =>
        `  ${hexCode(code, format.bits)}  ${code.toString(2).padStart(format.bits, '0')}  ${complexText(value)}\n`,
    );
  return [
    `${emphasise(format.name)}: complex codebook, ${bitsWord(format.bits)}\n`,
    drawLayout([{ name: 'index', bits: format.bits }]),
    '  value  i^index; rounded to by angle with roundToFourthRoots\n',
    `${emphasise('All codes')}\n\n${rows.join('')}`,
  ].join('\n');
}

/** The page of a block format. */
export function blockPage(format: BlockFormat, { emphasise }: PageStyle): string {
  const { element, scale, tensorScale, size } = format;
  const lines = [
    ['value', `element x scale${tensorScale === undefined ? '' : ' x scale of the tensor'}`],
    ['element', `${element.name}, ${bitsWord(element.bits)}, up to ${shortText(element.max)}`],
    ['scale', `${scale.name}, ${bitsWord(scale.bits)}, one for ${size} elements`],
    ...(tensorScale === undefined ? [] : [['tensor', `${tensorScale.name}, one for all`]]),
    ['storage', `${format.bitsPerElement} bits an element`],
  ];
  const text = lines.map(([label, words]) => `  ${label!.padEnd(9)}${words}\n`).join('');
  return `${emphasise(format.name)}: block format\n\n${text}`;
}
