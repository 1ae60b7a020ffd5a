/** The page of rounding: a number between its neighbours, what every mode makes of it, and the chances of stochastic rounding. */
import type { RoundingSheet, VariantRow } from '../compute/rounding.ts';
import { el, svg } from '../view/dom.ts';
import { choice, slider, text } from '../view/fields.ts';
import { instrument, type Mounted, type Place } from '../view/page.ts';
import { facts, part, table } from '../view/table.ts';
import { commonFormats, saturationNames, subnormalNames } from '../words.ts';

/** The number on the way from one neighbour to the other. */
function between({ below, above, place, isTie }: RoundingSheet): SVGSVGElement | null {
  if (below === undefined || above === undefined || place === undefined) return null;
  const [from, to, y] = [60, 660, 44];
  const x = from + place * (to - from);
  const end = (at: number, value: string, ulps: string): SVGElement[] => [
    svg('path', { class: 'ticks c0', d: `M${at},${y - 12}v24` }),
    svg('text', { class: 'label', x: at, y: y + 32, 'text-anchor': 'middle' }, value),
    svg('text', { class: 'tick', x: at, y: y + 50, 'text-anchor': 'middle' }, `${ulps} ulp away`),
  ];
  return svg(
    'svg',
    {
      class: 'chart',
      viewBox: '0 0 720 104',
      role: 'img',
      'aria-label': `The number lies ${below.ulps} ulp above ${below.text} and ${above.ulps} ulp below ${above.text}`,
    },
    svg('line', { class: 'axis', x1: from, x2: to, y1: y, y2: y }),
    svg('path', { class: 'middle', d: `M${(from + to) / 2},${y - 8}v16` }),
    ...end(from, below.text, below.ulps),
    ...end(to, above.text, above.ulps),
    svg('circle', { class: 'chosen', cx: x, cy: y, r: 6 }),
    svg('text', { class: 'label', x, y: y - 16, 'text-anchor': 'middle' }, isTie ? 'a tie' : 'x'),
  );
}

function modes({ modes: rows, format }: RoundingSheet): HTMLElement {
  return part(
    'Every mode',
    table({
      caption: `What each mode makes of the number in ${format}`,
      columns: [
        'mode',
        'way',
        { head: 'result', number: true },
        'code',
        { head: 'error', number: true },
        'why',
        'flags',
      ],
      rows: rows.map((row) => [
        row.mode,
        row.goesTo === undefined
          ? ''
          : el(
              'span',
              { class: `way ${row.goesTo}`, role: 'img', 'aria-label': `to the one ${row.goesTo}` },
              row.goesTo === 'above' ? '↑' : '↓',
            ),
        row.refused === undefined
          ? el('output', { 'data-mode': row.mode, 'data-value': String(row.result) }, row.text)
          : '',
        el('span', { class: 'code' }, row.code),
        row.error,
        row.refused ?? row.reason,
        row.flags.join(', '),
      ]),
      rowClass: (i) => (rows[i]!.refused === undefined ? undefined : 'faint'),
    }),
  );
}

const percent = (part: number, whole: number): string => `${((100 * part) / whole).toFixed(3)} %`;

function bar({ away, draws, chance, outOf }: VariantRow): SVGSVGElement {
  const [counted, exact] = [away / draws, chance / outOf];
  return svg(
    'svg',
    {
      class: 'bar',
      viewBox: '0 0 300 22',
      role: 'img',
      'aria-label': `${percent(away, draws)} drawn, ${percent(chance, outOf)} expected`,
    },
    svg('rect', { class: 'bar-frame', x: 0, y: 4, width: 300, height: 14 }),
    svg('rect', { class: 'bar-fill', x: 0, y: 4, width: 300 * counted, height: 14 }),
    svg('path', { class: 'bar-mark', d: `M${(300 * exact).toFixed(2)},0v22` }),
  );
}

function chances({ variants, bits }: RoundingSheet): HTMLElement {
  if (variants.length === 0)
    return part(
      'Stochastic rounding',
      el(
        'p',
        { class: 'note' },
        'Nothing to draw for: the number is a value of the format, or has no neighbour on one side.',
      ),
    );
  return part(
    'Stochastic rounding',
    el(
      'p',
      { class: 'note' },
      `How often the neighbour away from zero was drawn; the mark is the exact chance with ${bits} random bits.`,
    ),
    table({
      caption: 'Draws against the exact chance',
      columns: [
        'variant',
        'away from zero',
        { head: 'drawn', number: true },
        { head: 'share', number: true },
        { head: 'exact chance', number: true },
        { head: 'in numbers', number: true },
      ],
      rows: variants.map((row) => [
        row.variant,
        bar(row),
        el('output', { 'data-variant': row.variant, 'data-value': row.away }, `${row.away} of ${row.draws}`),
        percent(row.away, row.draws),
        percent(row.chance, row.outOf),
        `${row.chance} / 2^${bits}`,
      ]),
    }),
  );
}

export function mount(root: HTMLElement, place: Place): Mounted {
  const groups = [
    {
      title: 'Number',
      fields: [
        text({ name: 'value', label: 'number', value: '0.1', hint: '0.1, 0x1.8p-3, 2^-9, 1/3, inf, nan' }),
        text({ name: 'format', label: 'format', value: 'e4m3fn', words: commonFormats }),
      ],
    },
    {
      title: 'Rules',
      fields: [
        choice({ name: 'saturation', label: 'saturation', options: saturationNames, value: 'none' }),
        choice({ name: 'subnormals', label: 'subnormals', options: subnormalNames, value: 'keep' }),
      ],
    },
    {
      title: 'Chance',
      fields: [
        slider({ name: 'bits', label: 'random bits', min: 1, max: 32, value: '4' }),
        text({ name: 'draws', label: 'draws', value: '10000' }),
        text({ name: 'seed', label: 'seed', value: '1' }),
      ],
    },
  ];
  return instrument(root, place, groups, 'rounding', (sheet, _, page) => {
    const { input, below, above } = sheet;
    page.sheet.replaceChildren(
      part(
        'Where it lies',
        facts([
          [input.exact ? 'number' : 'nearest binary64 number', input.text],
          ['hexadecimal', input.hex],
          ...(below === undefined ? [] : [['below', `${below.text}  ${below.code}`] as const]),
          ...(above === undefined ? [] : [['above', `${above.text}  ${above.code}`] as const]),
        ]),
        between(sheet),
      ),
      modes(sheet),
      chances(sheet),
    );
  });
}
