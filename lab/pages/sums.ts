/** The part of the page of arithmetic that shows sums: the accumulators beside each other, and every partial sum of one of them. */
import type { Accumulated, ComparedSum, SumsSheet } from '../compute/sums.ts';
import { chart, figure, legend, paperWidth } from '../view/chart.ts';
import { type Child, el, svg } from '../view/dom.ts';
import { textWidth } from '../view/labels.ts';
import type { Instrument } from '../view/page.ts';
import { part, table } from '../view/table.ts';

const shown = (x: number): string => (Object.is(x, -0) ? '-0' : String(x));

/** `1 to 8`, counted from 1. */
const stretch = ({ from, to }: { from: number; to: number }): string =>
  to - from === 1 ? `${to}` : `${from + 1} to ${to}`;

/** Errors of the sums of the first terms; where there is none, the line has a gap. */
function errors({ accumulators }: SumsSheet): SVGSVGElement {
  const relative = ({ partials }: Accumulated): [number, number][] =>
    partials
      .filter(({ from }) => from === 0)
      .map(({ to, sum, exact }) => {
        const error = Math.abs((sum - exact) / exact);
        return [to, error === 0 ? Number.NaN : Math.log10(error)];
      });
  return chart({
    title: 'Relative error of each accumulator after the first terms, logarithmic',
    ...{ x: 'terms', y: 'relative error', height: 300 },
    yText: (y) => (Number.isInteger(y) ? `1e${y}` : ''),
    series: accumulators.map((one, i) => ({
      ...{ name: one.name, colour: i, points: relative(one) },
      ...{ dots: true, dotSize: 2 },
    })),
  });
}

/** Terms whose sums a table shows: all of a few, of many the first, those of a power of two, and then fewer and fewer. */
function termsShown(count: number): number[] {
  if (count <= 40) return Array.from({ length: count }, (_, k) => k);
  const chosen = new Set<number>([count - 1]);
  for (let k = 0; k < 16; k++) chosen.add(k);
  for (let k = 16; k < count; k = Math.ceil(k * 1.15)) chosen.add(k);
  for (let k = 32; k <= count; k *= 2) chosen.add(k - 1);
  return [...chosen].sort((a, b) => a - b);
}

function results({ accumulators, y, apart, look }: SumsSheet, page: Instrument): HTMLElement[] {
  const name = (one: string): HTMLElement =>
    el('button', { type: 'button', class: 'plain', click: () => page.form.set({ look: one }) }, one);
  return [
    table({
      caption: `Results of the accumulators, ${y === undefined ? 'sum' : 'inner product'}`,
      columns: [
        'accumulator',
        { head: 'result', number: true },
        'sums held in',
        { head: 'relative error', number: true },
        { head: 'first parts from the exact sum', number: true },
      ],
      rows: accumulators.map(({ name: one, format, result, error, parts }) => [
        name(one),
        el('output', { 'data-accumulator': one, 'data-value': result.hex }, result.text),
        format,
        error === 0 ? '0' : error.toExponential(2),
        parts === undefined ? 'never' : `terms ${stretch(parts)}`,
      ]),
      rowClass: (i) => (i === look ? 'chosen' : undefined),
    }),
    el(
      'p',
      { class: 'note', 'data-apart': apart?.terms ?? 0 },
      apart === undefined
        ? 'No two accumulators hold different sums of the same first terms.'
        : `Accumulators part from each other after ${apart.terms === 1 ? 'one term' : `${apart.terms} terms`}: ${apart.names.join(' and ')}.`,
    ),
  ];
}

function prefixes({ accumulators, exact, x, y, apart }: SumsSheet): HTMLElement {
  const held = accumulators.map(
    ({ partials }) => new Map(partials.filter(({ from }) => from === 0).map((one) => [one.to, one])),
  );
  const rows = termsShown(x.length);
  return part(
    'Sums of the first terms',
    el(
      'p',
      { class: 'note' },
      'What each accumulator holds of the first k terms on its way; a cell is empty where it never holds their sum. Marked: not the exact sum rounded once.',
    ),
    table({
      caption: 'Sums of the first k terms',
      columns: [
        { head: 'k', number: true },
        { head: y === undefined ? 'x' : 'x × y', number: true },
        { head: 'exact', number: true },
        ...accumulators.map(({ name }) => ({ head: name, number: true })),
      ],
      rows: rows.map((k) => [
        k + 1,
        y === undefined ? shown(x[k]!) : `${shown(x[k]!)} × ${shown(y[k]!)}`,
        shown(exact[k]!),
        ...held.map((sums): Child => {
          const one = sums.get(k + 1);
          return one && el('span', { class: one.differs ? 'c1' : undefined }, shown(one.sum));
        }),
      ]),
      rowClass: (i) => (rows[i]! + 1 === apart?.terms ? 'chosen' : undefined),
    }),
  );
}

/** How many roundings deep each partial sum is: below all that its terms went through before. */
function depthsOf(partials: readonly ComparedSum[], terms: number): number[] {
  const depth = new Int32Array(terms);
  return partials.map(({ from, to }) => {
    const own = 1 + depth.subarray(from, to).reduce((a, b) => Math.max(a, b), 0);
    depth.fill(own, from, to);
    return own;
  });
}

/** The partial sums over the terms that they are of, those made later below. */
function drawing({ name, partials }: Accumulated, terms: number): SVGSVGElement {
  const depths = depthsOf(partials, terms);
  const most = depths.reduce((a, b) => Math.max(a, b), 1);
  const width = paperWidth();
  const height = Math.min(18, 300 / most);
  return figure(
    `The ${partials.length} partial sums of the accumulator ${name}, over the terms that they are of`,
    width,
    Math.ceil(height * most),
    ...partials.flatMap(({ from, to, sum, differs }, i): Child[] => {
      const [x, wide, y] = [(from * width) / terms, ((to - from) * width) / terms, (depths[i]! - 1) * height];
      const text = shown(sum);
      return [
        svg('rect', { class: `cell ${differs ? 'c1' : 'c0'}`, x, y, width: wide, height }),
        height > 15 &&
          textWidth(text) < wide - 4 &&
          svg('text', { class: 'label', x: x + wide / 2, y: y + 13, 'text-anchor': 'middle' }, text),
      ];
    }),
  );
}

function closely({ accumulators, look, x }: SumsSheet): HTMLElement {
  const one = accumulators[look]!;
  return part(
    `Every partial sum: ${one.name}`,
    legend([
      { name: 'the exact sum of its terms, rounded once', colour: 0 },
      { name: 'another number', colour: 1 },
    ]),
    drawing(one, x.length),
    table({
      caption: `Every partial sum of the accumulator ${one.name}, in the order in which they are made`,
      columns: [
        { head: 'terms', number: true },
        { head: `held, ${one.format}`, number: true },
        { head: 'exact', number: true },
        { head: 'held − exact', number: true },
      ],
      rows: one.partials.map((each) => [
        stretch(each),
        el(
          'output',
          {
            class: each.differs ? 'c1' : undefined,
            'data-partial': `${each.from} ${each.to}`,
            'data-value': shown(each.sum),
          },
          shown(each.sum),
        ),
        shown(each.exact),
        each.sum === each.exact ? '0' : (each.sum - each.exact).toExponential(2),
      ]),
    }),
  );
}

/** The parts of a sheet of sums. */
export function sumsParts(sheet: SumsSheet, page: Instrument): HTMLElement[] {
  return [
    part(
      sheet.y === undefined ? 'Sum' : 'Inner product',
      legend(sheet.accumulators.map(({ name }, i) => ({ name, colour: i }))),
      errors(sheet),
      ...results(sheet, page),
    ),
    closely(sheet),
    prefixes(sheet),
  ];
}
