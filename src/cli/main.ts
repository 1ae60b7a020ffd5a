#!/usr/bin/env node
/**
 * The `halfulp` command: reads the arguments, loads the one subcommand that is asked for and turns its outcome into
 * an exit code. It does no work itself; each subcommand has its own file, loaded only when named, so that
 * `halfulp --help` stays quick.
 */

import type { EventEmitter } from 'node:events';
import { realpathSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { Command } from 'commander';
import { oneOf } from '../check.ts';
import { ArgumentError, describe } from '../errors.ts';
import { reasonOf } from '../files/write.ts';
import { exitCodes, reportFailure } from './exit-codes.ts';
import { type Io, processIo } from './io.ts';
import { operands } from './operation/names.ts';
import { packageVersion } from './own-package.ts';
import { withPrintableOutputs } from './printable-output.ts';

/** What a subcommand's file offers: its commander command and what to do when chosen, giving an exit code. */
interface Subcommand {
  readonly name: string;
  readonly summary: string;
  /** Makes the command; its action calls `done` with the exit code. */
  load(io: Io, done: (code: number) => void): Promise<Command>;
}

const subcommands: readonly Subcommand[] = [
  {
    name: 'compare',
    summary: 'train one small language model in several precisions and compare them',
    load: async (io, done) => (await import('./compare/command.ts')).compareCommand(io, done),
  },
  {
    name: 'train',
    summary: 'train one model under a recipe, with checkpoints',
    load: async (io, done) => (await import('./train/command.ts')).trainCommand(io, done),
  },
  {
    name: 'sweep',
    summary: 'train a grid of recipes, seeds and rates on all cores, and compare them',
    load: async (io, done) => (await import('./sweep/command.ts')).sweepCommand(io, done),
  },
  {
    name: 'worker',
    summary: 'train runs that sweeps have put into a queue',
    load: async (io, done) => (await import('./queue/worker-command.ts')).workerCommand(io, done),
  },
  {
    name: 'queue',
    summary: 'show what is in a queue of runs, retry, pause, drain it',
    load: async (io, done) => (await import('./queue/queue-command.ts')).queueCommand(io, done),
  },
  {
    name: 'formats',
    summary: 'list the number formats with their limits',
    load: async (io, done) => (await import('./formats/catalogue-command.ts')).catalogueCommand(io, done),
  },
  {
    name: 'format',
    summary: 'show one format: bit layout, limits, values',
    load: async (io, done) => (await import('./formats/format-command.ts')).formatCommand(io, done),
  },
  {
    name: 'round',
    summary: 'round numbers and show how: neighbours, bits, error',
    load: async (io, done) => (await import('./formats/round-command.ts')).roundCommand(io, done),
  },
  {
    name: 'vectors',
    summary: 'write test vectors of an operation: operands, right results, flags',
    load: async (io, done) => (await import('./vectors/vectors-command.ts')).vectorsCommand(io, done),
  },
  {
    name: 'verify',
    summary: "verify an implementation's results, line by line",
    load: async (io, done) => (await import('./vectors/verify-command.ts')).verifyCommand(io, done),
  },
  {
    name: 'assign',
    summary: 'choose a format for each layer of a run or a model file by what it costs',
    load: async (io, done) => (await import('./assign/command.ts')).assignCommand(io, done),
  },
  {
    name: 'analyze',
    summary: 'quantise a tensor in several ways and show what is lost',
    load: async (io, done) => (await import('./analyze/command.ts')).analyzeCommand(io, done),
  },
  {
    name: 'quantize',
    summary: "quantise a model file's tensors: safetensors, TensorFlow.js, ONNX, NumPy",
    load: async (io, done) => (await import('./model-files/quantize-command.ts')).quantizeCommand(io, done),
  },
  {
    name: 'dequantize',
    summary: 'write the values of a file of codes and scales',
    load: async (io, done) =>
      (await import('./model-files/dequantize-command.ts')).dequantizeCommand(io, done),
  },
  {
    name: 'calibrate',
    summary: 'write what methods after training ask of a run or a model: inputs of layers, squared gradients',
    load: async (io, done) => (await import('./calibrate/calibrate-command.ts')).calibrateCommand(io, done),
  },
  {
    name: 'evaluate',
    summary: 'evaluate a run or a model with its own weights or those of a file',
    load: async (io, done) => (await import('./calibrate/evaluate-command.ts')).evaluateCommand(io, done),
  },
  {
    name: 'inspect',
    summary: 'list the tensors of a model file: ranges, outliers, formats that would hold them',
    load: async (io, done) => (await import('./model-files/inspect-command.ts')).inspectCommand(io, done),
  },
  {
    name: 'lab',
    summary: 'open the laboratory in a browser',
    load: async (io, done) => (await import('./lab/command.ts')).labCommand(io, done),
  },
  {
    name: 'law',
    summary: 'what scaling laws say of formats, and laws fitted to runs',
    load: async (io, done) => (await import('./law/command.ts')).lawCommand(io, done),
  },
];

/** Operations of the arithmetic have commands of their own, which help lists apart. */
const operations: readonly Subcommand[] = [...operands.keys()].map((name) => ({
  name,
  summary: `${name} of numbers of a format, explained`,
  load: async (io, done) => (await import('./operation/command.ts')).commandOf(name, io, done),
}));

/** The operations in lines of at most so many characters, for help. */
function operationList(width: number): string {
  const lines = [''];
  for (const { name } of operations)
    if (`${lines.at(-1)} ${name}`.length > width) lines.push(name);
    else lines.push(`${lines.pop()} ${name}`.trim());
  return lines.map((line) => `    ${line}`).join('\n');
}

/** Refuses an option that is given twice: one of the values would not count. Options of several values, `--merge a b`, add them up. */
function refuseTwice(command: Command): void {
  const given = new Map<string, unknown>();
  // Before the listener that reads the value. Commands are emitters, which their types do not tell.
  for (const option of command.options.filter(({ variadic }) => !variadic))
    (command as unknown as EventEmitter).prependListener(`option:${option.name()}`, (text) => {
      const value: unknown = text ?? true;
      const name = option.long!;
      if (given.has(name)) {
        const lists =
          option.isBoolean() || option.negate ? '' : '; a list, where it takes one, is written a,b';
        throw new ArgumentError(
          name,
          value,
          `one ${name}, and ${describe(given.get(name))} is given${lists}`,
        );
      }
      given.set(name, value);
    });
}

/** Gives a command, and those under it, our way of refusing: exceptions instead of process.exit, one-line errors, no option twice. */
function withOurRefusals(command: Command, io: Io): Command {
  refuseTwice(command);
  command.exitOverride().configureOutput({
    writeOut: (text) => io.stdout.write(text),
    writeErr: (text) => io.stderr.write(text),
    outputError: () => {},
    getOutHelpWidth: () => io.stdout.columns ?? 100,
    getErrHelpWidth: () => io.stderr.columns ?? 100,
  });
  for (const child of command.commands) withOurRefusals(child, io);
  return command;
}

/** The command `help`. Commander's own explains the whole program where the name is none, and takes further arguments. */
function addHelp(program: Command): void {
  program
    .command('help')
    .description('explain a command')
    .argument('[command]')
    .action((name: string | undefined) => {
      const names = program.commands.map((command) => command.name());
      const asked =
        name === undefined ? program : program.commands[names.indexOf(oneOf('command', name, names))];
      asked!.help();
    });
}

/**
 * Runs the command line.
 *
 * @param argv arguments without the program's own name, for example `['compare', '--steps', '100']`
 * @param world streams, environment and signals to use
 * @returns the exit code: see exit-codes.ts
 */
export async function run(argv: readonly string[], world: Io = processIo()): Promise<number> {
  const io = withPrintableOutputs(world);
  try {
    let code: number = exitCodes.done;
    const done = (result: number): void => {
      code = result;
    };
    const program = new Command('halfulp')
      .description('Low-precision arithmetic, bit for bit: emulate it, train with it, compare it.')
      .version(packageVersion(), '-V, --version', 'print the version')
      .helpOption('-h, --help', 'explain a command')
      .helpCommand(false);
    for (const { name, summary, load } of subcommands) {
      if (argv.includes(name)) program.addCommand(await load(io, done));
      else program.command(name).description(summary);
    }
    for (const { name, load } of operations) {
      if (argv.includes(name)) program.addCommand(await load(io, done), { hidden: true });
      else program.command(name, { hidden: true });
    }
    program.addHelpText(
      'after',
      `\nOne operation, explained (halfulp fma 0.3 1.5 2^-9 --format e4m3fn):\n${operationList(76)}\n`,
    );
    addHelp(program);
    withOurRefusals(program, io);
    await program.parseAsync(argv, { from: 'user' });
    return code;
  } catch (error) {
    return reportFailure(error, io);
  }
}

/**
 * Lets the command go on where nobody reads what it writes, or where there is no room for it: a training's results are in
 * its folder. Standard output that could not be written is a failure in the end, unless its reader just went away.
 */
function outliveStreams(io: Io): void {
  let lost: string | undefined;
  process.stderr.on('error', () => {});
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    const isGone = error.code === 'EPIPE' || error.code === 'EIO';
    if (isGone || lost !== undefined) return;
    lost = reasonOf(error);
    reportFailure(new Error(`cannot write standard output: ${lost}`), io);
  });
  process.on('exit', () => {
    if (lost !== undefined && process.exitCode === exitCodes.done) process.exitCode = exitCodes.failure;
  });
}

/** Runs the command line of this process and sets its exit code. */
export async function main(argv: readonly string[]): Promise<void> {
  const io = processIo();
  outliveStreams(io);
  process.exitCode = await run(argv, io);
}

const invoked = process.argv[1];
if (invoked !== undefined && realpathSync(invoked) === fileURLToPath(import.meta.url)) {
  await main(process.argv.slice(2));
}
