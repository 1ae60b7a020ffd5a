/** Names of the user's own codebooks and block formats that are read wherever the catalogue's are. */
import { checkFormatName } from '../check.ts';
import { ArgumentError } from '../errors.ts';
import type { AnyFormat } from './catalogue.ts';
import { findFormat, isBlockFormat, isFormat } from './names.ts';
import { keepFormat, type NamedFormat, registeredFormat } from './registered.ts';

function isNamedFormat(given: unknown): given is NamedFormat {
  return (isFormat(given) && given.kind === 'codebook') || isBlockFormat(given);
}

/** Whether two formats of one name mean the same numbers. */
function meanTheSame(a: NamedFormat, b: NamedFormat): boolean {
  if (a.kind === 'codebook' && b.kind === 'codebook') {
    const [first, second] = [a.values(), b.values()];
    return (
      a.ties === b.ties && first.length === second.length && first.every((value, i) => value === second[i])
    );
  }
  if (a.kind !== 'block' || b.kind !== 'block' || a.size !== b.size) return false;
  const parts = ({ element, scale, tensorScale }: typeof a): string => [element, scale, tensorScale].join();
  return parts(a) === parts(b);
}

/** What else has the name, in whatever spelling; undefined for nothing. */
function otherOf(name: string): AnyFormat | 'a rule' | undefined {
  try {
    return findFormat(name);
  } catch (error) {
    if (!(error instanceof ArgumentError)) throw error;
    // Several things, or parameters that a rule refuses.
    return 'a rule';
  }
}

/**
 * Makes the name of a codebook or block format one that `parseFormat` reads, and with it every function that takes a format or a
 * recipe: `parseFormat(String(format))` is the format then. The name holds for this program as long as it runs; other processes, the
 * command line among them, do not know it.
 *
 * @returns The format; if the same was registered before, that one.
 * @throws ArgumentError for a format of another kind (their names are read anyway), a name that is no letter followed by letters,
 *   digits, - or _, one that the catalogue, a rule or another program's format has, in any spelling, and one that is registered with
 *   another meaning.
 *
 * @example
 * registerFormat(codebook({ name: 'levels', values: [-2, -0.5, 0.5, 2] }));
 * round(0.7, 'levels'); // 0.5
 * quantizer({ format: 'levels', scale: { per: 'row', from: 'absmax' } });
 */
export function registerFormat<F extends NamedFormat>(format: F): F {
  if (!isNamedFormat(format) || !Object.isFrozen(format))
    throw new ArgumentError('format', format, 'a format of codebook() or block()');
  const name = checkFormatName('format.name', format.name);
  const known = registeredFormat(name);
  if (known !== undefined) {
    if (meanTheSame(known, format)) return known as F;
    throw new ArgumentError('format.name', name, 'another name: it is registered with another meaning');
  }
  const other = otherOf(name);
  if (other === undefined) {
    keepFormat(format);
    return format;
  }
  const what =
    other === 'a rule' ? 'it stands for formats made by rule, or for several' : `it is read as ${other.name}`;
  throw new ArgumentError('format.name', name, `another name: ${what}`);
}
