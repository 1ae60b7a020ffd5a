/**
 * `halfulp round VALUE... --format NAME` on the command line: each value rounded and explained, from the arguments or from
 * standard input. What is explained is explain.ts, how it looks round-page.ts.
 */

import { Command } from 'commander';
import { refusedAs } from '../../check.ts';
import { explain } from '../../explained/explain.ts';
import type { Format } from '../../formats/index.ts';
import { jsonText } from '../../json.ts';
import {
  drawIntegers,
  isStochastic,
  type ResolvedRounding,
  type RoundOptions,
  resolveRounding,
  roundingModes,
  saturations,
  stochasticVariants,
  subnormalTreatments,
} from '../../rounding/index.ts';
import { exitCodes } from '../exit-codes.ts';
import { allowsStyle, type Io } from '../io.ts';
import { choice, integer, integerOf64Bits } from '../options.ts';
import { bold } from '../text-table.ts';
import { readFormat } from './read-format.ts';
import { type GivenNumber, isNegativeNumber, readNumber } from './read-number.ts';
import { roundPage, roundRecord } from './round-page.ts';
import { wordsOf } from './words.ts';

const examples = `
Examples:
  halfulp round 0.1 --format e4m3fn
  halfulp round -0.1 0x1.8p-3 2^-9 inf --format e5m2 --rounding toward-zero
  halfulp round 0.1 --format e2m1 --rounding stochastic --seed 7
  seq 1 100 | halfulp round - --format int4 --json | jq .result.value

Numbers are decimal, hexadecimal (0x1.8p-3), powers of two (2^-9), inf or nan.
They are read as the nearest binary64 number, and that is rounded once. With -
they come from standard input, separated by white space. The n-th number uses
the n-th random integer. With --json there is one object a line, in which NaN,
infinities and -0 are strings.`;

/** The options as commander leaves them. */
interface GivenOptions extends RoundOptions {
  readonly format?: string;
  readonly json?: boolean;
}

/** Checks the options together; errors name them as they are typed. */
function resolve(format: Format, options: RoundOptions): ResolvedRounding {
  return refusedAs(
    () => resolveRounding(format, options),
    ({ argument }) => `--${argument}`,
  );
}

/** Makes arguments such as -0.1, -0x1p3 and -inf values where commander sees options that it does not know. */
function acceptNegativeNumbers(command: Command): Command {
  const parse = command.parseOptions.bind(command);
  command.parseOptions = (argv) => {
    const { operands, unknown } = parse(argv);
    const isOption = (text: string): boolean => /^-./.test(text) && !isNegativeNumber(text);
    const literal = unknown.indexOf('--');
    const options = unknown.findIndex((text, i) => isOption(text) && (literal < 0 || i <= literal));
    if (options >= 0 && options !== literal)
      return { operands: [...operands, ...unknown.slice(0, options)], unknown: unknown.slice(options) };
    return { operands: [...operands, ...unknown.filter((_, i) => i !== literal)], unknown: [] };
  };
  return command;
}

/** The numbers of the arguments in turn, those of standard input in place of `-`. */
async function* numbersOf(values: readonly string[], io: Io): AsyncGenerator<GivenNumber> {
  for (const value of values) {
    if (value !== '-') yield readNumber(value, 'value');
    else
      for await (const { text, line } of wordsOf(io.stdin))
        yield readNumber(text, `standard input, line ${line}`);
  }
}

/** The command; its action hands the exit code to `done`. */
export function roundCommand(io: Io, done: (code: number) => void): Command {
  const command = new Command('round')
    .description('Round numbers to a format and show how: neighbours, decision, bits, error.')
    .argument('<value...>', 'numbers; - reads them from standard input')
    .option('--format <name>', 'the format (required): see `halfulp formats`')
    .option(
      '--rounding <mode>',
      `${roundingModes.join(', ')} (default: nearest-even)`,
      choice('--rounding', roundingModes),
    )
    .option(
      '--saturation <how>',
      `${saturations.join(', ')} (default: none)`,
      choice('--saturation', saturations),
    )
    .option(
      '--subnormals <how>',
      `${subnormalTreatments.join(', ')} (default: keep)`,
      choice('--subnormals', subnormalTreatments),
    )
    .option('--seed <n>', 'key of the random integers (default: 0)', integerOf64Bits('--seed'))
    .option('--stream <n>', 'which sequence under that key (default: 0)', integerOf64Bits('--stream'))
    .option(
      '--offset <n>',
      'index of the first number in the sequence (default: 0)',
      integer('--offset', 0, 2 ** 52),
    )
    .option('--random-bits <n>', 'bits of a random integer (default: 32)', integer('--random-bits', 1, 32))
    .option(
      '--variant <v>',
      'stochastic rule of IEEE P3109: A, B, C (default: A)',
      choice('--variant', stochasticVariants),
    )
    .option('--json', 'print a JSON object for each number, one a line')
    .addHelpText('after', examples)
    .action(async (values: readonly string[], { format: name, json, ...given }: GivenOptions) => {
      if (name === undefined)
        return command.error("required option '--format <name>' not specified: see `halfulp formats`");
      const format = readFormat(name, '--format');
      const options = resolve(format, given);
      const emphasise = allowsStyle(io.stdout, io.environment) ? bold : (text: string) => text;
      // Arguments are checked before anything is printed; standard input may be endless.
      for (const value of values) if (value !== '-') readNumber(value, 'value');
      let index = 0;
      for await (const number of numbersOf(values, io)) {
        if (io.stdout.writable === false) break; // the reader has gone
        const own = { ...options, offset: options.offset + index };
        const random = isStochastic(options.rounding) ? drawIntegers(1, own)[0]! : 0;
        const explanation = explain(number.value, format, options, random);
        const text = json
          ? `${jsonText(roundRecord(number, format, own, explanation))}\n`
          : `${index > 0 ? '\n' : ''}${roundPage(number, format, own, explanation, emphasise)}`;
        io.stdout.write(text);
        index++;
      }
      done(exitCodes.done);
    });
  return acceptNegativeNumbers(command);
}
