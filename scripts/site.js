/**
 * `npm run site`: builds the static site, documentation, API reference and laboratory, into `site/dist`. Pages are staged into
 * `site/content` first: those of `docs` with the links that a site has, those of `site/pages`, and one for each entry point of the
 * package from its docstrings.
 */
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Application } from 'typedoc';
import { build } from 'vitepress';
import { stageData } from './site/data.js';
import { stageExamples } from './site/examples.js';

const root = fileURLToPath(new URL('..', import.meta.url));
const content = join(root, 'site', 'content');

const filesIn = (folder, ending) =>
  readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter((file) => ending.test(file));

/** The text of a page with links that hold in the site: a folder's page is its index, files beside the pages are published. */
function staged(text, isTop) {
  const linked = text.replace(/(\]\([^)\s]*?)README\.md/g, '$1index.md');
  if (!isTop) return linked;
  // Above the top of the documentation is the project's folder.
  return linked
    .replace(/\]\(\.\.\/index\.md/g, '](./index.md')
    .replace(/\]\(\.\.\/(examples\/[^)]*)\)/g, '](./$1)');
}

function stageDocs() {
  for (const file of filesIn(join(root, 'docs'), /\.md$/)) {
    const target = join(content, file.replace(/README\.md$/, 'index.md'));
    mkdirSync(dirname(target), { recursive: true });
    writeFileSync(target, staged(readFileSync(join(root, 'docs', file), 'utf8'), !file.includes('/')));
  }
  // What pages show is bundled from beside them; what they only link to is published as it is.
  for (const folder of ['images', join('studies', 'figures')])
    cpSync(join(root, 'docs', folder), join(content, folder), { recursive: true });
  for (const file of filesIn(join(root, 'docs'), /\.(json|csv)$/))
    cpSync(join(root, 'docs', file), join(content, 'public', file), { recursive: true });
  cpSync(join(root, 'examples', 'verilog'), join(content, 'public', 'examples', 'verilog'), {
    recursive: true,
  });
  cpSync(join(root, 'site', 'pages'), content, { recursive: true });
}

/** The reference of every public symbol, a page for each entry point, from the sources that the package's exports name. */
async function stageReference() {
  const { exports } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
  const entryPoints = Object.values(exports).flatMap(({ types }) =>
    types === undefined ? [] : [types.replace('./dist/', 'src/').replace(/\.d\.ts$/, '.ts')],
  );
  const app = await Application.bootstrapWithPlugins({
    entryPoints,
    tsconfig: join(root, 'tsconfig.json'),
    plugin: ['typedoc-plugin-markdown', join(root, 'scripts', 'site', 'reference.js')],
    router: 'module',
    readme: 'none',
    name: 'API reference',
    out: join(content, 'api'),
    entryFileName: 'index.md',
    hideBreadcrumbs: true,
    hidePageHeader: true,
    disableSources: true,
    excludeInternal: true,
    excludePrivate: true,
    sanitizeComments: true,
    useHTMLEncodedBrackets: true,
    expandObjects: false,
    parametersFormat: 'table',
    propertyMembersFormat: 'table',
    enumMembersFormat: 'table',
    typeDeclarationFormat: 'table',
    skipErrorChecking: true,
    logLevel: 'Warn',
    validation: { notExported: false, invalidLink: false, notDocumented: false },
  });
  const project = await app.convert();
  if (project === undefined) throw new Error('the API reference could not be made');
  await app.generateOutputs(project);
}

const isQuick = process.argv.includes('--keep-reference') && existsSync(join(content, 'api'));
for (const name of existsSync(content) ? readdirSync(content) : [])
  if (!isQuick || name !== 'api') rmSync(join(content, name), { recursive: true, force: true });
mkdirSync(content, { recursive: true });
stageDocs();
await stageData(join(content, 'public'));
const examples = await stageExamples(join(root, 'docs'), join(content, 'public'));
writeFileSync(join(content, 'public', 'examples', 'manifest.json'), JSON.stringify(examples));
if (!isQuick) await stageReference();
await build(join(root, 'site'));
