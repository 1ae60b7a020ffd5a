/**
 * How well a sweep's arms end against what a weight costs: bits that the forward product reads, or bytes that training
 * keeps for a parameter.
 */
import * as Plot from '@observablehq/plot';
import { svgColour } from '../../experiments/looks.ts';
import { divergedInWords } from '../diverged.ts';
import { svgDocument } from '../report/svg.ts';
import { looksOfSweep } from './looks.ts';
import type { SweepResults } from './results.ts';
import { lossUnit } from './tables.ts';

const costs = {
  bits: { label: 'bits per weight of the linear layers', type: 'log', title: 'bits per weight' },
  bytes: {
    label: 'bytes per parameter: weights, optimiser state and gradients as they are held',
    type: 'linear',
    title: 'bytes per parameter',
  },
} as const;

/** How well the arms end against what a weight costs; null where all cost the same. Arms of equal cost stand side by side. */
export function costFigure(
  { sweep, rows }: SweepResults,
  cost: keyof typeof costs,
  measure: 'validationLoss' | 'accuracy' = 'validationLoss',
): string | null {
  const { places, panelLegend } = looksOfSweep(sweep);
  const points = rows.flatMap(({ measures, bitsPerWeight }, i) => {
    const x = cost === 'bits' ? bitsPerWeight : (measures.bytesPerParameter?.mean ?? null);
    const value = measures[measure];
    if (value === null || x === null || !Number.isFinite(value.mean)) return [];
    const { mean, deviation } = value;
    return [
      { x, mean, low: mean - (deviation ?? 0), high: mean + (deviation ?? 0), look: places[i]!.panelLook },
    ];
  });
  const diverged = rows.filter((row) => row.diverged.length > 0);
  const { label, type, title } = costs[cost];
  if (new Set(points.map(({ x }) => x)).size < 2) return null;
  const aside = points.map((point, i) => {
    const equal = points.filter(({ x }) => x === point.x);
    const place = points.slice(0, i).filter(({ x }) => x === point.x).length - (equal.length - 1) / 2;
    const all = points.map(({ x }) => x);
    const unit = Math.min(1 / 70, 0.16 / equal.length);
    return type === 'log'
      ? point.x * (Math.max(...all) / Math.min(...all)) ** (unit * place)
      : point.x + (Math.max(...all) - Math.min(...all)) * unit * place;
  });
  return svgDocument(
    {
      ...{ width: 820, height: 320, marginLeft: 52, marginRight: 18, marginTop: 10, marginBottom: 46 },
      x: {
        ...{ type, label, inset: 24, labelAnchor: 'center', labelArrow: 'none' },
        ...(type === 'log'
          ? {
              ticks: [...new Set(points.map(({ x }) => x))],
              tickFormat: (x: number) => x.toFixed(2).replace(/\.?0+$/, ''),
            }
          : { nice: true }),
      },
      y: {
        ...{
          label: measure === 'accuracy' ? 'accuracy' : `validation loss, nats per ${lossUnit(sweep)}`,
          labelAnchor: 'center',
          labelArrow: 'none',
        },
        ...{ nice: true, inset: 6 },
      },
      marks: [
        Plot.gridY({ strokeOpacity: 0.12 }),
        ...points.flatMap(({ look, mean, low, high }, i) => [
          Plot.ruleX([aside[i]!], { y1: low, y2: high, stroke: svgColour(look) }),
          Plot.dot([[aside[i]!, mean]], { fill: svgColour(look), symbol: look.symbol, r: 4.5 }),
        ]),
      ],
    },
    {
      title: `${measure === 'accuracy' ? 'Accuracy' : 'Loss'} against ${title}, ${sweep.title}`,
      legend: panelLegend,
      caption: [
        'At the end; lines: one standard deviation over seeds. Arms of equal cost stand side by side.',
        ...diverged.map(
          ({ arm, diverged: list, seeds }) =>
            `Not shown: ${arm.name}, ${divergedInWords(list, seeds.length)}.`,
        ),
      ],
    },
  );
}
