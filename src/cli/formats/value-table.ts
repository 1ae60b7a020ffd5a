/**
 * All codes of a format with their values, as data and as a grid that fills the width of the terminal. Formats whose
 * negative numbers mirror the positive ones show both codes in one cell.
 */

import { hexCode, valueText } from '../../explained/notation.ts';
import type { Code, Format } from '../../formats/index.ts';
import { bitsText, fieldsOf } from './fields.ts';

/** One code. */
interface CodeRow {
  readonly code: string;
  readonly bits: Readonly<Record<string, string>>;
  readonly value: number;
}

/** Codes in ascending order, for JSON: `code` in hexadecimal, `bits` by field. At most 16 bits. */
export function codeRows(format: Format): readonly CodeRow[] {
  return Array.from({ length: 2 ** format.bits }, (_, code) => ({
    code: hexCode(code, format.bits),
    bits: fieldBits(code, format),
    value: format.decode(code),
  }));
}

/** The fields of a code by name. */
export const fieldBits = (code: Code, format: Format): Readonly<Record<string, string>> =>
  Object.fromEntries(fieldsOf(code, format).map(({ name, bits }) => [name, bits]));

/** A code, the code of its negative where there is a mirror image, and its value. */
interface Cell {
  readonly code: number;
  readonly negative: number | undefined;
  readonly value: number;
}

/** The code of -x for a code of x > 0 or x = +0, in formats where a simple rule gives it. */
function mirrorOf(code: number, format: Format): number | undefined {
  const mirrored =
    format.kind === 'float' && format.isSigned
      ? code + 2 ** (format.exponentBits + format.mantissaBits)
      : format.kind === 'logarithmic'
        ? code + 2 ** (format.bits - 1)
        : format.kind === 'posit'
          ? 2 ** format.bits - code
          : undefined;
  if (mirrored === undefined || mirrored === code || mirrored >= 2 ** format.bits) return undefined;
  return Object.is(format.decode(mirrored), -format.decode(code)) ? mirrored : undefined;
}

function cellsOf(format: Format): readonly Cell[] {
  const mirrored = new Set<number>();
  const cells: Cell[] = [];
  for (let code = 0; code < 2 ** format.bits; code++) {
    if (mirrored.has(code)) continue;
    const negative = mirrorOf(code, format);
    if (negative !== undefined) mirrored.add(negative);
    cells.push({ code, negative, value: format.decode(code) });
  }
  return cells;
}

const gap = '   ';

/** One column of the grid, its rows padded to one width. */
function gridColumn(heading: readonly string[], rows: readonly (readonly string[])[]): readonly string[] {
  const widths = heading.map((text, i) => Math.max(text.length, ...rows.map((row) => row[i]!.length)));
  return [heading, ...rows].map((row) => row.map((text, i) => text.padEnd(widths[i]!)).join(' '));
}

/** The rows in that many columns, to be read down. */
function gridOf(
  heading: readonly string[],
  rows: readonly (readonly string[])[],
  count: number,
): readonly (readonly string[])[] {
  const height = Math.floor(rows.length / count);
  // A code or two without a mirror image, such as NaR, do not shift the others: they end the last column.
  const isAlmostEven = rows.length - height * count <= 2;
  const usual = isAlmostEven ? height : height + 1;
  return Array.from({ length: count }, (_, x) => {
    const end = isAlmostEven && x === count - 1 ? rows.length : (x + 1) * usual;
    return gridColumn(heading, rows.slice(x * usual, end));
  });
}

const widthOf = (grid: readonly (readonly string[])[]): number =>
  grid.reduce((sum, column) => sum + column[0]!.length, gap.length * (grid.length - 1));

/** The grid; the number of its columns is a power of two, so that rows keep to the fields. */
export function valueGrid(format: Format, width: number): string {
  const cells = cellsOf(format);
  const hasMirror = cells.some(({ negative }) => negative !== undefined);
  const rows = cells.map(({ code, negative, value }) => [
    hexCode(code, format.bits),
    ...(hasMirror ? [negative === undefined ? '' : hexCode(negative, format.bits)] : []),
    bitsText(code, format),
    valueText(value, format),
  ]);
  const heading = ['code', ...(hasMirror ? ['of -x'] : []), 'bits', hasMirror ? 'x' : 'value'];
  let grid = gridOf(heading, rows, 1);
  // Fewer than eight lines are easier to read than a grid.
  for (let count = 2; rows.length / count >= 8; count *= 2) {
    const wider = gridOf(heading, rows, count);
    if (widthOf(wider) > width) break;
    grid = wider;
  }
  const lines = Array.from({ length: Math.max(...grid.map(({ length }) => length)) }, (_, y) =>
    grid
      .map((column) => column[y] ?? ' '.repeat(column[0]!.length))
      .join(gap)
      .trimEnd(),
  );
  return `${lines.join('\n')}\n`;
}
