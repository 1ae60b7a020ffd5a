/** `halfulp verify OPERATION` on the command line: results of an implementation from a file or standard input, against ours. */
import { open } from 'node:fs/promises';
import { Command } from 'commander';
import { ArgumentError } from '../../errors.ts';
import { fileReason } from '../../files/read.ts';
import { jsonText } from '../../json.ts';
import { VectorLineError, type VectorOperation, type VectorSource, verifier } from '../../vectors/index.ts';
import { exitCodes, reportFailure, signalExitCodes } from '../exit-codes.ts';
import { listenForStop } from '../interrupt.ts';
import type { Io } from '../io.ts';
import { integer } from '../options.ts';
import {
  type GivenOptions,
  libraryOptions,
  namingOptions,
  operationLines,
  withOperationOptions,
} from './operation-options.ts';
import { columnsFor, verificationPage, verificationRecord } from './verification-page.ts';

const help = (): string => `
Operations (mulAdd is fma):
${operationLines()}

Lines are those of \`halfulp vectors\` with the results of the implementation under
test; their operands may be any. Exit code 0: all results are right. 1: some are
not. 2: a line is no case of the operation, or the stream ends in the middle of
one; what was verified until then is reported.`;

interface VerifyCommandOptions extends GivenOptions {
  readonly first?: number;
  readonly json?: boolean;
}

/** A file in pieces. Throws ArgumentError. */
async function openFile(path: string): Promise<VectorSource> {
  try {
    const file = await open(path);
    if ((await file.stat()).isDirectory()) {
      await file.close();
      throw Object.assign(new Error('a folder'), { code: 'EISDIR' });
    }
    return file.createReadStream();
  } catch (error) {
    throw new ArgumentError('file', path, `a readable file (${fileReason(error)})`);
  }
}

/** The pieces until a signal comes, however long the next one takes. */
async function* until(signal: AbortSignal, source: VectorSource): AsyncGenerator<string | Uint8Array> {
  const stopped = new Promise<undefined>((resolve) => {
    if (signal.aborted) resolve(undefined);
    signal.addEventListener('abort', () => resolve(undefined), { once: true });
  });
  const pieces = Symbol.asyncIterator in source ? source[Symbol.asyncIterator]() : source[Symbol.iterator]();
  for (;;) {
    const next = await Promise.race([pieces.next(), stopped]);
    if (next === undefined || next.done) return;
    yield next.value;
  }
}

/** The command; its action hands the exit code to `done`. */
export function verifyCommand(io: Io, done: (code: number) => void): Command {
  return withOperationOptions(
    new Command('verify')
      .description('Verify results: lines of operands, results and flags against the right ones.')
      .argument('<operation>', 'what is tested: see below')
      .argument('[file]', 'lines to verify; - or none: standard input', '-'),
  )
    .option('--first <n>', 'how many differing lines are shown (default: 20)', integer('--first', 0, 1e6))
    .option('--json', 'print a JSON object')
    .addHelpText('after', help)
    .action(async (operation: string, path: string, { json, ...given }: VerifyCommandOptions) => {
      const options = libraryOptions(given);
      const made = namingOptions(() => verifier(operation as VectorOperation, options));
      const source = path === '-' ? io.stdin : await openFile(path);
      const listener = listenForStop(io, { onStop: () => {}, onQuit: () => {} });
      let broken: unknown;
      try {
        await made.read(until(listener.signal, source));
      } catch (error) {
        broken = error;
      } finally {
        listener.close();
      }
      const found = made.found();
      const columns = columnsFor(made.operation);
      io.stdout.write(
        json
          ? `${jsonText(verificationRecord(found, columns))}\n`
          : verificationPage(found, columns, options.form ?? 'testfloat'),
      );
      const stopped = listener.stoppedBy();
      if (stopped !== null) return done(signalExitCodes[stopped]);
      if (broken instanceof VectorLineError) return done(reportFailure(broken, io));
      if (broken !== undefined) throw broken;
      done(found.differing > 0 ? exitCodes.failure : exitCodes.done);
    });
}
