/** Files that the laboratory reads when it trains: the data sets of the command line, and the wasm files of TensorFlow.js. */
import { cpSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { transformSync } from 'esbuild';

const require = createRequire(import.meta.url);

/** What the command serves of an installed package, read from its source. */
async function dataFiles() {
  const source = readFileSync(new URL('../../src/cli/lab/data.ts', import.meta.url), 'utf8');
  const { code } = transformSync(source, { loader: 'ts', format: 'esm' });
  return (await import(`data:text/javascript,${encodeURIComponent(code)}`)).dataFiles;
}

export async function stageData(folder) {
  for (const name of ['data', 'wasm']) mkdirSync(join(folder, name), { recursive: true });
  for (const [name, { make }] of Object.entries(await dataFiles()))
    writeFileSync(join(folder, 'data', name), make(require));
  const wasm = dirname(require.resolve('@tensorflow/tfjs-backend-wasm/package.json'));
  for (const name of readdirSync(join(wasm, 'dist')))
    if (name.endsWith('.wasm') && !name.includes('threaded'))
      cpSync(join(wasm, 'dist', name), join(folder, 'wasm', name));
}
