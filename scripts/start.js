/**
 * `npm start`: the main job, `halfulp compare`, with the arguments after `--`. Builds first if `dist/` is missing or
 * older than `src/`. Plain JavaScript, since it has to run before anything is built; the command then runs in this
 * very process, so signals and exit code need no passing on.
 */

import { spawnSync } from 'node:child_process';
import { readdirSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
const entry = join(root, 'dist', 'cli', 'main.js');

/** Time of the latest change in a folder, in milliseconds. */
function latestChange(folder) {
  const times = readdirSync(folder, { withFileTypes: true }).map((item) => {
    const path = join(folder, item.name);
    return item.isDirectory() ? latestChange(path) : statSync(path).mtimeMs;
  });
  return Math.max(0, ...times);
}

const built = statSync(entry, { throwIfNoEntry: false })?.mtimeMs ?? 0;
if (built < latestChange(join(root, 'src'))) {
  process.stderr.write('Building halfulp (once)...\n');
  const options = { cwd: root, stdio: ['ignore', 2, 'inherit'], shell: process.platform === 'win32' };
  const { status, error } = spawnSync('npm', ['run', '--silent', 'build'], options);
  if (error !== undefined || status !== 0) {
    // Half a build must not look like a whole one the next time.
    rmSync(entry, { force: true });
    process.stderr.write(`halfulp: the build failed${error === undefined ? '' : `: ${error.message}`}\n`);
    process.exit(1);
  }
}

const { main } = await import(new URL('../dist/cli/main.js', import.meta.url).href);
await main(['compare', ...process.argv.slice(2)]);
