/** What came of model files, for people. */
import { printable } from '../../errors.ts';
import type {
  Errors,
  ModelFigures,
  ModelReport,
  QuantizedFigures,
  TensorFigures,
  TensorReport,
} from '../../model-files/index.ts';
import { allowsStyle, type Io } from '../io.ts';
import { absent, bold, type Column, formatTable, type TableStyle } from '../text-table.ts';

/** Tensors that lose most, as many as are shown. */
const mostWorst = 10;

const styleOf = ({ stdout, environment }: Io): TableStyle => ({
  width: stdout.isTTY ? (stdout.columns ?? 80) : Number.POSITIVE_INFINITY,
  emphasise: allowsStyle(stdout, environment) ? bold : (text) => text,
});

/** A number of bytes: `1.5 MB`. */
function inBytes(bytes: number): string {
  const units = ['B', 'KB', 'MB', 'GB', 'TB'];
  let [size, unit] = [bytes, 0];
  for (; size >= 1000 && unit < units.length - 1; unit++) size /= 1000;
  return `${unit === 0 ? size : size.toPrecision(3)} ${units[unit]}`;
}

const short = (value: number): string => (value === 0 ? '0' : String(Number(value.toPrecision(4))));
const percent = (part: number): string => (100 * part).toFixed(2);
const shapeOf = (shape: readonly number[]): string => (shape.length === 0 ? 'scalar' : shape.join(' x '));
const decibels = (sqnr: number): string => (Number.isFinite(sqnr) ? sqnr.toFixed(2) : String(sqnr));

const errorColumns: readonly Column[] = [
  { heading: ['', 'tensor'], name: 'tensor', align: 'left' },
  { heading: ['', 'shape'], name: 'shape', align: 'right' },
  { heading: ['', 'quantiser'], name: 'quantiser', align: 'left' },
  { heading: ['bytes', 'before'], name: 'bytes before', align: 'right' },
  { heading: ['bytes', 'after'], name: 'bytes after', align: 'right' },
  { heading: ['SQNR', 'dB'], name: 'SQNR, dB', align: 'right' },
  { heading: ['relative', 'error'], name: 'relative error', align: 'right' },
  { heading: ['largest', 'error'], name: 'largest error', align: 'right' },
  { heading: ['under-', 'flow %'], name: 'underflow, %', align: 'right' },
];

const quantizerName = ({ quantizer }: Pick<TensorReport, 'quantizer'>): string =>
  typeof quantizer === 'string' ? quantizer : String(quantizer?.format ?? 'keep');

const isLossy = (report: TensorReport): report is TensorReport & { errors: Errors } => report.errors !== null;

/** The tensors that lose most, the worst first. */
function worstTable({ tensors }: ModelReport, io: Io): string {
  const quantized = tensors.filter(isLossy).sort((a, b) => a.errors.sqnr - b.errors.sqnr);
  const rows = quantized
    .slice(0, mostWorst)
    .map((report) => [
      report.name,
      shapeOf(report.shape),
      quantizerName(report),
      String(report.bytesBefore),
      String(report.bytesAfter),
      decibels(report.errors.sqnr),
      short(report.errors.relativeError),
      short(report.errors.largestError),
      percent(report.errors.underflowed),
    ]);
  const more = quantized.length - rows.length;
  const rest = more > 0 ? `and ${more} more that lose less (--json has all)\n` : '';
  return `${formatTable(errorColumns, rows, styleOf(io))}${rest}\n`;
}

/** What became of a model. */
export function quantizedPage(
  report: ModelReport,
  { out, withTensors }: { readonly out: string | undefined; readonly withTensors: boolean },
  io: Io,
): string {
  const { tensors, unread, bytesBefore, bytesAfter, errors } = report;
  const count = tensors.filter(isLossy).length;
  const lines = [
    `${count} of ${tensors.length} tensors quantised, ${inBytes(bytesBefore)} become ${inBytes(bytesAfter)}` +
      (errors === null ? '' : `, SQNR ${decibels(errors.sqnr)} dB`),
  ];
  if (unread.length > 0)
    lines.push(`not read: ${printable(unread.slice(0, 10).join(', '))}${unread.length > 10 ? ', ...' : ''}`);
  lines.push(out === undefined ? 'nothing written (--out FILE)' : out);
  return `${withTensors && count > 0 ? worstTable(report, io) : ''}${lines.join('\n')}\n`;
}

const figureColumns: readonly Column[] = [
  { heading: ['', 'tensor'], name: 'tensor', align: 'left' },
  { heading: ['', 'type'], name: 'type', align: 'left' },
  { heading: ['', 'shape'], name: 'shape', align: 'right' },
  { heading: ['', 'least'], name: 'least', align: 'right' },
  { heading: ['', 'largest'], name: 'largest', align: 'right' },
  { heading: ['', 'rms'], name: 'rms', align: 'right' },
  { heading: ['max /', 'rms'], name: 'largest magnitude / rms', align: 'right' },
  { heading: ['99.9 %', 'below'], name: '99.9 % of the magnitudes below', align: 'right' },
  { heading: ['', 'zeros %'], name: 'zeros, %', align: 'right' },
  { heading: ['not', 'finite %'], name: 'NaN and infinite, %', align: 'right' },
  { heading: ['exact', 'in'], name: 'narrowest format that holds it', align: 'left' },
  { heading: ['range', 'of'], name: 'narrowest format with its range', align: 'left' },
];

function figureRow({ name, dtype, shape, numbers, integers }: TensorFigures): string[] {
  const heading = [name, dtype, shapeOf(shape)];
  if (numbers !== undefined) {
    const { least, largest, rms, peak, magnitudes, zeros, nan, infinite, exact, inRange } = numbers;
    const figures = [least, largest, rms].map(short);
    return [
      ...[
        ...heading,
        ...figures,
        peak.toFixed(1),
        short(magnitudes.p999),
        percent(zeros),
        percent(nan + infinite),
      ],
      ...[exact[0] ?? absent, inRange[0] ?? absent],
    ];
  }
  if (integers === undefined) return [...heading, ...Array<string>(9).fill(absent)];
  const { least, largest, exact } = integers;
  return [
    ...heading,
    String(least),
    String(largest),
    ...Array<string>(5).fill(absent),
    exact[0] ?? absent,
    absent,
  ];
}

const quantizedColumns: readonly Column[] = [
  { heading: ['', 'quantised'], name: 'quantised tensor', align: 'left' },
  { heading: ['', 'shape'], name: 'shape', align: 'right' },
  { heading: ['', 'method'], name: 'method', align: 'left' },
  { heading: ['', 'quantiser'], name: 'quantiser', align: 'left' },
  { heading: ['', 'bytes'], name: 'bytes', align: 'right' },
  { heading: ['bits an', 'element'], name: 'bits an element', align: 'right' },
  { heading: ['', 'in'], name: 'tensors that hold it', align: 'left' },
];

const quantizedRow = ({ name, shape, method, quantizer, bytes, ...rest }: QuantizedFigures): string[] => [
  ...[
    name,
    shapeOf(shape),
    method ?? absent,
    quantizer === undefined ? absent : quantizerName({ quantizer }),
  ],
  ...[String(bytes), rest.bitsPerElement.toFixed(2), rest.tensors.join(' ')],
];

/** What is in a model. */
export function inspectedPage(
  { kind, files, tensors, quantized = [], unread, elements, bytes }: ModelFigures,
  io: Io,
): string {
  const tableOf = (columns: readonly Column[], rows: readonly string[][]): string =>
    rows.length === 0 ? '' : `${formatTable(columns, rows, styleOf(io))}\n`;
  const table = `${tableOf(figureColumns, tensors.map(figureRow))}${tableOf(quantizedColumns, quantized.map(quantizedRow))}`;
  const where = files.length === 1 ? '' : ` in ${files.length} files`;
  const rest = unread.length === 0 ? '' : `; ${unread.length} tensors whose elements are not read`;
  return `${table}${kind}${where}: ${tensors.length} tensors, ${elements} elements, ${inBytes(bytes)}${rest}\n`;
}
