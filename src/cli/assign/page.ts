/** What `halfulp assign` prints: layers with their formats, what they cost, and what all layers in one format would. */
import type { Assignment } from '../../train/assign-formats.ts';
import type { Place } from '../../train/assign-front.ts';
import { allowsStyle, type Io } from '../io.ts';
import { bold, type Column, formatTable } from '../text-table.ts';

const columns: readonly Column[] = [
  { heading: ['', 'layer'], name: 'layer', align: 'left' },
  { heading: ['', 'weights'], name: 'weights', align: 'right' },
  { heading: ['', 'format'], name: 'format', align: 'left' },
];
const uniformColumns: readonly Column[] = [
  { heading: ['', 'all layers in'], name: 'format', align: 'left' },
  { heading: ['bits a', 'weight'], name: 'bits', align: 'right' },
  { heading: ['', 'bytes'], name: 'bytes', align: 'right' },
  { heading: ['', 'cost'], name: 'cost', align: 'right' },
];

/** All layers in one format. */
export type Uniform = Omit<Assignment<string>, 'formats'> & { readonly format: string };

const bitsText = (bits: number): string => String(Number(bits.toFixed(4)));

/** The page. */
export function assignedPage(
  places: readonly Place<string>[],
  { formats, bits, bytes, cost }: Assignment<string>,
  {
    uniform,
    losses,
  }: {
    readonly uniform: readonly Uniform[];
    readonly losses: { readonly float32: number; readonly assigned: number } | undefined;
  },
  { stdout, environment }: Io,
): string {
  const width = stdout.isTTY ? (stdout.columns ?? 80) : Number.POSITIVE_INFINITY;
  const emphasise = allowsStyle(stdout, environment) ? bold : (text: string) => text;
  const table = (given: readonly Column[], rows: readonly (readonly string[])[]): string =>
    formatTable(given, rows, { width, emphasise });
  const chosen = places.map(({ name, size }) => [name, String(size), formats[name]!]);
  const alike = uniform.map((one) => [
    one.format,
    bitsText(one.bits),
    String(one.bytes),
    one.cost.toPrecision(4),
  ]);
  const measured =
    losses === undefined
      ? ''
      : `loss ${losses.float32.toFixed(4)} in float32, ${losses.assigned.toFixed(4)} with these formats\n`;
  return [
    `${table(columns, chosen)}\n${bitsText(bits)} bits a weight in the mean, ${bytes} bytes; cost ${cost.toPrecision(4)}\n${measured}`,
    table(uniformColumns, alike),
  ].join('\n');
}
