/**
 * Loss against steps for all arms of a comparison, as SVG: the picture of the whole run. What the curves are is
 * curves.ts, what surrounds them svg.ts, the steps around a transition transition-plot.ts.
 */

import * as Plot from '@observablehq/plot';
import type { LegendEntry } from '../../experiments/frame.ts';
import { svgColour, svgDash } from '../../experiments/looks.ts';
import type { Comparison } from '../compare/outcome.ts';
import { decimals } from '../compare/table.ts';
import { divergedInWords } from '../diverged.ts';
import { type ArmCurves, armCurves, fromBelow } from './curves.ts';
import { svgDocument } from './svg.ts';

/** Part of the steps whose steep fall may leave the picture at its top, so that the differences after it show. */
const steepPart = 0.1;

/** Width of a transition's label, as a part of the steps. */
const labelPart = 0.09;

function lossRange(curves: readonly ArmCurves[], steps: number): [number, number] {
  const all = curves.flatMap(({ training, validation, final }) => [...training, ...validation, ...final]);
  if (all.length === 0) return [0, 1];
  const settled = all.filter(({ step }) => step > steepPart * steps);
  const losses = (settled.length > 0 ? settled : all).flatMap(({ low, high, loss }) => [low, high, loss]);
  const low = losses.reduce((a, b) => Math.min(a, b));
  const high = losses.reduce((a, b) => Math.max(a, b));
  const margin = Math.max(0.02, (high - low) * 0.05);
  return [low - margin, high + margin];
}

/** Dashed lines at the transitions, with their steps at the top; labels that would overlap go below each other. */
function transitionMarks(curves: readonly ArmCurves[], steps: number): Plot.Markish[] {
  const rowEnds: number[] = [];
  return curves
    .flatMap(({ look, transition }) => (transition === null ? [] : [{ look, transition }]))
    .sort((a, b) => a.transition - b.transition)
    .flatMap(({ look, transition }) => {
      const nearEnd = transition > (1 - labelPart) * steps;
      const start = nearEnd ? transition - labelPart * steps : transition;
      const free = rowEnds.findIndex((end) => end <= start);
      const row = free < 0 ? rowEnds.length : free;
      rowEnds[row] = start + labelPart * steps;
      return [
        Plot.ruleX([transition], { stroke: svgColour(look), strokeDasharray: '3,3' }),
        Plot.text([transition], {
          x: (step: number) => step,
          text: (step: number) => `step ${step}`,
          fill: svgColour(look),
          frameAnchor: 'top',
          textAnchor: nearEnd ? 'end' : 'start',
          lineAnchor: 'top',
          dx: nearEnd ? -5 : 5,
          dy: 2 + 14 * row,
        }),
      ];
    });
}

function validationMarks({ look, validation, final }: ArmCurves, severalSeeds: boolean): Plot.Markish[] {
  const colour = svgColour(look);
  const band = { x: 'step', y1: 'low', y2: 'high', fill: colour, fillOpacity: 0.15, clip: true };
  const dots = { x: 'step', y: 'loss', fill: colour, symbol: look.symbol };
  return [
    ...(severalSeeds ? [Plot.areaY(validation, band)] : []),
    Plot.line(validation, {
      x: 'step',
      y: 'loss',
      stroke: colour,
      strokeWidth: 2,
      clip: true,
      ...svgDash(look),
    }),
    Plot.line([...validation.slice(-1), ...final], {
      x: 'step',
      y: 'loss',
      stroke: colour,
      strokeOpacity: 0.5,
    }),
    Plot.dot(validation, { ...dots, r: 3, clip: true }),
    Plot.dot(final, { ...dots, r: 5.5, fillOpacity: 0.85 }),
  ];
}

function legendOf({ summaries }: Comparison, curves: readonly ArmCurves[]): LegendEntry[] {
  const arms = summaries.map(({ arm, validationLoss, stoppedAt, diverged, finished }, index): LegendEntry => {
    const loss = validationLoss === null ? 'not begun' : decimals(validationLoss.mean, 3);
    const stopped = stoppedAt === null ? '' : ` (step ${stoppedAt})`;
    const text = diverged.length > 0 ? divergedInWords(diverged, finished) : `${loss}${stopped}`;
    return { text: `${arm.name}: ${text}`, look: curves[index]!.look };
  });
  if (curves.every(({ transition }) => transition === null)) return arms;
  return [...arms, { text: 'to 1.58 bits', look: 'transition' }];
}

/** Loss against training steps: training thin and smoothed, validation thick with its points. */
export function lossPlot(comparison: Comparison): string {
  const { steps, summaries, complete, name, config } = comparison;
  const curves = armCurves(summaries, steps);
  const seeds = config.options.seeds.length;
  const training = curves.map(({ look, training: points }) =>
    Plot.line(points, {
      x: 'step',
      y: 'loss',
      stroke: svgColour(look),
      strokeWidth: 1,
      strokeOpacity: 0.45,
      clip: true,
    }),
  );
  return svgDocument(
    {
      width: 820,
      height: 420,
      marginLeft: 52,
      marginRight: 18,
      marginTop: 10,
      marginBottom: 46,
      x: { domain: [0, steps], label: 'training step', labelAnchor: 'center', labelArrow: 'none' },
      y: {
        domain: lossRange(curves, steps),
        label: 'loss in nats per character',
        labelAnchor: 'center',
        labelArrow: 'none',
      },
      marks: [
        Plot.gridY({ strokeOpacity: 0.12 }),
        Plot.gridX({ strokeOpacity: 0.12 }),
        ...training,
        ...transitionMarks(curves, steps),
        ...fromBelow(curves).flatMap((curve) => validationMarks(curve, seeds > 1)),
      ],
    },
    {
      title: `Loss of ${summaries.map(({ arm }) => arm.name).join(', ')} (${name})`,
      legend: legendOf(comparison, curves),
      caption: [
        'Thick: validation loss on a fixed part; large marks and numbers: on the whole validation text at the end. Thin: training loss, smoothed.',
        ...(seeds > 1 ? [`Means over ${seeds} seeds; bands from the lowest to the highest.`] : []),
        ...(summaries.some(({ diverged }) => diverged.length > 0)
          ? ['The curve of an arm ends at the step at which the first of its seeds diverged.']
          : []),
        ...(complete ? [] : ['Stopped early: not all arms took all steps.']),
      ],
    },
  );
}
