/** Drawings of numbers: lines and steps over two axes, bars, and values along a line. Colours are the style sheet's. */
import { type Child, svg } from './dom.ts';

export interface Scale {
  (x: number): number;
  readonly ticks: readonly number[];
}

/** Round steps that cut a range into some five parts. */
function ticksOf(low: number, high: number, wanted: number): number[] {
  const rough = (high - low) / wanted;
  if (!(rough > 0)) return [low];
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].map((factor) => factor * power).find((one) => one >= rough)!;
  const ticks: number[] = [];
  for (let i = Math.ceil(low / step - 1e-9); i * step <= high + step * 1e-9; i++) ticks.push(i * step);
  return ticks;
}

/** A linear scale of a range onto pixels. */
export function linear(low: number, high: number, from: number, to: number, wanted = 6): Scale {
  const span = high - low || 1;
  return Object.assign((x: number) => from + ((x - low) / span) * (to - from), {
    ticks: ticksOf(low, high, wanted),
  });
}

export interface Series {
  readonly name: string;
  /** Index of its colour. */
  readonly colour: number;
  readonly points: readonly (readonly [x: number, y: number])[];
  /** Steps that keep the value until the next point, in place of straight lines. */
  readonly steps?: boolean;
  readonly dots?: boolean;
  readonly line?: boolean;
}

interface ChartGiven {
  readonly title: string;
  readonly x: string;
  readonly y: string;
  readonly series: readonly Series[];
  readonly xText?: (x: number) => string;
  readonly yText?: (y: number) => string;
  readonly xRange?: readonly [number, number];
  readonly yRange?: readonly [number, number];
  readonly height?: number;
  /** Labels beside dots. */
  readonly labels?: readonly {
    readonly at: readonly [number, number];
    readonly text: string;
    readonly colour: number;
  }[];
  /** Upright lines: moments. */
  readonly marks?: readonly { readonly x: number; readonly text: string }[];
}

const [width, left, right, top, bottom] = [720, 62, 14, 12, 40];

const finite = (values: readonly number[]): number[] => values.filter(Number.isFinite);

function rangeOf(values: readonly number[]): [number, number] {
  const known = finite(values);
  if (known.length === 0) return [0, 1];
  const low = known.reduce((a, b) => Math.min(a, b));
  const high = known.reduce((a, b) => Math.max(a, b));
  return low === high ? [low - 1, high + 1] : [low, high];
}

function pathOf({ points, steps }: Series, x: Scale, y: Scale): string {
  let path = '';
  let before: number | undefined;
  for (const [px, py] of points) {
    if (!Number.isFinite(px) || !Number.isFinite(py)) {
      before = undefined;
      continue;
    }
    const place = `${x(px).toFixed(1)},${y(py).toFixed(1)}`;
    if (before === undefined) path += `M${place}`;
    else path += steps ? `H${x(px).toFixed(1)}V${y(py).toFixed(1)}` : `L${place}`;
    before = py;
  }
  return path;
}

/** Lines over two axes. Its title is what a screen reader says in place of the drawing. */
export function chart(given: ChartGiven): SVGSVGElement {
  const { series, height = 260, xText = shortNumber, yText = shortNumber, labels = [], marks = [] } = given;
  const points = series.flatMap((one) => one.points);
  const x = linear(...(given.xRange ?? rangeOf(points.map(([at]) => at))), left, width - right, 8);
  const y = linear(...(given.yRange ?? rangeOf(points.map(([, at]) => at))), height - bottom, top, 5);
  return svg(
    'svg',
    { class: 'chart', viewBox: `0 0 ${width} ${height}`, role: 'img', 'aria-label': given.title },
    ...y.ticks.flatMap((tick) => [
      svg('line', { class: 'grid', x1: left, x2: width - right, y1: y(tick), y2: y(tick) }),
      svg('text', { class: 'tick', x: left - 8, y: y(tick) + 4, 'text-anchor': 'end' }, yText(tick)),
    ]),
    ...x.ticks.map((tick) =>
      svg(
        'text',
        { class: 'tick', x: x(tick), y: height - bottom + 18, 'text-anchor': 'middle' },
        xText(tick),
      ),
    ),
    svg('line', { class: 'axis', x1: left, x2: width - right, y1: height - bottom, y2: height - bottom }),
    svg('text', { class: 'axis-name', x: width - right, y: height - 4, 'text-anchor': 'end' }, given.x),
    svg(
      'text',
      { class: 'axis-name', transform: `translate(13 ${top}) rotate(-90)`, 'text-anchor': 'end' },
      given.y,
    ),
    ...marks.flatMap((mark) => [
      svg('line', { class: 'moment', x1: x(mark.x), x2: x(mark.x), y1: top, y2: height - bottom }),
      svg('text', { class: 'tick', x: x(mark.x) + 4, y: top + 10 }, mark.text),
    ]),
    ...series
      .filter(({ line = true }) => line)
      .map((one) => svg('path', { class: seriesClass(one.colour), d: pathOf(one, x, y) })),
    ...series
      .filter(({ dots }) => dots)
      .flatMap((one) =>
        one.points
          .filter((point) => point.every(Number.isFinite))
          .map(([px, py]) => svg('circle', { class: `dot c${one.colour}`, cx: x(px), cy: y(py), r: 4 })),
      ),
    ...labels
      .filter(({ at }) => at.every(Number.isFinite))
      .map(({ at: [px, py], text, colour }) => {
        const isFar = x(px) > width * 0.75;
        const place = { x: x(px) + (isFar ? -8 : 8), y: y(py) + 4, 'text-anchor': isFar ? 'end' : 'start' };
        return svg('text', { class: `label c${colour}`, ...place }, text);
      }),
  );
}

/** Six hues; who comes after them has one of them again, dashed. */
const seriesClass = (colour: number): string => `series c${colour % 6}${colour >= 6 ? ' dashed' : ''}`;

/** A number in few characters. */
export function shortNumber(x: number): string {
  if (x === 0) return '0';
  const magnitude = Math.abs(x);
  if (magnitude >= 1e5 || magnitude < 1e-3) return x.toExponential(0).replace('e+', 'e');
  return String(Number(x.toPrecision(4)));
}

/** Values along a line. */
interface LineRow {
  readonly name: string;
  readonly colour: number;
  readonly values: readonly number[];
}

/**
 * Values as ticks along a line, a row for each list.
 * @param place Where a value lies; NaN leaves it out.
 */
export function numberLine(
  title: string,
  rows: readonly LineRow[],
  place: (x: number) => number,
  range: readonly [number, number],
  text: (x: number) => string,
  chosen: number,
): SVGSVGElement {
  const rowHeight = 46;
  const height = rows.length * rowHeight + 30;
  const x = linear(range[0], range[1], left, width - right, 8);
  const ticks = rows.flatMap(({ values, colour, name }, row): Child[] => {
    const y = 10 + row * rowHeight;
    let path = '';
    let last = -Infinity;
    for (const value of values) {
      const at = x(place(value));
      // Ticks closer than a third of a pixel are one.
      if (!Number.isFinite(at) || at < left - 1 || at > width - right + 1 || at - last < 0.33) continue;
      path += `M${at.toFixed(2)},${y}v26`;
      last = at;
    }
    return [
      svg('line', { class: 'axis', x1: left, x2: width - right, y1: y + 26, y2: y + 26 }),
      svg('path', { class: `ticks c${colour}`, d: path }),
      svg('text', { class: `label c${colour}`, x: 0, y: y + 18 }, name),
    ];
  });
  const at = x(place(chosen));
  const isSeen = Number.isFinite(at) && at >= left - 1 && at <= width - right + 1;
  return svg(
    'svg',
    { class: 'chart line', viewBox: `0 0 ${width} ${height}`, role: 'img', 'aria-label': title },
    ...ticks,
    isSeen && svg('path', { class: 'chosen', d: `M${at.toFixed(2)},4v${rows.length * rowHeight - 10}` }),
    ...x.ticks.map((tick) =>
      svg('text', { class: 'tick', x: x(tick), y: height - 8, 'text-anchor': 'middle' }, text(tick)),
    ),
  );
}

/** Names and colours of what a drawing shows. */
export const legend = (names: readonly { readonly name: string; readonly colour: number }[]): HTMLElement => {
  const list = document.createElement('ul');
  list.className = 'legend';
  for (const { name, colour } of names) {
    const item = document.createElement('li');
    item.className = seriesClass(colour);
    item.textContent = name;
    list.append(item);
  }
  return list;
};
