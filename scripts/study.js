/**
 * `npm run study -- x1`: one of the sweeps of docs/studies/, by its file's name or the first part of it. What follows goes to
 * `halfulp sweep`: `npm run study -- x1 --estimate`, `--workers 2`, `--report`; with `--page` the study's page,
 * docs/studies/NAME.md, is written afterwards, of what is finished then. Needs the modules (`npm run build:modules`).
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
const file =
  files.find((candidate) => candidate === `${name}.json`) ??
  files.find((candidate) => candidate.startsWith(`${name}-`));
if (file === undefined || name === '') {
  process.stderr.write(
    `npm run study -- NAME; names: ${files.map((each) => each.replace('.json', '')).join(', ')}\n`,
  );
  process.exit(2);
}
const sweep = join(folder, file);
const page = join(folder, file.replace(/\.json$/, '.md'));
const out = join('runs', 'studies');
const built = (name) => import(new URL(`../build/${name}.js`, import.meta.url).href);
const [{ main }, { exitCodes, reportFailure }, { processIo }, { checkPage, preparePage }, { reportStudy }] =
  await Promise.all(
    ['cli/main', 'cli/exit-codes', 'cli/io', 'studies/study-page', 'studies/study'].map(built),
  );
const hasPage = rest.includes('--page');
// Workers are processes of the program that this one says it is.
process.argv[1] = join(root, 'build', 'cli', 'main.js');
try {
  // Refused before hours of training, not after.
  if (hasPage) checkPage(page);
  if (hasPage) preparePage(page);
  await main(['sweep', sweep, '--out', out, ...rest.filter((word) => word !== '--page')]);
  if (hasPage && process.exitCode !== exitCodes.usage) await reportStudy(sweep, page, out);
} catch (error) {
  process.exitCode = reportFailure(error, processIo());
}
