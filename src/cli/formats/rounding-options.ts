/** The options of rounding on the command line, for every command that explains one. */
import type { Command } from 'commander';
import { refusedAs } from '../../check.ts';
import type { Format } from '../../formats/index.ts';
import {
  type ResolvedRounding,
  type RoundOptions,
  resolveRounding,
  roundingModes,
  saturations,
  stochasticVariants,
  subnormalTreatments,
} from '../../rounding/index.ts';
import { choice, integer, integerOf64Bits } from '../options.ts';
import { isNegativeNumber } from './read-number.ts';

/** A command with the options of rounding. */
export function withRoundingOptions(command: Command): Command {
  return command
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
    );
}

/** Checks the options together; errors name them as they are typed. */
export function resolveGiven(format: Format, options: RoundOptions): ResolvedRounding {
  return refusedAs(
    () => resolveRounding(format, options),
    ({ argument }) => `--${argument}`,
  );
}

/** Makes arguments such as -0.1, -0x1p3 and -inf values where commander sees options that it does not know. */
export function acceptNegativeNumbers(command: Command): Command {
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
