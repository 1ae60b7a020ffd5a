/** `halfulp formats` on the command line: the catalogue, filtered, as tables or as JSON. */

import { Command } from 'commander';
import { formats } from '../../formats/index.ts';
import { jsonText } from '../../json.ts';
import { exitCodes } from '../exit-codes.ts';
import { allowsStyle, type Io } from '../io.ts';
import { choice, integer } from '../options.ts';
import { bold } from '../text-table.ts';
import { cataloguePage, type Kind, kinds } from './catalogue-page.ts';
import { epsilon, minPositive, recordOf } from './facts.ts';

const examples = `
Examples:
  halfulp formats                     everything that has a name of its own, with limits
  halfulp formats --bits 8            the 8-bit ones
  halfulp formats --kind posit --json
  halfulp format e4m3fn               one format: layout and values`;

/** The command; its action hands the exit code to `done`. */
export function catalogueCommand(io: Io, done: (code: number) => void): Command {
  return new Command('formats')
    .description('List the number formats of the catalogue with their limits.')
    .option('--kind <kind>', `only formats of this kind: ${kinds.join(', ')}`, choice('--kind', kinds))
    .option('--bits <n>', 'only formats of so many bits', integer('--bits', 1, 64))
    .option('--json', 'print a JSON array')
    .addHelpText('after', examples)
    .action(({ kind, bits, json }: { kind?: Kind; bits?: number; json?: boolean }) => {
      const chosen = Object.values(formats).filter(
        (format) =>
          (kind === undefined || format.kind === kind) &&
          (bits === undefined || (format.kind !== 'block' && format.bits === bits)),
      );
      if (json) {
        const records = chosen.map((format) =>
          format.kind === 'complex' || format.kind === 'block'
            ? recordOf(format)
            : { ...recordOf(format), minPositive: minPositive(format), epsilon: epsilon(format) },
        );
        io.stdout.write(`${jsonText(records, 2)}\n`);
      } else if (chosen.length === 0) {
        io.stdout.write('The catalogue has no such format.\n');
      } else {
        const style = {
          width: io.stdout.columns ?? Number.POSITIVE_INFINITY,
          emphasise: allowsStyle(io.stdout, io.environment) ? bold : (text: string) => text,
        };
        io.stdout.write(cataloguePage(chosen, kind === undefined && bits === undefined, style));
      }
      done(exitCodes.done);
    });
}
