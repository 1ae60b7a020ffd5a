/** JSON of model files: whoever made it, it is refused in one line that says where it is wrong. */
import { refusedAs } from '../check.ts';
import { DamagedFileError } from '../errors.ts';
import { parseJson, repeatedKey } from '../json.ts';
import { checkSchema, type Schema } from '../schema.ts';

/** The value of a JSON text of a file. `part` is what messages call it. Throws DamagedFileError. */
export function jsonFrom(bytes: Uint8Array, file: string, part: string): unknown {
  try {
    const text = new TextDecoder('utf-8', { fatal: true }).decode(bytes);
    const value = parseJson(text);
    const repeated = repeatedKey(text);
    if (repeated !== undefined) throw new SyntaxError(`it has the key ${repeated} twice`);
    return value;
  } catch (error) {
    const why = error instanceof SyntaxError ? `is not JSON (${error.message})` : 'is not UTF-8';
    throw new DamagedFileError(file, `${part} ${why}`);
  }
}

/** A value of a file against its schema. Throws DamagedFileError. */
export function checkPart<T>(part: string, given: unknown, schema: Schema<T>, file: string): T {
  return refusedAs(
    () => checkSchema(part, given, schema),
    ({ message }) => new DamagedFileError(file, message),
  );
}
