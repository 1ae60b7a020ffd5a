/**
 * What our kernels refuse: every call with shapes, types or axes that do not fit. Where the stock kernel of the wasm backend
 * looks at them, in its words.
 */
import type { Tensor3D, Tensor4D } from '@tensorflow/tfjs';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { sizeOf } from '../../src/shape.ts';
import { type Emulation, emulate, wasmBackend } from '../../src/tfjs/index.ts';
import type { Drawn, Operand, Type } from '../kernel-table/draws.ts';
import { type Outcome, run, type Side, sideOf } from '../kernel-table/run.ts';

const tf = await wasmBackend();
const stock = { wasm: sideOf(tf, 'wasm'), cpu: sideOf(tf, 'cpu') };

/** Numbers of a shape: 1, 2, 3, ... modulo 5. */
const of = (shape: number[], dtype: Type = 'float32'): Operand => ({
  shape,
  dtype,
  values: Array.from({ length: sizeOf(shape) }, (_, i) => (i % 5) + (dtype === 'float32' ? 0.5 : 0)),
});

type Case = readonly [name: string, why: string, inputs: Drawn['inputs'], attrs?: Drawn['attrs']];

const plain = { transposeA: false, transposeB: false };
const linear = { ...plain, activation: 'linear' };
const window = { strides: 1, pad: 'valid', dataFormat: 'NHWC', dilations: 1 };
const fusedWindow = { ...window, activation: 'linear' };
const image = [1, 4, 4, 2];
const filter = [2, 2, 2, 3];
const volume = [1, 3, 3, 3, 2];
const solid = [2, 2, 2, 2, 3];

/** Calls that the stock kernels refuse as well. */
const refusedByStock: readonly Case[] = [
  ['BatchMatMul', 'inner shapes', { a: of([2, 3]), b: of([2, 3]) }, plain],
  ['BatchMatMul', 'inner shapes', { a: of([2, 3]), b: of([3, 4]) }, { ...plain, transposeA: true }],
  ['BatchMatMul', 'inner shapes', { a: of([2, 3]), b: of([3, 4]) }, { ...plain, transposeB: true }],
  ['BatchMatMul', 'could not be broadcast', { a: of([4, 2, 3]), b: of([5, 3, 2]) }, plain],
  ['BatchMatMul', 'non-float32', { a: of([2, 3], 'int32'), b: of([3, 2], 'int32') }, plain],
  ['_FusedMatMul', 'could not be broadcast', { a: of([4, 2, 3]), b: of([5, 3, 2]) }, linear],
  [
    '_FusedMatMul',
    'rank-1 bias but got rank 2',
    { a: of([1, 2, 3]), b: of([1, 3, 2]), bias: of([2, 2]) },
    linear,
  ],
  [
    '_FusedMatMul',
    'rank-1 bias but got rank 0',
    { a: of([1, 2, 3]), b: of([1, 3, 2]), bias: of([]) },
    linear,
  ],
  [
    'FusedConv2D',
    'rank-1 bias but got rank 2',
    { x: of(image), filter: of(filter), bias: of([1, 3]) },
    fusedWindow,
  ],
  ['FusedConv2D', 'does not match', { x: of(image), filter: of(filter), bias: of([2]) }, fusedWindow],
  ['FusedConv2D', 'does not match', { x: of(image), filter: of(filter), bias: of([1]) }, fusedWindow],
  [
    'FusedDepthwiseConv2D',
    'does not match',
    { x: of(image), filter: of(filter), bias: of([3]) },
    fusedWindow,
  ],
  [
    'Conv2D',
    "does not support dataFormat:'channelsFirst'",
    { x: of(image), filter: of(filter) },
    { ...window, dataFormat: 'NCHW' },
  ],
  ['Conv3D', 'must have dtype float32', { x: of(volume, 'int32'), filter: of(solid) }, window],
  ['SplitV', 'sum of sizes', { x: of([5]) }, { numOrSizeSplits: [3, 3], axis: 0 }],
  ['SplitV', 'sum of sizes', { x: of([7]) }, { numOrSizeSplits: [3, 3], axis: 0 }],
  ['SplitV', 'one negative value', { x: of([5]) }, { numOrSizeSplits: [-1, 2, -1], axis: 0 }],
  ['SplitV', 'evenly divide', { x: of([5]) }, { numOrSizeSplits: 2, axis: 0 }],
  ['SplitV', 'in range', { x: of([4]) }, { numOrSizeSplits: 2, axis: 1 }],
  ['Concat', 'in range', [of([2, 3]), of([2, 3])], { axis: 2 }],
  ['Concat', 'does not match the shape', [of([2, 3]), of([3, 3])], { axis: 1 }],
  ['Concat', 'same as the rank', [of([2, 3]), of([2])], { axis: 0 }],
  ['GatherV2', 'in range', { x: of([2, 3]), indices: of([2], 'int32') }, { axis: 2, batchDims: 0 }],
  ['GatherV2', 'not in [0, 1]', { x: of([2, 3]), indices: of([4], 'int32') }, { axis: 0, batchDims: 0 }],
  ['Sum', 'in range', { x: of([2, 3]) }, { axis: 2, keepDims: false }],
  ['Sum', 'in range', { x: of([2, 3]) }, { axis: [0, -3], keepDims: false }],
  ['Mean', 'in range', { x: of([2, 3]) }, { axis: [0, 1, 2], keepDims: false }],
];

/** Calls of which the stock kernels read beyond an operand, or give numbers that mean nothing; and kernels that it lacks. */
const refusedByOurs: readonly Case[] = [
  ['BatchMatMul', 'rank 2 or more', { a: of([3]), b: of([3, 2]) }, plain],
  ['BatchMatMul', 'rank 2 or more', { a: of([2, 3]), b: of([3]) }, plain],
  ['_FusedMatMul', 'inner shapes', { a: of([1, 2, 3]), b: of([1, 2, 3]) }, linear],
  ['_FusedMatMul', 'does not match', { a: of([1, 2, 3]), b: of([1, 3, 2]), bias: of([3]) }, linear],
  ['_FusedMatMul', 'does not match', { a: of([1, 2, 3]), b: of([1, 3, 1]), bias: of([3]) }, linear],
  ['Conv2D', 'depth of input (2) must match', { x: of(image), filter: of([2, 2, 3, 3]) }, window],
  ['Conv2D', 'must be rank 4', { x: of([4, 4, 2]), filter: of(filter) }, window],
  ['Conv2D', 'must be rank 4', { x: of(image), filter: of([2, 2, 2]) }, window],
  ['Conv2D', 'comprised of positive integers', { x: of(image), filter: of([6, 6, 2, 3]) }, window],
  ['Conv2D', 'a float32 tensor', { x: of(image, 'bool'), filter: of(filter) }, window],
  ['FusedConv2D', 'depth of input (2) must match', { x: of(image), filter: of([2, 2, 3, 3]) }, fusedWindow],
  [
    'DepthwiseConv2dNative',
    'depth of input (2) must match',
    { x: of(image), filter: of([2, 2, 3, 1]) },
    window,
  ],
  [
    'DepthwiseConv2dNative',
    'channels last',
    { x: of(image), filter: of([2, 2, 4, 1]) },
    { ...window, dataFormat: 'NCHW' },
  ],
  ['Conv3D', 'depth of input (2) must match', { x: of(volume), filter: of([2, 2, 2, 3, 3]) }, window],
  [
    'Conv2DBackpropInput',
    'shape of the outputs, [1,3,3,3]',
    { dy: of([1, 2, 3, 3]), filter: of(filter) },
    { ...window, inputShape: image },
  ],
  [
    'Conv2DBackpropInput',
    'shape of the outputs, [1,3,3,3]',
    { dy: of([1, 3, 3, 4]), filter: of(filter) },
    { ...window, inputShape: image },
  ],
  [
    'Conv2DBackpropInput',
    'shape of the outputs, [2,3,3,3]',
    { dy: of([1, 3, 3, 3]), filter: of(filter) },
    { ...window, inputShape: [2, 4, 4, 2] },
  ],
  [
    'Conv2DBackpropInput',
    'depth of input (1) must match',
    { dy: of([1, 3, 3, 3]), filter: of(filter) },
    { ...window, inputShape: [1, 4, 4, 1] },
  ],
  [
    'Conv2DBackpropFilter',
    'shape of the outputs',
    { x: of(image), dy: of([1, 3, 2, 3]) },
    { ...window, filterShape: filter },
  ],
  [
    'Conv2DBackpropFilter',
    'shape of the outputs',
    { x: of(image), dy: of([1, 3, 3, 2]) },
    { ...window, filterShape: filter },
  ],
  [
    'Conv2DBackpropFilter',
    'channels last',
    { x: of(image), dy: of([1, 3, 3, 3]) },
    { ...window, filterShape: filter, dataFormat: 'NCHW' },
  ],
  [
    'DepthwiseConv2dNativeBackpropInput',
    'shape of the outputs',
    { dy: of([1, 3, 3, 4]), filter: of(filter) },
    { ...window, inputShape: image },
  ],
  [
    'DepthwiseConv2dNativeBackpropFilter',
    'shape of the outputs',
    { x: of(image), dy: of([1, 3, 3, 4]) },
    { ...window, filterShape: filter },
  ],
  [
    'Conv3DBackpropInputV2',
    'shape of the outputs',
    { dy: of([1, 2, 2, 1, 3]), filter: of(solid) },
    { ...window, inputShape: volume },
  ],
  [
    'Conv3DBackpropFilterV2',
    'shape of the outputs',
    { x: of(volume), dy: of([1, 2, 2, 2, 2]) },
    { ...window, filterShape: solid },
  ],
  [
    'MaxPoolGrad',
    'shape of the outputs, [1,3,3,2]',
    { dy: of([1, 3, 2, 2]), input: of(image), output: of([1, 3, 3, 2]) },
    { filterSize: 2, strides: 1, pad: 'valid' },
  ],
  [
    'MaxPool3DGrad',
    'shape of the outputs',
    { dy: of([1, 2, 2, 1, 2]), input: of(volume), output: of([1, 2, 2, 2, 2]) },
    { filterSize: 2, strides: 1, pad: 'valid' },
  ],
  ['Einsum', 'Expected dimension 3 at axis 0', [of([2, 3]), of([2, 3])], { equation: 'ij,jk->ik' }],
  ['Einsum', 'a letter for each dimension', [of([2, 3]), of([3])], { equation: 'ij,jk->ik' }],
  ['Einsum', 'Expected 1 input tensors, received 2', [of([2, 3]), of([3])], { equation: 'ij->i' }],
  ['Einsum', 'not present in the input', [of([2, 3])], { equation: 'ij->k' }],
  ['Einsum', 'distinct letters', [of([2])], { equation: 'i->ii' }],
  ['Einsum', 'a float32 tensor', [of([2], 'int32')], { equation: 'i->i' }],
  ['UnsortedSegmentSum', 'begins with', { x: of([3, 2]), segmentIds: of([4], 'int32') }, { numSegments: 2 }],
  ['UnsortedSegmentSum', 'begins with', { x: of([3]), segmentIds: of([3, 2], 'int32') }, { numSegments: 2 }],
  ['UnsortedSegmentSum', 'an int32 tensor', { x: of([3, 2]), segmentIds: of([3]) }, { numSegments: 2 }],
  [
    'UnsortedSegmentSum',
    'float32 or int32',
    { x: of([3], 'bool'), segmentIds: of([3], 'int32') },
    { numSegments: 2 },
  ],
  [
    'UnsortedSegmentSum',
    'an integer from 0',
    { x: of([3]), segmentIds: of([3], 'int32') },
    { numSegments: -1 },
  ],
];

const named = (cases: readonly Case[]) =>
  cases.map(([name, why, inputs, attrs = {}]) => ({ name, why, inputs, attrs }));

function messageOf(call: () => Outcome): string {
  try {
    call();
  } catch (error) {
    return (error as Error).message;
  }
  return '';
}

describe('our kernels on wasm', () => {
  let emulation: Emulation;
  let emulated: Side;
  beforeAll(async () => {
    emulation = await emulate(tf, {});
    emulated = sideOf(tf, 'wasm');
  });
  afterAll(() => emulation.stop());

  test.each(named(refusedByStock))(
    '$name refuses as the stock kernel does: $why',
    ({ name, why, inputs, attrs }) => {
      const before = tf.memory();
      const message = messageOf(() => run(emulated, name, { inputs, attrs }));
      expect(message).toContain(why);
      expect(message).toBe(messageOf(() => run(stock.wasm, name, { inputs, attrs })));
      expect(tf.memory()).toEqual(before);
    },
  );

  test.each(named(refusedByOurs))('$name refuses: $why', ({ name, why, inputs, attrs }) => {
    const { numDataIds } = emulated.backend;
    const before = numDataIds.call(emulated.backend);
    expect(messageOf(() => run(emulated, name, { inputs, attrs }))).toContain(why);
    expect(numDataIds.call(emulated.backend)).toBe(before);
  });

  test('the same calls are refused with an accumulator', async () => {
    await emulate.scope(tf, { roles: { other: { accumulator: 'exact' } } }, () => {
      const products = [...refusedByStock, ...refusedByOurs].filter(([name]) =>
        /MatMul|Conv|Einsum/.test(name),
      );
      for (const [name, why, inputs, attrs = {}] of products) {
        const areFloats = Object.values(inputs)
          .flat()
          .every(({ dtype }) => dtype === 'float32');
        if (!areFloats || attrs['dataFormat'] === 'NCHW') continue;
        expect(
          messageOf(() => run(emulated, name, { inputs, attrs })),
          name,
        ).toContain(why);
      }
    });
  });

  test('a gradient of more outputs than there are counts as far as the outputs go, as on cpu', () => {
    const attrs = { ...window, inputShape: [1, 4, 4, 2], filterShape: filter };
    for (const [name, inputs] of [
      ['Conv2DBackpropInput', { dy: of([2, 5, 4, 3]), filter: of(filter) }],
      ['Conv2DBackpropFilter', { x: of(image), dy: of([1, 4, 5, 3]) }],
      ['DepthwiseConv2dNativeBackpropInput', { dy: of([1, 4, 5, 6]), filter: of(filter) }],
      ['DepthwiseConv2dNativeBackpropFilter', { x: of(image), dy: of([1, 4, 5, 6]) }],
    ] as const)
      expect(run(emulated, name, { inputs, attrs }).results, name).toEqual(
        run(stock.cpu, name, { inputs, attrs }).results,
      );
  });

  test('what fits in part is computed: batches that broadcast, empty operands', () => {
    const a = tf.ones([2, 1, 3, 4]) as Tensor4D;
    const b = tf.ones([5, 4, 2]) as Tensor3D;
    expect(tf.matMul(a, b).shape).toEqual([2, 5, 3, 2]);
    expect(Array.from(tf.matMul(a, b).dataSync())).toEqual(Array(60).fill(4));
    expect(tf.matMul(tf.ones([0, 3]), tf.ones([3, 2])).shape).toEqual([0, 2]);
    expect(Array.from(tf.matMul(tf.ones([2, 0]), tf.ones([0, 2])).dataSync())).toEqual([0, 0, 0, 0]);
    const empty = run(emulated, 'Conv2D', {
      inputs: { x: of([0, 4, 4, 2]), filter: of(filter) },
      attrs: window,
    });
    expect(empty.results[0]!.shape).toEqual([0, 3, 3, 3]);
  });
});
