/** JSON files that the user names: refused with the argument's name if they cannot be read. */
import { readFileSync } from 'node:fs';
import { ArgumentError } from '../errors.ts';
import { reasonOf } from './write-file.ts';

/** The content of a JSON file. Throws ArgumentError naming `argument`. */
export function readJson(path: string, argument: string): unknown {
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (error) {
    throw new ArgumentError(argument, path, `a readable file (${reasonOf(error)})`);
  }
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new ArgumentError(argument, path, `a file with JSON (${(error as Error).message})`);
  }
}
