/** What laws say as text. */
import type { BitSplit, Estimate, FloatingPointLoss, LawFit } from '../../laws/index.ts';
import { type Column, formatTable, type TableStyle } from '../text-table.ts';

const column = (first: string, second: string, align: Column['align'] = 'right'): Column => ({
  heading: [first, second],
  name: `${first} ${second}`.trim(),
  align,
});

const units: readonly (readonly [number, string])[] = [
  [1e12, 'T'],
  [1e9, 'B'],
  [1e6, 'M'],
  [1e3, 'k'],
];

/** `1.3B`, `27.3T`. */
export function amountText(value: number): string {
  const [size, unit] = units.find(([least]) => value >= least) ?? [1, ''];
  return `${Number((value / size).toPrecision(3))}${unit}`;
}

const nats = (value: number): string => (Number.isFinite(value) ? value.toFixed(4) : 'inf');
/** Four significant digits. */
const four = (value: number): string =>
  Number.isFinite(value) ? String(Number(value.toPrecision(4))) : 'inf';

/** A format and what the law says of it. */
export interface FormatLoss extends FloatingPointLoss {
  readonly format: string;
  readonly criticalTokens: number;
}

/** What the losses are of. */
export interface LawModel {
  readonly parameters: number;
  readonly tokens: number;
  readonly block: number;
}

const modelText = ({ parameters, tokens }: Omit<LawModel, 'block'>): string =>
  `${amountText(parameters)} parameters, ${amountText(tokens)} tokens`;

export function formatsPage(rows: readonly FormatLoss[], model: LawModel, style: TableStyle): string {
  const table = formatTable(
    [
      column('', 'format', 'left'),
      column('loss', 'nats'),
      column('of the', 'format'),
      column('loss rises', 'beyond tokens'),
    ],
    rows.map(({ format, loss, ofFormat, criticalTokens }) => [
      ...[format, nats(loss), nats(ofFormat), amountText(criticalTokens)],
    ]),
    style,
  );
  return `${modelText(model)}, a scale for ${model.block} elements (arXiv 2501.02423)\n\n${table}`;
}

export function splitPage(splits: readonly (BitSplit & { bits: number })[], style: TableStyle): string {
  const columns = [
    ...[column('', 'bits'), column('', 'exponent'), column('', 'mantissa')],
    ...[column('exact', 'exponent'), column('exact', 'mantissa')],
  ];
  const rows = splits.map(({ bits, exponentBits, mantissaBits, exact }) => [
    ...[bits, exponentBits, mantissaBits].map(String),
    ...[exact.exponentBits, exact.mantissaBits].map((value) => value.toFixed(2)),
  ]);
  return formatTable(columns, rows, style);
}

export function quantizationPage(
  groups: readonly { readonly group: number; readonly loss: number }[],
  model: Omit<LawModel, 'block'>,
  style: TableStyle,
): string {
  const table = formatTable(
    [column('', 'group'), column('added', 'nats')],
    groups.map(({ group, loss }) => [String(group), nats(loss)]),
    style,
  );
  return `${modelText(model)}, weights and activations in 4 bits (arXiv 2505.14302)\n\n${table}`;
}

const interval = ({ low, high }: Estimate): string => `${four(low)} to ${four(high)}`;

/** What is printed beside the parameters. */
interface FitNotes {
  /** Runs that were left out. */
  readonly diverged: number;
  readonly prediction: (Estimate & { readonly at: Readonly<Record<string, number>> }) | null;
}

export function fitPage(fit: LawFit, { diverged, prediction }: FitNotes, style: TableStyle): string {
  const table = formatTable(
    [column('', 'parameter', 'left'), column('', 'value'), column('', '95 % interval')],
    Object.entries(fit.parameters).map(([name, estimate]) => [
      name,
      four(estimate.value),
      fit.fixed.includes(name) ? 'fixed' : interval(estimate),
    ]),
    style,
  );
  const { rows, degreesOfFreedom, rms, r2, undetermined } = fit;
  const lines = [
    `${rows} runs, ${degreesOfFreedom} degrees of freedom; residuals ${four(rms)} (root mean square), R^2 ${four(r2)}`,
    ...(diverged > 0 ? [`${diverged} runs without a finite loss left out`] : []),
    ...(undetermined.length > 0 ? [`Not determined by these runs: ${undetermined.join(', ')}`] : []),
    ...(prediction === null
      ? []
      : [
          `At ${Object.entries(prediction.at)
            .map(([name, value]) => `${name} ${amountText(value)}`)
            .join(
              ', ',
            )}: loss ${nats(prediction.value)}, 95 % ${nats(prediction.low)} to ${nats(prediction.high)}`,
        ]),
  ];
  return `${table}\n${lines.join('\n')}\n`;
}
