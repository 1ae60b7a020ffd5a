/** JSON of files: whoever made them, it is refused in one line that says where it is wrong. No file is touched here. */
import { refusedAs } from '../check.ts';
import { DamagedFileError } from '../errors.ts';
import { parseOwnJson } from '../json.ts';
import { checkSchema, type Schema } from '../schema.ts';

/** The value of a JSON text of a file. `part` and `state` are what messages call it. Throws DamagedFileError. */
export function jsonFrom(bytes: Uint8Array, file: string, part: string, state = ''): unknown {
  try {
    const text = new TextDecoder('utf-8', { fatal: true }).decode(bytes);
    return parseOwnJson(text);
  } catch (error) {
    const why = error instanceof SyntaxError ? `is not JSON (${error.message})` : 'is not UTF-8';
    throw new DamagedFileError(file, `${part} ${why}`, state);
  }
}

/** A value of a file against its schema. Throws DamagedFileError. */
export function checkPart<T>(part: string, given: unknown, schema: Schema<T>, file: string, state = ''): T {
  return refusedAs(
    () => checkSchema(part, given, schema),
    ({ message }) => new DamagedFileError(file, message, state),
  );
}
