/** The text and the JSON record of one explained operation. */
import type { Trace } from '../../arithmetic/index.ts';
import { hexCode, numberText, valueText } from '../../explained/notation.ts';
import type { Format } from '../../formats/index.ts';
import type { ResolvedRounding } from '../../rounding/index.ts';
import { type Flagged, raised } from '../formats/read-number.ts';
import {
  codeRecord,
  codeText,
  type Line,
  modeText,
  optionsRecord,
  pageOf,
  roundingLines,
  roundingRecord,
} from '../formats/round-page.ts';
import type { ReadOperand } from './operands.ts';

/** An operation that was done. */
interface Done {
  readonly trace: Trace;
  readonly operands: readonly ReadOperand[];
  readonly format: Format;
  readonly options: ResolvedRounding;
}

function flagsText(flags: readonly string[]): string {
  return flags.map((name) => (name === 'divideByZero' ? 'divide by zero' : name)).join(', ') || 'none';
}

/** The trace as a rounding is explained. */
function explanationOf({ trace }: Done): Flagged {
  const isNew = Number.isNaN(trace.exact) && !trace.operands.some(Number.isNaN);
  const reason = isNew ? `${trace.operation} has no result for these operands` : trace.reason;
  return { ...trace, input: trace.exact, reason, flags: raised(trace.flags) };
}

function operandLines({ text, value, isExact, format, flags }: ReadOperand, i: number): Line[] {
  const shown = valueText(value, format);
  const given = isExact && shown !== text ? [`${text} =`] : isExact ? [] : [`${text} rounded to`];
  return [
    ['abc'[i]!, [...given, shown, codeText(value, format)].join(' ').trimEnd()],
    ...(flags.length === 0 ? [] : [['', `flags of that rounding: ${flagsText(flags)}`] as const]),
  ];
}

function exactText({ exact, isExact }: Trace): string {
  if (isExact) return numberText(exact, 60);
  return `~${numberText(exact, 17).replace('~', '')}`;
}

/** The block of lines. */
export function operationPage(done: Done, emphasise: (text: string) => string): string {
  const { trace, operands, format, options } = done;
  const explanation = explanationOf(done);
  const formats = [...new Set(operands.map((operand) => operand.format.name))].join(', ');
  const where = formats === format.name ? formats : `${formats} to ${format.name}`;
  const title = `${trace.operation} ${operands.map(({ text }) => text).join(' ')} in ${where}, ${modeText(format, options)}`;
  const lines: readonly Line[] = [
    ...operands.flatMap(operandLines),
    ['exact', exactText(trace)],
    ...roundingLines({ ...explanation, flags: [] }, format, options),
    ['flags', `${flagsText(explanation.flags)} of ${trace.operation}`],
  ];
  return pageOf(title, lines, emphasise);
}

/** The same as plain data. */
export function operationRecord(done: Done): object {
  const { trace, operands, format, options } = done;
  return {
    operation: trace.operation,
    operands: operands.map(({ text, value, isExact, flags, format: own }, i) => ({
      given: text,
      format: own.name,
      ...codeRecord(value, trace.operandCodes[i], own),
      isExactlyGiven: isExact,
      flags,
    })),
    format: format.name,
    options: optionsRecord(options),
    exact: { value: trace.exact, isExact: trace.isExact },
    value: trace.result,
    code: trace.code === undefined ? null : hexCode(trace.code, format.bits),
    ...roundingRecord(explanationOf(done), format),
  };
}
