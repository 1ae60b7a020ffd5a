/** How a verification looks: the first differing lines, then counts by kind; or the same as JSON. */

import { shortText } from '../../explained/notation.ts';
import type { Code, Format } from '../../formats/index.ts';
import {
  columnsOf,
  flagWords,
  hexText,
  type Mismatch,
  mismatchKinds,
  type VectorForm,
  type Verification,
} from '../../vectors/index.ts';

/** A field of a line, as columns have it. */
interface Column {
  readonly name: string;
  readonly format: Format | undefined;
  readonly bits: number;
}

interface Columns {
  readonly operands: readonly Column[];
  readonly results: readonly Column[];
}

/** A code with its value: 0x3C (1.5). */
function codeWords(code: Code, { format, bits }: Column): string {
  const hex = hexText(code, bits);
  return format === undefined ? hex : `${hex} (${shortText(format.decode(code))})`;
}

/** Operands shown of a line that has many. */
const mostShown = 4;

function operandWords({ operands }: Mismatch, columns: readonly Column[]): string {
  const shown = operands.length > mostShown ? operands.slice(0, mostShown) : operands;
  const words = shown.map((code, i) => `${columns[i]!.name}=${codeWords(code, columns[i]!)}`);
  return operands.length > shown.length
    ? `${words.join(' ')} ... ${operands.length} operands`
    : words.join(' ');
}

function mismatchLines(mismatch: Mismatch, { operands, results }: Columns, place: string): string {
  const { line, kind, column, ours, theirs, flags, exact, reason } = mismatch;
  const at = results.findIndex(({ name }) => name === column);
  const name = results.length > 1 && at >= 0 ? ` ${column}` : '';
  const [own, other] =
    at < 0
      ? [flagWords(flags!.ours), flagWords(flags!.theirs)]
      : [codeWords(ours[at]!, results[at]!), codeWords(theirs[at]!, results[at]!)];
  const flagsDiffer = at >= 0 && flags !== undefined && flags.ours !== flags.theirs;
  return [
    `${place} ${line}: ${operandWords(mismatch, operands)}`,
    `  theirs${name} ${other}, ours ${own}: ${kind}`,
    `  ${exact === undefined ? '' : `exact ${exact}: `}${reason}`,
    ...(flagsDiffer ? [`  flags: theirs ${flagWords(flags.theirs)}, ours ${flagWords(flags.ours)}`] : []),
    '',
  ].join('\n');
}

function plural(count: number, word: string): string {
  return `${count} ${word}${count === 1 ? '' : 's'}`;
}

/** The columns of an operation's fields. */
export function columnsFor(fields: {
  operands: Parameters<typeof columnsOf>[0];
  results: Parameters<typeof columnsOf>[0];
}): Columns {
  return { operands: columnsOf(fields.operands), results: columnsOf(fields.results) };
}

/** The report as text. */
export function verificationPage(found: Verification, columns: Columns, form: VectorForm): string {
  const { title, lines, differing, unspecified, kinds, first } = found;
  const place = form === 'npy' ? 'row' : 'line';
  const more = differing - first.length;
  const counts = mismatchKinds.filter((kind) => kinds[kind] !== undefined);
  const width = Math.max(0, ...counts.map((kind) => kind.length));
  const parts = [
    `${title}: ${plural(lines, place)}, ${differing === 0 ? 'no difference' : `${differing} differ`}`,
    ...(unspecified > 0
      ? [`${plural(unspecified, place)} not compared: the result is NaN, for which the format has no code`]
      : []),
    ...(first.length > 0
      ? [
          '',
          first
            .map((mismatch) => mismatchLines(mismatch, columns, place))
            .join('\n')
            .trimEnd(),
        ]
      : []),
    ...(more > 0 && first.length > 0 ? [`... and ${more} more`] : []),
    ...(counts.length > 0 ? ['', ...counts.map((kind) => `${kind.padEnd(width)}  ${kinds[kind]}`)] : []),
  ];
  return `${parts.join('\n')}\n`;
}

/** The report as an object for JSON: codes are hexadecimal strings. */
export function verificationRecord(found: Verification, { operands, results }: Columns): object {
  const codes = (list: readonly Code[], columns: readonly Column[]): Record<string, string> =>
    Object.fromEntries(list.map((code, i) => [columns[i]!.name, hexText(code, columns[i]!.bits)]));
  return {
    ...found,
    first: found.first.map((mismatch) => ({
      ...mismatch,
      operands: codes(mismatch.operands, operands),
      ours: codes(mismatch.ours, results),
      theirs: codes(mismatch.theirs, results),
    })),
  };
}
