/** Drawings of numbers: lines, steps and dots over two axes. Colours are the style sheet's. */
import { type Child, svg } from './dom.ts';
import { placeLabels, textWidth } from './labels.ts';

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
  readonly dotSize?: number;
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

const [left, right, top, bottom] = [54, 14, 28, 40];

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

/** The drawing of a chart, as wide as the sheet. Its title is what a screen reader says in its place. */
export const figure = (title: string, width: number, height: number, ...children: readonly Child[]) =>
  svg(
    'svg',
    { class: 'chart', viewBox: `0 0 ${width} ${height}`, width, height, role: 'img', 'aria-label': title },
    ...children,
  );

/** Pixels that a drawing may be wide where it will stand. */
export function paperWidth(): number {
  const wide = document.querySelector('.laboratory .sheet')?.clientWidth || 720;
  return Math.max(280, Math.min(900, wide));
}

/** Lines across and numbers beside them. */
const horizontals = (y: Scale, width: number, text: (y: number) => string): Child[] =>
  y.ticks.flatMap((tick) => [
    svg('line', { class: 'grid', x1: left, x2: width - right, y1: y(tick), y2: y(tick) }),
    svg('text', { class: 'tick', x: left - 8, y: y(tick) + 4, 'text-anchor': 'end' }, text(tick)),
  ]);

const axisNames = (x: string, y: string, width: number, height: number): Child[] => [
  svg('line', { class: 'axis', x1: left, x2: width - right, y1: height - bottom, y2: height - bottom }),
  svg('text', { class: 'axis-name', x: width - right, y: height - 4, 'text-anchor': 'end' }, x),
  svg('text', { class: 'axis-name', x: 0, y: 14 }, y),
];

/** Labels beside dots, with a line to those that stand far off. */
function labelled(
  labels: Required<ChartGiven>['labels'],
  x: Scale,
  y: Scale,
  bounds: Parameters<typeof placeLabels>[1],
): Child[] {
  const known = labels.filter(({ at }) => at.every(Number.isFinite));
  const dots = known.map(({ at: [px, py], text }) => ({ x: x(px), y: y(py), text }));
  return placeLabels(dots, bounds).flatMap((place, i): Child[] => {
    if (place === undefined) return [];
    const { x: px, y: py, text } = dots[i]!;
    const end = Math.max(place.x, Math.min(px, place.x + textWidth(text)));
    const lead = svg('path', {
      class: 'lead',
      d: `M${px},${py}L${end},${place.y - (place.y < py ? -3 : 10)}`,
    });
    return [
      place.isFar && lead,
      svg('text', { class: `label c${known[i]!.colour}`, x: place.x, y: place.y }, text),
    ];
  });
}

/** Lines over two axes. */
export function chart(given: ChartGiven): SVGSVGElement {
  const { series, height = 260, xText = shortNumber, yText = shortNumber, labels = [], marks = [] } = given;
  const width = paperWidth();
  const points = series.flatMap((one) => one.points);
  const [low, high] = given.xRange ?? rangeOf(points.map(([at]) => at));
  const x = linear(low, high, left, width - right, Math.max(5, Math.floor(width / 90)));
  const y = linear(...(given.yRange ?? rangeOf(points.map(([, at]) => at))), height - bottom, top, 5);
  return figure(
    given.title,
    width,
    height,
    ...horizontals(y, width, yText),
    ...x.ticks.map((tick) =>
      svg(
        'text',
        { class: 'tick', x: x(tick), y: height - bottom + 16, 'text-anchor': 'middle' },
        xText(tick),
      ),
    ),
    ...axisNames(given.x, given.y, width, height),
    ...marks
      .filter((mark) => mark.x >= low && mark.x <= high)
      .flatMap((mark, i) => {
        const isFar = x(mark.x) > width / 2;
        const place = { x: x(mark.x) + (isFar ? -4 : 4), y: top - 4 + 14 * i };
        return [
          svg('line', { class: 'moment', x1: x(mark.x), x2: x(mark.x), y1: top, y2: height - bottom }),
          svg('text', { class: 'tick', ...place, 'text-anchor': isFar ? 'end' : 'start' }, mark.text),
        ];
      }),
    ...series
      .filter(({ line = true }) => line)
      .map((one) => svg('path', { class: seriesClass(one.colour), d: pathOf(one, x, y) })),
    ...series
      .filter(({ dots }) => dots)
      .flatMap((one) =>
        one.points
          .filter((point) => point.every(Number.isFinite))
          .map(([px, py]) =>
            svg('circle', { class: `dot c${one.colour % 6}`, cx: x(px), cy: y(py), r: one.dotSize ?? 4 }),
          ),
      ),
    ...labelled(labels, x, y, { left, right: width, top: top - 12, bottom: height - bottom }),
  );
}

interface BarGroup {
  readonly name: string;
  /** From 0 to 1. `mark`: what a line across the bar says it should be. */
  readonly bars: readonly { readonly colour: number; readonly share: number; readonly mark: number }[];
}

/** Groups of bars of shares, each with a mark. */
export function histogram(title: string, y: string, groups: readonly BarGroup[]): SVGSVGElement {
  const [width, height] = [Math.min(560, paperWidth()), 240];
  const scale = linear(0, 100, height - bottom, top, 5);
  const room = (width - right - left) / groups.length;
  return figure(
    title,
    width,
    height,
    ...horizontals(scale, width, shortNumber),
    ...axisNames('', y, width, height),
    ...groups.flatMap(({ name, bars }, group) => {
      const wide = Math.min(48, (0.7 * room) / bars.length);
      const middle = left + (group + 0.5) * room;
      const start = middle - (wide * bars.length) / 2;
      // Long names stand one below the other.
      const down = textWidth(name) > room ? 16 * (group % 2) : 0;
      const x = Math.max(textWidth(name) / 2, Math.min(width - textWidth(name) / 2, middle));
      return [
        svg('text', { class: 'label', x, y: height - bottom + 18 + down, 'text-anchor': 'middle' }, name),
        ...bars.flatMap(({ colour, share, mark }, i) => {
          const at = start + i * wide;
          return [
            svg('rect', {
              class: `bar-fill c${colour}`,
              ...{ x: at + 2, y: scale(100 * share), width: wide - 4, height: scale(0) - scale(100 * share) },
            }),
            svg('path', { class: 'bar-mark', d: `M${at},${scale(100 * mark)}h${wide}` }),
          ];
        }),
      ];
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
