/**
 * Plain text tables with aligned columns, for a terminal or a file. Where the table is wider than the terminal even
 * with narrow gaps, each row becomes a block of `name  value` lines instead of being cut or wrapped.
 */

import { printable } from '../errors.ts';

/** A column: its heading on two lines, its name in full, and on which side its cells align. */
export interface Column {
  readonly heading: readonly [string, string];
  /** Used where there is room for words: in blocks. */
  readonly name: string;
  readonly align: 'left' | 'right';
}

/** How a table is to look. */
export interface TableStyle {
  /** Characters in a line; Infinity for files and pipes. */
  readonly width: number;
  /** Makes headings stand out; the identity where escape codes are not wanted. */
  readonly emphasise: (text: string) => string;
}

/** Stands for a cell without a value. */
export const absent = '-';

/** Escape codes for bold text. */
export const bold = (text: string): string => `\u001b[1m${text}\u001b[22m`;

/** Lays out rows of cells, each row as long as `columns`; ends with a line break. Names from files break no line. */
export function formatTable(
  columns: readonly Column[],
  given: readonly (readonly string[])[],
  style: TableStyle,
): string {
  const rows = given.map((row) => row.map(printable));
  const widths = columns.map(({ heading }, index) =>
    Math.max(...heading.map(({ length }) => length), ...rows.map((row) => row[index]!.length)),
  );
  const cells = widths.reduce((sum, width) => sum + width, 0);
  const gap = ['  ', ' '].find(({ length }) => cells + length * (columns.length - 1) <= style.width);
  if (gap === undefined) return formatBlocks(columns, rows, style);

  const line = (texts: readonly string[]): string =>
    texts
      .map((text, index) =>
        columns[index]!.align === 'left' ? text.padEnd(widths[index]!) : text.padStart(widths[index]!),
      )
      .join(gap)
      .trimEnd();
  // Headings of one word stand on the second line; where all do, there is no first.
  const head = ([0, 1] as const)
    .map((row) => line(columns.map(({ heading }) => heading[row])))
    .filter((text) => text !== '')
    .map(style.emphasise);
  const rule = widths.map((width) => '-'.repeat(width)).join(gap);
  return `${[...head, rule, ...rows.map(line)].join('\n')}\n`;
}

/** One block for each row, headed by its first cell; cells without a value are left out. */
function formatBlocks(
  columns: readonly Column[],
  rows: readonly (readonly string[])[],
  style: TableStyle,
): string {
  const width = Math.max(...columns.slice(1).map(({ name }) => name.length));
  const blocks = rows.map((row) => {
    const lines = columns
      .map(({ name }, index) => ({ name, cell: row[index]! }))
      .slice(1)
      .filter(({ cell }) => cell !== absent)
      .map(({ name, cell }) => `  ${name.padEnd(width)}  ${cell}`);
    return [style.emphasise(row[0]!), ...lines].join('\n');
  });
  return `${blocks.join('\n')}\n`;
}

/** Breaks a paragraph between words into lines of at most `width` characters; ends with a line break. */
export function wrapText(text: string, width: number): string {
  const lines: string[] = [];
  for (const word of text.split(' ')) {
    const last = lines.at(-1);
    if (last !== undefined && last.length + 1 + word.length <= width)
      lines[lines.length - 1] = `${last} ${word}`;
    else lines.push(word);
  }
  return `${lines.join('\n')}\n`;
}
