/** Tables of facts: a caption that screen readers hear, heads of columns and rows, numbers that stand under each other. */
import { type Child, el } from './dom.ts';

interface Column {
  readonly head: string;
  readonly number?: boolean;
}

export interface TableGiven {
  readonly caption: string;
  readonly columns: readonly (string | Column)[];
  readonly rows: readonly (readonly Child[])[];
  /** Classes of rows, by their index. */
  readonly rowClass?: (index: number) => string | undefined;
}

/** A table in a frame that scrolls by itself, with the keyboard too. */
export function table({ caption, columns, rows, rowClass }: TableGiven): HTMLElement {
  const heads = columns.map((column) => (typeof column === 'string' ? { head: column } : column));
  const classOf = (i: number): string | false => (heads[i]?.number === true ? 'number' : false);
  return el(
    'div',
    { class: 'scroll', tabindex: 0, role: 'region', 'aria-label': caption },
    el(
      'table',
      {},
      el('caption', {}, caption),
      el(
        'thead',
        {},
        el('tr', {}, ...heads.map(({ head }, i) => el('th', { scope: 'col', class: classOf(i) }, head))),
      ),
      el(
        'tbody',
        {},
        ...rows.map((cells, row) =>
          el(
            'tr',
            { class: rowClass?.(row) },
            ...cells.map((cell, i) =>
              i === 0
                ? el('th', { scope: 'row', class: classOf(i) }, cell)
                : el('td', { class: classOf(i) }, cell),
            ),
          ),
        ),
      ),
    ),
  );
}

/** Brings the chosen row of each table into its frame. */
export function showChosen(sheet: HTMLElement): void {
  for (const row of sheet.querySelectorAll<HTMLElement>('.scroll tr.chosen')) {
    const frame = row.closest('.scroll')!;
    if (row.offsetTop + row.offsetHeight > frame.clientHeight)
      frame.scrollTop = row.offsetTop - frame.clientHeight / 2;
  }
}

/** Facts, a name and a text each. */
export const facts = (rows: readonly (readonly [name: string, ...texts: Child[]])[]): HTMLElement =>
  el(
    'dl',
    { class: 'facts' },
    ...rows.map(([name, ...texts]) =>
      el('div', {}, el('dt', {}, name), ...texts.map((text) => el('dd', {}, text))),
    ),
  );

/** A part of a sheet under a heading. */
export const part = (title: string, ...children: readonly Child[]): HTMLElement =>
  el('section', { class: 'part' }, el('h2', {}, title), ...children);
