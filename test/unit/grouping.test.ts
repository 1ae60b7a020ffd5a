/** Groups of an array: every element in one group, in the documented order, ragged edges included. */

import { expect, test } from 'vitest';
import { ArgumentError } from '../../src/errors.ts';
import {
  axisIndex,
  checkGrouping,
  checkShape,
  countGroups,
  forEachGroup,
  type Grouping,
  groupShape,
} from '../../src/quantizers/grouping.ts';

/** The indices of each group, group by group. */
function groupsOf(grouping: Grouping, shape: readonly number[]): number[][] {
  const groups: number[][] = [];
  forEachGroup(grouping, shape, (group, start, rows, rowStride, columns, columnStride) => {
    expect(group).toBe(groups.length);
    const indices: number[] = [];
    for (let r = 0; r < rows; r++)
      for (let c = 0; c < columns; c++) indices.push(start + r * rowStride + c * columnStride);
    groups.push(indices);
  });
  return groups;
}

test('tensor, rows and columns', () => {
  expect(groupsOf({ per: 'tensor' }, [2, 3])).toEqual([[0, 1, 2, 3, 4, 5]]);
  expect(groupsOf({ per: 'row' }, [2, 3])).toEqual([
    [0, 1, 2],
    [3, 4, 5],
  ]);
  expect(groupsOf({ per: 'column' }, [2, 3])).toEqual([
    [0, 3],
    [1, 4],
    [2, 5],
  ]);
  expect(groupShape({ per: 'row' }, [4, 2, 3])).toEqual([4, 2]);
  expect(groupShape({ per: 'column' }, [4, 2, 3])).toEqual([3]);
  expect(groupShape({ per: 'tensor' }, [4, 2, 3])).toEqual([]);
});

test('blocks along an axis, the last one shorter', () => {
  expect(groupsOf({ per: 'block', size: 2 }, [2, 3])).toEqual([[0, 1], [2], [3, 4], [5]]);
  expect(groupsOf({ per: 'block', size: 2, axis: 0 }, [3, 2])).toEqual([[0, 2], [1, 3], [4], [5]]);
  expect(groupsOf({ per: 'block', size: 2, axis: -2 }, [3, 2])).toEqual([[0, 2], [1, 3], [4], [5]]);
  expect(groupsOf({ per: 'block', size: 8 }, [3])).toEqual([[0, 1, 2]]);
  expect(groupShape({ per: 'block', size: 2, axis: 1 }, [5, 3, 7])).toEqual([5, 2, 7]);
});

test('tiles of the last two axes, smaller at the far edges', () => {
  expect(groupsOf({ per: 'tile', rows: 2, columns: 2 }, [3, 3])).toEqual([[0, 1, 3, 4], [2, 5], [6, 7], [8]]);
  expect(groupsOf({ per: 'tile', rows: 4, columns: 2 }, [2, 1, 3])).toEqual([[0, 1], [2], [3, 4], [5]]);
  expect(groupsOf({ per: 'tile', rows: 4, columns: 2 }, [3])).toEqual([[0, 1], [2]]);
});

test.each<[Grouping, number[]]>([
  [{ per: 'tensor' }, [3, 5, 7]],
  [{ per: 'row' }, [3, 5, 7]],
  [{ per: 'column' }, [3, 5, 7]],
  [{ per: 'block', size: 4 }, [3, 5, 7]],
  [{ per: 'block', size: 2, axis: 1 }, [3, 5, 7]],
  [{ per: 'block', size: 2, axis: 0 }, [3, 5, 7]],
  [{ per: 'tile', rows: 2, columns: 3 }, [3, 5, 7]],
  [{ per: 'block', size: 4 }, []],
  [{ per: 'tile', rows: 2, columns: 3 }, []],
])('%j of %j: each element once', (grouping, shape) => {
  const groups = groupsOf(grouping, shape);
  const length = shape.reduce((a, b) => a * b, 1);
  expect(groups.flat().sort((a, b) => a - b)).toEqual(Array.from({ length }, (_, i) => i));
  expect(groups).toHaveLength(countGroups(grouping, shape));
});

test('an empty array has no elements in any group', () => {
  for (const per of ['tensor', 'row', 'column'] as const)
    expect(groupsOf({ per }, [0, 3]).flat()).toEqual([]);
  expect(groupsOf({ per: 'block', size: 2 }, [3, 0])).toEqual([]);
});

test('what is refused', () => {
  // biome-ignore lint/suspicious/noExplicitAny: wrong arguments on purpose
  const wrong = (given: unknown): any => given;
  expect(() => checkGrouping(wrong({ per: 'page' }))).toThrow(/per: got 'page'/);
  expect(() => checkGrouping(wrong(undefined))).toThrow(ArgumentError);
  expect(() => checkGrouping({ per: 'block', size: 0 })).toThrow(/size: got 0/);
  expect(() => checkGrouping({ per: 'block', size: 4, axis: 0.5 })).toThrow(/axis/);
  expect(() => checkGrouping({ per: 'tile', rows: 2.5, columns: 1 })).toThrow(/rows/);
  expect(() => checkGrouping({ per: 'tile', rows: 2, columns: -1 })).toThrow(/columns/);
  expect(() => checkShape([2, 3], 7)).toThrow(/shape/);
  expect(() => checkShape([-1, -3], 3)).toThrow(/shape/);
  expect(() => axisIndex(2, [1, 1])).toThrow(/axis: got 2; accepted: an integer from -2 to 1/);
});
