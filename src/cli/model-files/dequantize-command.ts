/** `halfulp dequantize` on the command line: the work is `src/model-files`. */
import { existsSync } from 'node:fs';
import { basename } from 'node:path';
import { Command } from 'commander';
import { ArgumentError } from '../../errors.ts';
import { prepareFile } from '../../files/write.ts';
import { jsonText } from '../../json.ts';
import type { Io } from '../io.ts';
import { fileWork } from './file-work.ts';

interface Given {
  readonly out?: string;
  readonly ownTypes?: boolean;
  readonly json?: boolean;
  readonly quiet?: boolean;
}

function outOf(file: string, out: string | undefined): string {
  if (out !== undefined) return out;
  const name = `${basename(file).replace(/\.\w+$/, '')}-values.safetensors`;
  if (existsSync(name)) throw new ArgumentError('--out', undefined, `a name: there is ${name} already`);
  return name;
}

async function dequantize(file: string, given: Given, io: Io): Promise<number> {
  const out = outOf(file, given.out);
  prepareFile(out, '--out', [file]);
  return fileWork(
    io,
    given.quiet === true,
    { path: '<file>', out: '--out' },
    async (watched) => {
      const { dequantizeModel } = await import('../../model-files/index.ts');
      return dequantizeModel(file, { out, dtype: given.ownTypes ? 'own' : 'values', ...watched });
    },
    (tensors) => {
      const decoded = tensors.filter(({ wasQuantized }) => wasQuantized).length;
      io.stdout.write(
        given.json
          ? `${jsonText({ file, out, tensors }, 2)}\n`
          : `${out}: ${tensors.length} tensors, ${decoded} of them from codes and scales\n`,
      );
    },
  );
}

/** The command; its action hands the exit code to `done`. */
export function dequantizeCommand(io: Io, done: (code: number) => void): Command {
  return new Command('dequantize')
    .description('Write the values of a file of codes and scales that quantize wrote, as safetensors.')
    .argument('<file>', 'safetensors file of codes and scales')
    .option('--out <file>', 'file to be written (default: FILE-values.safetensors in this folder)')
    .option(
      '--own-types',
      'round to the types before quantising, instead of binary32 or binary64, which hold the values',
    )
    .option('--json', 'print a JSON object')
    .option('--quiet', 'show no progress')
    .action(async (file: string, given: Given) => done(await dequantize(file, given, io)));
}
