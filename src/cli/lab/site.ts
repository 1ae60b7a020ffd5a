/** Where the laboratory's files are: the built site of a checkout, or what the package holds of it. */
import { existsSync, readFileSync, realpathSync, statSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join, sep } from 'node:path';
import { dataFiles } from './data.ts';
import { type Finder, type Sent, typeOf } from './serve.ts';

/** The real path of a file within a folder; undefined if there is none, or where a link leads out. */
function within(folder: string, path: string): string | undefined {
  const file = join(folder, path);
  if (!existsSync(file)) return undefined;
  const [real, root] = [realpathSync(file), realpathSync(folder)];
  return real === root || real.startsWith(root + sep) ? real : undefined;
}

function read(folder: string, path: string): Sent | undefined {
  const file = within(folder, path);
  if (file === undefined) return undefined;
  if (statSync(file).isDirectory()) return path.endsWith('/') ? read(folder, `${path}index.html`) : undefined;
  return { type: typeOf(file), bytes: readFileSync(file) };
}

/** The files of a built site. */
export const siteFinder =
  (folder: string): Finder =>
  (path) =>
    read(folder, path) ?? read(folder, `${path}.html`);

const require = createRequire(import.meta.url);

const pageNames = ['format', 'rounding', 'arithmetic', 'quantisers', 'training'] as const;

/** A page of the laboratory without the site around it. */
function shell(name: string): string {
  const title = (page: string): string => page[0]!.toUpperCase() + page.slice(1);
  const links = pageNames.map(
    (page) =>
      `<a href="/laboratory/${page}"${page === name ? ' aria-current="page"' : ''}>${title(page)}</a>`,
  );
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>${title(name)} | halfulp</title>
<link rel="icon" href="data:,">
<link rel="stylesheet" href="/modules/laboratory/style.css">
<script type="module" src="/modules/laboratory/shell.js"></script>
</head>
<body>
<nav class="shell" aria-label="laboratory">${links.join('\n')}</nav>
<main class="laboratory" data-page="${name}" data-absent="${absentPackages()}"><div class="heading"><h1>${title(name)}</h1></div><div class="instrument"></div></main>
</body>
</html>
`;
}

/** What modules of this package import from other packages, and where browsers find it. */
const packages: Readonly<Record<string, string>> = {
  'csv-parse/sync': '/packages/csv-parse/dist/esm/sync.js',
  re2js: '/packages/re2js/build/index.js',
  valibot: '/packages/valibot/dist/index.mjs',
  '@tensorflow/tfjs': '/packages/tensorflow.js',
  '@tensorflow/tfjs-backend-wasm': '/packages/tensorflow-wasm.js',
};

/** Bundles of TensorFlow.js put themselves into the global object; these modules hand them out. */
const bridges: Readonly<Record<string, string>> = {
  '/packages/tensorflow.js':
    "import '/packages/@tensorflow/tfjs/dist/tf.es2017.min.js';\nexport default globalThis.tf;\n",
  '/packages/tensorflow-wasm.js':
    "import '/packages/tensorflow.js';\nimport '/packages/@tensorflow/tfjs-backend-wasm/dist/tf-backend-wasm.es2017.min.js';\nexport default globalThis.tf.wasm;\n",
};

/** Code with addresses in place of the packages that it imports; other texts with a package's name stay. */
const withPackages = (code: string): string =>
  code.replace(
    /(\b(?:from|import)\s*\(?\s*)(["'`])([@\w][\w@/-]*)\2/g,
    (text, word: string, mark: string, name: string) =>
      Object.hasOwn(packages, name) ? word + mark + packages[name] + mark : text,
  );

/** Packages that come with this one, and those that are the user's to install. */
const own: readonly string[] = ['re2js', 'valibot'];
const optional: readonly string[] = ['@tensorflow/tfjs', '@tensorflow/tfjs-backend-wasm', 'csv-parse'];

/** The folder of an installed package; undefined if it is not installed. */
function packageFolder(name: string): string | undefined {
  const paths = require.resolve.paths(name) ?? [];
  return paths.map((folder) => join(folder, name)).find(existsSync);
}

/** Packages that a page asks for before it needs them. */
const absentPackages = (): string =>
  [...optional, ...Object.values(dataFiles).map(({ of }) => of)]
    .filter((name) => packageFolder(name) === undefined)
    .join(' ');

/** A file of data; undefined where the package that has the data is not installed. */
function fromData(name: string): Sent | undefined {
  const file = Object.hasOwn(dataFiles, name) ? dataFiles[name] : undefined;
  if (file === undefined || packageFolder(file.of) === undefined) return undefined;
  return { type: typeOf(name), bytes: file.make(require) };
}

function fromPackages(path: string): Sent | undefined {
  if (Object.hasOwn(bridges, path)) return { type: typeOf('.js'), bytes: bridges[path]! };
  const wasm = /^\/wasm\/(tfjs-backend-wasm(?:-simd)?\.wasm)$/.exec(path);
  const [, name, rest] =
    wasm === null
      ? (/^\/packages\/((?:@[\w-]+\/)?[\w-]+)\/(.+)$/.exec(path) ?? [])
      : ['', '@tensorflow/tfjs-backend-wasm', `dist/${wasm[1]}`];
  const isReadable = name !== undefined && [...own, ...optional].includes(name);
  const folder = isReadable ? packageFolder(name) : undefined;
  return folder === undefined ? undefined : read(folder, rest!);
}

/** The laboratory of an installed package: its pages' code and the library's are modules in `dist`. */
export function packageFinder(dist: string): Finder {
  return (path) => {
    const page = /^\/(?:laboratory\/?)?(\w*)(?:\.html)?$/.exec(path);
    if (page !== null && (page[1] === '' || pageNames.some((name) => name === page[1])))
      return { type: typeOf('.html'), bytes: shell(page[1] || 'format') };
    const module = /^\/modules\/(.+\.(?:js|css))$/.exec(path);
    const code = module === null ? undefined : read(dist, module[1]!);
    if (code !== undefined) return { ...code, bytes: withPackages(code.bytes.toString()) };
    const data = /^\/data\/([\w.-]+)$/.exec(path);
    return data === null ? fromPackages(path) : fromData(data[1]!);
  };
}
