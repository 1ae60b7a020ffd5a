/**
 * An SVG file around a plot of Observable Plot: a background that goes with the text colour in light and dark
 * surroundings, a legend, a caption, a title for screen readers. Plot and the document that it draws with are given: they are
 * optional packages.
 */
import type * as Plot from '@observablehq/plot';
import { type Look, svgColour } from './looks.ts';

/** What draws. */
export interface Drawing {
  readonly Plot: typeof Plot;
  readonly document: Document;
}

/** One entry of a legend. */
export interface LegendEntry {
  readonly text: string;
  readonly look: Look | 'transition';
}

/** What is written around the plot. */
export interface Frame {
  /** For screen readers and tooltips. */
  readonly title: string;
  readonly legend: readonly LegendEntry[];
  /** Small lines below the legend. */
  readonly caption: readonly string[];
}

/** Escapes text for element content and attributes of SVG and HTML. */
export const escapeMarkup = (text: string): string =>
  text.replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`);

/** Characters of 12-pixel text are at most about this wide, in pixels. */
const characterWidth = 6.9;
const swatchWidth = 32;
const rowHeight = 20;
const captionHeight = 16;

const styles = `
.halfulp-plot { color: #1f2328; font: 12px system-ui, -apple-system, "Segoe UI", "DejaVu Sans", sans-serif; max-width: 100%; height: auto; }
.halfulp-plot .paper { fill: #ffffff; }
@media (prefers-color-scheme: dark) {
  .halfulp-plot { color: #d1d7e0; }
  .halfulp-plot .paper { fill: #0d1117; }
}`;

/** A symbol as SVG, around the origin. */
function symbolMark(look: Look, { Plot, document }: Drawing): string {
  const scale = { domain: [0, 1], range: [0, 1], axis: null };
  const mark = Plot.dot([[0, 0]], { symbol: look.symbol, r: 4 });
  const dot = Plot.plot({ document, x: scale, y: scale, marks: [mark] });
  return dot.querySelector('[aria-label="dot"] > *')?.outerHTML ?? '';
}

function swatch(look: LegendEntry['look'], drawing: Drawing): string {
  if (look === 'transition') {
    return '<path d="M14,-7V7" stroke="currentColor" stroke-dasharray="3,3" fill="none"/>';
  }
  const dash = look.dashed ? ' stroke-dasharray="5,4"' : '';
  return (
    `<g fill="${svgColour(look)}" stroke="${svgColour(look)}"><path d="M1,0H27" stroke-width="2"${dash}/>` +
    `<g transform="translate(14,0)" stroke="none">${symbolMark(look, drawing)}</g></g>`
  );
}

/** The legend in columns of equal width, and the caption below it. */
function heading(frame: Frame, width: number, drawing: Drawing): { svg: string; height: number } {
  const longest = Math.max(0, ...frame.legend.map(({ text }) => text.length));
  const entryWidth = swatchWidth + longest * characterWidth + 16;
  const columns = Math.max(1, Math.min(frame.legend.length, Math.floor(width / entryWidth)));
  const entries = frame.legend.map(({ text, look }, index) => {
    const x = (index % columns) * entryWidth;
    const y = 18 + Math.floor(index / columns) * rowHeight;
    return (
      `<g transform="translate(${x.toFixed(1)},${y})">${swatch(look, drawing)}` +
      `<text x="${swatchWidth}" dy="0.32em">${escapeMarkup(text)}</text></g>`
    );
  });
  const rows = Math.ceil(frame.legend.length / columns);
  const captionTop = 18 + rows * rowHeight + (rows > 0 ? 2 : 0);
  const lines = frame.caption.map(
    (text, index) =>
      `<text y="${captionTop + index * captionHeight}" dy="0.32em" font-size="11" opacity="0.8">${escapeMarkup(text)}</text>`,
  );
  return {
    svg: `<g text-anchor="start" fill="currentColor">${[...entries, ...lines].join('\n')}</g>`,
    height: captionTop + frame.caption.length * captionHeight,
  };
}

/** A complete SVG document of a plot with its legend and caption above. `height` is that of the plot alone. */
export function framed(
  drawing: Drawing,
  options: Plot.PlotOptions & { width: number; height: number },
  frame: Frame,
): string {
  const { Plot, document } = drawing;
  const { width, marginLeft = 0, marginRight = 0 } = options;
  const plot = Plot.plot({ ...options, document });
  for (const style of plot.querySelectorAll('style')) style.remove();
  const above = heading(frame, width - marginLeft - marginRight, drawing);
  const height = options.height + above.height;
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" class="halfulp-plot" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" role="img">`,
    `<title>${escapeMarkup(frame.title)}</title>`,
    `<style>${styles}\n</style>`,
    '<rect class="paper" width="100%" height="100%" rx="6"/>',
    `<g transform="translate(${marginLeft},0)">${above.svg}</g>`,
    `<g transform="translate(0,${above.height})" fill="currentColor" text-anchor="middle">${plot.innerHTML}</g>`,
    '</svg>\n',
  ].join('\n');
}
