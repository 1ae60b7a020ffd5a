/** The command line of an example: `--out DIRECTORY`, `--json`, `--help` and options of its own; what is wrong with it in one line. */
import { parseArgs } from 'node:util';
import { parseFormat } from 'halfulp';

/** Ends the example with one line and no stack trace. */
export function fail(message, code) {
  console.error(message);
  process.exit(code);
}

function parse(options) {
  try {
    return parseArgs({ options }).values;
  } catch (error) {
    return fail(error.message, 2);
  }
}

/** A value as the default's kind has it: a positive integer, or the name of a format of numbers. */
function read(name, text, fallback) {
  if (typeof fallback === 'number') {
    const value = Number(text);
    if (!(Number.isSafeInteger(value) && value >= 1 && /^\d+$/.test(text)))
      fail(`--${name}: got '${text}'; accepted: a positive integer`, 2);
    return value;
  }
  try {
    return parseFormat(text).name;
  } catch (error) {
    return fail(`--${name}: got '${text}'; accepted: ${error.accepted}`, 2);
  }
}

/**
 * The options as given, defaults filled in. `--help` prints them and ends the example, as does one that is wrong.
 *
 * @param {string} about one line for --help
 * @param {Record<string, number | string>} own its own options with their defaults: a positive integer, or a format's name
 * @returns {{ out: string, json: boolean } & Record<string, any>}
 */
export function readOptions(about, own = {}) {
  const given = parse({
    out: { type: 'string', default: 'examples/out' },
    json: { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
    ...Object.fromEntries(
      Object.entries(own).map(([name, value]) => [name, { type: 'string', default: String(value) }]),
    ),
  });
  if (given.help) {
    const lines = Object.entries(own).map(([name, value]) => [
      `--${name} ${typeof value === 'number' ? 'NUMBER' : 'FORMAT'}`,
      `(default ${value})`,
    ]);
    const all = [
      ['--out DIRECTORY', 'where the plot goes (default examples/out)'],
      ['--json', 'print a JSON object in place of the table'],
      ...lines,
    ];
    console.log([about, ...all.map(([option, text]) => `  ${option.padEnd(17)} ${text}`)].join('\n'));
    process.exit(0);
  }
  const { out, json } = given;
  const values = Object.entries(own).map(([name, value]) => [name, read(name, given[name], value)]);
  return { out, json, ...Object.fromEntries(values) };
}
