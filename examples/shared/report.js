/**
 * What every example does with its figures: a table on the terminal (or JSON with --json), and a plot as an SVG file. Checks of
 * figures against theory are printed with them; one that fails ends the example with exit status 1.
 */
import { existsSync, mkdirSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { plot as draw } from 'halfulp';
import { fail } from './options.js';

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

/** Makes a folder and those above it. (That of Node, with `recursive`, never ends where /proc refuses a folder.) */
function makeFolder(folder) {
  const path = resolve(folder);
  if (existsSync(path)) return;
  makeFolder(dirname(path));
  mkdirSync(path);
}

/**
 * Draws rows into an SVG file.
 *
 * @param {string} out the folder
 * @param {string} name of the file, without `.svg`
 * @param {object[]} rows
 * @param {object} options what `plot` takes
 * @returns the path
 */
export async function picture(out, name, rows, options) {
  const file = join(out, `${name}.svg`);
  try {
    makeFolder(out);
  } catch (error) {
    fail(`cannot write ${file}: ${error.message}`, 1);
  }
  await draw(rows, { ...options, file }).catch((error) => fail(error.message, 1));
  return file;
}

/** A check that holds of every one of some rows, and says of how many. */
export function each(claim, rows, holds) {
  return { claim: `${claim} (${rows.length} of them)`, holds: rows.every(holds) };
}

/**
 * Prints the figures and checks, and writes the plot.
 *
 * @param {{ name: string, rows: object[], checks: { claim: string, holds: boolean }[], plot: object, drawn?: object[] }} report
 *   `plot`: what `plot` takes; `drawn`: the rows of it, by default those of the table
 * @param {{ out: string, json: boolean }} options
 */
export async function report({ name, rows, checks, plot, drawn = rows }, { out, json }) {
  const path = await picture(out, name, drawn, plot);
  if (json) console.log(JSON.stringify({ name, rows, checks, plot: path }, null, 2));
  else {
    printTable(rows);
    for (const { claim, holds } of checks) console.log(`${holds ? 'holds' : 'FAILS'}: ${claim}`);
    console.log(`plot: ${path}`);
  }
  if (checks.some(({ holds }) => !holds)) process.exitCode = 1;
}
