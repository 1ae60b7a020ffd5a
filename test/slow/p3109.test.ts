/**
 * Every P3109 format with K = 3 to 15 that fits in binary64 (all precisions, signed and unsigned, both domains): every code,
 * every binary16 and bfloat16 number, every value and middle of two values with their binary64 neighbours, in every mode,
 * saturation and treatment of subnormals. Oracle = reference = arrays, on every bit. Minutes; `npm run test:slow`.
 */
import { describe, expect, it } from 'vitest';
import {
  addTo,
  all16BitFloats,
  compareExhaustively,
  p3109Formats,
  seed,
  settingsOf,
  summary,
  type Tally,
  ties,
} from '../exhaustive.ts';
import { oracleDecode } from '../oracles/index.ts';

const inputs = all16BitFloats();

describe.each([3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15])('K = %i', (bits) => {
  const formats = p3109Formats(bits);
  const byInput: Tally = { oracle: 0, arrays: 0, mismatches: [] };
  const byTie: Tally = { oracle: 0, arrays: 0, mismatches: [] };

  it.each(formats)('$name', (format) => {
    const wrong: string[] = [];
    for (let code = 0; code < 2 ** bits; code++) {
      const value = format.decode(code);
      if (!Object.is(value, oracleDecode(format, BigInt(code))) || format.encode(value) !== code)
        wrong.push(`code ${code} is ${value}`);
    }
    expect(wrong).toEqual([]);
    const settings = settingsOf(format);
    const ofInputs = compareExhaustively(format, inputs, settings);
    addTo(byInput, ofInputs);
    expect(ofInputs.mismatches).toEqual([]);
    const ofTies = compareExhaustively(format, ties(format), settings);
    addTo(byTie, ofTies);
    expect(ofTies.mismatches).toEqual([]);
  });

  it('counts', () => {
    console.info(`K = ${bits}: ${formats.length} formats, seed ${seed}`);
    console.info(`  16-bit inputs: ${summary(byInput)}`);
    console.info(`  values and ties: ${summary(byTie)}`);
    expect(byInput.oracle).toBeGreaterThan(0);
  });
});
