/**
 * `halfulp fma 0.3 1.5 2^-9 --format e4m3fn` on the command line: one operation of the arithmetic, its operands rounded once from what is
 * typed, its result explained. A command for each operation; how it looks is page.ts.
 */
import { Command } from 'commander';
import type { TracedMethods } from '../../arithmetic/index.ts';
import { ArgumentError } from '../../errors.ts';
import type { Format } from '../../formats/index.ts';
import { jsonText } from '../../json.ts';
import { arithmetic } from '../../operations/index.ts';
import type { RoundOptions } from '../../rounding/index.ts';
import { exitCodes } from '../exit-codes.ts';
import { readFormat } from '../formats/read-format.ts';
import { acceptNegativeNumbers, resolveGiven, withRoundingOptions } from '../formats/rounding-options.ts';
import { allowsStyle, type Io } from '../io.ts';
import { choice, splitNames } from '../options.ts';
import { bold } from '../text-table.ts';
import { type CommandOperation, operands as operandCounts } from './names.ts';
import { readOperand } from './operands.ts';
import { operationPage, operationRecord } from './page.ts';

const examplesOf = (name: string, count: number): string => `
Examples:
  halfulp ${name} ${['0.3', '1.5', '2^-9'].slice(0, count).join(' ')} --format e4m3fn
  halfulp ${name} ${['0x38', '0x40', '0x01'].slice(0, count).join(' ')} --codes --format e4m3fn
  halfulp ${name} ${['1/3', 'pi', '-1e-3'].slice(0, count).join(' ')} --operands e4m3fn --result bfloat16 --rounding toward-zero

Numbers are decimal, hexadecimal (0x1.8p-3), binary (0b1.01), powers of two
(2^-9), fractions (1/3), pi, e, inf or nan. An operand that is not in the format
is rounded first, once, from exactly what is typed: as the options say where it
has the format of the result (to nearest even in the stochastic modes), else to
nearest even; that is an operation by itself, whose flags stand with the operand.
With --codes operands are codes: 0x38, 0b0_0111_000, 56. The operation is done
exactly and rounded once; its flags come last.`;

/** The options as commander leaves them. */
interface GivenOptions extends RoundOptions {
  readonly format?: string;
  readonly operands?: string;
  readonly result?: string;
  readonly codes?: boolean;
  readonly tininess?: 'after' | 'before';
  readonly json?: boolean;
}

/** The formats of operands, in their order, and of the result. Throws ArgumentError. */
function formatsOf(
  { format, operands, result }: GivenOptions,
  count: number,
): { readonly each: readonly Format[]; readonly to: Format } {
  const common = format === undefined ? undefined : readFormat(format, '--format');
  const given =
    operands === undefined ? [] : operandNames(operands).map((name) => readFormat(name, '--operands'));
  const to = result === undefined ? common : readFormat(result, '--result');
  if (to === undefined)
    throw new ArgumentError(
      '--format',
      'nothing',
      'the format of operands and result, or --operands and --result',
    );
  if (given.length > 1 && given.length !== count)
    throw new ArgumentError('--operands', operands, `one format, or ${count}: one an operand`);
  const all = given.length === 1 ? given[0] : (common ?? to);
  return { each: given.length > 1 ? given : Array.from({ length: count }, () => all!), to };
}

/** The names of a list: the same name may be there twice. */
function operandNames(text: string): string[] {
  const names = text.split(/,(?![^()]*\))/).map((name) => name.trim());
  if (names.includes('')) splitNames('--operands', text);
  return names;
}

function operationCommand(
  name: CommandOperation,
  count: 1 | 2 | 3,
  io: Io,
  done: (code: number) => void,
): Command {
  const command = new Command(name).description(
    `${name} of numbers of a format, rounded once: value, code, exact result, flags, and how it was rounded.`,
  );
  for (const operand of ['a', 'b', 'c'].slice(0, count))
    command.argument(`<${operand}>`, 'a number, or a code');
  command
    .option('--format <name>', 'the format of operands and result: see `halfulp formats`')
    .option('--operands <names>', 'formats of the operands: one, or one an operand')
    .option('--result <name>', 'the format of the result')
    .option('--codes', 'operands are codes: 0x38, 0b00111000');
  withRoundingOptions(command)
    .option(
      '--tininess <when>',
      'underflow is told after or before rounding (default: after)',
      choice('--tininess', ['after', 'before']),
    )
    .option('--json', 'print a JSON object')
    .addHelpText('after', examplesOf(name, count))
    .action((...given: unknown[]) => {
      const texts = given.slice(0, count) as string[];
      const chosen = given[count] as GivenOptions;
      const {
        format: _,
        operands: __,
        result: ___,
        codes: areCodes = false,
        tininess,
        json,
        ...rounding
      } = chosen;
      const { each, to } = formatsOf(chosen, count);
      const options = resolveGiven(to, rounding);
      const operands = texts.map((text, i) =>
        readOperand(
          text,
          'abc'[i]!,
          each[i]!,
          resolveGiven(each[i]!, operandOptions(rounding, each[i]!, to)),
          { areCodes, tininess: tininess ?? 'after' },
        ),
      );
      const settings = { ...rounding, ...(tininess !== undefined && { tininess }) };
      const isMixed = each.some((one) => one.name !== to.name);
      const f = isMixed ? arithmetic({ operands: each, result: to, ...settings }) : arithmetic(to, settings);
      const method = f.traced[name as keyof TracedMethods];
      const trace = method(...operands.map(({ value }) => value));
      const whole = { trace, operands, format: to, options };
      const emphasise = allowsStyle(io.stdout, io.environment) ? bold : (text: string) => text;
      io.stdout.write(json ? `${jsonText(operationRecord(whole), 2)}\n` : operationPage(whole, emphasise));
      done(exitCodes.done);
    });
  return acceptNegativeNumbers(command);
}

/** How an operand is rounded: as the result, where the options are those of its format too; else to nearest even. */
function operandOptions(rounding: RoundOptions, format: Format, result: Format): RoundOptions {
  return format.name === result.name ? rounding : {};
}

/** The command of an operation; its action hands the exit code to `done`. */
export function commandOf(name: CommandOperation, io: Io, done: (code: number) => void): Command {
  return operationCommand(name, operandCounts.get(name)!, io, done);
}
