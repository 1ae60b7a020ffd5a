/** Runs an example of the documentation: the module that the site has of its page, up to the example, line by line. */
import type { Environment } from '../environment.ts';

export interface ExampleInput {
  readonly page: string;
  readonly index: number;
}

/** An expression of the example and what it gives; or a plot, the text of an SVG file. */
export type ExampleLine = { readonly expression: string; readonly text: string } | { readonly svg: string };

type Show = (of: number, expression: string, evaluate: () => unknown) => Promise<void>;

const mostElements = 12;

/** A value as a reader wants it: long arrays by their beginning. */
function shown(value: unknown): string {
  if (Object.is(value, -0)) return '-0';
  if (typeof value === 'string') return `'${value}'`;
  if (typeof value === 'bigint') return `${value}n`;
  if (ArrayBuffer.isView(value) && !(value instanceof DataView)) {
    const list = Array.from(value as unknown as ArrayLike<number>);
    return `${value.constructor.name} ${shown(list)}`;
  }
  if (Array.isArray(value)) {
    const more = value.length > mostElements ? `, ... (${value.length})` : '';
    return `[${value.slice(0, mostElements).map(shown).join(', ')}${more}]`;
  }
  if (typeof value === 'object' && value !== null && Object.getPrototypeOf(value) === Object.prototype) {
    const fields = Object.entries(value).filter(([, field]) => typeof field !== 'function');
    return `{ ${fields.map(([name, field]) => `${name}: ${shown(field)}`).join(', ')} }`;
  }
  return String(value);
}

/** What each line of the example gives. */
export async function exampleRun(
  { page, index }: ExampleInput,
  { base }: Environment,
): Promise<ExampleLine[]> {
  const address = new URL(`examples/${page}.js`, base).href;
  const { run } = (await import(/* @vite-ignore */ address)) as {
    run(last: number, show: Show): Promise<void>;
  };
  const lines: ExampleLine[] = [];
  await run(index, async (of, expression, evaluate) => {
    let value: unknown;
    let text: string;
    try {
      value = await evaluate();
      text = shown(value);
    } catch (error) {
      text = String(error);
    }
    if (of !== index) return;
    lines.push(
      typeof value === 'string' && value.startsWith('<svg ') ? { svg: value } : { expression, text },
    );
  });
  return lines;
}
