/**
 * What every example does with its figures: a table on the terminal (or JSON with --json), and a plot as an SVG file. Checks of
 * figures against theory are printed with them; one that fails ends the example with exit status 1.
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { parseArgs } from 'node:util';
import * as Plot from '@observablehq/plot';
import { parseHTML } from 'linkedom';

/**
 * The arguments of an example: `--out DIRECTORY` for the plot, `--json`, `--help`, and numbers of its own.
 *
 * @param {string} about one line for --help
 * @param {Record<string, number>} numbers names and defaults of its own options
 * @returns {{ out: string, json: boolean } & Record<string, any>}
 */
export function readOptions(about, numbers = {}) {
  const own = Object.entries(numbers).map(([name, value]) => [
    name,
    { type: 'string', default: String(value) },
  ]);
  const { values } = parseArgs({
    options: {
      out: { type: 'string', default: 'examples/out' },
      json: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
      ...Object.fromEntries(own),
    },
  });
  if (values.help) {
    const names = Object.entries(numbers).map(([name, value]) => `  --${name} NUMBER   (default ${value})`);
    console.log(
      [about, '  --out DIRECTORY   where the plot goes (default examples/out)', '  --json', ...names].join(
        '\n',
      ),
    );
    process.exit(0);
  }
  for (const name of Object.keys(numbers)) {
    values[name] = Number(values[name]);
    if (!(Number.isInteger(values[name]) && values[name] >= 1)) {
      console.error(`--${name} must be a positive integer`);
      process.exit(2);
    }
  }
  return /** @type {any} */ (values);
}

/** A number for a table. */
function show(value) {
  if (typeof value !== 'number') return String(value ?? '');
  if (Number.isInteger(value) && Math.abs(value) < 1e6) return String(value);
  return value !== 0 && (Math.abs(value) < 1e-3 || Math.abs(value) >= 1e5)
    ? value.toExponential(2)
    : value.toPrecision(5);
}

function printTable(rows) {
  const columns = Object.keys(rows[0]);
  const cells = [columns, ...rows.map((row) => columns.map((column) => show(row[column])))];
  const widths = columns.map((_, i) => Math.max(...cells.map((line) => line[i].length)));
  for (const line of cells)
    console.log(
      line
        .map((cell, i) => cell.padEnd(widths[i]))
        .join('  ')
        .trimEnd(),
    );
}

/**
 * Prints the figures and checks, and writes the plot.
 *
 * @param {{ name: string, rows: object[], checks: { claim: string, holds: boolean }[], plot: object }} report
 * @param {{ out: string, json: boolean }} options
 */
export function report({ name, rows, checks, plot }, { out, json }) {
  const { document } = parseHTML('<!doctype html><html><body></body></html>');
  const drawn = Plot.plot({ document, style: { background: 'white', color: 'black' }, ...plot });
  const svg = drawn.tagName.toLowerCase() === 'svg' ? drawn : drawn.querySelector('svg:last-of-type');
  svg.setAttribute('xmlns', 'http://www.w3.org/2000/svg');
  const path = join(out, `${name}.svg`);
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, `${svg.outerHTML}\n`);
  if (json) console.log(JSON.stringify({ name, rows, checks, plot: path }, null, 2));
  else {
    printTable(rows);
    for (const { claim, holds } of checks) console.log(`${holds ? 'holds' : 'FAILS'}: ${claim}`);
    console.log(`plot: ${path}`);
  }
  if (checks.some(({ holds }) => !holds)) process.exitCode = 1;
}
