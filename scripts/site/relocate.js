/**
 * Makes a built site work from any sub-path and under a policy without inline code. VitePress knows its base when it builds and
 * writes scripts into its pages. Here every text with the base becomes one that is put together when it runs, every link of a page
 * is relative to it, and every script of a page is a file.
 */
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import ts from 'typescript';
import { styleRules, withoutStyles } from './styles.js';

/** The base that VitePress is told. */
export const placeholder = '/halfulp-base/';

/**
 * Scripts of this origin and none in the page, WebAssembly, threads from blobs; nothing from elsewhere. What is fetched ahead falls
 * back to the default.
 */
export const policy = [
  "default-src 'self'",
  "object-src 'none'",
  "frame-src 'none'",
  "script-src 'self' 'wasm-unsafe-eval'",
  "style-src 'self'",
  "img-src 'self' data: blob:",
  "font-src 'self'",
  "connect-src 'self'",
  "worker-src 'self' blob:",
  "manifest-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
].join('; ');

const base = 'globalThis.halfulpBase';

/** What runs first in a page: the path of the site, and links that stay right when the address changes without a load. */
const firstScript = `globalThis.halfulpBase = new URL('../', document.currentScript.src).pathname;
document.addEventListener('DOMContentLoaded', () => {
  for (const link of document.querySelectorAll('a[href]')) if (!/^[#a-z]+:|^#/.test(link.getAttribute('href'))) link.href = link.href;
}, { once: true });
`;

/** Code whose texts with the placeholder are put together from the base at run time. */
export function relocateCode(code) {
  if (!code.includes(placeholder)) return code;
  const source = ts.createSourceFile('code.js', code, ts.ScriptTarget.Latest, false, ts.ScriptKind.JS);
  const edits = [];
  const visit = (node) => {
    const start = node.getStart(source);
    const text = code.slice(start, node.end);
    if (ts.isStringLiteral(node) && text.includes(placeholder)) {
      const mark = text[0];
      edits.push({
        start,
        end: node.end,
        text: `(${text.split(placeholder).join(`${mark}+${base}+${mark}`)})`,
      });
    } else if (ts.isTemplateLiteralToken(node) && text.includes(placeholder))
      edits.push({ start, end: node.end, text: text.split(placeholder).join(`\${${base}}`) });
    ts.forEachChild(node, visit);
  };
  visit(source);
  let result = code;
  for (const { start, end, text } of edits.sort((a, b) => b.start - a.start))
    result = result.slice(0, start) + text + result.slice(end);
  return result;
}

/** A page with relative links, its scripts in files that `write` takes, and the policy. */
function relocatePage(html, toRoot, write) {
  const scripts = html.replace(
    /<script((?:(?!src=)[^>])*)>((?:(?!<\/script>)[\s\S])+)<\/script>/g,
    (_, given, code) => {
      const isModule = /type="module"/.test(given) ? ' type="module"' : '';
      return `<script${isModule} src="${toRoot}${write(code)}"></script>`;
    },
  );
  const head =
    `<meta http-equiv="Content-Security-Policy" content="${policy}">` +
    `<script src="${toRoot}assets/first.js"></script>` +
    `<link rel="stylesheet" href="${toRoot}assets/classes.css">`;
  return withoutStyles(scripts)
    .split(placeholder)
    .join(toRoot)
    .replace(/<meta charset="utf-8">/i, (charset) => `${charset}${head}`);
}

/** Does all of it to the files of a folder. */
export function relocateSite(folder) {
  mkdirSync(join(folder, 'assets'), { recursive: true });
  writeFileSync(join(folder, 'assets', 'first.js'), firstScript);
  const write = (code) => {
    const relocated = relocateCode(code);
    const name = `assets/page.${createHash('sha256').update(relocated).digest('hex').slice(0, 8)}.js`;
    if (!existsSync(join(folder, name))) writeFileSync(join(folder, name), relocated);
    return name;
  };
  for (const name of readdirSync(folder, { recursive: true, encoding: 'utf8' })) {
    const file = join(folder, name);
    if (statSync(file).isDirectory() || !/\.(html|js|css)$/.test(name)) continue;
    const text = readFileSync(file, 'utf8');
    const path = relative(dirname(file), folder);
    const toRoot = path === '' ? './' : `${path}/`;
    if (name.endsWith('.html')) writeFileSync(file, relocatePage(text, toRoot, write));
    else if (text.includes(placeholder))
      writeFileSync(file, name.endsWith('.js') ? relocateCode(text) : text.split(placeholder).join(toRoot));
  }
  // The pages that were rendered have named all of them.
  writeFileSync(join(folder, 'assets', 'classes.css'), styleRules());
}
