/**
 * The report of a sweep: one HTML file with the table, the loss curves with bands over seeds, and the losses against
 * bits per weight. No script, no network.
 */
import * as Plot from '@observablehq/plot';
import { armLooks } from '../report/curves.ts';
import { escapeMarkup, svgColour, svgDocument } from '../report/svg.ts';
import type { Sweep, SweepRun } from './definition.ts';
import { recordsOf, type SweepRow, sweepTable } from './results.ts';
import { isFinished } from './workers.ts';

interface Point {
  readonly step: number;
  readonly loss: number;
  readonly low: number;
  readonly high: number;
}

/** Validation losses on the way, over the seeds that finished. */
function curveOf(runs: readonly SweepRun[], folder: string): Point[] {
  const bySteps = new Map<number, number[]>();
  for (const run of runs.filter((one) => isFinished(folder, one)))
    for (const { step, loss } of recordsOf(folder, run).evaluations)
      bySteps.set(step, [...(bySteps.get(step) ?? []), loss]);
  return [...bySteps]
    .sort(([a], [b]) => a - b)
    .map(([step, losses]) => ({
      step,
      loss: losses.reduce((sum, loss) => sum + loss, 0) / losses.length,
      low: Math.min(...losses),
      high: Math.max(...losses),
    }));
}

function curvesPlot(sweep: Sweep, runs: readonly SweepRun[], folder: string): string {
  const looks = armLooks(sweep.arms.map(({ name }) => name));
  const curves = sweep.arms.map((arm) =>
    curveOf(
      runs.filter((run) => run.arm === arm),
      folder,
    ),
  );
  const late = curves.flat().filter(({ step }) => step > sweep.steps / 10);
  const losses = late.flatMap(({ low, high }) => [low, high]).filter(Number.isFinite);
  const low = losses.reduce((a, b) => Math.min(a, b), Number.POSITIVE_INFINITY);
  const high = losses.reduce((a, b) => Math.max(a, b), Number.NEGATIVE_INFINITY);
  return svgDocument(
    {
      ...{ width: 820, height: 420, marginLeft: 52, marginRight: 18, marginTop: 10, marginBottom: 46 },
      x: { domain: [0, sweep.steps], label: 'training step' },
      y: {
        domain: losses.length > 0 ? [low - 0.02, high + 0.02] : [0, 1],
        label: 'validation loss, nats per character',
      },
      marks: [
        Plot.gridY({ strokeOpacity: 0.12 }),
        ...curves.flatMap((points, i) => {
          const colour = svgColour(looks[i]!);
          return [
            Plot.areaY(points, {
              x: 'step',
              y1: 'low',
              y2: 'high',
              fill: colour,
              fillOpacity: 0.15,
              clip: true,
            }),
            Plot.line(points, { x: 'step', y: 'loss', stroke: colour, strokeWidth: 2, clip: true }),
          ];
        }),
      ],
    },
    {
      title: `Validation loss of ${sweep.title}`,
      legend: sweep.arms.map(({ name }, i) => ({ text: name, look: looks[i]! })),
      caption: ['Means over the seeds that finished; bands from the lowest to the highest.'],
    },
  );
}

function bitsPlot(sweep: Sweep, rows: readonly SweepRow[]): string {
  const looks = armLooks(sweep.arms.map(({ name }) => name));
  const points = rows.flatMap(({ validationLoss, bitsPerWeight }, i) =>
    validationLoss === null || bitsPerWeight === null
      ? []
      : [
          {
            bits: bitsPerWeight,
            loss: validationLoss.mean,
            sd: validationLoss.deviation ?? 0,
            look: looks[i]!,
          },
        ],
  );
  return svgDocument(
    {
      ...{ width: 820, height: 320, marginLeft: 52, marginRight: 18, marginTop: 10, marginBottom: 46 },
      x: { type: 'log', label: 'bits per weight' },
      y: { label: 'validation loss, nats per character' },
      marks: [
        Plot.gridY({ strokeOpacity: 0.12 }),
        ...points.flatMap(({ look, bits, loss, sd }) => [
          Plot.ruleX([bits], { y1: loss - sd, y2: loss + sd, stroke: svgColour(look) }),
          Plot.dot([[bits, loss]], { fill: svgColour(look), symbol: look.symbol, r: 4.5 }),
        ]),
      ],
    },
    {
      title: `Loss against bits per weight, ${sweep.title}`,
      legend: sweep.arms.map(({ name }, i) => ({ text: name, look: looks[i]! })),
      caption: ['Final validation loss; lines are one standard deviation over seeds.'],
    },
  );
}

const styles = `:root { color-scheme: light dark; } body { font: 16px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 1rem auto; padding: 0 1rem; }
table { border-collapse: collapse; font-size: 0.85rem; font-variant-numeric: tabular-nums; } th, td { padding: 0.3rem 0.5rem; text-align: right; border-bottom: 1px solid #8886; }
th:first-child, td:first-child { text-align: left; } .scroll { overflow-x: auto; }`;

/** The page of a sweep, finished or not. */
export function sweepPage(
  sweep: Sweep,
  runs: readonly SweepRun[],
  rows: readonly SweepRow[],
  folder: string,
): string {
  const { columns, rows: cells } = sweepTable(rows);
  const row = (tag: string, texts: readonly string[]): string =>
    `<tr>${texts.map((text) => `<${tag}>${escapeMarkup(text)}</${tag}>`).join('')}</tr>`;
  const done = rows.reduce((sum, { finished }) => sum + finished, 0);
  const failures = rows.flatMap(({ arm, failures: list }) =>
    list.map(({ seed, reason }) => `<li>${escapeMarkup(`${arm.name}, seed ${seed}: ${reason}`)}</li>`),
  );
  return `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>${escapeMarkup(sweep.title)}</title><style>${styles}</style></head>
<body><h1>${escapeMarkup(sweep.title)}</h1>
<p>${escapeMarkup(sweep.claim)}</p>
<p>${sweep.model}, ${sweep.steps} steps, seeds ${sweep.seeds.join(', ')}; ${done} of ${runs.length} runs finished. Differences are to
${escapeMarkup(sweep.baseline)} of the same seed, &plusmn; is the standard deviation over seeds, 95 % intervals are Student's.</p>
<div class="scroll"><table>${row(
    'th',
    columns.map(({ name }) => name),
  )}${cells.map((line) => row('td', line)).join('\n')}</table></div>
${failures.length > 0 ? `<h2>Without a result</h2><ul>${failures.join('')}</ul>` : ''}
${done > 0 ? `${curvesPlot(sweep, runs, folder)}\n${bitsPlot(sweep, rows)}` : ''}
</body></html>
`;
}
