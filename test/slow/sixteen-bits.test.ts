/**
 * Formats of 9 to 16 bits: every binary16 and bfloat16 number, every value and middle of two values with their binary64
 * neighbours, in every mode, the stochastic ones included. Oracle = reference = arrays, on every bit.
 */
import { describe, expect, it } from 'vitest';
import { type Format, scalarFormats, toFormat } from '../../src/formats/index.ts';
import {
  addTo,
  all16BitFloats,
  compareExhaustively,
  seed,
  settingsOf,
  summary,
  type Tally,
  ties,
} from '../exhaustive.ts';

const catalogue: readonly Format[] = Object.values(scalarFormats);
const wide: readonly Format[] = [
  ...catalogue.filter((format) => format.bits > 8 && format.bits <= 16),
  ...['posit(16,1)', 'posit(12,0)', 'int16', 'uint12', 'fixed(8,7)', 'logarithmic(8,7)', 'float(5,6)'].map(
    toFormat,
  ),
  ...['float(4,8,fn)', 'float(6,5,bias=20,fnuz)', 'float(3,9,unsigned,subnormals=false)'].map(toFormat),
];
const inputs = all16BitFloats();
const total: Tally = { oracle: 0, arrays: 0, mismatches: [] };

describe('formats of 9 to 16 bits', () => {
  it.each(wide)('$name', (format) => {
    for (const numbers of [inputs, ties(format)]) {
      const tally = compareExhaustively(format, numbers, settingsOf(format));
      addTo(total, tally);
      expect(tally.mismatches).toEqual([]);
    }
  });

  it('counts', () => {
    console.info(`9 to 16 bits: ${wide.length} formats, seed ${seed}: ${summary(total)}`);
    expect(total.oracle).toBeGreaterThan(0);
  });
});
