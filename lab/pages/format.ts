/** The page of formats: bits to click, the values along a line, the gaps, all codes; and another format beside it. */
import type { CodeFacts, FormatFacts, FormatSheet } from '../compute/format.ts';
import { chart, legend, shortNumber } from '../view/chart.ts';
import { el } from '../view/dom.ts';
import { choice, slider, text, tick } from '../view/fields.ts';
import { numberLine } from '../view/number-line.ts';
import { type Instrument, instrument, type Mounted, type Place } from '../view/page.ts';
import { facts, part, table } from '../view/table.ts';
import { commonFormats, specialCodes } from '../words.ts';

/** Fields of a code in colours of their own. */
const fieldClass = (name: string): string => `bits-${name.replace(/\W+/g, '-')}`;

function bitButtons(facts: CodeFacts, page: Instrument): HTMLElement {
  const digits = facts.fields.map(({ bits }) => bits).join('');
  let position = digits.length;
  const flip = (place: number): void => {
    const code = BigInt(facts.code) ^ (1n << BigInt(place));
    page.form.set({ code: `0x${code.toString(16).padStart(Math.ceil(digits.length / 4), '0')}` });
  };
  return el(
    'div',
    { class: 'bits', role: 'group', 'aria-label': `bits of ${facts.code}, to be flipped` },
    ...facts.fields.map(({ name, bits }) =>
      el(
        'div',
        { class: `bit-field ${fieldClass(name)}` },
        el(
          'div',
          { class: 'bit-row' },
          ...[...bits].map((bit) => {
            const place = --position;
            return el(
              'button',
              {
                type: 'button',
                class: 'bit',
                'aria-pressed': bit === '1' ? 'true' : 'false',
                'aria-label': `bit ${place}, ${name}: ${bit}`,
                'data-bit': place,
                click: () => flip(place),
              },
              bit,
            );
          }),
        ),
        el('span', { class: 'bit-name' }, name),
      ),
    ),
  );
}

function closely({ closely: one, format }: FormatSheet, page: Instrument): HTMLElement {
  if (one === undefined)
    return part('One code', el('p', {}, `${format.name} has an exponent without bounds, and no codes.`));
  return part(
    'One code',
    el(
      'p',
      { class: 'reading' },
      el('span', { class: 'code' }, one.code),
      ' is ',
      el('output', { class: 'value', 'data-result': 'value', 'data-value': one.hex }, one.text),
    ),
    bitButtons(one, page),
    facts([
      ['class', one.class],
      ['hexadecimal', one.hex],
      ['next below', one.below],
      ['next above', one.above],
      ['ulp', one.ulp],
    ]),
  );
}

function lines({ format, with: other, closely: one }: FormatSheet): HTMLElement {
  const shown = [format, ...(other === undefined ? [] : [other])];
  const isListed = shown.every(({ values }) => values.length > 0);
  const chosen = one?.value ?? Number.NaN;
  const rows = shown.map(({ name, values }, i) => ({ name, values, colour: i }));
  const span = (of: (facts: FormatFacts) => number, pick: (...xs: number[]) => number): number =>
    pick(...shown.map(of));
  const range: [number, number] = [span((f) => f.min, Math.min), span((f) => f.max, Math.max)];
  const [low, high] = [
    span((f) => Math.log2(f.minPositive), Math.min),
    span((f) => Math.log2(f.max), Math.max),
  ];
  const gaps = chart({
    title: `Distance to the next value over the magnitude, ${shown.map(({ name }) => name).join(' and ')}, both logarithmic`,
    ...{ x: 'magnitude, log2', y: 'gap, log2' },
    series: shown.map(({ name, gaps }, i) => ({
      ...{ name, colour: i, steps: true },
      points: gaps.map(({ from, gap }) => [from, gap] as const),
    })),
  });
  return part(
    'Values and gaps',
    legend(shown.map(({ name }, i) => ({ name, colour: i }))),
    ...(isListed
      ? [
          el('h3', {}, 'Linear'),
          numberLine(
            `Values of ${shown.map(({ name }) => name).join(' and ')} on a linear scale`,
            rows,
            (x) => x,
            range,
            shortNumber,
            chosen,
          ),
          el('h3', {}, 'Magnitudes, logarithmic'),
          numberLine(
            `Positive values of ${shown.map(({ name }) => name).join(' and ')} on a logarithmic scale`,
            rows,
            (x) => (x > 0 ? Math.log2(x) : Number.NaN),
            [low, high],
            (x) => `2^${x}`,
            Math.abs(chosen),
          ),
        ]
      : [el('p', { class: 'note' }, 'More values than a line can show: the gaps stand for them.')]),
    el('h3', {}, 'Gaps'),
    gaps,
  );
}

/** Limits of one format, or of two side by side. */
function limits({ format, with: other }: FormatSheet): HTMLElement {
  const names = [...new Set([...format.facts, ...(other?.facts ?? [])].map(([name]) => name))];
  const textOf = (of: FormatFacts, name: string): string =>
    of.facts.find(([own]) => own === name)?.[1] ?? '–';
  return part(
    'Limits',
    table({
      caption:
        other === undefined ? `Limits of ${format.name}` : `Limits of ${format.name} and ${other.name}`,
      columns: [
        'limit',
        { head: format.name, number: true },
        ...(other === undefined ? [] : [{ head: other.name, number: true }]),
      ],
      rows: names.map((name) => [
        name,
        textOf(format, name),
        ...(other === undefined ? [] : [textOf(other, name)]),
      ]),
    }),
  );
}

function codeTable(
  { codes, first, count, closely: one, format }: FormatSheet,
  page: Instrument,
): HTMLElement | null {
  if (codes.length === 0) return null;
  const hex = (code: number): string => `0x${code.toString(16)}`;
  const turn = (code: number, name: string): HTMLElement =>
    el(
      'button',
      {
        type: 'button',
        disabled: code < 0 || code >= count,
        click: () => page.form.set({ code: hex(code) }),
      },
      name,
    );
  return part(
    'Table of codes',
    count > codes.length &&
      el(
        'p',
        { class: 'turn' },
        turn(first - codes.length, 'earlier codes'),
        ` ${hex(first)} to ${hex(first + codes.length - 1)} of ${format.bits} bits `,
        turn(first + codes.length, 'later codes'),
      ),
    table({
      caption: `Codes of ${format.name}`,
      columns: ['code', 'bits', { head: 'value', number: true }],
      rows: codes.map(({ code, fields, text: value }) => [
        el('button', { type: 'button', class: 'plain code', click: () => page.form.set({ code }) }, code),
        el(
          'span',
          { class: 'code' },
          ...fields.map(({ name, bits }) => el('span', { class: fieldClass(name) }, bits)),
        ),
        value,
      ]),
      rowClass: (i) => (codes[i]!.code === one?.code ? 'chosen' : undefined),
    }),
  );
}

/** The name that sliders and boxes say. */
function nameOf({
  exponent,
  mantissa,
  specials,
  subnormals,
  signed,
}: Readonly<Record<string, string>>): string {
  const marks = [
    ...(specials === 'ieee' ? [] : [specials]),
    ...(signed === 'yes' ? [] : ['unsigned']),
    ...(subnormals === 'yes' ? [] : ['subnormals=false']),
  ];
  return `float(${[exponent, mantissa, ...marks].join(',')})`;
}

export function mount(root: HTMLElement, place: Place): Mounted {
  const own = [
    slider({ name: 'exponent', label: 'exponent bits', min: 0, max: 11, value: '4' }),
    slider({ name: 'mantissa', label: 'significand bits', min: 0, max: 23, value: '3' }),
    choice({ name: 'specials', label: 'special codes', options: specialCodes, value: 'fn' }),
    tick({ name: 'subnormals', label: 'subnormals', value: 'yes' }),
    tick({ name: 'signed', label: 'sign', value: 'yes' }),
  ];
  const groups = [
    {
      title: 'Format',
      fields: [
        text({
          name: 'format',
          label: 'name',
          value: 'e4m3fn',
          words: commonFormats,
          hint: 'of the catalogue, or float(5,6), int12, posit(16,1), fixed(4,4)',
        }),
        text({
          name: 'with',
          label: 'beside it',
          value: 'e5m2',
          words: commonFormats,
          hint: 'empty for none',
        }),
        text({ name: 'code', label: 'code', value: '', hint: '0x38, 0b111000 or 56' }),
      ],
    },
    { title: 'A float of your own', fields: own },
  ];
  const page = instrument(root, place, groups, 'format', (sheet, _, self) => {
    self.sheet.replaceChildren(
      ...[closely(sheet, self), lines(sheet), limits(sheet), codeTable(sheet, self)].filter(
        (one) => one !== null,
      ),
    );
  });
  for (const field of own) field.onChange(() => page.form.set({ format: nameOf(page.form.state), code: '' }));
  return page;
}
