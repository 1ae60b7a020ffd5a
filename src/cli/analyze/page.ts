/** Analyses as text: a table of quantisers, and how often each uses its codes. */

import { shortText } from '../../explained/notation.ts';
import type { ErrorPoint } from '../../quantizers/index.ts';
import { absent, type Column, formatTable, type TableStyle } from '../text-table.ts';

const right = (first: string, second: string, name: string): Column => ({
  heading: [first, second],
  name,
  align: 'right',
});

const columns: readonly Column[] = [
  { heading: ['', 'quantiser'], name: 'quantiser', align: 'left' },
  right('bits /', 'element', 'bits per element'),
  right('', 'bytes', 'bytes'),
  right('SQNR', 'dB', 'SQNR in dB'),
  right('relative', 'error', 'relative error'),
  right('largest', 'relative', 'largest relative error'),
  right('satu-', 'rated %', 'saturated %'),
  right('under-', 'flow %', 'underflow %'),
  right('', 'zeros %', 'zeros %'),
  right('', 'lost', 'lost'),
  right('entropy', 'bits', 'entropy in bits'),
  right('codes', 'used', 'codes used'),
];

/** inf for exact values or a lost element, nothing where there is nothing to measure. */
const notFinite = (x: number): string => (Number.isNaN(x) ? absent : x > 0 ? 'inf' : '-inf');
/** A number with three significant digits. */
const three = (x: number): string => (Number.isFinite(x) ? String(Number(x.toPrecision(3))) : notFinite(x));
const percent = (x: number): string => (100 * x).toFixed(2);
const decibels = (x: number): string => (Number.isFinite(x) ? x.toFixed(2) : notFinite(x));

/** The table, a row a quantiser. */
export function analysisTable(points: readonly ErrorPoint[], style: TableStyle): string {
  const rows = points.map((point) => [
    point.name,
    String(Number(point.bitsPerElement.toFixed(3))),
    String(point.bytes),
    decibels(point.sqnr),
    three(point.relativeError),
    three(point.largestRelativeError),
    percent(point.saturated),
    percent(point.underflowed),
    percent(point.zeros),
    String(point.lost),
    point.entropy.toFixed(2),
    String(point.codes.length),
  ]);
  return formatTable(columns, rows, style);
}

/** Codes that are listed one by one; beyond these only the table tells. */
const mostCodes = 256;
const barWidth = 40;

/** How often a quantiser uses its codes, with bars. */
export function codesPage({ name, codes, elements }: ErrorPoint, style: TableStyle): string {
  const head = style.emphasise(`${name}: share of each code`);
  if (codes.length > mostCodes) return `${head}\n  ${codes.length} codes: too many to list; see --json\n`;
  const most = Math.max(...codes.map(({ count }) => count));
  const labels = codes.map(({ element }) => shortText(element));
  const width = Math.max(...labels.map((label) => label.length));
  const lines = codes.map(({ count }, i) => {
    const bar = '#'.repeat(Math.ceil((barWidth * count) / most));
    return `  ${labels[i]!.padStart(width)}  ${percent(count / elements).padStart(6)} %  ${bar}`;
  });
  return `${[head, ...lines].join('\n')}\n`;
}
