/** The picture of `halfulp assign`: what assignments cost against their bytes, beside all layers in one format. */
import * as Plot from '@observablehq/plot';
import { type Look, lookAt, svgColour } from '../../experiments/looks.ts';
import type { Assignment } from '../../train/assign-formats.ts';
import { svgDocument } from '../report/svg.ts';
import type { Uniform } from './page.ts';

interface Point {
  readonly bits: number;
  readonly cost: number;
}

interface DotOptions {
  readonly paint?: 'fill' | 'stroke';
  readonly r: number;
}

/** An SVG document. Costs are on a logarithmic axis where none of them is below the least that it shows. */
export function frontPlot(
  { exact, greedy }: { readonly exact: readonly Point[]; readonly greedy: readonly Point[] },
  uniform: readonly Uniform[],
  { assigned, sensitivity }: { readonly assigned: Assignment<string>; readonly sensitivity: string },
): string {
  const [line, steps, alike, own] = [lookAt(0), lookAt(1), lookAt(2), lookAt(3)];
  const shown = [...exact, ...uniform, assigned];
  const positive = shown.filter(({ cost }) => cost > 0);
  const isLog = sensitivity !== 'loss' && positive.length > 1;
  const isThere = ({ cost }: Point): boolean => !isLog || cost > 0;
  const dots = (points: readonly Point[], look: Look, { paint = 'fill', r }: DotOptions) =>
    Plot.dot(points.filter(isThere), {
      ...{ x: 'bits', y: 'cost', [paint]: svgColour(look), symbol: look.symbol, r },
    });
  return svgDocument(
    {
      ...{ width: 820, height: 380, marginLeft: 66, marginRight: 90, marginTop: 12, marginBottom: 44 },
      x: {
        label: 'bits a weight, scales of groups included',
        labelAnchor: 'center',
        labelArrow: 'none',
        nice: true,
      },
      y: {
        ...{ label: `cost by ${sensitivity}`, labelAnchor: 'center', labelArrow: 'none', nice: true },
        ...(isLog ? { type: 'log', tickFormat: '.0e', ticks: 6 } : {}),
      },
      marks: [
        Plot.gridX({ strokeOpacity: 0.12 }),
        Plot.gridY({ strokeOpacity: 0.12 }),
        Plot.line(exact.filter(isThere), {
          ...{ x: 'bits', y: 'cost', stroke: svgColour(line), strokeWidth: 2, curve: 'step-after' },
        }),
        dots(greedy, steps, { paint: 'stroke', r: 3 }),
        dots(uniform, alike, { r: 5 }),
        Plot.text(uniform.filter(isThere), {
          ...{
            x: 'bits',
            y: 'cost',
            text: 'format',
            dx: 8,
            dy: -8,
            textAnchor: 'start',
            fill: 'currentColor',
          },
        }),
        dots([assigned], own, { r: 6 }),
      ],
    },
    {
      title: 'Cost of assignments of formats against bits a weight',
      legend: [
        { text: 'exact', look: line },
        { text: 'greedy', look: steps },
        { text: 'all layers alike', look: alike },
        { text: 'chosen', look: own },
      ],
      caption: ['A point of the line is beaten by no assignment in both bits and cost.'],
    },
  );
}
