/**
 * `npm run study -- x1`: one of the sweeps of docs/studies/, by the first part of its file's name. What follows goes to
 * `halfulp sweep`: `npm run study -- x1 --estimate`, `--workers 2`, `--report`; `--page` alone writes the study's page,
 * docs/studies/NAME.md. Needs a build (`npm run build`).
 */
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
// Paths as the page shows them.
process.chdir(root);
const folder = join('docs', 'studies');
const files = readdirSync(folder).filter((file) => file.endsWith('.json'));
const [name = '', ...rest] = process.argv.slice(2);
const file = files.find((candidate) => candidate.startsWith(`${name}-`) || candidate === `${name}.json`);
if (file === undefined || name === '') {
  process.stderr.write(
    `npm run study -- NAME; names: ${files.map((each) => each.split('-')[0]).join(', ')}\n`,
  );
  process.exit(2);
}
const page = join(folder, file.replace(/\.json$/, '.md'));
const options = rest.flatMap((word) => (word === '--page' ? [word, page] : [word]));
const { main } = await import(new URL('../dist/cli/main.js', import.meta.url).href);
// Workers are processes of the program that this one says it is.
process.argv[1] = join(root, 'dist', 'cli', 'main.js');
await main(['sweep', join(folder, file), '--out', join('runs', 'studies'), ...options]);
