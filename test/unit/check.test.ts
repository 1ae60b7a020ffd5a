/** The checks of arguments themselves, and the text of their errors. */
import { describe, expect, test } from 'vitest';
import {
  checkFields,
  checkObject,
  integerInRange,
  named,
  numberInRange,
  oneOf,
  within,
} from '../../src/check.ts';
import { ArgumentError, describe as inWords } from '../../src/errors.ts';
import { nearestWords } from '../../src/nearest-words.ts';

const names = ['rounding', 'saturation', 'seed', 'threads'];
const errorOf = (call: () => unknown): ArgumentError => {
  try {
    call();
  } catch (error) {
    if (error instanceof ArgumentError) return error;
    throw error;
  }
  throw new Error('nothing was thrown');
};

describe('checkFields', () => {
  test('gives the object itself, and an empty one for none', () => {
    const options = { seed: 1 };
    expect(checkFields('', options, names)).toBe(options);
    expect(checkFields('', undefined, names)).toEqual({});
    expect(checkFields('', {}, names)).toEqual({});
    expect(checkFields('', Object.create(null), names)).toEqual({});
    expect(checkFields('', { saturate: undefined }, names)).toEqual({ saturate: undefined });
    expect(
      checkFields(
        '',
        new (class Options {
          seed = 1;
        })(),
        names,
      ),
    ).toEqual({ seed: 1 });
  });
  test('names the unknown field and the nearest right one', () => {
    expect(errorOf(() => checkFields('', { saturate: true }, names)).message).toBe(
      'saturate: got true; accepted: no such option; rounding, saturation, seed, threads (did you mean saturation?)',
    );
    expect(errorOf(() => checkFields('scale', { sed: 1 }, names)).message).toMatch(
      /^scale.sed: got 1; .*did you mean seed\?/,
    );
    expect(errorOf(() => checkFields('', { speed: 1 }, [])).message).toBe(
      'speed: got 1; accepted: no options',
    );
    expect(errorOf(() => checkFields('', Object.create({ colour: 1 }), names)).argument).toBe('colour');
  });
  test('refuses what is no object of options as a whole', () => {
    for (const given of [
      null,
      1,
      'x',
      true,
      [],
      [1],
      () => 1,
      new Map(),
      new Date(),
      Promise.resolve(),
      new Uint8Array(1),
      /x/,
      1n,
    ])
      expect(errorOf(() => checkFields('', given as never, names)).argument).toBe('options');
    expect(errorOf(() => checkFields('call', null as never, names)).argument).toBe('call');
    expect(errorOf(() => checkFields('', null as never, names, 'model')).argument).toBe('model');
    expect(errorOf(() => checkFields('', 1 as never, [])).accepted).toBe('no options');
  });
});

test('checkObject, named', () => {
  expect(() => checkObject('x', new Map())).toThrow(/^x: /);
  expect(named({ name: 'a', b: 1 })).toEqual(['a', { b: 1 }]);
  expect(named(Object.create({ name: 'a', b: 1 }))).toEqual(['a', { b: 1 }]);
});

test('numbers are numbers', () => {
  for (const given of ['1', null, true, [1], {}, NaN, new Number(1), 1n]) {
    expect(() => integerInRange('x', given, 0, 5)).toThrow(ArgumentError);
    expect(() => numberInRange('x', given)).toThrow(ArgumentError);
    expect(() => oneOf('x', given, [1, 2])).toThrow(ArgumentError);
  }
  expect(() => integerInRange('x', 6, 0, Number.MAX_SAFE_INTEGER)).not.toThrow();
  expect(errorOf(() => integerInRange('x', -1, 0, Number.MAX_SAFE_INTEGER)).accepted).toBe(
    'an integer from 0',
  );
});

test('the nearest words', () => {
  expect(nearestWords('sturation', names)).toEqual(['saturation']);
  expect(nearestWords('saturate', names)).toEqual(['saturation']);
  expect(nearestWords('Rounding', names)).toEqual(['rounding']);
  expect(nearestWords('colour', names)).toEqual([]);
  expect(nearestWords(1, names)).toEqual([]);
  expect(nearestWords('x'.repeat(1e6), names)).toEqual([]);
});

test('within gives a path to what another check found', () => {
  expect(errorOf(() => within('a[0]', () => integerInRange('b', 'x', 0, 1))).argument).toBe('a[0].b');
});

describe('any value in words', () => {
  const cyclic: Record<string, unknown> = { a: 1 };
  cyclic['self'] = cyclic;
  const revoked = Proxy.revocable([], {});
  revoked.revoke();
  const hostile = [
    cyclic,
    [cyclic],
    { a: 1n },
    1n << 5000n,
    Symbol('\u001b[31m\n'.repeat(50)),
    Object.create(null),
    new Proxy(
      {},
      {
        get: () => {
          throw new Error('no');
        },
      },
    ),
    new Proxy(
      {},
      {
        ownKeys: () => {
          throw new Error('no');
        },
      },
    ),
    {
      toJSON: () => {
        throw new Error('no');
      },
    },
    { toJSON: () => undefined },
    { toJSON: () => 1n },
    {
      get a() {
        throw new Error('no');
      },
    },
    revoked.proxy,
    Object.assign(new Uint8Array(2), { constructor: undefined }),
    Object.assign(new Uint8Array(2), { constructor: { name: Symbol('x') } }),
    Object.assign(new Uint8Array(2), { constructor: { name: '\u0007'.repeat(500) } }),
    { x: new Float32Array(1e7) },
    { x: new Array(1e6).fill(0) },
    { x: 'y'.repeat(1e6) },
    '\u202e\u001b]0;title\u0007\n',
    'x'.repeat(1e6),
    new DataView(new ArrayBuffer(1)),
    -0,
    NaN,
    undefined,
    null,
    () => 1,
    new Date(NaN),
    Promise.resolve(),
    new Error('x'),
    globalThis,
  ];
  test.each(hostile.map((value, i) => [i, value]))('%i', (_, value) => {
    const text = inWords(value);
    expect(text).not.toBe('');
    expect(text.length).toBeLessThan(600);
    // biome-ignore lint/suspicious/noControlCharactersInRegex: that is what must not be there
    expect(text).not.toMatch(/[\u0000-\u001f\u007f-\u009f\u202a-\u202e]/);
    const error = new ArgumentError('x\n'.repeat(1000), value, 'anything');
    expect(error.message.split('\n')).toHaveLength(1);
    expect(error.message.length).toBeLessThan(2000);
    expect(error.given).toBe(value);
  });
  test('as people write them', () => {
    expect(inWords(-0)).toBe('-0');
    expect(inWords({ a: NaN, b: [1, 2], c: 2n })).toBe('{"a":"NaN","b":[1,2],"c":"2n"}');
    expect(inWords({ x: new Float32Array(3) })).toBe('{"x":"Float32Array(12 bytes)"}');
    expect(inWords(new Float32Array(3))).toBe('Float32Array(12 bytes)');
    expect(inWords([1, 2])).toBe('an array of length 2');
  });
});
