/**
 * The documentation's examples as modules that pages run: of each page those that import from the library alone. An example sees what
 * the ones before it declare, as in the text, and a line with what it gives in a comment is shown with what it gives. Pages whose
 * examples take expressions, plots, or entry points beside the first, load another bundle of the library, with mathjs and Observable
 * Plot in it. A plot is shown.
 */
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { build, transformSync } from 'esbuild';

/** Examples that need a model, workers, files, other packages or time. */
const needsMore =
  /\btf\b|\bmodel\b|\bThreads\b|startThreads|fc\.assert|mobyDick|\blossScaling\b|\bscales[AB]\b|readFile/;
const importLine = /^import .*;$/gm;
const named = /^import \{(.*)\} from 'halfulp(?:\/(linalg|mathjs|testing))?';$/;
/** Examples that the small bundle of the library is not enough for. */
const needsWhole = /from 'halfulp\/|\b(?:compile|plot)\(/;
/** An expression with what it gives. */
const commentedLine = /^(?!const |let |import |\/\/|\s|await |\})(.+); +\/\/ (.*)$/gm;

/** The text of an SVG file. */
const drawnLine = /^const (\w+) = await plot\(/gm;

/** What readers are taken to have. */
const given = `const x = Float32Array.from({ length: 65536 }, (_, i) => ((i * 5) % 7 - 3) / 2), w = x.slice(), g = x.slice();
const [m, k, n] = [4, 64, 4], a = x.slice(0, 256), b = x.slice(0, 256), c = new Float32Array(16);`;

const examplesOf = (text) => [...text.matchAll(/^```ts\n([\s\S]*?)^```$/gm)].map(([, code]) => code);

const namesIn = (text) => text.match(/\w+/g) ?? [];
const declaredBy = (code) =>
  [...code.matchAll(/\b(?:const|let|function) (\w+|\{[^}]*\}|\[[^\]]*\])/g)].flatMap(([, to]) => namesIn(to));

/** The examples of a page that run there: they need nothing else, nor what one that does declares. */
function runnableOf(examples) {
  const missing = new Set();
  return examples.flatMap((code, i) => {
    const declared = declaredBy(code);
    const lacks = namesIn(code).some((name) => missing.has(name) && !declared.includes(name));
    const isOwn = (code.match(importLine) ?? []).every((line) => named.test(line));
    const runs = !needsMore.test(code) && isOwn && !lacks;
    for (const name of declared) runs ? missing.delete(name) : missing.add(name);
    return runs ? [i] : [];
  });
}

/** Import declarations of all examples, each name once. */
function importsOf(examples) {
  const names = new Map();
  for (const line of examples.flatMap((code) => code.match(importLine) ?? [])) {
    const [, list, entry = 'halfulp'] = named.exec(line);
    const own = list.split(',').map((one) => one.trim());
    names.set(entry, [
      ...(names.get(entry) ?? []),
      ...own.filter((one) => one !== '' && !one.startsWith('type ')),
    ]);
  }
  const folder = examples.some((code) => needsWhole.test(code)) ? 'library/whole' : 'library';
  return [...names]
    .map(([entry, list]) => `import { ${[...new Set(list)].join(', ')} } from '../${folder}/${entry}.js';`)
    .join('\n');
}

function moduleOf(examples, runnable) {
  const bodies = runnable.map((i) => {
    const body = examples[i]
      .replace(importLine, '')
      .replace(
        commentedLine,
        (_, expression) => `await show(${i}, ${JSON.stringify(expression)}, () => (${expression}));`,
      );
    const plots = [...body.matchAll(drawnLine)].map(([, name]) => `await show(${i}, '', () => ${name});\n`);
    return `{\n${body}\n${plots.join('')}if (last === ${i}) return;\n`;
  });
  const source = `${importsOf(runnable.map((i) => examples[i]))}
export async function run(last, show) {
${given}
${bodies.join('')}${'}'.repeat(bodies.length)}
}
`;
  return transformSync(source, { loader: 'ts', format: 'esm', target: 'es2022' }).code;
}

/** Writes the modules and the library for them into the published folder; returns the numbers of the examples of each page. */
export async function stageExamples(docs, published) {
  const manifest = {};
  for (const file of readdirSync(docs, { recursive: true, encoding: 'utf8' }).filter((one) =>
    one.endsWith('.md'),
  )) {
    const examples = examplesOf(readFileSync(join(docs, file), 'utf8'));
    // Declarations of earlier examples are seen by later ones, whether these show anything or not.
    const seen = runnableOf(examples);
    const runnable = seen.filter((i) => examples[i].match(commentedLine) !== null);
    if (runnable.length === 0 || file.includes('/')) continue;
    const page = file.replace(/\.md$/, '');
    const target = join(published, 'examples', `${page}.js`);
    mkdirSync(dirname(target), { recursive: true });
    writeFileSync(target, moduleOf(examples, seen));
    manifest[page] = runnable;
  }
  await buildLibrary(join(docs, '..'), join(published, 'library'));
  return manifest;
}

/** What expressions are parsed with and plots are drawn with, in place of packages that Node would find. */
const packagesOfPages = {
  name: 'packages-of-pages',
  setup({ onLoad }) {
    onLoad({ filter: /expressions[\\/]parser\.ts$/ }, ({ path }) => ({
      contents: `import { create, parseDependencies } from 'mathjs';
const { parse } = create({ parseDependencies }, { number: 'BigNumber' });
export const parserOf = (given) => given ?? parse;`,
      resolveDir: dirname(path),
    }));
    onLoad({ filter: /experiments[\\/]plot\.ts$/ }, ({ path }) => {
      const byName = /^const load = .*;$/m;
      const source = readFileSync(path, 'utf8');
      if (!byName.test(source)) throw new Error(`${path} loads its packages in another way`);
      return {
        contents: source.replace(
          byName,
          "const load = (name: string) => (name === 'linkedom' ? import('linkedom/worker') : import('@observablehq/plot'));",
        ),
        loader: 'ts',
      };
    });
  },
};

/** The library as modules: the first entry point alone, and several of them with mathjs and Observable Plot. */
async function buildLibrary(root, target) {
  const source = (entry) => join(root, 'src', entry, 'index.ts');
  const common = {
    ...{ bundle: true, minify: true, format: 'esm', target: 'es2022', platform: 'browser' },
    external: ['node:*'],
  };
  await build({ ...common, entryPoints: { halfulp: source('.') }, outdir: target });
  await build({
    ...common,
    entryPoints: {
      halfulp: source('.'),
      ...Object.fromEntries(['linalg', 'mathjs', 'testing'].map((entry) => [entry, source(entry)])),
    },
    outdir: join(target, 'whole'),
    splitting: true,
    plugins: [packagesOfPages],
  });
}
