/** Kernels that move elements: by shape, by place, by index. */
import { sizeOf } from '../../src/shape.ts';
import { type Drawn, type Draws, operand } from './draws.ts';
import { arithmetic, carried, each, type Table } from './entry.ts';

/** Of one operand, by the shape that it has. */
const of =
  (name: string, attrsOf: (d: Draws, shape: number[]) => Drawn['attrs'], [least, most] = [1, 4]) =>
  (d: Draws): Drawn => {
    const shape = d.shape(least!, most!);
    return { inputs: { [name]: d.any(shape) }, attrs: attrsOf(d, shape) };
  };

const image = (d: Draws): number[] => [d.int(1, 2), d.int(1, 5), d.int(1, 5), d.int(1, 3)];

/** Operands that agree in shape but for one axis, or in all of it. */
const several =
  (differ: boolean) =>
  (d: Draws): Drawn => {
    const shape = d.shape(1, 4);
    const axis = d.int(0, shape.length - 1);
    const make = d.bool() ? (given: number[]) => d.floats(given) : (given: number[]) => d.ints(given);
    const parts = Array.from({ length: d.int(1, 4) }, () =>
      make(differ ? shape.with(axis, d.int(1, 4)) : shape),
    );
    return { inputs: parts, attrs: { axis } };
  };

const padded = (d: Draws, shape: number[], most: (length: number) => number): number[][] =>
  shape.map((length) => [d.int(0, most(length)), d.int(0, most(length))]);

const blocks = (d: Draws): { block: number[]; outer: number[] } => {
  const block = [d.int(1, 2), d.int(1, 2)];
  return { block, outer: [d.int(1, 3), d.int(1, 3)] };
};

export const moves: Table = {
  Reshape: carried(of('x', (d, shape) => ({ shape: d.bool() ? [-1] : [...shape].reverse() }))),
  ExpandDims: carried(of('input', (d, shape) => ({ dim: d.int(0, shape.length) }))),
  Transpose: carried(of('x', (d, shape) => ({ perm: d.order(shape.length) }))),
  Tile: carried(of('x', (d, shape) => ({ reps: shape.map(() => d.int(1, 3)) }))),
  Reverse: carried((d) => {
    const shape = d.shape(1, 4);
    return { inputs: { x: d.numbers(shape) }, attrs: { dims: d.axes(shape.length) } };
  }),
  Cast: carried((d) => {
    const x = d.numbers(d.shape(0, 4));
    return { inputs: { x }, attrs: { dtype: d.pick(['float32', 'int32', 'bool']) } };
  }),
  Slice: carried(
    of('x', (d, shape) => {
      const begin = shape.map((length) => d.int(0, length - 1));
      return { begin, size: shape.map((length, i) => d.pick([-1, d.int(0, length - begin[i]!)])) };
    }),
  ),
  StridedSlice: carried((d) => {
    const shape = d.shape(1, 4);
    const begin = shape.map((length) => d.int(0, length - 1));
    const end = shape.map((length, i) => d.int(begin[i]!, length));
    const masks = { beginMask: d.int(0, 3), endMask: d.int(0, 3), ellipsisMask: 0, newAxisMask: 0 };
    return {
      inputs: { x: d.numbers(shape) },
      attrs: { begin, end, strides: shape.map(() => d.int(1, 3)), ...masks, shrinkAxisMask: 0 },
    };
  }),
  SplitV: carried((d) => {
    const shape = d.shape(1, 4);
    const axis = d.int(-shape.length, shape.length - 1);
    const parts = d.int(1, 3);
    const sizes = Array.from({ length: parts }, () => d.int(1, 3));
    const length = sizes.reduce((sum, size) => sum + size, 0);
    const isEven = d.bool();
    const whole = shape.with(axis, isEven ? parts * d.int(1, 3) : length);
    // Not the first one, which TensorFlow.js refuses.
    const open = parts === 1 ? sizes : sizes.with(d.int(1, parts - 1), -1);
    const x = d.numbers(whole);
    return { inputs: { x }, attrs: { axis, numOrSizeSplits: isEven ? parts : d.pick([sizes, open]) } };
  }),
  Concat: carried(several(true)),
  Pack: carried(several(false)),
  Unpack: carried((d) => {
    const shape = d.shape(2, 4);
    return { inputs: { value: d.numbers(shape) }, attrs: { axis: d.int(0, shape.length - 1) } };
  }),
  GatherV2: carried((d) => {
    const shape = d.shape(1, 4);
    const axis = d.int(0, shape.length - 1);
    const indices = d.ints(d.shape(1, 2), 0, shape[axis]! - 1);
    return { inputs: { x: d.numbers(shape), indices }, attrs: { axis, batchDims: 0 } };
  }),
  GatherNd: carried((d) => {
    const shape = d.shape(1, 4);
    const depth = d.int(1, shape.length);
    const indices = d.ints([d.int(1, 4), depth], 0, Math.min(...shape.slice(0, depth)) - 1);
    return { inputs: { params: d.numbers(shape), indices }, attrs: {} };
  }),
  TensorScatterUpdate: carried((d) => {
    const shape = d.shape(1, 3);
    const rows = d.int(1, shape[0]!);
    const chosen = d.order(shape[0]!).slice(0, rows);
    const [tensor, updates] = [d.floats(shape), d.floats([rows, ...shape.slice(1)])];
    return { inputs: { tensor, indices: operand([rows, 1], 'int32', chosen), updates }, attrs: {} };
  }),
  ScatterNd: arithmetic((d) => {
    const shape = d.shape(1, 3);
    const rows = d.int(1, 5);
    const updates = d.floats([rows, ...shape.slice(1)]);
    return { inputs: { indices: d.ints([rows, 1], 0, shape[0]! - 1), updates }, attrs: { shape } };
  }),
  SparseToDense: carried((d) => {
    const length = d.int(1, 6);
    const chosen = d.order(length).slice(0, d.int(1, length));
    const inputs = {
      sparseIndices: operand([chosen.length, 1], 'int32', chosen),
      sparseValues: d.floats([chosen.length]),
      defaultValue: d.floats([]),
    };
    return { inputs, attrs: { outputShape: [length] } };
  }),
  PadV2: carried((d) => {
    const shape = d.shape(1, 4);
    const attrs = { paddings: padded(d, shape, () => 2), constantValue: d.pick([0, 3.3]) };
    return { inputs: { x: d.floats(shape) }, attrs };
  }),
  MirrorPad: carried((d) => {
    const shape = d.shape(1, 3);
    const mode = d.pick(['reflect', 'symmetric'] as const);
    const paddings = padded(d, shape, (length) => (mode === 'reflect' ? length - 1 : length));
    return { inputs: { x: d.numbers(shape) }, attrs: { paddings, mode } };
  }),
  DepthToSpace: carried((d) => {
    const [n, h, w] = image(d);
    const x = d.floats([n!, h!, w!, 4 * d.int(1, 2)]);
    return { inputs: { x }, attrs: { blockSize: 2, dataFormat: 'NHWC' } };
  }),
  SpaceToBatchND: carried((d) => {
    const { block, outer } = blocks(d);
    const paddings = [
      [d.int(0, 1), 0],
      [0, d.int(0, 1)],
    ];
    const lengths = outer.map((count, i) => count * block[i]! * 2 - paddings[i]![0]! - paddings[i]![1]!);
    const x = d.floats([d.int(1, 2), ...lengths, d.int(1, 2)]);
    return { inputs: { x }, attrs: { blockShape: block, paddings } };
  }),
  BatchToSpaceND: carried((d) => {
    const { block, outer } = blocks(d);
    const x = d.floats([d.int(1, 2) * block[0]! * block[1]!, ...outer, d.int(1, 2)]);
    const crops = [
      [d.int(0, block[0]! - 1), 0],
      [0, d.int(0, block[1]! - 1)],
    ];
    return { inputs: { x }, attrs: { blockShape: block, crops } };
  }),
  Diag: carried((d) => ({ inputs: { x: d.floats(d.shape(1, 2)) }, attrs: {} })),
  Select: carried((d) => {
    const shape = d.shape(1, 4);
    return { inputs: { condition: d.bools(shape), t: d.floats(shape), e: d.floats(shape) }, attrs: {} };
  }),
  Unique: carried((d) => {
    const length = d.int(1, 8);
    const values = Array.from({ length }, () => d.pick([0.1, 2, -3.3, 7]));
    return { inputs: { x: operand([length], 'float32', values) }, attrs: { axis: 0 } };
  }),
  TopK: carried((d) => {
    const shape = d.shape(1, 3);
    // Distinct numbers: TensorFlow.js leaves the order of equal ones open.
    const order = d.order(sizeOf(shape)).map((n) => n * 1.3 - 7);
    const k = d.int(1, shape[shape.length - 1]!);
    return { inputs: { x: operand(shape, 'float32', order) }, attrs: { k, sorted: true } };
  }),
  SearchSorted: carried((d) => {
    const [rows, length] = [d.int(1, 3), d.int(1, 5)];
    const sorted = Array.from({ length: rows * length }, (_, i) => (i % length) * 1.1 - 2);
    const inputs = {
      sortedSequence: operand([rows, length], 'float32', sorted),
      values: d.floats([rows, 3]),
    };
    return { inputs, attrs: { side: d.pick(['left', 'right']) } };
  }),
  FlipLeftRight: carried((d) => ({ inputs: { image: d.floats(image(d)) }, attrs: {} })),
  RotateWithOffset: carried((d) => ({
    inputs: { image: d.floats(image(d)) },
    attrs: { radians: d.pick([0.3, 1.57]), fillValue: d.pick([0, 3.3]), center: 0.5 },
  })),
  ResizeNearestNeighbor: carried((d) => ({
    inputs: { images: d.floats(image(d)) },
    attrs: { alignCorners: d.bool(), halfPixelCenters: false, size: [d.int(1, 6), d.int(1, 6)] },
  })),

  ...each(
    'Range',
    carried((d) => ({ inputs: {}, attrs: { start: 0, stop: d.int(1, 5), step: 0.3, dtype: 'float32' } })),
  ),
  Fill: carried((d) => ({ inputs: {}, attrs: { shape: d.shape(0, 3), value: 3.3, dtype: 'float32' } })),
  LinSpace: carried((d) => ({ inputs: {}, attrs: { start: 0.1, stop: 3.3, num: d.int(1, 6) } })),
  OneHot: carried((d) => ({
    inputs: { indices: d.ints([d.int(1, 5)], 0, 3) },
    attrs: { depth: 4, onValue: 3.3, offValue: 0.1, dtype: 'float32' },
  })),
  BroadcastArgs: carried((d) => {
    const shape = d.shape(1, 3);
    const [s0, s1] = [shape, d.broadcast(shape)].map((given) => operand([given.length], 'int32', given));
    return { inputs: { s0: s0!, s1: s1! }, attrs: {} };
  }),
  SparseFillEmptyRows: carried((d) => {
    const rows = d.int(1, 4);
    const chosen = d
      .order(rows)
      .slice(0, d.int(1, rows))
      .sort((a, b) => a - b);
    const inputs = {
      indices: operand(
        [chosen.length, 2],
        'int32',
        chosen.flatMap((row) => [row, 0]),
      ),
      values: d.floats([chosen.length]),
      denseShape: operand([2], 'int32', [rows, 2]),
      defaultValue: d.floats([]),
    };
    return { inputs, attrs: {} };
  }),
  SparseReshape: carried((d) => {
    const rows = d.int(1, 4);
    const indices = Array.from({ length: rows }, (_, row) => [row, d.int(0, 2)]).flat();
    const inputs = {
      inputIndices: operand([rows, 2], 'int32', indices),
      inputShape: operand([2], 'int32', [rows, 3]),
      newShape: operand([2], 'int32', [3, rows]),
    };
    return { inputs, attrs: {} };
  }),
  RaggedGather: carried((d) => {
    const inputs = {
      paramsNestedSplits: [operand([4], 'int32', [0, 1, 3, 5])],
      paramsDenseValues: d.floats([5]),
      indices: d.ints([d.int(1, 4)], 0, 2),
    };
    return { inputs, attrs: { outputRaggedRank: 1 } };
  }),
  RaggedTensorToTensor: carried((d) => {
    const inputs = {
      shape: operand([2], 'int32', [3, 3]),
      values: d.floats([5]),
      defaultValue: d.floats([]),
      rowPartitionTensors: [operand([4], 'int32', [0, 1, 3, 5])],
    };
    return { inputs, attrs: { rowPartitionTypes: ['ROW_SPLITS'] } };
  }),
};
