/** The page of arithmetic: one operation, exactly and rounded; and sums term by term under each accumulator. */
import type { OperationSheet, Shown } from '../compute/operation.ts';
import type { Accumulated, SumsSheet } from '../compute/sums.ts';
import { chart, legend } from '../view/chart.ts';
import { el, svg } from '../view/dom.ts';
import { choice, type Form, lines, text } from '../view/fields.ts';
import { instrument, type Mounted, type Place } from '../view/page.ts';
import { facts, part, table } from '../view/table.ts';
import {
  commonFormats,
  operationNames,
  operations,
  roundingModeNames,
  saturationNames,
  subnormalNames,
  termNames,
} from '../words.ts';

function between({ below, above, place, placeText }: OperationSheet): SVGSVGElement | null {
  if (below === undefined || above === undefined || place === undefined) return null;
  const [from, to, y] = [60, 660, 44];
  const x = from + place * (to - from);
  const end = (at: number, { text: value }: Shown): SVGElement[] => [
    svg('path', { class: 'ticks c0', d: `M${at},${y - 12}v24` }),
    svg('text', { class: 'label', x: at, y: y + 32, 'text-anchor': 'middle' }, value),
  ];
  return svg(
    'svg',
    {
      class: 'chart',
      viewBox: '0 0 720 90',
      role: 'img',
      'aria-label': `The exact result lies ${placeText} of the way from ${below.text} to ${above.text}`,
    },
    svg('line', { class: 'axis', x1: from, x2: to, y1: y, y2: y }),
    svg('path', { class: 'middle', d: `M${(from + to) / 2},${y - 8}v16` }),
    ...end(from, below),
    ...end(to, above),
    svg('circle', { class: 'chosen', cx: x, cy: y, r: 6 }),
    svg('text', { class: 'label', x, y: y - 16, 'text-anchor': 'middle' }, placeText),
  );
}

function operationPart(sheet: OperationSheet): HTMLElement[] {
  const { expression, result, exact, isExactText, why, flags, operands, modes } = sheet;
  const rounded = operands.filter(({ isRounded }) => isRounded);
  return [
    part(
      'One operation',
      el(
        'p',
        { class: 'reading' },
        `${expression} = `,
        el('output', { class: 'value', 'data-result': 'value', 'data-value': result.hex }, result.text),
      ),
      facts([
        [
          'exactly',
          exact === undefined
            ? 'no number'
            : `${isExactText || exact.startsWith('between') ? '' : '~'}${exact}`,
        ],
        ['why', why],
        ['code', result.code || 'none'],
        ['hexadecimal', result.hex],
        ['flags', flags.join(', ') || 'none'],
      ]),
      rounded.length > 0 &&
        el(
          'p',
          { class: 'note' },
          `To be values of ${sheet.format}, operands were rounded first: ${rounded.map(({ name, given, text: value }) => `${name} from ${given} to ${value}`).join(', ')}.`,
        ),
      between(sheet),
    ),
    part(
      'In every mode',
      table({
        caption: `${expression} in every mode`,
        columns: ['mode', { head: 'result', number: true }, 'code', 'flags'],
        rows: modes.map(({ mode, result: one, flags: raised }) => [
          mode,
          one === undefined
            ? 'not of this format'
            : el('output', { 'data-mode': mode, 'data-value': one.hex }, one.text),
          el('span', { class: 'code' }, one?.code ?? ''),
          raised.join(', '),
        ]),
        rowClass: (i) => (modes[i]!.result === undefined ? 'faint' : undefined),
      }),
    ),
  ];
}

/** Errors after every term; where there is none the line has a gap. */
function errors({ accumulators, exact }: SumsSheet): SVGSVGElement {
  const relative = ({ partial }: Accumulated): [number, number][] =>
    partial.map((value, k) => {
      const error = Math.abs((value - exact[k]!) / exact[k]!);
      return [k + 1, error === 0 ? Number.NaN : Math.log10(error)];
    });
  return chart({
    title: 'Relative error of each accumulator after every term, logarithmic',
    ...{ x: 'terms', y: 'relative error' },
    yText: (y) => (Number.isInteger(y) ? `1e${y}` : ''),
    series: accumulators.map((one, i) => ({ name: one.name, colour: i, points: relative(one) })),
    height: 300,
  });
}

/** Terms whose partial sums a table shows: all of a few, of many the first and then fewer and fewer. */
function termsShown(count: number): number[] {
  if (count <= 40) return Array.from({ length: count }, (_, k) => k);
  const chosen = new Set<number>([count - 1]);
  for (let k = 0; k < 16; k++) chosen.add(k);
  for (let k = 16; k < count; k = Math.ceil(k * 1.15)) chosen.add(k);
  return [...chosen].sort((a, b) => a - b);
}

function sumsPart(sheet: SumsSheet): HTMLElement[] {
  const { accumulators, exact, x, y, isDot } = sheet;
  const shown = termsShown(x.length);
  return [
    part(
      isDot ? 'Inner product' : 'Sum',
      legend(accumulators.map(({ name }, i) => ({ name, colour: i }))),
      errors(sheet),
      table({
        caption: 'Results of the accumulators',
        columns: [
          'accumulator',
          { head: 'result', number: true },
          'of',
          { head: 'relative error', number: true },
          { head: 'parts from one rounding after', number: true },
        ],
        rows: accumulators.map(({ name, format, result, error, parts }) => [
          name,
          el('output', { 'data-accumulator': name, 'data-value': result.hex }, result.text),
          format,
          error === 0 ? '0' : error.toExponential(2),
          parts === undefined ? 'never' : `${parts} terms`,
        ]),
      }),
    ),
    part(
      'Partial sums',
      el(
        'p',
        { class: 'note' },
        'The sum of the first k terms by each accumulator. Where it differs from the exact sum rounded once, the cell is marked.',
      ),
      table({
        caption: 'Partial sums after k terms',
        columns: [
          { head: 'k', number: true },
          { head: isDot ? 'x × y' : 'x', number: true },
          { head: 'exact', number: true },
          ...accumulators.map(({ name }) => ({ head: name, number: true })),
        ],
        rows: shown.map((k) => [
          k + 1,
          isDot ? `${x[k]} × ${y[k]}` : `${x[k]}`,
          `${exact[k]}`,
          ...accumulators.map(({ partial, differs }) =>
            el('span', { class: differs[k] ? 'c1' : undefined }, `${partial[k]}`),
          ),
        ]),
      }),
    ),
  ];
}

/** Puts fields away that the chosen view does not read. */
function tidy(form: Form): void {
  const { view, operation, terms, what } = form.state;
  const isOperation = view === 'operation';
  const isWritten = terms === 'written';
  const { arity } = operations[operation!] ?? { arity: 3 };
  const seen: Readonly<Record<string, boolean>> = {
    operation: isOperation,
    a: isOperation,
    b: isOperation && arity > 1,
    c: isOperation && arity > 2,
    saturation: isOperation,
    subnormals: isOperation,
    what: !isOperation,
    terms: !isOperation,
    x: !isOperation && isWritten,
    y: !isOperation && isWritten && what === 'dot',
    count: !isOperation && !isWritten,
    chunk: !isOperation,
  };
  for (const [name, isSeen] of Object.entries(seen)) form.field(name).element.hidden = !isSeen;
}

export function mount(root: HTMLElement, place: Place): Mounted {
  const groups = [
    {
      title: 'Look at',
      fields: [
        choice({
          name: 'view',
          label: 'view',
          options: [
            ['operation', 'one operation'],
            ['sums', 'sums and inner products'],
          ],
          value: 'operation',
        }),
        choice({ name: 'operation', label: 'operation', options: operationNames, value: 'div' }),
        text({ name: 'a', label: 'a', value: '1', hint: '0.1, 0x1.8p-3, 2^-9, 1/3, inf, nan' }),
        text({ name: 'b', label: 'b', value: '3' }),
        text({ name: 'c', label: 'c', value: '1' }),
        choice({
          name: 'what',
          label: 'what',
          options: [
            ['sum', 'sum'],
            ['dot', 'inner product'],
          ],
          value: 'sum',
        }),
        choice({ name: 'terms', label: 'terms', options: termNames, value: 'harmonic' }),
        lines({
          name: 'x',
          label: 'x',
          value: '1, 2, 3',
          hint: 'numbers with blanks or commas between them',
        }),
        lines({ name: 'y', label: 'y', value: '1, 1, 1' }),
        text({ name: 'count', label: 'number of terms', value: '100' }),
        text({ name: 'format', label: 'format', value: 'e4m3fn', words: commonFormats }),
      ],
    },
    {
      title: 'Rules',
      fields: [
        choice({ name: 'rounding', label: 'rounding', options: roundingModeNames, value: 'nearest-even' }),
        choice({ name: 'saturation', label: 'saturation', options: saturationNames, value: 'none' }),
        choice({ name: 'subnormals', label: 'subnormals', options: subnormalNames, value: 'keep' }),
        text({ name: 'chunk', label: 'chunk', value: '16' }),
        text({ name: 'seed', label: 'seed', value: '0' }),
      ],
    },
  ];
  const page = instrument(root, place, groups, 'arithmetic', (sheet, _, self) => {
    const parts = sheet.view === 'sums' ? sumsPart(sheet) : operationPart(sheet);
    self.sheet.replaceChildren(...parts);
  });
  page.form.watch(tidy);
  return page;
}
