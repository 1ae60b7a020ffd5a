/** Prints which golden sets at hand are tested, and which are of a kind that nothing tests yet. */
import { expect, it } from 'vitest';
import { families, goldenNames } from './load.ts';

const patterns = Object.values(families).map(({ pattern }) => pattern);

it('lists every golden set at hand', () => {
  const names = goldenNames();
  const tested = names.filter((name) => patterns.some((pattern) => pattern.test(name)));
  const others = names.filter((name) => !tested.includes(name));
  console.info(`golden sets tested (${tested.length}): ${tested.join(', ') || 'none'}`);
  console.info(`golden sets not yet covered (${others.length}): ${others.join(', ') || 'none'}`);
  expect(tested.length + others.length).toBe(names.length);
});
