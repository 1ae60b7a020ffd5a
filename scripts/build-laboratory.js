/**
 * A step of `npm run build`: the laboratory's pages for the package, in `dist/laboratory`, compressed. They are bundled without the
 * library, whose modules in `dist` a browser loads as they are, and without other packages. Takes the package's folder.
 */
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { basename, join, relative, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { brotliCompressSync } from 'node:zlib';
import { build, buildSync } from 'esbuild';

const here = fileURLToPath(new URL('..', import.meta.url));
const target = join(resolve(process.argv[2] ?? here), 'dist', 'laboratory');
const sources = join(here, 'src');

/** Modules of the library stay where they are. */
const libraryModules = {
  name: 'library-modules',
  setup({ onResolve }) {
    onResolve({ filter: /^\..*\/src\// }, ({ path, resolveDir }) => ({
      path: `/modules/${relative(sources, resolve(resolveDir, path)).replaceAll('\\', '/').replace(/\.ts$/, '.js')}`,
      external: true,
    }));
    onResolve({ filter: /^@tensorflow\// }, ({ path }) => ({ path, external: true }));
  },
};

const { outputFiles } = await build({
  entryPoints: [join(here, 'lab', 'worker.ts'), join(here, 'lab', 'shell.ts')],
  bundle: true,
  splitting: true,
  minify: true,
  format: 'esm',
  target: 'es2022',
  outdir: target,
  write: false,
  plugins: [libraryModules],
});
const styles = ['shell.css', 'laboratory.css'].map((name) =>
  readFileSync(join(here, 'site', '.vitepress', 'theme', name), 'utf8'),
);
const style = buildSync({
  stdin: { contents: styles.join('\n'), loader: 'css' },
  minify: true,
  write: false,
});
rmSync(target, { recursive: true, force: true });
mkdirSync(target, { recursive: true });
for (const [name, contents] of [
  ...outputFiles.map(({ path, contents }) => [basename(path), contents]),
  ['style.css', style.outputFiles[0].contents],
])
  writeFileSync(join(target, `${name}.br`), brotliCompressSync(contents));
