/** The pages of the documentation as tests read them: prose, fenced blocks, links. */
import { readdirSync, readFileSync } from 'node:fs';

export interface Fence {
  readonly language: string;
  readonly text: string;
  /** Line of its first line in the page. */
  readonly line: number;
}

export interface Page {
  readonly path: string;
  readonly text: string;
  readonly fences: readonly Fence[];
  /** The page without its fenced blocks. */
  readonly prose: string;
}

function read(path: string): Page {
  const text = readFileSync(path, 'utf8');
  const fences: Fence[] = [];
  const prose: string[] = [];
  let open: { language: string; lines: string[]; line: number } | undefined;
  for (const [i, line] of text.split('\n').entries()) {
    if (!line.startsWith('```')) {
      if (open === undefined) prose.push(line);
      else open.lines.push(line);
    } else if (open === undefined) open = { language: line.slice(3), lines: [], line: i + 2 };
    else {
      fences.push({ language: open.language, text: open.lines.join('\n'), line: open.line });
      open = undefined;
    }
  }
  if (open !== undefined) throw new Error(`${path}: a block that does not end`);
  return { path, text, fences, prose: prose.join('\n') };
}

/** README.md and all pages under docs/. */
export const pages: readonly Page[] = [
  'README.md',
  ...readdirSync('docs', { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith('.md'))
    .map((file) => `docs/${file}`)
    .sort(),
].map(read);

/** The anchors of a page, as GitHub makes them of headings. */
export function anchorsOf({ prose }: Page): string[] {
  const seen = new Map<string, number>();
  return [...prose.matchAll(/^#+ (.*)$/gm)].map(([, heading]) => {
    const words = heading!
      .replace(/\[([^\]]*)\]\([^)]*\)/g, '$1')
      .toLowerCase()
      .replace(/[^\p{L}\p{N} _-]/gu, '')
      .replace(/ /g, '-');
    const count = seen.get(words) ?? 0;
    seen.set(words, count + 1);
    return count === 0 ? words : `${words}-${count}`;
  });
}
