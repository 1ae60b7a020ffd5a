/**
 * The documentation's examples as modules that pages run: of each page those that import from the library alone. An example sees what
 * the ones before it declare, as in the text, and a line with what it gives in a comment is shown with what it gives.
 */
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { buildSync, transformSync } from 'esbuild';

/** Examples that need a model, workers, files, other packages or time. */
const needsMore =
  /\btf\b|\bmodel\b|\bThreads\b|startThreads|fc\.assert|mobyDick|\blossScaling\b|\bscales[AB]\b|readFile|\bplot\(|\bcompile\b/;
const importLine = /^import .*;$/gm;
const named = /^import \{(.*)\} from 'halfulp';$/;
/** An expression with what it gives. */
const commentedLine = /^(?!const |let |import |\/\/|\s|await |\})(.+); +\/\/ (.*)$/gm;

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

function moduleOf(examples, runnable) {
  const names = new Set(
    runnable.flatMap((i) =>
      (examples[i].match(importLine) ?? []).flatMap((line) =>
        named
          .exec(line)[1]
          .split(',')
          .map((one) => one.trim()),
      ),
    ),
  );
  const values = [...names].filter((name) => !name.startsWith('type ') && name !== '').join(', ');
  const bodies = runnable.map((i) => {
    const body = examples[i]
      .replace(importLine, '')
      .replace(
        commentedLine,
        (_, expression) => `await show(${i}, ${JSON.stringify(expression)}, () => (${expression}));`,
      );
    return `{\n${body}\nif (last === ${i}) return;\n`;
  });
  const source = `import { ${values} } from '../library/halfulp.js';
export async function run(last, show) {
${given}
${bodies.join('')}${'}'.repeat(bodies.length)}
}
`;
  return transformSync(source, { loader: 'ts', format: 'esm', target: 'es2022' }).code;
}

/** Writes the modules and the library for them into the published folder; returns the numbers of the examples of each page. */
export function stageExamples(docs, published) {
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
  buildSync({
    entryPoints: [join(docs, '..', 'src', 'index.ts')],
    outfile: join(published, 'library', 'halfulp.js'),
    bundle: true,
    minify: true,
    format: 'esm',
    target: 'es2022',
    platform: 'browser',
    external: ['node:*'],
  });
  return manifest;
}
