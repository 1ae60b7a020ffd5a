/**
 * What rounding did, by layer and step, as SVG: the heat map of an emulation's log. What is counted is `src/tfjs/log.ts`, what
 * surrounds the picture svg.ts.
 */
import * as Plot from '@observablehq/plot';
import { ArgumentError } from '../../errors.ts';
import type { HeatMapCell } from '../../tfjs/index.ts';
import { svgDocument } from './svg.ts';

/** Names of what lies in no layer. */
const outside = '(no layer)';

/**
 * @param cells of `emulation.log.heatMap(measure)`
 * @param measure what the values are, for the legend: `'underflow, share of elements'`
 * @throws ArgumentError if there are no cells
 */
export function heatMapSvg(cells: readonly HeatMapCell[], measure: string, title: string): string {
  if (cells.length === 0) throw new ArgumentError('cells', cells, 'at least one cell');
  const rows = cells.map((cell) => ({ ...cell, layer: cell.layer === '' ? outside : cell.layer }));
  const layers = [...new Set(rows.map(({ layer }) => layer))];
  const largest = rows.reduce((most, { value }) => Math.max(most, value), 0);
  const longest = layers.reduce((most, { length }) => Math.max(most, length), 0);
  return svgDocument(
    {
      width: 900,
      height: 60 + 22 * layers.length,
      marginLeft: Math.min(20 + 7 * longest, 320),
      x: { label: 'step', type: 'linear' },
      y: { label: null, domain: layers },
      color: { scheme: 'YlOrRd', domain: [0, largest || 1], label: measure, legend: false },
      marks: [
        Plot.barX(rows, { x1: 'step', x2: ({ step }: HeatMapCell) => step + 1, y: 'layer', fill: 'value' }),
      ],
    },
    { title, legend: [], caption: [`${measure}: 0 (light) to ${largest.toPrecision(3)} (dark)`] },
  );
}
