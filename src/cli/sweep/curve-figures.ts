/**
 * Pictures of a sweep with steps along the x axis: validation loss on the way, and the training loss around transitions.
 */
import * as Plot from '@observablehq/plot';
import { type Look, svgColour } from '../../experiments/looks.ts';
import { divergedInWords } from '../diverged.ts';
import { lossPoints } from '../report/curves.ts';
import { svgDocument } from '../report/svg.ts';
import { baselineOf } from './baselines.ts';
import { evaluationsOnTheWay, type FinishedRun } from './finished-run.ts';
import { looksOfSweep, type PanelGrid, panelGrid } from './looks.ts';
import type { SweepResults } from './results.ts';
import { baselineWords, lossUnit } from './tables.ts';

interface Point {
  readonly step: number;
  readonly loss: number;
  readonly low: number;
  readonly high: number;
}

/** The points of one arm in one panel. */
interface Curve {
  readonly arm: string;
  readonly look: Look;
  readonly fx: number;
  readonly fy: number;
  readonly points: readonly Point[];
}

/** Each arm's curve in its panel, those of baselines in all. */
function curvesIn(
  results: SweepResults,
  grid: PanelGrid,
  pointsOf: (own: readonly FinishedRun[]) => readonly Point[],
): Curve[] {
  return looksOfSweep(results.sweep).places.flatMap(({ arm, panel, look }) => {
    const points = pointsOf(results.finished.filter(({ run }) => run.arm.name === arm));
    return grid.cells
      .filter((cell) => panel === null || cell.panel === panel)
      .map(({ fx, fy }) => ({ arm, look, fx, fy, points }));
  });
}

/** The last step at which no run of an arm had diverged yet, or the one at which the first did. */
const endOf = (own: readonly FinishedRun[]): number =>
  own.reduce((least, { divergence }) => Math.min(least, divergence?.step ?? least), Number.POSITIVE_INFINITY);

/** What a caption says of arms whose curves end where the first of their seeds diverged. */
function divergedCaption({ rows }: SweepResults, shown: readonly Curve[]): string[] {
  const arms = rows.filter(
    ({ arm, diverged }) => diverged.length > 0 && shown.some((curve) => curve.arm === arm.name),
  );
  return arms.map(
    ({ arm, diverged, seeds }) =>
      `${arm.name}: ${divergedInWords(diverged, seeds.length)}; its curve ends at the first.`,
  );
}

/** Bands from the lowest to the highest seed below lines of the means. */
const curveMarks = (curves: readonly Curve[], width: number): Plot.Markish[] =>
  curves.flatMap(({ look, fx, fy, points }) => {
    const colour = svgColour(look);
    const at = { x: 'step', fx: () => fx, fy: () => fy, clip: true };
    return [
      Plot.areaY(points, { ...at, y1: 'low', y2: 'high', fill: colour, fillOpacity: 0.13 }),
      Plot.line(points, { ...at, y: 'loss', stroke: colour, strokeWidth: width }),
    ];
  });

const panelHeight = 270;

const axis = (label: string) => ({ label, labelAnchor: 'center', labelArrow: 'none' }) as const;

/** Ticks from 0 on; where panels stand beside each other, the last one would run into the next panel's first. */
const ticksOf = ({ columns }: PanelGrid, end: number, parts: number): number[] => {
  const count = columns > 1 ? parts / 2 : parts;
  const ticks = Array.from({ length: count + 1 }, (_, i) => Math.round((i * end) / count));
  return columns > 1 ? ticks.slice(0, -1) : ticks;
};

/** Sizes and facets of a picture of panels. */
const frame = ({
  rows,
  columns,
  cells,
}: PanelGrid): Plot.PlotOptions & { width: number; height: number } => ({
  width: 820,
  height: cells.length === 1 ? 420 : 40 + rows * panelHeight,
  marginLeft: 52,
  marginRight: 18,
  marginTop: cells.length === 1 ? 10 : 22,
  marginBottom: 46,
  fx: { axis: null, padding: 0.06, domain: Array.from({ length: columns }, (_, i) => i) },
  fy: { axis: null, padding: 0.1, domain: Array.from({ length: rows }, (_, i) => i) },
});

const panelNames = ({ cells }: PanelGrid): Plot.Markish[] =>
  cells.length === 1
    ? []
    : [
        Plot.text(cells, {
          fx: 'fx',
          fy: 'fy',
          text: 'panel',
          frameAnchor: 'top',
          fontWeight: 'bold',
          dy: -12,
          fill: 'currentColor',
        }),
      ];

/** Range of what is settled, so that the steep beginning does not press the rest together. */
function settledRange(curves: readonly Curve[], from: number): [number, number] {
  const all = curves.flatMap(({ points }) => points.filter(({ step }) => step > from));
  const values = all.flatMap(({ low, high }) => [low, high]).filter(Number.isFinite);
  if (values.length === 0) return [0, 1];
  const low = values.reduce((a, b) => Math.min(a, b));
  const high = values.reduce((a, b) => Math.max(a, b));
  const margin = Math.max(0.005, (high - low) * 0.04);
  return [low - margin, high + margin];
}

/** Validation loss on the way, over a fixed part of the data. */
export function curvesFigure(results: SweepResults): string {
  const { sweep } = results;
  const looks = looksOfSweep(sweep);
  const grid = panelGrid(looks.panels);
  const longest = Math.max(...sweep.arms.map(({ steps = sweep.steps }) => steps));
  const curves = curvesIn(results, grid, (own) => lossPoints(own.map(evaluationsOnTheWay), endOf(own)));
  return svgDocument(
    {
      ...frame(grid),
      x: { ...axis('training step'), domain: [0, longest], ticks: ticksOf(grid, longest, 6) },
      y: {
        ...axis(`validation loss, nats per ${lossUnit(sweep)}`),
        domain: settledRange(curves, longest / 5),
      },
      marks: [
        Plot.gridY({ strokeOpacity: 0.12 }),
        Plot.frame({ strokeOpacity: 0.15 }),
        ...curveMarks(curves, 1.8),
        ...panelNames(grid),
      ],
    },
    {
      title: `Validation loss on the way, ${sweep.title}`,
      legend: looks.legend,
      caption: [
        'Validation loss on a fixed part of the data; means over the seeds that finished, bands from the lowest to the highest.',
        ...divergedCaption(results, curves),
      ],
    },
  );
}

/** Steps shown before and after a transition. */
const before = 20;
const after = 200;
/** Radius of the moving mean, within each side of the transition. */
const radius = 2;

/** Training loss minus the baseline's of the same seed and step, which had the same batch, around the transition. */
function excessPoints(own: readonly FinishedRun[], baseline: ReadonlyMap<number, FinishedRun>): Point[] {
  const series = own.flatMap(({ run, result, steps }) => {
    const base = baseline.get(run.seed);
    const at = result.spike?.step;
    if (base === undefined || at === undefined) return [];
    const excess = steps
      .slice(Math.max(0, at - before - radius), at + after + radius)
      .map(({ step, loss }) => ({
        step: step - at,
        // A baseline that diverged has no loss there.
        loss: loss - (base.steps[step - 1]?.loss ?? Number.NaN),
      }));
    const smooth = excess.map(({ step }) => {
      const near = excess.filter((one) => Math.abs(one.step - step) <= radius && one.step > 0 === step > 0);
      return { step, loss: near.reduce((sum, { loss }) => sum + loss, 0) / near.length };
    });
    return [smooth.filter(({ step }) => step > -before && step <= after)];
  });
  const first = own.flatMap(({ result: { spike }, divergence }) =>
    spike === null || divergence === null ? [] : [divergence.step - spike.step],
  );
  return lossPoints(series, Math.min(...first));
}

/** The training loss around the transitions; null without one, or without a baseline of the same seed. */
export function spikeFigure(results: SweepResults): string | null {
  const { sweep, finished } = results;
  const looks = looksOfSweep(sweep);
  const excessOf = (own: readonly FinishedRun[]): Point[] => {
    const base = own[0] && baselineOf(own[0].run.arm, sweep);
    const runs = finished.filter(({ run }) => run.arm.name === base);
    return excessPoints(own, new Map(runs.map((one) => [one.run.seed, one])));
  };
  const shown = looks.places.filter(
    ({ arm }) => excessOf(finished.filter(({ run }) => run.arm.name === arm)).length > 0,
  );
  if (shown.length === 0) return null;
  const names = new Set(shown.map(({ panel }) => panel));
  const grid = panelGrid(looks.panels.filter((panel) => names.has(null) || names.has(panel)));
  const curves = curvesIn(results, grid, excessOf).filter(({ points }) => points.length > 0);
  const used = new Set(shown.map(({ look }) => look));
  return svgDocument(
    {
      ...frame(grid),
      x: { ...axis('steps since the transition'), domain: [-before, after], ticks: ticksOf(grid, after, 8) },
      y: {
        ...axis(`training loss above the baseline's, nats`),
        domain: settledRange(curves, -before),
      },
      marks: [
        Plot.gridY({ strokeOpacity: 0.12 }),
        Plot.frame({ strokeOpacity: 0.15 }),
        Plot.ruleY([0], { stroke: 'currentColor' }),
        Plot.ruleX([0.5], { stroke: 'currentColor', strokeDasharray: '3,3' }),
        ...curveMarks(curves, 1.4),
        ...panelNames(grid),
      ],
    },
    {
      title: `Training loss around the transition, ${sweep.title}`,
      legend: looks.legend.filter(({ look }) => look !== 'transition' && used.has(look)),
      caption: [
        `Training loss minus that of ${baselineWords(sweep)} with the same seed on the same batch; means of 5 steps, not across the transition (dashed);`,
        'means over the seeds that finished, bands from the lowest to the highest.',
        ...divergedCaption(results, curves),
      ],
    },
  );
}
