/**
 * This checkout against another one, of an earlier commit for instance, both built: each runs its benchmarks in a process of its own,
 * contestant by contestant in turns of some 20 ms, so that what else the machine does hits both alike. A ratio is the median over the
 * turns; above 1 this checkout is faster. Suites that time by themselves (products, training, sweep, memory, tfjs) cannot take part.
 *
 * node bench/paired.js OTHER [--only rounding,quantizers] [--turns 8] [--below 0.95]
 */
import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { parseArgs } from 'node:util';
import { medianOf } from './measure.js';
import { digits, table } from './report.js';

const suites = 'rounding,arithmetic,families,codec,threads,matmul,quantizers,transforms';
const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    only: { type: 'string', default: suites },
    turns: { type: 'string', default: '8' },
    below: { type: 'string', default: '0.95' },
  },
});
const [turns, below] = [Number(values.turns), Number(values.below)];
const unknown = values.only.split(',').find((name) => !suites.split(',').includes(name));
if (positionals.length !== 1 || unknown !== undefined || !(turns >= 1) || !(below > 0)) {
  console.error(
    `accepted: node bench/paired.js OTHER [--only ${suites} (any of them)] [--turns 8] [--below 0.95]`,
  );
  process.exit(2);
}
const here = fileURLToPath(new URL('..', import.meta.url));
const trees = [resolve(/** @type {string} */ (positionals[0])), here];
const folder = mkdtempSync(join(tmpdir(), 'halfulp-paired-'));

/** Puts `paired-measure.js` in the place of a checkout's `measure.js`. */
const hook = `const own = ${JSON.stringify(pathToFileURL(join(here, 'bench/paired-measure.js')).href)};
export const resolve = async (name, context, next) => {
  const found = await next(name, context);
  if (!found.url.endsWith('/bench/measure.js')) return found;
  return { ...found, url: own + '?of=' + encodeURIComponent(found.url) };
};`;
const textOf = (/** @type {string} */ code) => `data:text/javascript,${encodeURIComponent(code)}`;
const register = textOf(`import { register } from 'node:module'; register(${JSON.stringify(textOf(hook))});`);

/** @typedef {{ group: number, name: string, medians: number[] }} Contestant */

/**
 * Runs a suite in both checkouts, which take turns.
 * @param {string} suite
 * @returns {Promise<{ contestants: Contestant[], rows: any[] }[]>}
 */
async function runBoth(suite) {
  const states = trees.map(() => ({ asks: false, isAlive: true, answer: () => {} }));
  let last = 1;
  const next = () => {
    if (states.some(({ asks, isAlive }) => isAlive && !asks)) return;
    const which = [1 - last, last].find((one) => states[one]?.asks);
    if (which === undefined) return;
    last = which;
    const state = /** @type {(typeof states)[number]} */ (states[which]);
    state.asks = false;
    state.answer();
  };
  return Promise.all(
    trees.map(async (tree, i) => {
      const state = /** @type {(typeof states)[number]} */ (states[i]);
      const record = join(folder, `${suite}-${i}`);
      const child = spawn(
        process.execPath,
        ['--import', register, 'bench/run.js', '--only', suite, '--json'],
        {
          cwd: tree,
          env: { ...process.env, PAIRED_RECORD: record, PAIRED_TURNS: String(turns) },
          stdio: ['ignore', 'pipe', 'inherit', 'pipe', 'pipe'],
        },
      );
      const answers = /** @type {import('node:stream').Writable} */ (child.stdio[4]);
      state.answer = () => void answers.write('.');
      child.stdio[3]?.on('data', () => {
        state.asks = true;
        next();
      });
      let output = '';
      child.stdout?.on('data', (part) => {
        output += part;
      });
      const code = await new Promise((ended) => child.on('close', ended));
      Object.assign(state, { isAlive: false, asks: false });
      next();
      if (code !== 0) throw new Error(`${tree}: bench/run.js --only ${suite} ended with ${code}`);
      const contestants = readFileSync(record, 'utf8')
        .trim()
        .split('\n')
        .map((line) => JSON.parse(line));
      return { contestants, rows: JSON.parse(output.slice(output.indexOf('{')))[suite] };
    }),
  );
}

/** What a row is of: its names and whole numbers. @param {any} row */
const labelOf = (row) =>
  Object.values(row ?? {})
    .filter((value) => typeof value === 'string' || Number.isInteger(value))
    .slice(0, 5)
    .join(' ');

/** @param {string} suite */
async function compare(suite) {
  const [other, own] = /** @type {[any, any]} */ (await runBoth(suite));
  /** @type {Map<string, Contestant>} */
  const before = new Map(
    other.contestants.map((/** @type {Contestant} */ one) => [`${one.group} ${one.name}`, one]),
  );
  return own.contestants.flatMap((/** @type {Contestant} */ { group, name, medians }) => {
    const earlier = before.get(`${group} ${name}`)?.medians;
    if (earlier === undefined) return [];
    const ratios = medians
      .slice(0, earlier.length)
      .map((time, i) => /** @type {number} */ (earlier[i]) / time);
    const [ratio, best] = [medianOf(ratios), Math.min(...earlier) / Math.min(...medians)];
    return { suite, name, of: labelOf(own.rows[group]), ratio, best, time: medianOf(medians) };
  });
}

const results = [];
try {
  for (const suite of values.only.split(',')) {
    if (process.stderr.isTTY) console.error(suite);
    results.push(...(await compare(suite)));
  }
} finally {
  rmSync(folder, { recursive: true });
}
const isFallen = (/** @type {(typeof results)[number]} */ { ratio, best }) => ratio < below && best < below;

const kinds = [...new Set(results.map(({ suite, name }) => `${suite} ${name}`))];
console.log(
  table(
    `Rates of this checkout against those of ${trees[0]}, ${turns} turns`,
    ['suite', 'contestant', 'cases', 'median', 'least', 'most', `below ${below}`],
    kinds.map((kind) => {
      const of = results.filter(({ suite, name }) => `${suite} ${name}` === kind);
      const ratios = of.map(({ ratio }) => ratio).sort((a, b) => a - b);
      const [least, most] = [ratios[0], ratios.at(-1)];
      return [
        ...kind.split(' '),
        String(of.length),
        ...[medianOf(ratios), least, most].map(digits),
        String(of.filter(isFallen).length),
      ];
    }),
  ),
);
const fallen = results.filter(isFallen);
if (fallen.length > 0)
  console.log(
    table(
      `Below ${below} by the median of turns and by the best of them`,
      ['suite', 'contestant', 'of', 'median', 'best', 'us'],
      fallen
        .sort((a, b) => a.ratio - b.ratio)
        .map(({ suite, name, of, ratio, best, time }) => [
          suite,
          name,
          of,
          digits(ratio),
          digits(best),
          digits(1e6 * time),
        ]),
    ),
  );
