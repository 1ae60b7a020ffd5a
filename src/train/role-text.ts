/**
 * Tables of roles as text that fits a terminal: parameters that are treated alike are told together, each product on lines of its own.
 * What the words mean is role-words.ts'.
 */
import { checkSchema, fields, list, type Schema, value } from '../schema.ts';
import { type PhaseRoles, roleColumns } from './role-table.ts';

type Column = (typeof roleColumns)[number];
type Row = Readonly<Record<Column, string>>;

/** Characters in a line. */
const width = 100;
const [nameAt, roleAt] = ['layer', 'role'].map((name) => roleColumns.indexOf(name as Column)) as [
  number,
  number,
];
const weightsAt = roleColumns.indexOf('weights');

const text = value<string>((given) => typeof given === 'string', 'a text');
const phasesSchema: Schema = list(
  fields({ phase: text, rows: list(list(text, roleColumns.length, roleColumns.length)) }),
);

const rowOf = (cells: readonly string[]): Row =>
  Object.fromEntries(roleColumns.map((name, i) => [name, cells[i]!])) as Row;

/** Names that differ in one number alone as one: `layers.0-3.mlp.up`. */
function joinedNames(names: readonly string[]): string[] {
  const byPattern = new Map<string, number[]>();
  for (const name of names) {
    const found = /^(.*?)(\d+)(.*)$/.exec(name);
    const pattern = found === null ? name : `${found[1]}\u0000${found[3]}`;
    byPattern.set(pattern, [...(byPattern.get(pattern) ?? []), Number(found?.[2] ?? Number.NaN)]);
  }
  return [...byPattern].map(([pattern, numbers]) => pattern.replace('\u0000', rangesOf(numbers)));
}

/** Numbers as ranges: `0-3,7`. */
function rangesOf(numbers: readonly number[]): string {
  const ranges: [number, number][] = [];
  for (const number of numbers) {
    const last = ranges.at(-1);
    if (last !== undefined && number === last[1] + 1) last[1] = number;
    else ranges.push([number, number]);
  }
  return ranges.map(([from, to]) => (from === to ? from : `${from}-${to}`)).join(',');
}

/** Words in lines of at most so many characters, those after the first indented. */
function wrapped(words: readonly string[], separator: string, indent: string, most = width): string[] {
  const lines: string[] = [];
  let line = '';
  for (const [i, word] of words.entries()) {
    const text = i === words.length - 1 ? word : `${word}${separator}`;
    if (line !== '' && line.length + 1 + text.length > most) {
      lines.push(line);
      line = `${indent}${text}`;
    } else line = line === '' ? text : `${line} ${text}`;
  }
  return [...lines, line];
}

const sizeWords = (count: number): string => String(count).replace(/\B(?=(\d{3})+$)/g, ',');

/** How many there are, of which roles, and in how many bits their weights are read. */
function headOf(rows: readonly Row[], isExempt: boolean): string {
  const [row] = rows as [Row];
  const rules = row.rules === '-' ? '' : ` (${row.rules})`;
  if (row.role === 'activation-product') return `products of two activations${rules}`;
  const counts = new Map<string, number>();
  for (const { role } of rows) counts.set(role, (counts.get(role) ?? 0) + 1);
  const roles = [...counts].map(([role, count]) => `${count} ${role}`).join(', ');
  const sizes = rows.map(({ weights }) => weights);
  const total = sizes.includes('-')
    ? ''
    : `, ${sizeWords(sizes.reduce((sum, size) => sum + Number(size), 0))} numbers`;
  const bits = [...new Set(rows.map((one) => one.bits))];
  const read =
    bits[0] === '-'
      ? ''
      : `, read in ${bits.map((one) => String(Number(Number(one).toFixed(2)))).join(' to ')} bits`;
  return `${roles}${total}${read}${isExempt ? ', exempt' : ''}${rules}`;
}

const asIs = (words: string): string => (words === '-' ? 'as it is' : words);
const shared = (words: string): string => (words === 'same' ? 'the one that y read' : asIs(words));

function resultWords(result: string, sum: string): string {
  return `summed in ${sum === '-' ? 'binary32, in order' : sum}${result === '-' ? '' : `, then ${result}`}`;
}

/** The lines of one product: its operands and its result. */
function productLines(title: string, parts: readonly (readonly [name: string, words: string])[]): string[] {
  return parts.flatMap(([name, words], i) =>
    wrapped(
      `${(i === 0 ? title : '').padEnd(13)}${name.padEnd(4)}${words}`.trimEnd().split(/(?<=\S) (?=\S)/),
      '',
      ' '.repeat(19),
      width - 2,
    ).map((line) => `  ${line}`),
  );
}

const slotColumns = roleColumns.slice(1, 13);
const isPlain = (row: Row): boolean => slotColumns.every((name) => row[name] === '-' || row[name] === 'same');

function groupLines(rows: readonly Row[], isExempt: boolean): string[] {
  const [row] = rows as [Row];
  const names = wrapped(joinedNames(rows.map(({ layer }) => layer)), ',', '');
  const products = isPlain(row)
    ? ['  products     as they are']
    : [
        ...productLines('y = x w', [
          ['x', asIs(row['F.x'])],
          ['w', asIs(row['F.w'])],
          ['y', resultWords(row['F.y'], row['F.sum'])],
        ]),
        ...productLines('dx = g w', [
          ['g', asIs(row['D.g'])],
          ['w', shared(row['D.w'])],
          ['dx', resultWords(row['D.dx'], row['D.sum'])],
        ]),
        ...productLines('dw = g x', [
          ['g', asIs(row['W.g'])],
          ['x', shared(row['W.x'])],
          ['dw', resultWords(row['W.dw'], row['W.sum'])],
        ]),
      ];
  const moments = [...new Set([row['opt.m'], row['opt.v']])].map((words) => (words === '-' ? 'none' : words));
  const held =
    row.role === 'activation-product'
      ? []
      : [`  held in      ${row['store.w']}, moments in ${moments.join(' and ')}`];
  return [...names, `  ${headOf(rows, isExempt)}`, ...products, ...held];
}

/** Rows that are alike but for their names, roles and numbers, in the order of their first. */
function groupsOf(rows: readonly (readonly string[])[]): Row[][] {
  const groups = new Map<string, Row[]>();
  for (const cells of rows) {
    const key = cells.filter((_, i) => i !== nameAt && i !== weightsAt && i !== roleAt).join('\n');
    const kind = ['linear', 'convolution', 'activation-product'].includes(cells[roleAt]!)
      ? cells[roleAt]
      : '';
    const known = groups.get(`${kind}\n${key}`);
    if (known === undefined) groups.set(`${kind}\n${key}`, [rowOf(cells)]);
    else known.push(rowOf(cells));
  }
  return [...groups.values()];
}

/** The tables as text of at most 100 columns, but for words that are longer. Throws ArgumentError naming what is no table. */
export function rolesAsText(phases: readonly PhaseRoles[]): string {
  checkSchema('phases', phases, phasesSchema);
  return phases
    .map(({ phase, rows }) => {
      const groups = groupsOf(rows);
      const areQuantised = groups.some(([row]) => !isPlain(row!));
      const isExempt = ({ role }: Row): boolean =>
        areQuantised && (role === 'linear' || role === 'convolution');
      const texts = groups.map((group) =>
        groupLines(group, isPlain(group[0]!) && isExempt(group[0]!)).join('\n'),
      );
      return [wrapped(phase.split(', '), ',', '  ').join('\n'), ...texts].join('\n\n');
    })
    .join(`\n\n${'-'.repeat(width)}\n\n`);
}
