/** Every golden set at hand, and every one that the project was developed with, is read by a test. */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { families, goldenNames } from './load.ts';

const folder = import.meta.dirname;
const tests = readdirSync(folder)
  .filter((file) => file.endsWith('.test.ts') && file !== 'coverage.test.ts')
  .map((file) => readFileSync(join(folder, file), 'utf8'));

/** Whether a test walks the family of the set, or reads the set by its name. */
function isTested(set: string): boolean {
  const family = Object.entries(families).find(([, { pattern }]) => pattern.test(set));
  if (family === undefined) return false;
  return tests.some(
    (text) => text.includes(`setsOf(families.${family[0]})`) || text.includes(`loadGolden('${set}')`),
  );
}

it('tests every golden set at hand', () => {
  const names = goldenNames();
  console.info(`golden sets at hand: ${names.join(', ') || 'none'}`);
  expect(names.filter((name) => !isTested(name))).toEqual([]);
});

it('tests every golden set that the project was developed with', () => {
  const known = Object.values(families).flatMap((family): readonly string[] => family.known);
  expect(known.filter((name) => !isTested(name))).toEqual([]);
});

it('tells a set that nothing tests', () => {
  for (const name of ['round_e4m3fn_another', 'decode_another', 'mma', 'arith_e5m2_add_another'])
    expect(isTested(name), name).toBe(false);
});

it.runIf(goldenNames().length > 0)('has the numbers of every set at hand', () => {
  const missing = goldenNames().filter(
    (name) => !existsSync(join(process.env['HALFULP_GOLDEN']!, `${name}.bin.gz`)),
  );
  expect(missing).toEqual([]);
});
