/** The page of quantisers: a tensor, what some quantisers leave of it, where one of them errs, and what a transform changes. */
import type { PatchMap, QuantisersSheet } from '../compute/quantisers.ts';
import { chart, figure, paperWidth, shortNumber } from '../view/chart.ts';
import { el, svg } from '../view/dom.ts';
import { choice, type Form, file, lines, text } from '../view/fields.ts';
import { type Instrument, instrument, type Mounted, type Place } from '../view/page.ts';
import { facts, part, table } from '../view/table.ts';
import { quantiserNames, roundingModeNames, sourceNames } from '../words.ts';

const decibels = (x: number): string => (Number.isFinite(x) ? x.toFixed(2) : x > 0 ? 'exact' : 'lost');
const percent = (x: number): string => (100 * x).toFixed(2);

/** A map as a picture: from the paper's colour to the ink's, logarithmic over three powers of ten. */
function picture({ rows, columns, values }: PatchMap, largest: number, title: string): HTMLElement {
  const canvas = el('canvas', { width: columns, height: rows, role: 'img', 'aria-label': title });
  const context = canvas.getContext('2d')!;
  const image = context.createImageData(columns, rows);
  for (const [i, value] of values.entries()) {
    const share = value > 0 && largest > 0 ? Math.max(0, 1 + Math.log10(value / largest) / 3) : 0;
    image.data.set(
      [
        Math.round(247 - 230 * share),
        Math.round(249 - 170 * share ** 1.3),
        Math.round(251 - 105 * share ** 1.8),
        255,
      ],
      4 * i,
    );
  }
  context.putImageData(image, 0, 0);
  return el('figure', {}, canvas, el('figcaption', {}, title));
}

function comparison({ rows, look }: QuantisersSheet, page: Instrument): HTMLElement {
  const isTransformed = rows.some(({ transformed }) => transformed !== undefined);
  const number = (head: string) => ({ head, number: true });
  return part(
    'What is lost',
    table({
      caption: 'What each quantiser does to the tensor',
      columns: [
        'quantiser',
        ...[
          'bits an element',
          'SQNR, dB',
          ...(isTransformed ? ['after Hadamard, dB'] : []),
          'relative error',
          'saturated, %',
          'underflow, %',
          'zeros, %',
          'entropy, bits',
          'bytes',
        ].map(number),
      ],
      rowClass: (i) => (i === look ? 'chosen' : undefined),
      rows: rows.map(({ name, plain, transformed }) => [
        el('button', { type: 'button', class: 'plain', click: () => page.form.set({ look: name }) }, name),
        plain.bitsPerElement.toFixed(2),
        el('output', { 'data-quantiser': name, 'data-value': String(plain.sqnr) }, decibels(plain.sqnr)),
        ...(isTransformed
          ? [
              el(
                'span',
                { class: transformed !== undefined && transformed.sqnr > plain.sqnr ? 'c2' : 'c5' },
                decibels(transformed?.sqnr ?? Number.NaN),
              ),
            ]
          : []),
        plain.relativeError.toPrecision(3),
        ...[plain.saturated, plain.underflowed, plain.zeros].map(percent),
        plain.entropy.toFixed(2),
        `${plain.bytes}`,
      ]),
    }),
  );
}

function errorAgainstBits({ rows }: QuantisersSheet): HTMLElement {
  const plain = rows.map(({ plain: { bitsPerElement, sqnr } }) => [bitsPerElement, sqnr] as const);
  const transformed = rows.flatMap(({ transformed: one }) =>
    one === undefined ? [] : [[one.bitsPerElement, one.sqnr] as const],
  );
  return part(
    'Signal to noise against bits',
    chart({
      title: 'Signal to quantisation noise of each quantiser against its bits an element',
      ...{ x: 'bits an element', y: 'SQNR, dB', height: 320 },
      series: [
        { name: 'plain', colour: 0, points: plain, dots: true, line: false },
        { name: 'after Hadamard', colour: 2, points: transformed, dots: true, line: false },
      ],
      labels: rows.map(({ name }, i) => ({ at: plain[i]!, text: name, colour: 0 })),
    }),
    transformed.length > 0 &&
      el(
        'p',
        { class: 'note' },
        'Green: the same quantiser behind a Hadamard transform that is undone afterwards.',
      ),
  );
}

function codes({ rows, look }: QuantisersSheet): HTMLElement {
  const { name, plain } = rows[look]!;
  const shown =
    plain.codes.length <= 512
      ? plain.codes
      : plain.codes.filter((_, i) => i % Math.ceil(plain.codes.length / 512) === 0);
  const most = shown.reduce((largest, { count }) => Math.max(largest, count), 1);
  const [width, height] = [paperWidth(), 150];
  const step = width / shown.length;
  return part(
    `Codes of ${name}`,
    figure(
      `How often each of ${plain.codes.length} codes of ${name} is used`,
      width,
      height + 24,
      ...shown.map(({ count }, i) =>
        svg('rect', {
          class: 'bar-fill c0',
          x: (i * step).toFixed(2),
          y: (height - (height * count) / most).toFixed(2),
          width: Math.max(0.6, step - 1).toFixed(2),
          height: ((height * count) / most).toFixed(2),
        }),
      ),
      svg('line', { class: 'axis', x1: 0, x2: width, y1: height, y2: height }),
      ...[...new Set([0, Math.floor(shown.length / 2), shown.length - 1])].map((i) => {
        const x = (i + 0.5) * step;
        const anchor = x < width / 4 ? 'start' : x > (3 * width) / 4 ? 'end' : 'middle';
        const at = anchor === 'start' ? i * step : anchor === 'end' ? (i + 1) * step : x;
        return svg(
          'text',
          { class: 'tick', x: at, y: height + 16, 'text-anchor': anchor },
          shortNumber(shown[i]!.element),
        );
      }),
    ),
    el(
      'p',
      { class: 'note' },
      `${plain.codes.length} codes are used, by ascending element; their information is ${plain.entropy.toFixed(3)} bits.`,
    ),
  );
}

function maps({
  magnitudes,
  errors,
  rows,
  look,
  largest,
  shape,
  elements,
  threads,
}: QuantisersSheet): HTMLElement {
  const most = (map: PatchMap): number => map.values.reduce((a, b) => Math.max(a, b), 0);
  const { plain, name } = rows[look]!;
  return part(
    'Where it errs',
    facts([
      ['tensor', `${shape.join(' × ')}, ${elements} numbers`],
      ['largest magnitude', `${largest}`],
      [`largest error of ${name}`, `${plain.largestError}`],
      ['threads', `${threads}`],
    ]),
    el(
      'div',
      { class: 'pair' },
      picture(magnitudes, most(magnitudes), 'magnitudes of the tensor'),
      picture(errors, most(magnitudes), `errors of ${name}, on the same scale`),
    ),
  );
}

function tidy(form: Form): void {
  const { source } = form.state;
  for (const name of ['rows', 'columns', 'seed'])
    form.field(name).element.hidden = source === 'pasted' || source === 'file';
  form.field('numbers').element.hidden = source !== 'pasted';
  for (const name of ['file', 'array']) form.field(name).element.hidden = source !== 'file';
}

export function mount(root: HTMLElement, place: Place): Mounted {
  const dropped = file({
    name: 'file',
    label: 'file',
    value: '',
    hint: '.csv, .npy or .safetensors; it stays in this browser',
  });
  const groups = [
    {
      title: 'Tensor',
      fields: [
        choice({ name: 'source', label: 'numbers', options: sourceNames, value: 'gaussian' }),
        text({ name: 'rows', label: 'rows', value: '64' }),
        text({ name: 'columns', label: 'columns', value: '256' }),
        text({ name: 'seed', label: 'seed', value: '1' }),
        lines({
          name: 'numbers',
          label: 'numbers',
          value: '0.1, -0.4, 0.25, 1\n3, -2, 0.5, 0',
          rows: 6,
          hint: 'a row on each line',
        }),
        dropped,
        text({
          name: 'array',
          label: 'array',
          value: '',
          hint: 'of a safetensors file; empty for the largest',
        }),
      ],
    },
    {
      title: 'Quantisers',
      fields: [
        lines({
          name: 'quantisers',
          label: 'names',
          value: quantiserNames.join('\n'),
          rows: 9,
          hint: 'mxfp4, nvfp4, bfp(7,16), or a format and how it is scaled: e2m1/block:16/scale:ue5m3',
        }),
        text({
          name: 'look',
          label: 'look closely at',
          value: '',
          words: quantiserNames,
          hint: 'one of them; empty for the first',
        }),
        choice({ name: 'rounding', label: 'rounding', options: roundingModeNames, value: 'nearest-even' }),
        choice({
          name: 'hadamard',
          label: 'Hadamard transform',
          options: ['none', '16', '32', '64', '128'],
          value: '16',
        }),
      ],
    },
  ];
  const page = instrument(
    root,
    place,
    groups,
    'quantisers',
    (sheet, _, self) => {
      self.sheet.replaceChildren(comparison(sheet, self), errorAgainstBits(sheet), maps(sheet), codes(sheet));
    },
    async () =>
      dropped.dropped === undefined
        ? {}
        : { file: { name: dropped.dropped.name, bytes: await dropped.dropped.arrayBuffer() } },
  );
  page.form.watch(tidy);
  return page;
}
