/** Shaped arrays: what comes in and goes out, what is refused and how, how they print. Elements and orders: `test/property`. */
import { inspect } from 'node:util';
import { all, create } from 'mathjs';
import { describe, expect, test } from 'vitest';
import { allocateFloat32, arithmetic } from '../../src/index.ts';

const f = arithmetic('binary16');
const A = f.array([
  [1, 2, 3],
  [4, 5, 6],
]);

describe('what becomes a shaped array', () => {
  test('an array is written as JSON and iterated as nested arrays are', () => {
    expect(JSON.stringify({ A: A.T })).toBe('{"A":[[1,4],[2,5],[3,6]]}');
    expect(JSON.stringify(f.array(2))).toBe('2');
    const rows = [...A] as (typeof A)[];
    expect(rows.map((row) => [...row])).toEqual(A.toArray());
    expect(rows[1]!.data).toBe(A.data);
    expect([...f.array([])]).toEqual([]);
    expect(() => [...f.array(2)]).toThrow(/^array: got 'a number'; accepted: an array with an axis/);
  });

  test('nested arrays, typed arrays, numbers, other arrays', () => {
    expect(A.shape).toEqual([2, 3]);
    expect(A.data).toBeInstanceOf(Float32Array);
    expect(f.array(3).shape).toEqual([]);
    expect(f.array(3).item()).toBe(3);
    expect(f.array(1.5, [2, 2]).toArray()).toEqual([
      [1.5, 1.5],
      [1.5, 1.5],
    ]);
    expect(f.array(0, 3).toArray()).toEqual([0, 0, 0]);
    expect(f.array(new Float64Array(6), [2, 3]).toArray()).toEqual([
      [0, 0, 0],
      [0, 0, 0],
    ]);
    expect(f.array([[], []]).shape).toEqual([2, 0]);
    expect(f.array(A.T).toArray()).toEqual([
      [1, 4],
      [2, 5],
      [3, 6],
    ]);
    expect(arithmetic('binary64').array(A).data).toBeInstanceOf(Float64Array);
    expect(f.identity(2).toArray()).toEqual([
      [1, 0],
      [0, 1],
    ]);
  });

  test('matrices of mathjs, dense and sparse', () => {
    const math = create(all!, {});
    expect(
      f
        .array(
          math.matrix([
            [1, 2],
            [3, 4],
          ]) as never,
        )
        .toArray(),
    ).toEqual([
      [1, 2],
      [3, 4],
    ]);
    expect(
      f
        .array(
          math.sparse([
            [1, 0],
            [0, 4],
          ]) as never,
        )
        .toArray(),
    ).toEqual([
      [1, 0],
      [0, 4],
    ]);
    const matrix = A.toMatrix(math as never) as { toArray(): unknown };
    expect(matrix.toArray()).toEqual(A.toArray());
  });

  test('tensors, of integers too', () => {
    const tensor = { shape: [2, 2], dataSync: () => new Int32Array([1, 2, 3, 4]) };
    expect(f.array(tensor).toArray()).toEqual([
      [1, 2],
      [3, 4],
    ]);
    const tf = {
      tensor: (values: Float32Array, shape: number[], dtype: string) => ({ values, shape, dtype }),
    };
    expect(A.T.toTensor(tf)).toEqual({
      values: new Float32Array([1, 4, 2, 5, 3, 6]),
      shape: [3, 2],
      dtype: 'float32',
    });
    expect(() => arithmetic('binary64').array([1]).toTensor(tf)).toThrow(/^format: got 'binary64'/);
  });

  test('ndarrays, with any strides; a shaped array is one', () => {
    const data = new Float64Array([1, 2, 3, 4, 5, 6]);
    expect(f.array({ data, shape: [2, 2], stride: [1, 3], offset: 1 }).toArray()).toEqual([
      [2, 5],
      [3, 6],
    ]);
    expect(f.array({ data, shape: [3], stride: [-2], offset: 5 }).toArray()).toEqual([6, 4, 2]);
    expect(f.array({ data: [1, 2], shape: [2], stride: [1], offset: 0 }).toArray()).toEqual([1, 2]);
    const { data: own, shape, stride, offset } = A.column(1);
    expect(f.array({ data: own, shape, stride, offset }).toArray()).toEqual([2, 5]);
    for (const [wrong, path] of [
      [{ data, shape: [7], stride: [1], offset: 0 }, /^values: /],
      [{ data, shape: [2], stride: [-1], offset: 0 }, /^values: /],
      [{ data, shape: [2, 2], stride: [1], offset: 0 }, /^values\.stride: /],
      [{ data, shape: [2], stride: [1], offset: -1 }, /^values\.offset: /],
    ] as const)
      expect(() => f.array(wrong)).toThrow(path);
  });

  test('numbers that are not in the format are rounded, or refused', () => {
    expect(f.array([0.1]).at(0)).toBe(0.0999755859375);
    expect(arithmetic('binary16', { rounding: 'toward-positive' }).array([0.1]).at(0)).toBe(0.10003662109375);
    const sr = arithmetic('binary16', { rounding: 'stochastic', seed: 1 });
    expect(sr.array([0.1]).at(0)).toBe(0.0999755859375);
    expect(sr.state.offset).toBe(0);
    expect(() =>
      f.array(
        [
          [1, 2],
          [3, 0.1],
        ],
        undefined,
        { operands: 'error' },
      ),
    ).toThrow(/^values\[1\]\[1\]: got 0\.1; accepted: a value of binary16/);
    // Once, from the number given: not by way of binary32.
    const tie = 1 + 2 ** -11 + 2 ** -30;
    expect(f.array([tie]).at(0)).toBe(1 + 2 ** -10);
    expect(f.array(0.1, [2]).toArray()).toEqual([0.0999755859375, 0.0999755859375]);
    expect(f.array([1]).set(0, 0.1).at(0)).toBe(0.0999755859375);
    expect(f.array([1, 2]).assign(0.1).toArray()).toEqual([0.0999755859375, 0.0999755859375]);
  });

  test('memory can be used as it is', () => {
    const memory = allocateFloat32(4).fill(2);
    const x = f.array(memory, [2, 2], { copy: false });
    expect(x.data).toBe(memory);
    x.set(0, 1, 5);
    expect(memory[1]).toBe(5);
    memory[0] = 0.1;
    expect(() => f.array(memory, [4], { copy: false })).toThrow(/^values\[0\]: /);
    expect(() => x.add(1)).toThrow(/^a\[0\]: /);
    expect(() => f.array(new Float64Array(4), [4], { copy: false })).toThrow(
      /^values: .*a Float32Array where copy/,
    );
    expect(f.array(new Float32Array(2)).data).not.toBe(memory);
  });

  test('and what does not', () => {
    for (const [given, shape, message] of [
      ['x', undefined, /^values: got 'x'/],
      [null, undefined, /^values: got null/],
      [{}, undefined, /^values: got \{\}/],
      [new Uint8Array(2), undefined, /^values: /],
      [[[1, 2], [3]], undefined, /^values\[1\]: got an array of length 1; accepted: an array of length 2/],
      [[1, [2]], undefined, /^values\[1\]: got an array of length 1; accepted: a number/],
      [[[1], 2], undefined, /^values\[1\]: got 2; accepted: an array of length 1/],
      [[1, '2'], undefined, /^values\[1\]: got '2'; accepted: a number/],
      [[1, 2, 3], [2, 2], /^shape: .*whose product is 3/],
      [[1], [-1], /^shape\[0\]: got -1/],
      [[1], 'x', /^shape: got 'x'/],
    ] as const)
      expect(() => f.array(given as never, shape as never)).toThrow(message);
    expect(() => f.array([1], undefined, { operand: 'error' } as never)).toThrow(/^operand: .*operands/);
    expect(() => f.array([1], undefined, { operands: 'clip' } as never)).toThrow(/^operands: /);
    expect(() => f.identity(-1)).toThrow(/^n: /);
  });
});

describe('views', () => {
  test('share memory', () => {
    const a = f.array([
      [1, 2, 3],
      [4, 5, 6],
    ]);
    a.row(1).set(0, 40);
    a.column(2).assign([30, 60]);
    a.T.set(1, 0, 20);
    a.slice(1, [1, 2]).assign(50);
    expect(a.toArray()).toEqual([
      [1, 20, 30],
      [40, 50, 60],
    ]);
    expect(a.reshape(3, 2).data).toBe(a.data);
    expect(a.reshape(-1).shape).toEqual([6]);
    expect(a.reshape([3, -1]).shape).toEqual([3, 2]);
    expect(a.T.reshape(6).data).not.toBe(a.data);
    expect(a.copy().data).not.toBe(a.data);
    expect(a.transpose(1, 0).equals(a.T)).toBe(true);
  });

  test('cannot be changed themselves', () => {
    expect(() => Object.assign(A.shape as number[], [9])).toThrow(TypeError);
    expect(() => Object.assign(A.stride as number[], [9])).toThrow(TypeError);
    expect(() => Object.assign(A, { offset: 1 })).toThrow(TypeError);
  });

  test('an assignment reads before it writes', () => {
    const a = f.array([1, 2, 3, 4]);
    a.slice([1, 4]).assign(a.slice([0, 3]));
    expect(a.toArray()).toEqual([1, 1, 2, 3]);
    a.assign(a.slice([null, null, -1]));
    expect(a.toArray()).toEqual([3, 2, 1, 1]);
  });

  test('wrong places are refused by name', () => {
    expect(A.at(-1, -1)).toBe(6);
    for (const [call, message] of [
      [() => A.at(0), /^index: .*2 indices/],
      [() => A.at(2, 0), /^index\[0\]: got 2; accepted: an integer from -2 to 1/],
      [() => A.at(0, 0.5), /^index\[1\]: /],
      [() => A.set(0, 0, '1' as never), /^value: /],
      [() => A.set(0, 0), /^index: /],
      [() => A.row(2), /^i: got 2; accepted: an integer from -2 to 1/],
      [() => A.row(null as never), /^i: /],
      [() => A.column([0] as never), /^j: /],
      [() => f.array([1]).row(0), /^row: .*a matrix/],
      [() => A.slice(null, null, null), /^ranges: .*at most 2/],
      [() => A.slice([0, 1, 0]), /^ranges\[0\]\[2\]: got 0/],
      [() => A.slice([0, 'x' as never]), /^ranges\[0\]\[1\]: /],
      [() => A.slice('1:2' as never), /^ranges\[0\]: /],
      [() => A.reshape(4), /^shape: .*whose product is 6/],
      [() => A.reshape(4, -1), /^shape: /],
      [() => A.reshape(-1, -1), /^shape/],
      [() => A.transpose(0, 0), /^axes: /],
      [() => A.broadcastTo([2, 4]), /^shape: /],
      [() => A.assign([1, 2]), /^values: .*broadcasts to \[2, 3\]/],
      [() => A.item(), /^array: got '6 elements'/],
    ] as const)
      expect(call).toThrow(message);
  });
});

describe('operations', () => {
  test('are those of the arithmetic, and its errors', () => {
    expect(() => A.add(0.1)).toThrow(/^b: got 0\.1; accepted: a value of binary16/);
    expect(() => A.add([0, 0.1, 0])).toThrow(/^b\[1\]: got 0\.1/);
    expect(arithmetic('binary16', { operands: 'round' }).array([1]).add([0.1]).at(0)).toBe(1.099609375);
    expect(() => A.add([1, 2])).toThrow(
      /^b: got 'shape \[2\]'; accepted: a shape that broadcasts with \[2, 3\]/,
    );
    expect(() => A.add(1, { outs: A } as never)).toThrow(/^outs: /);
    expect(() => A.add(1, { out: f.array([1]) })).toThrow(/^out: .*of shape \[2, 3\]/);
    expect(() => A.add(1, { out: new Float32Array(6) as never })).toThrow(/^out: /);
    expect(() => A.add(1, { out: arithmetic('e4m3fn').array(0, [2, 3]) })).toThrow(/^out: .*of binary16/);
    expect(() => f.array([1]).add([1, 2], { out: f.array(0).broadcastTo([2]) })).toThrow(
      /^out: .*memory for each/,
    );
    expect(() => A.add(1, { threads: 0 })).toThrow(/^threads: /);
    expect(A.mul(arithmetic('e4m3fn').array([1, 2, 3])).toArray()).toEqual([
      [1, 4, 9],
      [4, 10, 18],
    ]);
    expect(() => f.array([1]).add(arithmetic('binary32').array([0.1]))).toThrow(/^b\[0\]: /);
  });

  test('take no draws where they fail', () => {
    const sr = arithmetic('binary16', { rounding: 'stochastic', seed: 2 });
    const a = sr.array(1, [200, 300]);
    a.data[50000] = 0.1;
    expect(() => a.add(a.row(0))).toThrow(/is not|accepted/);
    expect(sr.state.offset).toBe(0);
  });

  test('every elementary function is there', () => {
    const names = ['exp', 'log', 'sin', 'erf', 'gelu', 'cbrt', 'rsqrt', 'sigmoid'] as const;
    for (const name of names)
      expect(A[name]().toArray()).toEqual(
        (A.toArray() as number[][]).map((row) => row.map((x) => f[name](x))),
      );
    expect(A.pow(2).at(1, 2)).toBe(36);
    expect(A.atan2(1).at(0, 0)).toBe(f.atan2(1, 1));
  });

  test('reductions', () => {
    expect(A.sum()).toBe(21);
    expect(A.sum(0).toArray()).toEqual([5, 7, 9]);
    expect(A.sum({ axis: -1, keepDims: true }).toArray()).toEqual([[6], [15]]);
    expect(A.sum({ c: 1 })).toBe(22);
    expect(A.sum({ axis: 0, c: 1 }).toArray()).toEqual([6, 8, 10]);
    expect(A.mean()).toBe(3.5);
    expect(A.max(1).toArray()).toEqual([3, 6]);
    expect(A.min()).toBe(1);
    expect(A.prod(0).toArray()).toEqual([4, 10, 18]);
    expect(A.cumsum().toArray()).toEqual([1, 3, 6, 10, 15, 21]);
    const bits = arithmetic('e4m3fn');
    // The count need not be a number of the format: the quotient is rounded once.
    expect(bits.array(1, [600]).mean({ accumulate: 'binary32' })).toBe(1);
    expect(f.array([]).sum()).toBe(0);
    expect(f.array([]).prod()).toBe(1);
    expect(f.array([]).mean()).toBeNaN();
    expect(() => f.array([]).max()).toThrow(/^max: .*at least one element/);
    for (const [call, message] of [
      [() => A.sum(2), /^axis: got 2; accepted: an integer from -2 to 1/],
      [() => A.sum([0, 0]), /^axis\[1\]: .*each axis once/],
      [() => A.sum({ axes: 0 } as never), /^axes: .*axis/],
      [() => A.sum({ axis: 0, c: 0.1 }), /^c: /],
      [() => A.norm({ c: 1 } as never), /^c: /],
      [() => A.max({ accumulate: 'exact' } as never), /^accumulate: /],
      [() => A.prod({ order: 'pairwise' }), /^order: /],
      [() => A.prod({ accumulate: 'exact' }), /^accumulate: /],
      [() => A.cumsum({ keepDims: true } as never), /^keepDims: /],
      [() => f.array(1).sum(0), /^axis: .*no axes/],
    ] as const)
      expect(call).toThrow(message);
  });

  test('products', () => {
    expect(A.matmul([1, 1, 1]).toArray()).toEqual([6, 15]);
    expect(A.row(0).matmul(A.row(1)).item()).toBe(32);
    expect(A.row(0).dot(A.row(1))).toBe(32);
    expect(A.matmul(A.T, { c: [1, 1] }).toArray()).toEqual([
      [15, 33],
      [33, 78],
    ]);
    const out = f.array(0, [2, 2]);
    expect(A.matmul(A.T, { out })).toBe(out);
    expect(A.matmul(A.T, { accumulate: 'exact' }).toArray()).toEqual([
      [14, 32],
      [32, 77],
    ]);
    for (const [call, message] of [
      [() => A.matmul(A), /^b: got 'shape \[2, 3\]'; accepted: 3 rows/],
      [() => A.matmul(2), /^b: .*vector or matrices/],
      [() => A.matmul(A.T, { c: [1, 2, 3] }), /^c: /],
      [() => A.matmul(A.T, { accumulator: 'exact' } as never), /^accumulator: .*accumulate/],
      [() => A.dot(A), /^a: .*a vector/],
    ] as const)
      expect(call).toThrow(message);
  });

  test('equality is of every bit', () => {
    expect(
      A.equals([
        [1, 2, 3],
        [4, 5, 6],
      ]),
    ).toBe(true);
    expect(A.equals([1, 2, 3])).toBe(false);
    expect(f.array([0, NaN]).equals([0, NaN])).toBe(true);
    expect(f.array([0]).equals([-0])).toBe(false);
    expect(f.array([0.1]).equals([0.1])).toBe(false);
    expect(A.less(A.T.T).sum()).toBe(0);
    expect(f.array(1, [3000]).equal(1).sum()).toBe(3000);
  });
});

// As numpy 2.4 prints numpy.array(values, dtype).
describe('text', () => {
  const wide = arithmetic('binary64');
  const single = arithmetic('binary32');
  test.each([
    [
      f.array([
        [1, 2],
        [3, 4],
      ]),
      '[[1. 2.]\n [3. 4.]]',
    ],
    [
      f.array([-1, -2 / 3, -1 / 3, 0, 1 / 3, 2 / 3, 1]).reshape(1, 7),
      '[[-1.     -0.6665 -0.3333  0.      0.3333  0.6665  1.    ]]',
    ],
    [f.array([NaN, Infinity, -0, 1]), '[nan inf -0.  1.]'],
    [f.array([Infinity, -Infinity, NaN]), '[ inf -inf  nan]'],
    [f.array([1721, 1]), '[1.721e+03 1.000e+00]'],
    [single.array([1234567, 1]), '[1.234567e+06 1.000000e+00]'],
    [single.array([123456, 200000]), '[123456. 200000.]'],
    [wide.array([1e7, 2e7]), '[10000000. 20000000.]'],
    [wide.array([1e-320, 1]), '[1.e-320 1.e+000]'],
    [wide.array([0.1 + 0.2, 1]), '[0.3 1. ]'],
    [f.array([0.40625]), '[0.4062]'],
    [f.array(0, [0, 3]), '[]'],
    [f.array(0, [2, 1, 2]), '[[[0. 0.]]\n\n [[0. 0.]]]'],
    [
      single.array(Float32Array.from({ length: 1001 }, (_, i) => i / 8)),
      '[  0.      0.125   0.25  ... 124.75  124.875 125.   ]',
    ],
    [wide.array(1.0873738347811868), '1.0873738347811868'],
    [f.array(1234), '1.234e+03'],
    [wide.array(1e16), '1e+16'],
    [single.array(1e-5), '1e-05'],
    [
      wide.array(Array.from({ length: 20 }, (_, i) => i / 4)),
      '[0.   0.25 0.5  0.75 1.   1.25 1.5  1.75 2.   2.25 2.5  2.75 3.   3.25\n 3.5  3.75 4.   4.25 4.5  4.75]',
    ],
  ])('%#', (array, text) => {
    expect(String(array)).toBe(text);
  });

  test('in the console the format and the shape come first', () => {
    expect(inspect(A.row(0))).toBe('binary16 [3]\n[1. 2. 3.]');
  });
});
