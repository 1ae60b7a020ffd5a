/**
 * Module hooks for TensorFlow.js' own tests, which its packages ship as modules without file extensions, and for the
 * project's sources, which Node 20 cannot read by itself. Every package then shares one tfjs-core, the one that is tested.
 */
import { existsSync, readFileSync } from 'node:fs';
import { fileURLToPath, pathToFileURL } from 'node:url';
import ts from 'typescript';

const packages = new URL('../../../node_modules/@tensorflow/', import.meta.url);

/** @param {string} path */
function withExtension(path) {
  return [path, `${path}.js`, `${path}/index.js`].find((name) => /\.[cm]?js$/.test(name) && existsSync(name));
}

/** @type {import('node:module').ResolveHook} */
export async function resolve(specifier, context, next) {
  const { parentURL = '' } = context;
  const ofPackage = /^@tensorflow\/(tfjs-(?:core|backend-cpu|backend-wasm))(?:\/(.*))?$/.exec(specifier);
  const isOfPackage = parentURL.startsWith(packages.href);
  const isInside = isOfPackage && specifier.startsWith('.');
  if (isOfPackage && specifier === 'seedrandom') {
    const { url } = await next(specifier, context);
    return { url: `${url}?named`, format: 'module', shortCircuit: true };
  }
  if (ofPackage === null && !isInside) return next(specifier, context);
  const wanted =
    ofPackage === null
      ? new URL(specifier, parentURL)
      : new URL(`${ofPackage[1]}/${ofPackage[2] ?? 'dist/index'}`, packages);
  const file = withExtension(fileURLToPath(wanted));
  return file === undefined
    ? next(specifier, context)
    : {
        url: pathToFileURL(file).href,
        format: file.includes('wasm-out') ? 'commonjs' : 'module',
        shortCircuit: true,
      };
}

/** @type {ts.CompilerOptions} */
const compilerOptions = {
  target: ts.ScriptTarget.ES2022,
  module: ts.ModuleKind.ESNext,
  verbatimModuleSyntax: true,
};

/** @type {import('node:module').LoadHook} */
export async function load(url, context, next) {
  if (url.endsWith('?named')) {
    // A CommonJS module that the tests import by its names, as bundlers let them.
    const source = `import all from '${url.replace('?named', '')}'; export const { alea } = all;`;
    return { format: 'module', source, shortCircuit: true };
  }
  if (!url.endsWith('.ts')) return next(url, context);
  const { outputText } = ts.transpileModule(readFileSync(fileURLToPath(url), 'utf8'), { compilerOptions });
  return { format: 'module', source: outputText, shortCircuit: true };
}
