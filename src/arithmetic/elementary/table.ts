/**
 * Tables of every result of a function of one argument in a format of at most 16 bits, so that a long array costs a look-up an
 * element. Kept once a format and options; a table of 2^16 numbers takes about as long as as many evaluations, and 512 KiB.
 */
import type { Format } from '../../formats/format.ts';
import { isStochastic, type ResolvedRounding } from '../../rounding/options.ts';
import { type ElementaryName, elementaryFunctions } from './evaluate.ts';

const tables = new WeakMap<Format, Map<string, Float64Array>>();

/**
 * The results of a function by the code of its argument, NaN for codes of nothing; undefined where there is no table: two
 * arguments, stochastic rounding, more than 16 bits.
 *
 * @param options As `resolveRounding` gives them.
 * @returns 2^bits numbers, shared: not to be written to.
 */
export function elementaryTable(
  name: ElementaryName,
  format: Format,
  options: ResolvedRounding,
): Float64Array | undefined {
  const { arity, evaluate } = elementaryFunctions[name];
  if (arity !== 1 || format.bits > 16 || isStochastic(options.rounding)) return undefined;
  const key = `${name} ${options.rounding} ${options.saturation} ${options.subnormals}`;
  const ofFormat = tables.get(format) ?? new Map<string, Float64Array>();
  tables.set(format, ofFormat);
  let table = ofFormat.get(key);
  if (table === undefined) {
    table = new Float64Array(2 ** format.bits);
    for (let code = 0; code < table.length; code++)
      table[code] = evaluate(format.decode(code), 0, format, options, 0);
    ofFormat.set(key, table);
  }
  return table;
}
