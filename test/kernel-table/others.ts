/** Matrix products, normalisations, sums by index, choices at random, and kernels of numbers that emulation refuses. */

import { quantizer } from '../../src/index.ts';
import { fakeQuantizeName } from '../../src/tfjs/fake-quantize.ts';
import { calls, type Drawn, type Draws, type Operand, operand } from './draws.ts';
import { arithmetic, carried, each, exact, refused, type Table } from './entry.ts';
import { activations } from './windows.ts';

/** Two operands of a product that fit. */
function factors(d: Draws, batch: [number[], number[]]): { a: number[]; b: number[]; attrs: Drawn['attrs'] } {
  const [m, k, n] = [d.int(1, 5), d.int(1, 6), d.int(1, 5)];
  const [transposeA, transposeB] = [d.bool(), d.bool()];
  return {
    a: [...batch[0], ...(transposeA ? [k, m] : [m, k])],
    b: [...batch[1], ...(transposeB ? [n, k] : [k, n])],
    attrs: { transposeA, transposeB },
  };
}

const letters = 'abcde';

/** An equation of one or two operands. Letters that one of two has alone are in the result: the cpu backend keeps them there. */
const einsum = exact((d) => {
  const lengths = Object.fromEntries([...letters].map((letter) => [letter, d.int(1, 3)]));
  const some = (from: readonly string[], least: number): string[] =>
    d
      .order(from.length)
      .slice(0, d.int(least, Math.min(from.length, 3)))
      .map((i) => from[i]!);
  const operands = Array.from({ length: d.int(1, 2) }, () => some([...letters], 1));
  const all = [...new Set(operands.flat())];
  const alone =
    operands.length === 1 ? [] : all.filter((letter) => operands.some((own) => !own.includes(letter)));
  const kept = [
    ...alone,
    ...some(
      all.filter((letter) => !alone.includes(letter)),
      0,
    ),
  ];
  const result = d.order(kept.length).map((i) => kept[i]!);
  return {
    inputs: operands.map((names) => d.exact(names.map((letter) => lengths[letter]!))),
    attrs: { equation: `${operands.map((names) => names.join('')).join(',')}->${result.join('')}` },
  };
});

const boxes = (d: Draws): { inputs: Record<string, Operand> } => {
  const count = d.int(1, 6);
  const corners = Array.from({ length: count }, () => {
    const [y, x] = [d.int(0, 4) / 3, d.int(0, 4) / 3];
    return [y, x, y + 1.1, x + 0.9];
  });
  const scores = d.order(count).map((n) => 0.1 + n / 7);
  return {
    inputs: {
      boxes: operand([count, 4], 'float32', corners.flat()),
      scores: operand([count], 'float32', scores),
    },
  };
};

const suppression = (d: Draws): Drawn => ({
  ...boxes(d),
  attrs: {
    maxOutputSize: d.int(1, 4),
    iouThreshold: 0.3,
    scoreThreshold: 0.2,
    padToMaxOutputSize: d.bool(),
    softNmsSigma: 0,
  },
});

const normalised = (d: Draws): Drawn => {
  const channels = d.int(1, 4);
  const inputs: Record<string, Operand> = {
    x: d.floats([d.int(1, 2), d.int(1, 3), d.int(1, 3), channels]),
    mean: d.floats([channels]),
    variance: d.positives([channels]),
    offset: d.floats([channels]),
    scale: d.floats([channels]),
  };
  return { inputs, attrs: { varianceEpsilon: 0.001 } };
};

const response = (isBackward: boolean) =>
  arithmetic((d) => {
    const shape = [1, d.int(1, 3), d.int(1, 3), d.int(1, 5)];
    const names = isBackward ? ['x', 'y', 'dy'] : ['x'];
    return {
      inputs: Object.fromEntries(names.map((name) => [name, d.positives(shape)])),
      attrs: { depthRadius: 2, bias: 1, alpha: 0.5, beta: 0.5 },
    };
  });

const segments =
  (isSparse: boolean) =>
  (d: Draws): Drawn => {
    const [rows, columns] = [d.int(1, 5), d.int(1, 3)];
    if (!isSparse) {
      const numSegments = d.int(1, 4);
      const inputs = { x: d.exact([rows, columns]), segmentIds: d.ints([rows], 0, numSegments - 1) };
      return { inputs, attrs: { numSegments } };
    }
    const chosen = d.int(1, 5);
    const ids = Array.from({ length: chosen }, (_, i) => Math.floor(i / 2));
    return {
      inputs: {
        data: d.floats([rows, columns]),
        indices: d.ints([chosen], 0, rows - 1),
        segmentIds: operand([chosen], 'int32', ids),
      },
      attrs: {},
    };
  };

const text = (d: Draws): Operand => operand([d.int(1, 3)], 'string', ['one', 'two', 'three']);
const complex = (d: Draws): Operand => ({ ...d.floats([2, 4]), dtype: 'complex64' });

export const others: Table = {
  BatchMatMul: exact((d) => {
    const batch = d.shape(0, 2, 3);
    // The stock kernels broadcast whole batches only.
    const { a, b, attrs } = factors(
      d,
      d.pick([
        [batch, batch],
        [batch, []],
        [[], batch],
      ]),
    );
    return { inputs: { a: d.exact(a), b: d.exact(b) }, attrs };
  }),
  _FusedMatMul: exact((d) => {
    const count = d.int(1, 3);
    const { a, b, attrs } = factors(d, [[count], [d.pick([1, count])]]);
    const columns = attrs['transposeB'] === true ? b[1]! : b[2]!;
    const activation = d.pick(activations);
    const inputs: Record<string, Operand> = { a: d.exact(a), b: d.exact(b) };
    if (d.bool()) inputs['bias'] = d.exact([columns]);
    if (activation === 'prelu') inputs['preluActivationWeights'] = d.exact([columns]);
    return { inputs, attrs: { ...attrs, activation, leakyreluAlpha: 0.25 } };
  }),
  Einsum: einsum,
  FusedBatchNorm: arithmetic(normalised),
  LRN: response(false),
  LRNGrad: response(true),
  UnsortedSegmentSum: exact(segments(false)),
  ...each('SparseSegmentMean SparseSegmentSum', arithmetic(segments(true))),
  Bincount: arithmetic((d) => {
    const length = d.int(1, 6);
    return { inputs: { x: d.ints([length], 0, 3), weights: d.floats([length]) }, attrs: { size: 4 } };
  }),
  DenseBincount: arithmetic((d) => {
    const shape = d.shape(1, 2);
    const inputs = { x: d.ints(shape, 0, 3), weights: d.floats(shape) };
    return { inputs, attrs: { size: 4, binaryOutput: d.bool() } };
  }),
  Multinomial: carried((d) => ({
    inputs: { logits: d.positives([d.int(1, 3), d.int(2, 4)]) },
    attrs: { numSamples: d.int(1, 5), seed: d.int(1, 1000), normalized: d.bool() },
  })),
  ...each('NonMaxSuppressionV3 NonMaxSuppressionV4 NonMaxSuppressionV5', carried(suppression)),
  RaggedRange: arithmetic((d) => ({
    inputs: {
      starts: operand([2], 'float32', [0.1, 1]),
      limits: operand([2], 'float32', [d.int(1, 3) + 0.3, 3.3]),
      deltas: operand([2], 'float32', [0.3, 0.7]),
    },
    attrs: {},
  })),
  Complex: arithmetic((d) => {
    const shape = d.shape(1, 2);
    return { inputs: { real: d.floats(shape), imag: d.floats(shape) }, attrs: {} };
  }),
  ...each(
    'Real Imag FFT IFFT',
    refused((d) => ({ inputs: { input: complex(d) }, attrs: {} })),
  ),
  ComplexAbs: refused((d) => ({ inputs: { x: complex(d) }, attrs: {} })),
  StaticRegexReplace: refused((d) => ({
    inputs: { x: text(d) },
    attrs: { pattern: 'o', rewrite: 'a', replaceGlobal: true },
  })),
  StringToHashBucketFast: refused((d) => ({ inputs: { input: text(d) }, attrs: { numBuckets: 3 } })),
  StringSplit: refused((d) => ({
    inputs: { input: text(d), delimiter: operand([], 'string', [' ']) },
    attrs: { skipEmpty: true },
  })),
  StringNGrams: refused((d) => ({
    inputs: { data: text(d), dataSplits: operand([2], 'int32', [0, 1]) },
    attrs: {
      separator: ' ',
      nGramWidths: [1],
      leftPad: '',
      rightPad: '',
      padWidth: 0,
      preserveShortSequences: true,
    },
  })),
  [fakeQuantizeName]: {
    kind: 'image',
    drawn: calls((d) => ({
      inputs: { x: d.exact(d.shape(1, 3)) },
      attrs: { quantizer: quantizer({ format: 'int4', scale: { per: 'tensor', from: 'absmax' } }) },
    })),
  },
};
