/** `halfulp inspect` on the command line: the work is `src/model-files`. */
import { Command } from 'commander';
import { jsonText } from '../../json.ts';
import type { Io } from '../io.ts';
import { fileWork } from './file-work.ts';
import { inspectedPage } from './page.ts';

const help = `
Least and largest number, rms, the largest magnitude over it (more than about 6 means outliers), the magnitude that 99.9 % of
the elements do not exceed, and the narrowest formats that hold every element as it is, or all of them in their range.`;

interface Given {
  readonly json?: boolean;
  readonly quiet?: boolean;
}

/** The command; its action hands the exit code to `done`. */
export function inspectCommand(io: Io, done: (code: number) => void): Command {
  return new Command('inspect')
    .description(
      'List the tensors of a model file with their ranges, outliers and the formats that would hold them.',
    )
    .argument(
      '<model>',
      'FILE.safetensors, FILE.safetensors.index.json, model.json, FILE.onnx, FILE.npy or FILE.npz',
    )
    .option('--json', 'print a JSON object')
    .option('--quiet', 'show no progress')
    .addHelpText('after', help)
    .action(async (model: string, given: Given) => {
      const code = await fileWork(
        io,
        given.quiet === true,
        { path: '<model>' },
        async (watched) => (await import('../../model-files/index.ts')).inspectModel(model, watched),
        (figures) =>
          io.stdout.write(
            given.json ? `${jsonText({ model, ...figures }, 2)}\n` : inspectedPage(figures, io),
          ),
      );
      done(code);
    });
}
