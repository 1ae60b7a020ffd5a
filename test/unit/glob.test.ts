/** Globs against regular expressions of the same meaning, and where those would take for ever. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { globMatcher } from '../../src/glob.ts';
import { matchesLayer } from '../../src/tfjs/layer-names.ts';

const escaped = (text: string): string => text.replace(/[.+?^${}()|[\]\\/]/g, '\\$&');

/** The definition: runs of two or more stars, and all runs where nothing separates, take any characters. */
function expressionOf(glob: string, separators: string): RegExp {
  const within = separators === '' ? '[^]*' : `[^${escaped(separators)}]*`;
  const source = glob
    .split(/(\*+)/)
    .map((part) => (part.startsWith('*') ? (part.length > 1 ? '[^]*' : within) : escaped(part)))
    .join('');
  return new RegExp(`^${source}$`);
}

const text = (characters: string): fc.Arbitrary<string> =>
  fc.array(fc.constantFrom(...characters), { maxLength: 12 }).map((units) => units.join(''));

describe('globMatcher', () => {
  test.each(['', '.', '/.'])('is the regular expression, with separators %j', (separators) => {
    fc.assert(
      fc.property(text('ab./**[\n'), text('ab./[*\n'), (glob, name) => {
        expect(globMatcher(glob, separators)(name)).toBe(expressionOf(glob, separators).test(name));
      }),
      { numRuns: 5000 },
    );
  });

  test.each([
    ['layers.*.down', 'layers.0.down', true],
    ['layers.*.down', 'layers.0.mlp.down', false],
    ['layers.**.down', 'layers.0.mlp.down', true],
    ['layers.**', 'layers.', true],
    ['*', '', true],
    ['', '', true],
    ['', 'a', false],
    ['a+b', 'aab', false],
    ['(a', '(a', true],
    ['\u{1f600}*', '\u{1f600}x', true],
  ])('%j on %j: %j', (glob, name, expected) => {
    expect(globMatcher(glob, '/.')(name)).toBe(expected);
  });

  test('takes time for its length, and no more', () => {
    const begin = process.cpuUsage();
    const name = 'a'.repeat(2000);
    expect(globMatcher(`${'*a'.repeat(100)}b`)(name)).toBe(false);
    expect(globMatcher(`${'*a**'.repeat(50)}b`, '.')(name)).toBe(false);
    expect(matchesLayer(`${'a*'.repeat(100)}b`, [name, name])).toBe(false);
    const { user, system } = process.cpuUsage(begin);
    expect((user + system) / 1e6).toBeLessThan(2);
  });
});

describe('matchesLayer', () => {
  test.each([
    ['dense', ['model', 'dense'], true],
    ['model/dense', ['model', 'dense'], true],
    ['mod*nse', ['model', 'dense'], true],
    ['dens', ['model', 'dense'], false],
    ['*', [], true],
    ['', [], true],
    ['', ['dense'], false],
    ['dense.*', ['dense_1'], false],
  ] as const)('%j in %j: %j', (pattern, path, expected) => {
    expect(matchesLayer(pattern, path)).toBe(expected);
  });
});
