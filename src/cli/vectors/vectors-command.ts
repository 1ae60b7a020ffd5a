/** `halfulp vectors OPERATION` on the command line: cases with right answers, to standard output or a file. */
import { Command } from 'commander';
import { ArgumentError } from '../../errors.ts';
import { prepareFile } from '../../files/write.ts';
import {
  type Level,
  levels,
  type VectorOperation,
  type VectorTextOptions,
  vectorText,
} from '../../vectors/index.ts';
import { exitCodes, signalExitCodes } from '../exit-codes.ts';
import { listenForStop } from '../interrupt.ts';
import type { Io } from '../io.ts';
import { integer, integerOf64Bits } from '../options.ts';
import { pumpToFile, pumpToStdout } from '../pump.ts';
import {
  type GivenOptions,
  libraryOptions,
  namingOptions,
  operationLines,
  withOperationOptions,
} from './operation-options.ts';

const help = (): string => `
Operations (mulAdd is fma):
${operationLines()}

Examples:
  halfulp vectors mul --format e4m3fn --level exhaustive --out mul.txt
  halfulp vectors add --format binary16 | ./my_adder | halfulp verify add --format binary16
  halfulp vectors convert --from binary32 --format e5m2 --rounding stochastic --random-bits 8
  halfulp vectors mma --unit hopper-fp8 --count 1000 --as readmemh
  halfulp vectors quantize --format nvfp4 --as npy --out blocks.npy

Lines have the operands, the random integers of stochastic rounding, the results
and the flags as two digits: 01 inexact, 02 underflow, 04 overflow, 08 infinite
(division by zero), 10 invalid. Everything is hexadecimal, as TestFloat has it.`;

interface VectorsOptions extends GivenOptions {
  readonly level?: Level;
  readonly count?: number;
  readonly seed?: number | bigint;
  readonly out?: string;
}

function level(text: string): Level {
  const found = levels.find((known) => String(known) === text);
  if (found === undefined) throw new ArgumentError('--level', text, levels.join(', '));
  return found;
}

/** The command; its action hands the exit code to `done`. */
export function vectorsCommand(io: Io, done: (code: number) => void): Command {
  return withOperationOptions(
    new Command('vectors')
      .description('Write test vectors: cases of an operation with the right results and flags.')
      .argument('<operation>', 'what is tested: see below'),
  )
    .option('--level <level>', '1, 2 or exhaustive, up to 2^32 cases (default: 1)', level)
    .option(
      '--count <n>',
      "how many cases, in place of the level's own number",
      integer('--count', 1, 2 ** 52),
    )
    .option('--seed <n>', 'key of the random cases (default: 0)', integerOf64Bits('--seed'))
    .option('--out <file>', 'write a file, whole or not at all')
    .addHelpText('after', help)
    .action(async (operation: string, { out, ...given }: VectorsOptions) => {
      const options = libraryOptions(given) as VectorTextOptions;
      if (options.form === 'npy' && out === undefined && io.stdout.isTTY)
        throw new ArgumentError('--as', 'npy', 'a text form, --out or a pipe: this is a terminal');
      const pieces = namingOptions(() => vectorText(operation as VectorOperation, options));
      if (out !== undefined) prepareFile(out, '--out');
      const listener = listenForStop(io, { onStop: () => {}, onQuit: () => {} });
      try {
        if (out === undefined) await pumpToStdout(pieces, io, listener.signal);
        else await pumpToFile(pieces, out, listener.signal);
      } finally {
        listener.close();
      }
      const stopped = listener.stoppedBy();
      done(stopped === null ? exitCodes.done : signalExitCodes[stopped]);
    });
}
