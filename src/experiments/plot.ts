/** Rows as a picture: an SVG file by Observable Plot, which is an optional package, with the frame of all plots of this one. */
import type * as ObservablePlot from '@observablehq/plot';
import {
  checkAbsent,
  checkEach,
  checkFields,
  checkList,
  checkObject,
  checkSome,
  checkString,
  integerInRange,
  isRecord,
  numberInRange,
  oneOf,
  pathOf,
} from '../check.ts';
import { ArgumentError } from '../errors.ts';
import { wordsFor } from '../nearest-words.ts';
import { optionalPackage } from '../optional.ts';
import { type Drawing, framed } from './frame.ts';
import { lookAt, svgColour } from './looks.ts';
import { writePicture } from './picture-file.ts';

/** What is read of a row: a field of it, or what a function makes of it. */
export type Channel<Row> = (keyof Row & string) | ((row: Row) => unknown);

/** A channel with how its axis looks. */
export interface PlotAxis<Row> {
  readonly value: Channel<Row>;
  /** Default: the field's name. `null`: none. */
  readonly label?: string | null;
  /** Default: linear for numbers, else a place for each word, in the order of the rows. */
  readonly type?: 'linear' | 'log';
  /** The ends, or the words in their order. What lies beyond an end is left out. */
  readonly domain?: readonly (number | string)[];
}

export interface PlotOptions<Row> {
  readonly x: Channel<Row> | PlotAxis<Row>;
  readonly y: Channel<Row> | PlotAxis<Row>;
  /** What surrounds y (x where y is words): the two ends as a pair, such as the `interval` of `repeat`, or half the width, such as its `sd`. */
  readonly band?: Channel<Row>;
  /** One line, or colour, for each value of it, with a legend. */
  readonly series?: Channel<Row>;
  /** One panel beside the other for each value of it. */
  readonly facet?: Channel<Row>;
  /** A word at each row. */
  readonly text?: Channel<Row>;
  /**
   * Default `'line'`, through the rows in their order; `'bar'`s lie where y is words; a `'cell'` is where x, numbers at even distances, and y,
   * words, meet, and the darker the larger its `fill`.
   */
  readonly kind?: 'line' | 'dot' | 'bar' | 'cell';
  /** Of cells. */
  readonly fill?: Channel<Row>;
  /** Dashed lines across, by their names. */
  readonly rules?: Readonly<Record<string, number>>;
  /** For screen readers. Default: y against x. */
  readonly title?: string;
  /** Small lines above the plot. */
  readonly caption?: readonly string[];
  /** In pixels. Defaults 820 and 440. */
  readonly width?: number;
  readonly height?: number;
  /** A file to write, in Node: whole or not at all. */
  readonly file?: string;
}

const names: readonly (keyof PlotOptions<object>)[] = [
  ...(['x', 'y', 'band', 'series', 'facet', 'text', 'kind', 'fill', 'rules', 'title', 'caption'] as const),
  ...(['width', 'height', 'file'] as const),
];
/** Points of a series up to which each has its symbol. */
const fewPoints = 40;
/** Pixels of a character, about. */
const characterWidth = 7.2;

/** Imported by a name in a variable: bundlers leave it alone, as it is not there for everybody. */
const load = async (name: string): Promise<unknown> => import(/* @vite-ignore */ name);

/** Observable Plot, and the page's document or one of `linkedom`. Throws ArgumentError where one is not installed. */
async function drawing(): Promise<Drawing> {
  const plot = '@observablehq/plot';
  const Plot = (await optionalPackage('plot', plot, () => load(plot))) as typeof ObservablePlot;
  const { document } = globalThis as { document?: Document };
  if (document !== undefined) return { Plot, document };
  const { parseHTML } = (await optionalPackage('plot', 'linkedom', () => load('linkedom'))) as {
    parseHTML(html: string): { document: Document };
  };
  return { Plot, document: parseHTML('<html></html>').document };
}

/** A channel for the rows: each value of it. Throws ArgumentError for a field that no row has. */
function valuesOf<Row>(path: string, channel: unknown, rows: readonly Row[]): unknown[] {
  if (typeof channel === 'function') return rows.map((row) => (channel as (row: Row) => unknown)(row));
  const fields = [...new Set(rows.flatMap((row) => Object.keys(row as object)))];
  if (typeof channel !== 'string' || !fields.includes(channel))
    throw new ArgumentError(path, channel, `a function of a row, or a field: ${wordsFor(channel, fields)}`);
  return rows.map((row) => (row as Readonly<Record<string, unknown>>)[channel]);
}

interface Axis {
  readonly values: unknown[];
  readonly isWords: boolean;
  readonly scale: Readonly<Record<string, unknown>>;
  readonly label: string | null;
}

/** How numbers of a logarithmic axis are written: powers of ten alone where it spans several. */
function logarithmicTicks(values: readonly unknown[]): (tick: number) => string {
  const positive = values.filter((one): one is number => typeof one === 'number' && one > 0);
  const decades = Math.log10(Math.max(...positive) / Math.min(...positive));
  return (tick) => {
    const isPower = Number.isInteger(Math.round(Math.log10(tick) * 1e6) / 1e6);
    return isPower || decades < 2 ? String(Number(tick.toPrecision(3))) : '';
  };
}

function axisOf<Row>(path: string, given: PlotOptions<Row>['x'] | undefined, rows: readonly Row[]): Axis {
  const isAxis = typeof given === 'object';
  const { value, ...look } = isAxis
    ? checkFields<PlotAxis<Row>>(path, given, ['value', 'label', 'type', 'domain'])
    : { value: given };
  const values = valuesOf(isAxis ? `${path}.value` : path, value, rows);
  const isWords = values.some((one) => typeof one === 'string');
  const { label = typeof value === 'string' ? value : path, type, domain } = look as Partial<PlotAxis<Row>>;
  if (type !== undefined) oneOf(`${path}.type`, type, ['linear', 'log']);
  if (label !== null) checkString(`${path}.label`, label);
  if (domain !== undefined)
    checkEach(
      `${path}.domain`,
      checkList(`${path}.domain`, domain),
      (end) => typeof end === 'number' || typeof end === 'string',
      'a number or a word',
    );
  const words = isWords ? { domain: domain ?? [...new Set(values)] } : { domain };
  const scale = { label, labelAnchor: 'center', labelArrow: 'none', type, ...words };
  if (type === 'log') Object.assign(scale, { tickFormat: logarithmicTicks(domain ?? values) });
  return {
    ...{ values, isWords, label },
    scale: Object.fromEntries(Object.entries(scale).filter(([, one]) => one !== undefined)),
  };
}

/** Both ends of what surrounds a value. */
function endsOf(path: string, value: unknown, band: unknown): readonly [number, number] {
  if (typeof band === 'number') return [(value as number) - band, (value as number) + band];
  const isPair = Array.isArray(band) && band.length === 2 && band.every((end) => typeof end === 'number');
  if (!isPair) throw new ArgumentError(path, band, 'the two ends, or half the width, in each row');
  return band as unknown as [number, number];
}

/** A row as it is drawn. */
interface Point {
  readonly x: unknown;
  readonly y: unknown;
  readonly low?: number;
  readonly high?: number;
  readonly series: string;
  readonly facet?: unknown;
  readonly text?: unknown;
  readonly fill?: unknown;
}

type Marks = ObservablePlot.Markish[];

/** The marks of one series. */
function marksOf(
  { Plot }: Drawing,
  points: readonly Point[],
  index: number,
  { kind, isSideways, hasFacets }: { kind: string; isSideways: boolean; hasFacets: boolean },
): Marks {
  const look = lookAt(index);
  const colour = svgColour(look);
  const panel = hasFacets ? { fx: 'facet' } : {};
  const place = { x: 'x', y: 'y', ...panel };
  const hasBand = points.some(({ low }) => low !== undefined);
  const whisker = { ...panel, stroke: colour, strokeWidth: 1.5 };
  const marks: Marks = [];
  if (hasBand && kind === 'line')
    marks.push(
      Plot.areaY(points, { ...panel, x: 'x', y1: 'low', y2: 'high', fill: colour, fillOpacity: 0.2 }),
    );
  if (kind === 'line')
    marks.push(Plot.line(points, { ...place, stroke: colour, strokeWidth: 2, clip: true }));
  if (kind === 'bar') {
    const bar = { ...place, fill: colour, fillOpacity: 0.85 };
    marks.push(isSideways ? Plot.barX(points, bar) : Plot.barY(points, bar));
  }
  if (kind === 'cell') {
    const places = [...new Set(points.map(({ x }) => Number(x)))].sort((a, b) => a - b);
    const steps = places.slice(1).map((place, i) => place - places[i]!);
    const width = steps.length === 0 ? 1 : Math.min(...steps);
    const x2 = ({ x }: Point): number => Number(x) + width;
    marks.push(Plot.barX(points, { ...panel, x1: 'x', x2, y: 'y', fill: 'fill' }));
  }
  if (hasBand && kind !== 'line')
    marks.push(
      isSideways
        ? Plot.ruleY(points, { ...whisker, y: 'y', x1: 'low', x2: 'high' })
        : Plot.ruleX(points, { ...whisker, x: 'x', y1: 'low', y2: 'high' }),
    );
  if (kind === 'dot' || (kind === 'line' && points.length <= fewPoints))
    marks.push(Plot.dot(points, { ...place, fill: colour, symbol: look.symbol, r: 3.5, clip: true }));
  if (points.some(({ text }) => text !== undefined))
    marks.push(
      isSideways
        ? Plot.text(points, { ...place, text: 'text', textAnchor: 'start', dx: 6 })
        : Plot.text(points, { ...place, text: 'text', dy: -9 }),
    );
  return marks;
}

/** Rows as points, series by series. */
function pointsOf<Row>(
  rows: readonly Row[],
  { band, series, facet, text, fill }: Partial<PlotOptions<Row>>,
  [x, y]: readonly [Axis, Axis],
): ReadonlyMap<string, Point[]> {
  const read = (path: string, channel: unknown): unknown[] | undefined =>
    channel === undefined ? undefined : valuesOf(path, channel, rows);
  const [bands, groups, facets] = [read('band', band), read('series', series), read('facet', facet)];
  const [texts, fills] = [read('text', text), read('fill', fill)];
  const bySeries = new Map<string, Point[]>();
  rows.forEach((_, i) => {
    const [low, high] =
      bands === undefined ? [] : endsOf(pathOf('band', i), (y.isWords ? x : y).values[i], bands[i]);
    const name = String(groups?.[i] ?? '');
    const point = {
      ...{ x: x.values[i], y: y.values[i], series: name },
      ...(low !== undefined && high !== undefined && { low, high }),
      ...(facets !== undefined && { facet: facets[i] }),
      ...(texts !== undefined && { text: texts[i] }),
      ...(fills !== undefined && { fill: fills[i] }),
    };
    if (!bySeries.has(name)) bySeries.set(name, []);
    bySeries.get(name)!.push(point);
  });
  return bySeries;
}

/**
 * Draws rows, with Observable Plot: a line, dots or bars, with what surrounds them.
 *
 * @param rows Objects; `x`, `y` and the other channels say what of them is drawn.
 * @returns The text of an SVG file, which goes with light and dark surroundings; `file` writes it as well.
 * @throws ArgumentError for an argument, and if `@observablehq/plot` or (without a page) `linkedom`, which are not bundled, is not
 *   installed.
 *
 * @example
 * const rows = [4, 6, 8].map((bits) => ({ bits, ...repeat(30, (seed) => errorOf(bits, seed)) }));
 * await plot(rows, { x: 'bits', y: { value: 'mean', type: 'log' }, band: 'interval', file: 'error.svg' });
 */
export async function plot<Row extends object>(
  rows: readonly Row[],
  options: PlotOptions<Row>,
): Promise<string> {
  checkSome('rows', checkList('rows', rows, 'an array of objects'), 'at least one row');
  for (const [i, row] of rows.entries()) checkObject(pathOf('rows', i), row);
  const given = checkFields('options', options, names);
  const kind = oneOf('kind', given.kind, ['line', 'dot', 'bar', 'cell'], 'line');
  const width = integerInRange('width', given.width, 100, 10_000, 820);
  const height = integerInRange('height', given.height, 100, 10_000, 440);
  if (kind !== 'cell') checkAbsent('fill', given.fill, "kind: 'cell'");
  const [x, y] = [axisOf('x', given.x, rows), axisOf('y', given.y, rows)];
  const bySeries = pointsOf(rows, given, [x, y]);
  const rules = Object.entries(checkObject('rules', given.rules === undefined ? {} : given.rules)).map(
    ([name, at]) => [name, numberInRange(pathOf('rules', name), at)] as const,
  );
  const title = checkString('title', given.title, `${y.label ?? 'y'} against ${x.label ?? 'x'}`);
  const caption = checkList('caption', given.caption === undefined ? [] : given.caption).map((line, i) =>
    checkString(pathOf('caption', i), line),
  );
  if (given.file !== undefined) checkString('file', given.file);
  const tools = await drawing();
  const { Plot } = tools;
  const how = { kind, isSideways: y.isWords, hasFacets: given.facet !== undefined };
  const longest = y.isWords ? Math.max(...y.values.map((word) => String(word).length)) : 0;
  const texts = y.isWords && given.text !== undefined ? 90 : 0;
  // A legend tells the words of an axis already.
  const isTold =
    given.series !== undefined &&
    given.series === (isRecord(given.x) ? (given.x as PlotAxis<Row>).value : given.x);
  const axes = { x: isTold && x.isWords ? { ...x.scale, axis: null } : x.scale, y: y.scale };
  const svg = framed(
    tools,
    {
      ...{ width, height, ...axes, marginTop: how.hasFacets ? 30 : 14, marginBottom: 44 },
      ...{ marginLeft: Math.max(62, 20 + longest * characterWidth), marginRight: 30 + texts },
      ...(kind === 'cell' && { color: { scheme: 'YlOrRd' } }),
      ...(how.hasFacets && {
        fx: { label: null, domain: [...new Set([...bySeries.values()].flat().map(({ facet }) => facet))] },
      }),
      marks: [
        ...(x.isWords ? [] : [Plot.gridX({ strokeOpacity: 0.12 })]),
        ...(y.isWords ? [] : [Plot.gridY({ strokeOpacity: 0.12 })]),
        ...[...bySeries.values()].flatMap((points, i) => marksOf(tools, points, i, how)),
        ...rules.flatMap(([name, at]) => [
          Plot.ruleY([at], { strokeDasharray: '4,4' }),
          Plot.text([name], {
            y: () => at,
            frameAnchor: 'right',
            textAnchor: 'end',
            dx: -4,
            dy: -7,
            text: () => name,
          }),
        ]),
        ...(how.hasFacets ? [Plot.frame({ strokeOpacity: 0.3 })] : []),
      ],
    } as ObservablePlot.PlotOptions & { width: number; height: number },
    {
      title,
      legend:
        given.series === undefined ? [] : [...bySeries.keys()].map((text, i) => ({ text, look: lookAt(i) })),
      caption,
    },
  );
  if (given.file !== undefined) writePicture(given.file, svg);
  return svg;
}
