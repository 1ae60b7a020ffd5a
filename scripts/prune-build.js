/**
 * The last step of `npm run build`: takes out of the built package what no source file stands behind any more, declarations that
 * no entry point comes to (nearly half of all, of files whose types no user sees), and the white space of code, a sixth of it. Takes
 * the package's folder, by default this one.
 */
import { existsSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { transformSync } from 'esbuild';
import ts from 'typescript';

const here = fileURLToPath(new URL('..', import.meta.url));
const root = resolve(process.argv[2] ?? here);
const { exports } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
const open = Object.values(exports).flatMap(({ types }) => (types === undefined ? [] : [join(root, types)]));
const seen = new Set();
for (let file = open.pop(); file !== undefined; file = open.pop()) {
  if (seen.has(file)) continue;
  seen.add(file);
  const visit = (node) => {
    const from = node.moduleSpecifier ?? (ts.isImportTypeNode(node) ? node.argument.literal : undefined);
    if (from?.text.startsWith('.')) open.push(join(dirname(file), from.text.replace(/\.[jt]s$/, '.d.ts')));
    ts.forEachChild(node, visit);
  };
  visit(ts.createSourceFile(file, readFileSync(file, 'utf8'), ts.ScriptTarget.Latest));
}
for (const name of readdirSync(join(root, 'dist'), { recursive: true, encoding: 'utf8' })) {
  const file = join(root, 'dist', name);
  // The laboratory is made anew by its own step.
  if (statSync(file).isDirectory() || name.startsWith('laboratory')) continue;
  const isCode = name.endsWith('.js') && existsSync(join(here, 'src', name.replace(/\.js$/, '.ts')));
  if (isCode) {
    const { code } = transformSync(readFileSync(file, 'utf8'), { minifyWhitespace: true, lineLimit: 120 });
    writeFileSync(file, code);
  } else if (!seen.has(file)) rmSync(file);
}
