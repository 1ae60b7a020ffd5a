/** The page of rounding: a number between its neighbours, what every mode makes of it, and the chances of stochastic rounding. */
import type { Neighbour, RoundingSheet } from '../compute/rounding.ts';
import { histogram, legend } from '../view/chart.ts';
import { el } from '../view/dom.ts';
import { choice, slider, text } from '../view/fields.ts';
import { between as numberBetween } from '../view/number-line.ts';
import { instrument, type Mounted, type Place } from '../view/page.ts';
import { facts, part, table } from '../view/table.ts';
import { commonFormats, saturationNames, subnormalNames } from '../words.ts';

function between(sheet: RoundingSheet): SVGSVGElement | null {
  const { below, above, place, isTie } = sheet;
  if (below === undefined || above === undefined || place === undefined) return null;
  const end = ({ text: value, ulps }: Neighbour) => ({ value, note: `${ulps} ulp away` });
  return numberBetween(
    `The number lies ${below.ulps} ulp above ${below.text} and ${above.ulps} ulp below ${above.text}`,
    end(below),
    end(above),
    place,
    isTie ? 'a tie' : 'x',
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

/** The outcomes over each other's neighbour, a bar for each variant, and the exact chances as lines across the bars. */
function chances(sheet: RoundingSheet): HTMLElement {
  const { variants, bits, place } = sheet;
  const [first] = variants;
  if (first === undefined)
    return part(
      'Stochastic rounding',
      el(
        'p',
        { class: 'note' },
        'Nothing to draw for: the number is a value of the format, or has no neighbour on one side.',
      ),
    );
  const groups = first.outcomes.map(({ text: name }, i) => ({
    name,
    bars: variants.map(({ outcomes, draws, outOf }, colour) => ({
      colour,
      share: outcomes[i]!.drawn / draws,
      mark: outcomes[i]!.chance / outOf,
    })),
  }));
  return part(
    'Stochastic rounding',
    el(
      'p',
      { class: 'note' },
      `How often each result was drawn, by variant; the lines across the bars are the exact chances with ${bits} random bits${place === undefined ? '' : `; without bias the upper neighbour would have ${percent(place, 1)}`}.`,
    ),
    legend(variants.map(({ variant }, colour) => ({ name: `variant ${variant}`, colour }))),
    histogram(
      `Share of ${first.draws} draws that each result has, beside its exact chance`,
      'share of draws, %',
      groups,
    ),
    table({
      caption: 'Draws against the exact chance',
      columns: [
        'variant',
        { head: 'result', number: true },
        { head: 'drawn', number: true },
        { head: 'share', number: true },
        { head: 'exact chance', number: true },
        { head: 'random integers', number: true },
        { head: 'bias, ulp', number: true },
      ],
      rows: variants.flatMap(({ variant, outcomes, draws, outOf, bias }) =>
        outcomes.map(({ text: result, drawn, chance }, i) => [
          variant,
          result,
          el('output', { 'data-variant': `${variant} ${i}`, 'data-value': drawn }, `${drawn} of ${draws}`),
          percent(drawn, draws),
          percent(chance, outOf),
          el('output', { 'data-chance': `${variant} ${i}`, 'data-value': chance }, `${chance} of 2^${bits}`),
          i === 0 ? bias : '',
        ]),
      ),
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
