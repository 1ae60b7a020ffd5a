/** The page of arithmetic: one operation, exactly and rounded; and sums term by term under each accumulator. */
import type { OperationSheet } from '../compute/operation.ts';
import { el } from '../view/dom.ts';
import { choice, type Form, lines, text } from '../view/fields.ts';
import { between } from '../view/number-line.ts';
import { instrument, type Mounted, type Place } from '../view/page.ts';
import { facts, part, table } from '../view/table.ts';
import {
  accumulatorNames,
  commonFormats,
  operationNames,
  operations,
  roundingModeNames,
  saturationNames,
  subnormalNames,
  termNames,
} from '../words.ts';
import { sumsParts } from './sums.ts';

function operationPart(sheet: OperationSheet): HTMLElement[] {
  const { expression, result, exact, isExactText, why, flags, operands, modes } = sheet;
  const { below, above, place, placeText } = sheet;
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
      below !== undefined &&
        above !== undefined &&
        place !== undefined &&
        between(
          `The exact result lies ${placeText} of the way from ${below.text} to ${above.text}`,
          { value: below.text },
          { value: above.text },
          place,
          placeText,
        ),
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
    look: !isOperation,
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
        text({
          name: 'look',
          label: 'look closely at',
          value: '',
          words: accumulatorNames,
          hint: 'an accumulator; empty for the first',
        }),
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
    const parts = sheet.view === 'sums' ? sumsParts(sheet, self) : operationPart(sheet);
    self.sheet.replaceChildren(...parts);
  });
  page.form.watch(tidy);
  return page;
}
