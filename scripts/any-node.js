/**
 * `npm run test:nodes`: the core's tests, some training and a resume under several versions of Node, whose losses and kernels'
 * bits must be equal. `-- 22 26` for some versions, `-- --bits` without the tests, `-- --light` with those of arrays alone, which
 * are what versions differ in; a version that cannot be fetched is then left out, in words. Versions come from npm, as the
 * package `node`, and stay in node_modules/.cache. Needs a build (`npm run build`).
 */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

process.chdir(fileURLToPath(new URL('..', import.meta.url)));
const words = process.argv.slice(2);
const versions = words.filter((word) => /^\d+$/.test(word));
if (versions.length === 0) versions.push('20', '22', '24', '26');
const unknown = words.find((word) => !/^(--bits|--light|\d+)$/.test(word));
if (unknown !== undefined) fail(`${unknown}: accepted are major versions of Node, --bits and --light`, 2);
const [hasTests, isLight] = [!words.includes('--bits'), words.includes('--light')];

/** Says what is wrong and ends. */
function fail(text, code = 1) {
  process.stderr.write(`${text}\n`);
  process.exit(code);
}

function run(command, argv, options = {}) {
  const done = spawnSync(command, argv, { encoding: 'utf8', maxBuffer: 2 ** 28, ...options });
  return { code: done.status, stdout: done.stdout ?? '', stderr: done.stderr ?? String(done.error ?? '') };
}

/** The program of a version, fetched if it is not there; undefined for one that may be left out. */
function nodeOf(version) {
  const folder = join('node_modules', '.cache', 'nodes', version);
  const program = join(
    folder,
    'node_modules',
    'node',
    'bin',
    process.platform === 'win32' ? 'node.exe' : 'node',
  );
  if (!existsSync(program)) {
    mkdirSync(folder, { recursive: true });
    // The package fetches the program of this machine by its install script.
    writeFileSync(join(folder, 'package.json'), '{ "private": true, "allowScripts": { "node": true } }\n');
    const flags = ['--no-save', '--no-audit', '--no-fund', '--fetch-retries', '1', '--prefix', folder];
    const { code, stderr } = run('npm', ['install', ...flags, `node@${version}`], {
      shell: process.platform === 'win32',
    });
    if (code !== 0 || !existsSync(program)) {
      const text = `Node ${version} could not be fetched: ${stderr.trim().split('\n')[0]}`;
      if (!isLight) fail(text);
      process.stdout.write(`${text}; it is left out\n`);
      return undefined;
    }
  }
  return program;
}

/** The tests of everything below training and TensorFlow.js. */
const isCore = (file) =>
  file.endsWith('.test.ts') &&
  !/^(cli|train|tfjs|recipes|modules|timeline|hostile|options-train|kernels-.*build)/.test(file);
const tests = isLight
  ? ['array-kinds', 'arrays'].map((name) => join('test', 'unit', `${name}.test.ts`))
  : ['unit', 'property'].flatMap((folder) =>
      readdirSync(join('test', folder))
        .filter(isCore)
        .map((file) => join('test', folder, file)),
    );

const bits = new Map();
for (const version of versions) {
  const node = nodeOf(version);
  if (node === undefined) continue;
  const exact = run(node, ['--version']).stdout.trim();
  if (hasTests) {
    const { code } = run(node, ['node_modules/vitest/vitest.mjs', 'run', '--reporter=dot', ...tests], {
      stdio: ['ignore', 2, 2],
    });
    if (code !== 0) fail(`Node ${exact}: tests fail`);
  }
  const { code, stdout, stderr } = run(node, ['scripts/node-bits.js']);
  if (code !== 0) fail(`Node ${exact}: ${stderr.trim()}`);
  bits.set(exact, JSON.parse(stdout));
  process.stdout.write(`Node ${exact}: ${hasTests ? `${tests.length} files of tests pass, ` : ''}`);
  const { kernels, losses, halfArrays } = bits.get(exact);
  process.stdout.write(
    `${kernels.length} kernels, ${losses.length} losses, a resume${halfArrays ? ', Float16Array' : ''}\n`,
  );
}

if (bits.size < 2) {
  process.stdout.write(`${bits.size} version: there is nothing to compare\n`);
  process.exit();
}
const [[first, wanted], ...others] = bits;
for (const [version, found] of others)
  for (const part of ['kernels', 'losses'])
    for (const [i, item] of wanted[part].entries())
      if (item !== found[part][i]) fail(`${part}: ${first} has ${item}, ${version} has ${found[part][i]}`);
process.stdout.write('All bits are equal\n');
