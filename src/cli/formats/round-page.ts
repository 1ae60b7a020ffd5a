/**
 * The text and the JSON record of one explained rounding. Numbers are exact unless marked with ~; the record's error
 * figures are the binary64 numbers nearest to the exact ones.
 */

import { hexFloat, one, type Rational, toBinary64 } from '../../explained/exact.ts';
import type { Draw, Explanation, Side } from '../../explained/explain.ts';
import { exactText, hexCode, numberText, ratioText, valueText } from '../../explained/notation.ts';
import type { Format } from '../../formats/index.ts';
import { isStochastic, type ResolvedRounding } from '../../rounding/index.ts';
import { bitsText } from './fields.ts';
import type { Flagged, GivenNumber } from './read-number.ts';
import { fieldBits } from './value-table.ts';

/** Significant digits of a binary64 number that still fit in a line. */
const inputDigits = 60;

/** The mode, and options that are not the default. */
export function modeText(format: Format, options: ResolvedRounding): string {
  const { rounding, saturation, subnormals, variant, randomBits } = options;
  const keeps = subnormals === 'keep' || (format.kind === 'float' && format.subnormals !== true);
  return [
    rounding,
    ...(rounding === 'stochastic' ? [`variant ${variant}`] : []),
    ...(isStochastic(rounding) ? [`${randomBits} random bits`] : []),
    ...(saturation === 'none' ? [] : [`saturation ${saturation}`]),
    ...(keeps ? [] : [`subnormals ${subnormals}`]),
  ].join(', ');
}

export type Line = readonly [label: string, text: string];

function inputLines({ text, value, exact }: GivenNumber): Line[] {
  const hex = hexFloat(value);
  if (exact && (!Number.isFinite(value) || value === 0)) return [['input', numberText(value)]];
  const decimal = numberText(value, inputDigits);
  if (!exact)
    return [
      ['input', `nearest binary64 number to ${text}, ${hex}`],
      ['', decimal],
    ];
  return [['input', [...new Set([text, decimal, hex])].join(' = ')]];
}

/** Codes of more bits than this stand without them; those of the result follow on a line of their own. */
const mostBitsInRow = 16;

const hasCode = (value: number, format: Format): boolean =>
  format.bits !== Infinity && !(Number.isNaN(value) && !format.hasNaN);

/** A code with its bits, as far as there are both and they fit. */
export function codeText(value: number, format: Format): string {
  if (!hasCode(value, format)) return '';
  const code = format.encode(value);
  const bits = format.bits <= mostBitsInRow ? `  ${bitsText(code, format)}` : '';
  return `${hexCode(code, format.bits)}${bits}`;
}

function sideCells({ value, units, ulps }: Side, format: Format): string[] {
  const away = `${ratioText(ulps)} ulp away`;
  if (value === undefined) return [exactText(units), 'not in the format', away];
  return [valueText(value, format), codeText(value, format), away];
}

function drawLines(draw: Draw, goesTo: Explanation['goesTo'], options: ResolvedRounding): Line[] {
  const { random, threshold, outOf } = draw;
  const away = outOf - threshold;
  const probability = ratioText({ numerator: BigInt(away), denominator: BigInt(outOf) });
  const isAway = random >= threshold;
  const outward = isAway === (goesTo === 'above') ? 'above' : 'below';
  const { randomBits, seed, stream, offset } = options;
  return [
    ['chance', `${probability} (${away} of 2^${randomBits}) for the one ${outward}, away from zero`],
    ['', `if R >= ${threshold}`],
    ['drawn', `R = ${random} (seed ${seed}, stream ${stream}, index ${offset})`],
  ];
}

function errorLine({ error }: Explanation): Line[] {
  if (error === undefined) return [];
  if (error.absolute === 0n) return [['error', 'none: exact']];
  const relative = error.relative === undefined ? '' : `, relative ${ratioText(error.relative)}`;
  return [['error', `${exactText(error.absolute)}${relative}, ${ratioText(error.ulps)} ulp`]];
}

/** A title with lines below it; ends with a line break. */
export function pageOf(title: string, lines: readonly Line[], emphasise: (text: string) => string): string {
  const body = lines.map(([label, text]) => `  ${label.padEnd(6)}  ${text}\n`).join('');
  return `${emphasise(title)}\n\n${body}`;
}

/** How something was rounded: neighbours, decision, result, error, flags. */
export function roundingLines(
  explanation: Flagged,
  format: Format,
  options: ResolvedRounding,
): readonly Line[] {
  const { below, above, goesTo, result, draw, flags, reason } = explanation;
  const isValue = goesTo === undefined;
  const rows: (readonly [string, string[]])[] = [
    ...(isValue || above === undefined ? [] : [['above', sideCells(above, format)] as const]),
    ...(isValue || below === undefined ? [] : [['below', sideCells(below, format)] as const]),
    ['result', [valueText(result, format), codeText(result, format)]],
  ];
  const widths = [0, 1].map((i) => Math.max(...rows.map(([, cells]) => cells[i]!.length)));
  const columns = (cells: readonly string[]): string =>
    cells
      .map((text, i) => text.padEnd(widths[i] ?? 0))
      .filter((text) => text !== '')
      .join('  ')
      .trimEnd();
  const tableLines = rows.map(([label, cells]): Line => [label, columns(cells)]);
  return [
    ...tableLines.slice(0, -1),
    ...(draw === undefined ? [] : drawLines(draw, goesTo, options)),
    isValue ? ['why', reason] : ['goes', `${goesTo}: ${reason}`],
    ...tableLines.slice(-1),
    ...(hasCode(result, format) && format.bits > mostBitsInRow
      ? [['bits', bitsText(format.encode(result), format)] as const]
      : []),
    ...errorLine(explanation),
    ...(flags.length === 0 ? [] : [['flags', flags.join(', ')] as const]),
  ];
}

/** The block of lines for one value. */
export function roundPage(
  given: GivenNumber,
  format: Format,
  options: ResolvedRounding,
  explanation: Flagged,
  emphasise: (text: string) => string,
): string {
  const title = `${given.text} to ${format.name}, ${modeText(format, options)}`;
  const lines = [...inputLines(given), ...roundingLines(explanation, format, options)];
  return pageOf(title, lines, emphasise);
}

const nearest = (x: Rational | undefined): number | undefined =>
  x === undefined ? undefined : toBinary64(x).value;

function sideRecord(side: Side | undefined, format: Format): object | null {
  if (side === undefined) return null;
  const { units, value, code, ulps } = side;
  const number = value ?? toBinary64({ numerator: units, denominator: one }).value;
  return { ...codeRecord(number, code, format), ulps: nearest(ulps), inFormat: value !== undefined };
}

export function codeRecord(value: number, code: Side['code'], format: Format): object {
  const bits = code === undefined ? {} : { code: hexCode(code, format.bits), bits: fieldBits(code, format) };
  return { value, hex: hexFloat(value), ...bits };
}

/** The options of a rounding that counted, as plain data. */
export function optionsRecord(options: ResolvedRounding): object {
  const { rounding, saturation, subnormals, seed, stream, offset, randomBits, variant } = options;
  const random = isStochastic(rounding) ? { variant, randomBits, seed, stream, offset } : {};
  return { rounding, saturation, subnormals, ...random };
}

/** `roundingLines` as plain data. */
export function roundingRecord(explanation: Flagged, format: Format): object {
  const { below, above, goesTo, draw, reason, result, code, error, flags } = explanation;
  return {
    below: sideRecord(below, format),
    above: sideRecord(above, format),
    goesTo: goesTo ?? null,
    reason,
    ...(draw && {
      draw: {
        random: draw.random,
        threshold: draw.threshold,
        awayFromZero: (draw.outOf - draw.threshold) / draw.outOf,
      },
    }),
    result: codeRecord(result, code, format),
    error:
      error === undefined
        ? null
        : {
            absolute: toBinary64({ numerator: error.absolute, denominator: one }).value,
            relative: nearest(error.relative) ?? null,
            ulps: nearest(error.ulps),
          },
    flags,
  };
}

/** `roundPage` as plain data. */
export function roundRecord(
  given: GivenNumber,
  format: Format,
  options: ResolvedRounding,
  explanation: Flagged,
): object {
  const { input } = explanation;
  return {
    given: given.text,
    input: {
      value: input,
      hex: hexFloat(input),
      decimal: numberText(input, 800),
      isExactlyGiven: given.exact,
    },
    format: format.name,
    options: optionsRecord(options),
    ...roundingRecord(explanation, format),
  };
}
