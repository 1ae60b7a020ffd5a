/**
 * The last look at what commands write: names from files and arguments may hold control characters, which a terminal would
 * obey. Line breaks, tabs and our own marks (bold) pass; everything else of the kind is shown as an escape.
 */
import { printable } from '../errors.ts';
import type { Io, Output } from './io.ts';

/** Pieces that pass as they are, among them the text in between. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: the marks are made of them
const passing = /(\u001b\[(?:1|22)m|[\n\t])/;

function printableOutput(output: Output): Output {
  return {
    write: (content) =>
      output.write(
        typeof content === 'string'
          ? content
              .split(passing)
              .map((piece, i) => (i % 2 === 1 ? piece : printable(piece)))
              .join('')
          : content,
      ),
    get isTTY() {
      return output.isTTY;
    },
    get columns() {
      return output.columns;
    },
    get writable() {
      return output.writable;
    },
    device: output.device ?? output,
  };
}

/** The same world with outputs that show control characters instead of passing them on. */
export function withPrintableOutputs(io: Io): Io {
  return Object.create(io, {
    stdout: { value: printableOutput(io.stdout) },
    stderr: { value: printableOutput(io.stderr) },
  });
}
