/** A picture as a file, in Node. Node's modules are asked for at run time: programs for browsers are bundled without them. */
import { checkString } from '../check.ts';
import { ArgumentError } from '../errors.ts';

/** Writes a text whole, under another name first. Throws ArgumentError, and Error that names the file and the system's reason. */
export function writePicture(given: string, text: string): void {
  const file = checkString('file', given);
  const fs = globalThis.process?.getBuiltinModule?.('node:fs');
  if (fs === undefined)
    throw new ArgumentError('file', file, 'nothing where there are no files: take the text');
  const temporary = `${file}.tmp-${process.pid}`;
  try {
    fs.writeFileSync(temporary, text, { flush: true });
    fs.renameSync(temporary, file);
  } catch (cause) {
    fs.rmSync(temporary, { force: true });
    throw new Error(`cannot write ${file}: ${(cause as Error).message}`, { cause });
  }
}
