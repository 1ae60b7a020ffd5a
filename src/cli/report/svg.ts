/** SVG files of the command's plots, drawn by Observable Plot with linkedom's document; no browser is needed. */
import * as Plot from '@observablehq/plot';
import { parseHTML } from 'linkedom';
import { type Frame, framed } from '../../experiments/frame.ts';

/** A complete SVG document of a plot with its legend and caption above. `height` is that of the plot alone. */
export function svgDocument(
  options: Plot.PlotOptions & { width: number; height: number },
  frame: Frame,
): string {
  return framed({ Plot, document: parseHTML('<html></html>').document }, options, frame);
}
