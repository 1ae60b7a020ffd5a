/**
 * Files that the user names, refused by the argument that named them. How they are read is `src/files/read.ts`, what is in them is
 * for others.
 */
import { ArgumentError } from '../errors.ts';
import { largestFile, tryRead } from '../files/read.ts';
import { parseOwnJson } from '../json.ts';
import { otherEncoding } from '../train/encoding.ts';

/** The bytes of a file. Throws ArgumentError naming `argument`. */
export function readBytes(path: string, argument: string, most: number = largestFile.arrays): Uint8Array {
  const read = tryRead(path, most);
  if (typeof read === 'string') throw new ArgumentError(argument, path, `a readable file (${read})`);
  return read;
}

/** A text without its byte order mark. Throws ArgumentError naming `argument` unless it is UTF-8. */
export function readText(path: string, argument: string, most: number = largestFile.text): string {
  const bytes = readBytes(path, argument, most);
  const other = otherEncoding(bytes);
  if (other !== null) throw new ArgumentError(argument, path, `a file in UTF-8; this is ${other}`);
  return new TextDecoder().decode(bytes);
}

/** What a text of JSON says. Throws ArgumentError naming `argument`, of which `shown` is the value. */
export function readJsonText(
  text: string,
  argument: string,
  shown: string = text,
  accepted = 'JSON',
): unknown {
  try {
    return parseOwnJson(text);
  } catch (error) {
    throw new ArgumentError(argument, shown, `${accepted} (${(error as Error).message})`);
  }
}

/** The content of a JSON file. Throws ArgumentError naming `argument`. */
export function readJson(path: string, argument: string, most: number = largestFile.settings): unknown {
  return readJsonText(readText(path, argument, most), argument, path, 'a file with JSON');
}
