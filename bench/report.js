/** Text tables of results, and targets that they are held against. */

/**
 * Columns padded to their widest cell, numbers to the right.
 * @param {string} title
 * @param {readonly string[]} header
 * @param {readonly (readonly (string | number)[])[]} rows
 */
export function table(title, header, rows) {
  const cells = rows.map((row) => row.map(String));
  const widths = header.map((name, i) => Math.max(name.length, ...cells.map((row) => (row[i] ?? '').length)));
  const line = (/** @type {readonly string[]} */ row, /** @type {readonly (string | number)[]} */ kinds) =>
    row
      .map((cell, i) =>
        typeof kinds[i] === 'number' ? cell.padStart(widths[i] ?? 0) : cell.padEnd(widths[i] ?? 0),
      )
      .join('  ')
      .trimEnd();
  const body = rows.map((row, i) => line(cells[i] ?? [], row));
  return [title, line(header, rows[0] ?? []), ...body, ''].join('\n');
}

/** Three significant digits. @param {number} x */
export const digits = (x) => Number(x.toPrecision(3));

/**
 * @param {string} what
 * @param {number} wanted
 * @param {readonly { label: string, ratio: number }[]} measured the least of them is judged
 */
export function judge(what, wanted, measured) {
  const least = measured.reduce((a, b) => (b.ratio < a.ratio ? b : a));
  return { target: what, wanted, least: digits(least.ratio), at: least.label, met: least.ratio >= wanted };
}

/** @param {readonly ReturnType<typeof judge>[]} judged */
export function targetsTable(judged) {
  return table(
    'Targets, by the worst case of each',
    ['target', 'wanted', 'least', 'at', 'met'],
    judged.map((j) => [j.target, digits(j.wanted), j.least, j.at, j.met ? 'yes' : 'NO']),
  );
}
