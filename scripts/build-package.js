/**
 * The code of the package, in `dist`, beside the declarations that tsc has written: a file for each entry point, and chunks that they
 * share, as few as serve. Loading hundreds of files takes three times as long. Names stay as they are, white space goes. Declarations
 * that no entry point comes to (nearly half of all, of files whose types no user sees) go too. Takes the package's folder, by default
 * this one.
 */
import { mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join, resolve, sep } from 'node:path';
import { fileURLToPath } from 'node:url';
import { buildSync, transformSync } from 'esbuild';
import { rolldown } from 'rolldown';
import ts from 'typescript';
import { pureInitializers } from './pure-initializers.js';

const here = fileURLToPath(new URL('..', import.meta.url));
const root = resolve(process.argv[2] ?? here);
const dist = join(root, 'dist');
const { exports, bin } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
const entries = Object.values(exports).filter(({ types }) => types !== undefined);

/** Programs beside the entry points: of the command's own processes, and of the laboratory's pages. */
const programs = {
  'cli/queue/trainer': 'src/cli/queue/trainer.ts',
  'laboratory/shell': 'lab/shell.ts',
  'laboratory/worker': 'lab/worker.ts',
};

const input = { ...programs };
for (const file of [...entries.map((entry) => entry.default), ...Object.values(bin)]) {
  const name = file.replace('./dist/', '').replace(/\.js$/, '');
  input[name] = `src/${name}.ts`;
}

/**
 * What most entry points share, in chunks by what is loaded together: each has what its file imports and no chunk before it has. All
 * else is split by who imports it.
 */
const layers = [
  'check',
  'formats/index',
  'mathjs/index',
  'index',
  'linalg/index',
  'tfjs/index',
  'train/index',
];

const layerOf = new Map();
function chunkOf(id, context) {
  if (layerOf.size === 0)
    for (const layer of layers) {
      const open = [join(here, 'src', `${layer}.ts`)];
      for (const file of open) {
        if (layerOf.has(file) || !file.endsWith('.ts')) continue;
        layerOf.set(file, layer === 'index' ? 'core' : layer.replace('/index', ''));
        open.push(...context.getModuleInfo(file).importedIds);
      }
    }
  return layerOf.get(id) ?? null;
}

const bundler = await rolldown({
  input,
  cwd: here,
  platform: 'neutral',
  external: /^(?![./]|src\/|lab\/)/,
  treeshake: { moduleSideEffects: (id) => Object.values(input).some((file) => id === join(here, file)) },
  transform: { target: 'es2022' },
  plugins: [
    {
      name: 'pure-initializers',
      transform: {
        filter: { id: /\/src\/(?!cli\/).*\.ts$/ },
        handler: (code, id) => ({ code: pureInitializers(code, id) }),
      },
    },
    {
      // The client of the laboratory's worker may be in any chunk.
      name: 'laboratory-worker',
      transform: {
        filter: { id: /lab\/client\.ts$/ },
        handler: (code) => ({ code: code.replace("'./worker.ts'", "'../laboratory/worker.js'") }),
      },
    },
  ],
});
const { output } = await bundler.generate({
  format: 'esm',
  entryFileNames: '[name].js',
  chunkFileNames: 'chunks/[name]-[hash].js',
  codeSplitting: { groups: [{ name: chunkOf, debugName: 'layers' }] },
  minify: { compress: false, mangle: false, codegen: { removeWhitespace: true } },
  minifyInternalExports: false,
  comments: { legal: false, annotation: true, jsdoc: false },
});
await bundler.close();

const kept = new Set();
for (const open = entries.map(({ types }) => join(root, types)); open.length > 0; ) {
  const file = open.pop();
  if (kept.has(file)) continue;
  kept.add(file);
  const visit = (node) => {
    const from = node.moduleSpecifier ?? (ts.isImportTypeNode(node) ? node.argument.literal : undefined);
    if (from?.text.startsWith('.')) open.push(join(dirname(file), from.text.replace(/\.[jt]s$/, '.d.ts')));
    ts.forEachChild(node, visit);
  };
  visit(ts.createSourceFile(file, readFileSync(file, 'utf8'), ts.ScriptTarget.Latest));
}
for (const name of readdirSync(dist, { recursive: true, encoding: 'utf8' })) {
  const file = join(dist, name);
  if (!kept.has(file) && !statSync(file).isDirectory()) rmSync(file);
}
/** What a file is, said to its readers: editors show what stands before a declaration, and this is before all of them. */
const header = /^\/\*\*.*?\*\/\n(?=import |export (?:type )?[*{]|\/\*\*)/s;
for (const file of kept) {
  const text = readFileSync(file, 'utf8').replace(header, '');
  writeFileSync(
    file,
    text.replace(/^(?: {4})+/gm, (indent) => '\t'.repeat(indent.length / 4)),
  );
}

const styles = ['shell.css', 'laboratory.css'].map((name) =>
  readFileSync(join(here, 'site', '.vitepress', 'theme', name), 'utf8'),
);
const style = { stdin: { contents: styles.join('\n'), loader: 'css' }, minify: true, write: false };
/** Nobody imports what only pages and the command load: names of its own are short there. */
const programFolders = ['lab', join('src', 'cli')].map((folder) => join(here, folder) + sep);
const codeOf = ({ code, moduleIds }) =>
  moduleIds.length > 0 && moduleIds.every((id) => programFolders.some((folder) => id.startsWith(folder)))
    ? transformSync(code, { format: 'esm', target: 'es2022', minify: true }).code
    : code;
const files = [
  ...output.map((chunk) => [chunk.fileName, codeOf(chunk)]),
  ['laboratory/style.css', buildSync(style).outputFiles[0].text],
];
for (const [name, text] of files) {
  mkdirSync(dirname(join(dist, name)), { recursive: true });
  writeFileSync(join(dist, name), text);
}
