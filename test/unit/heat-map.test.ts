/** The heat map of an emulation's log as SVG. */
import { expect, test } from 'vitest';
import { heatMapSvg } from '../../src/cli/report/heat-map.ts';
import { ArgumentError } from '../../src/errors.ts';

const cells = [
  { layer: 'first', step: 0, value: 0.5 },
  { layer: 'first', step: 1, value: 0 },
  { layer: 'second/inner', step: 0, value: 0.25 },
  { layer: '', step: 1, value: 0.125 },
];

test('has a field for each cell, a name for each layer, and the largest value', () => {
  const svg = heatMapSvg(cells, 'underflow', 'Underflow & more');
  expect(svg.startsWith('<svg')).toBe(true);
  expect(svg.match(/<rect fill=/g)).toHaveLength(cells.length);
  for (const text of ['first', 'second/inner', '(no layer)', 'Underflow &#38; more', '0.500'])
    expect(svg).toContain(text);
});

test('equal values above 0 have the darkest colour, and nothing at all is an error', () => {
  const [one] = cells;
  const fills = (value: number): string[] =>
    [...heatMapSvg([{ ...one!, value }], 'nan', 'NaN').matchAll(/<rect fill="([^"]+)"/g)].map(
      ([, fill]) => fill!,
    );
  expect(fills(1)).toEqual(fills(3));
  expect(fills(0)).not.toEqual(fills(3));
  expect(() => heatMapSvg([], 'nan', 'NaN')).toThrow(ArgumentError);
});
