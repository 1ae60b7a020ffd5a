/**
 * `halfulp round VALUE... --format NAME` on the command line: each value rounded and explained, from the arguments or from
 * standard input; those of standard input, and with `--as`, a line each. How explanations look is round-page.ts, how lines are made round-lines.ts.
 */

import { Command } from 'commander';
import { ArgumentError } from '../../errors.ts';
import { jsonText } from '../../json.ts';
import { drawIntegers, isStochastic, type RoundOptions } from '../../rounding/index.ts';
import { exitCodes } from '../exit-codes.ts';
import { allowsStyle, type Io } from '../io.ts';
import { choice, splitNames } from '../options.ts';
import { pumpToStdout } from '../pump.ts';
import { bold } from '../text-table.ts';
import { readFormat } from './read-format.ts';
import { explainGiven, type GivenNumber, readAnyNumber } from './read-number.ts';
import { type Batch, lineForms, roundedLines, type Target } from './round-lines.ts';
import { roundPage, roundRecord } from './round-page.ts';
import { acceptNegativeNumbers, resolveGiven, withRoundingOptions } from './rounding-options.ts';
import { wordsOf } from './words.ts';

const examples = `
Examples:
  halfulp round 0.1 --format e4m3fn
  halfulp round -0.1 0x1.8p-3 2^-9 1/3 pi inf --format e5m2 --rounding toward-zero
  halfulp round 0.1 --format e2m1 --rounding stochastic --seed 7
  halfulp round - --format e4m3fn < numbers.txt
  halfulp round - --format e4m3fn,bfloat16 --as csv < numbers.txt
  seq 1 100 | halfulp round - --format int4 --json | jq .result.value

Numbers are decimal, hexadecimal (0x1.8p-3), binary (0b1.01), powers of two
(2^-9), fractions (1/3), pi, e, inf or nan, and are rounded once, from exactly
what is typed. With - they come from standard input, separated by white space;
an error names the line, and each has a line of output, fit for millions: its
value, or with --as its code, or number,value,code as CSV, or a page as for
numbers that are arguments. The n-th number uses the n-th random integer. With
--json there is one explained object a line, in which NaN, infinities and -0 are
strings.`;

const forms = [...lineForms, 'page'] as const;

/** The options as commander leaves them. */
interface GivenOptions extends RoundOptions {
  readonly format?: string;
  readonly as?: (typeof forms)[number];
  readonly json?: boolean;
}

/** The numbers of the arguments in turn, those of standard input in place of `-`. */
async function* batchesOf(values: readonly string[], io: Io): AsyncGenerator<Batch> {
  for (const value of values) {
    if (value !== '-') yield { texts: [value], argument: () => 'value' };
    else
      for await (const { texts, lineOf } of wordsOf(io.stdin))
        yield { texts, argument: (index) => `standard input, line ${lineOf(index)}` };
  }
}

async function* numbersOf(values: readonly string[], io: Io): AsyncGenerator<GivenNumber> {
  for await (const { texts, argument } of batchesOf(values, io))
    for (const [i, text] of texts.entries()) yield readAnyNumber(text, argument(i));
}

/** The explanations of numbers, a text each. */
async function* explanations(
  numbers: AsyncIterable<GivenNumber>,
  targets: readonly Target[],
  json: boolean,
  emphasise: (text: string) => string,
): AsyncGenerator<string> {
  let index = 0;
  let isFirst = true;
  for await (const number of numbers) {
    for (const { format, options } of targets) {
      const own = { ...options, offset: options.offset + index };
      const random = isStochastic(options.rounding) ? drawIntegers(1, own)[0]! : 0;
      const explanation = explainGiven(number, format, options, random);
      yield json
        ? `${jsonText(roundRecord(number, format, own, explanation))}\n`
        : `${isFirst ? '' : '\n'}${roundPage(number, format, own, explanation, emphasise)}`;
      isFirst = false;
    }
    index++;
  }
}

/** The command; its action hands the exit code to `done`. */
export function roundCommand(io: Io, done: (code: number) => void): Command {
  const command = new Command('round')
    .description('Round numbers to a format and show how: neighbours, decision, bits, error.')
    .argument('<value...>', 'numbers; - reads them from standard input')
    .option('--format <name>', 'the format, or several (required): see `halfulp formats`');
  withRoundingOptions(command)
    .option(
      '--as <form>',
      `what is printed of a number: ${forms.join(', ')} (default: page, or value with -)`,
      choice('--as', forms),
    )
    .option('--json', 'print a JSON object for each number, one a line')
    .addHelpText('after', examples)
    .action(
      async (values: readonly string[], { format: names, as, json = false, ...given }: GivenOptions) => {
        if (names === undefined)
          return command.error("required option '--format <name>' not specified: see `halfulp formats`");
        if (as !== undefined && json) throw new ArgumentError('--json', true, 'no --as beside it');
        const targets = splitNames('--format', names).map((name): Target => {
          const format = readFormat(name, '--format');
          return { format, options: resolveGiven(format, given) };
        });
        // Arguments are checked before anything is printed; standard input may be endless.
        for (const value of values) if (value !== '-') readAnyNumber(value, 'value');
        const emphasise = allowsStyle(io.stdout, io.environment) ? bold : (text: string) => text;
        const form = as ?? (json || !values.includes('-') ? 'page' : 'value');
        const pieces =
          form === 'page'
            ? explanations(numbersOf(values, io), targets, json, emphasise)
            : roundedLines(batchesOf(values, io), targets, form);
        await pumpToStdout(pieces, io, new AbortController().signal);
        done(exitCodes.done);
      },
    );
  return acceptNegativeNumbers(command);
}
