/** `halfulp format NAME` on the command line: one format with layout, limits and values, as text or as JSON. */

import { Command } from 'commander';
import { ArgumentError } from '../../errors.ts';
import { hexCode } from '../../explained/notation.ts';
import type { Format } from '../../formats/index.ts';
import { jsonText } from '../../json.ts';
import { exitCodes } from '../exit-codes.ts';
import { allowsStyle, type Io } from '../io.ts';
import { bold } from '../text-table.ts';
import { epsilon, landmarksOf, minPositive, nanCodes, recordOf } from './facts.ts';
import { layoutOf } from './fields.ts';
import { blockPage, complexPage, formatPage } from './format-page.ts';
import { readFormat, readOtherFormat } from './read-format.ts';
import { codeRows, fieldBits } from './value-table.ts';

const examples = `
Examples:
  halfulp format e4m3fn           all 256 codes
  halfulp format binary16         limits and landmarks
  halfulp format 'posit(10,1)' --table
  halfulp format 'float(4,2,bias=9,fn)' --json

Up to 8 bits every code is shown, above that the landmarks unless --table asks for all.`;

// Lists of more codes than this are of no use to anyone.
const mostBits = 16;
const automaticBits = 8;
/** What a pipe or file is taken for. */
const usualWidth = 80;

function landmarkRecords(format: Format): object[] {
  return landmarksOf(format).map(({ name, value }) => {
    if (format.bits === Infinity) return { name, value };
    const code = format.encode(value);
    return { name, value, code: hexCode(code, format.bits), bits: fieldBits(code, format) };
  });
}

/** Everything about a format as plain data. */
function formatRecord(format: Format, allCodes: boolean): object {
  const hex = (code: number | bigint): string => hexCode(code, format.bits);
  return {
    ...recordOf(format),
    minPositive: minPositive(format),
    epsilon: epsilon(format),
    layout: layoutOf(format),
    nanCodes: nanCodes(format).map(({ first, last }) => ({ first: hex(first), last: hex(last) })),
    landmarks: landmarkRecords(format),
    ...(allCodes && { codes: codeRows(format) }),
  };
}

/** The command; its action hands the exit code to `done`. */
export function formatCommand(io: Io, done: (code: number) => void): Command {
  return new Command('format')
    .description('Show one number format: bit layout, limits, special codes, values.')
    .argument('<name>', 'a name that `halfulp formats` lists, or one by rule, such as float(5,6)')
    .option('--table', `list every code (formats of at most ${mostBits} bits)`)
    .option('--json', 'print a JSON object')
    .addHelpText('after', examples)
    .action((name: string, { table, json }: { table?: boolean; json?: boolean }) => {
      const style = {
        width: io.stdout.columns ?? usualWidth,
        emphasise: allowsStyle(io.stdout, io.environment) ? bold : (text: string) => text,
      };
      done(exitCodes.done);
      const other = readOtherFormat(name, 'name');
      if (other?.kind === 'block') {
        io.stdout.write(json ? `${jsonText(recordOf(other), 2)}\n` : blockPage(other, style));
        return;
      }
      if (other !== undefined) {
        const record = {
          ...recordOf(other),
          codes: other.values().map((value, code) => ({ code: hexCode(code, 2), value })),
        };
        io.stdout.write(json ? `${jsonText(record, 2)}\n` : complexPage(other, style));
        return;
      }
      const format = readFormat(name, 'name');
      if (table && format.bits > mostBits)
        throw new ArgumentError('--table', format.name, `formats of at most ${mostBits} bits`);
      const allCodes = table === true || format.bits <= automaticBits;
      io.stdout.write(
        json ? `${jsonText(formatRecord(format, allCodes), 2)}\n` : formatPage(format, allCodes, style),
      );
    });
}
