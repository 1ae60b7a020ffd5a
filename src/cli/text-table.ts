/**
 * Plain text tables with aligned columns, for a terminal or a file. Where the table is wider than the terminal, each
 * row becomes a block of `name  value` lines instead of being cut or wrapped.
 */

/** A column: its heading on one or two lines, and on which side its cells align. */
export interface Column {
  /** First line, for example `loss`. */
  readonly heading: string;
  /** Second line, for a unit; may be empty. */
  readonly unit: string;
  readonly align: 'left' | 'right';
}

/** How a table is to look. */
export interface TableStyle {
  /** Characters in a line; Infinity for files and pipes. */
  readonly width: number;
  /** Makes headings stand out; the identity where escape codes are not wanted. */
  readonly emphasise: (text: string) => string;
}

/** Escape codes for bold text. */
export const bold = (text: string): string => `\u001b[1m${text}\u001b[22m`;

const gap = '  ';

/** Lays out rows of cells, each row as long as `columns`; ends with a line break. */
export function formatTable(
  columns: readonly Column[],
  rows: readonly (readonly string[])[],
  style: TableStyle,
): string {
  const widths = columns.map(({ heading, unit }, index) =>
    Math.max(heading.length, unit.length, ...rows.map((row) => row[index]!.length)),
  );
  const total = widths.reduce((sum, width) => sum + width, 0) + gap.length * (columns.length - 1);
  if (total > style.width) return formatBlocks(columns, rows, style);

  const line = (cells: readonly string[]): string =>
    cells
      .map((cell, index) =>
        columns[index]!.align === 'left' ? cell.padEnd(widths[index]!) : cell.padStart(widths[index]!),
      )
      .join(gap)
      .trimEnd();
  const headings = [line(columns.map(({ heading }) => heading)), line(columns.map(({ unit }) => unit))];
  const head = headings.filter((text) => text !== '').map(style.emphasise);
  const rule = widths.map((width) => '-'.repeat(width)).join(gap);
  return `${[...head, rule, ...rows.map(line)].join('\n')}\n`;
}

/** One block for each row, headed by its first cell. */
function formatBlocks(
  columns: readonly Column[],
  rows: readonly (readonly string[])[],
  style: TableStyle,
): string {
  const names = columns.map(({ heading }) => heading);
  const width = Math.max(...names.slice(1).map((name) => name.length));
  const blocks = rows.map((row) => {
    const lines = row.slice(1).map((cell, index) => {
      const unit = columns[index + 1]!.unit;
      const line = `  ${names[index + 1]!.padEnd(width)}  ${cell}`;
      return unit === '' ? line : `${line} ${unit}`;
    });
    return [style.emphasise(row[0]!), ...lines].join('\n');
  });
  return `${blocks.join('\n')}\n`;
}
