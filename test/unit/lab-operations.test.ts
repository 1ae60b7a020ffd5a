/** The page of arithmetic has every operation that has a command, and says why each gives what it gives. */
import { expect, it } from 'vitest';
import { operationSheet } from '../../lab/compute/operation.ts';
import { operations } from '../../lab/words.ts';
import { operands } from '../../src/cli/operation/names.ts';
import { arithmetic } from '../../src/index.ts';

const given = { a: '5.5', b: '1.75', c: '-0.5', format: 'e4m3fn', seed: '0' };
const rules = { rounding: 'nearest-even', saturation: 'none', subnormals: 'keep' };

it('has them all, with as many operands', () => {
  expect(new Map(Object.entries(operations).map(([name, { arity }]) => [name, arity]))).toEqual(
    new Map([...operands].map(([name, count]) => [name, count])),
  );
});

it.each(Object.keys(operations))('%s gives what the library gives', (operation) => {
  const { result, why } = operationSheet({ ...given, ...rules, operation });
  const by = arithmetic('e4m3fn') as unknown as Record<string, (...operands: number[]) => number>;
  const values = [5.5, 1.75, -0.5].slice(0, operations[operation]!.arity);
  expect(result.value).toBe(by[operation]!(...values));
  expect(why).not.toBe('');
});
