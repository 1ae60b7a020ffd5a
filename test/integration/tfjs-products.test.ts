/** Convolutions and `Einsum` by matrix products: bit for bit against plain loops in the documented order. */
import type { Tensor, Tensor3D, Tensor4D, Tensor5D } from '@tensorflow/tfjs';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { ArgumentError } from '../../src/errors.ts';
import { type Emulation, emulate, type TensorFlow, wasmBackend } from '../../src/tfjs/index.ts';
import { bitsOf, tensorBits } from './tfjs-programs.ts';

/** The three dimensions of a convolution; one of two has depth 1. */
interface Case {
  readonly batch: number;
  readonly size: readonly [number, number, number];
  readonly filter: readonly [number, number, number];
  readonly stride: number;
  readonly same: boolean;
  readonly channelsIn: number;
  /** Of the output; of a depthwise one, for each input channel. */
  readonly channelsOut: number;
  readonly depthwise: boolean;
}

const common = {
  batch: 2,
  stride: 1,
  dilation: 1,
  same: true,
  channelsIn: 3,
  channelsOut: 4,
  depthwise: false,
};
const cases: Case[] = [
  { ...common, size: [1, 6, 5], filter: [1, 3, 3] },
  { ...common, size: [1, 9, 8], filter: [1, 3, 2], stride: 2 },
  { ...common, size: [1, 5, 5], filter: [1, 3, 3], stride: 2, same: false, channelsIn: 50, channelsOut: 3 },
  { ...common, size: [1, 1, 12], filter: [1, 1, 5], same: false },
  { ...common, size: [1, 7, 7], filter: [1, 1, 1], same: false },
  { ...common, size: [1, 7, 7], filter: [1, 1, 1], stride: 3, same: false },
  { ...common, size: [1, 6, 5], filter: [1, 3, 3], depthwise: true, channelsOut: 1 },
  { ...common, size: [1, 9, 8], filter: [1, 3, 3], depthwise: true, channelsOut: 2, stride: 2 },
  { ...common, size: [4, 5, 6], filter: [2, 3, 3] },
  { ...common, size: [4, 5, 6], filter: [2, 3, 1], stride: 2, same: false },
];

const add = (sum: number, x: number, y: number): number => Math.fround(sum + Math.fround(x * y));

/** Forward and both gradients by loops, of outputs dy. Sums over k in the order of the table in `convolution.ts`. */
function reference(c: Case, x: Float32Array, w: Float32Array, dyOf: (shape: number[]) => Float32Array) {
  const out = c.size.map((size, d) => {
    const span = c.filter[d]!;
    const stride = d === 0 && size === 1 ? 1 : c.stride;
    return c.same ? Math.ceil(size / stride) : Math.floor((size - span) / stride) + 1;
  });
  const pads = c.size.map((size, d) => {
    const span = c.filter[d]!;
    return c.same ? Math.floor(Math.max(0, (out[d]! - 1) * c.stride + span - size) / 2) : 0;
  });
  const range = (n: number): number[] => Array.from({ length: n }, (_, i) => i);
  const grid = (sizes: readonly number[]): number[][] =>
    sizes.reduce<number[][]>((rows, n) => rows.flatMap((row) => range(n).map((i) => [...row, i])), [[]]);
  const index = (at: readonly number[], sizes: readonly number[]): number =>
    at.reduce((sum, i, d) => sum * sizes[d]! + i, 0);
  const columns = c.depthwise ? c.channelsIn * c.channelsOut : c.channelsOut;
  const taps = grid(c.filter);
  const places = grid(out);
  const source = (o: readonly number[], t: readonly number[]): number[] | undefined => {
    const at = o.map((i, d) => i * c.stride - pads[d]! + t[d]!);
    return at.every((i, d) => i >= 0 && i < c.size[d]!) ? at : undefined;
  };
  const xAt = (n: number, at: readonly number[], ch: number): number =>
    x[
      (n *
        index(
          c.size.map((s) => s - 1),
          c.size,
        ) +
        n +
        index(at, c.size)) *
        c.channelsIn +
        ch
    ]!;
  const wAt = (t: number, ch: number, j: number): number =>
    c.depthwise ? w[t * columns + j]! : w[(t * c.channelsIn + ch) * columns + j]!;
  const channelsOf = (j: number): number[] =>
    c.depthwise ? [Math.floor(j / c.channelsOut)] : range(c.channelsIn);
  const y: number[] = [];
  for (const n of range(c.batch))
    for (const o of places)
      for (const j of range(columns)) {
        let sum = 0;
        taps.forEach((t, tap) => {
          const at = source(o, t);
          for (const ch of channelsOf(j))
            sum = add(sum, at === undefined ? 0 : xAt(n, at, ch), wAt(tap, ch, j));
        });
        y.push(sum);
      }
  const dy = dyOf([c.batch, ...out, columns]);
  const dyAt = (n: number, o: readonly number[], j: number): number =>
    dy[(n * places.length + index(o, out)) * columns + j]!;
  const dx: number[] = [];
  for (const n of range(c.batch))
    for (const at of grid(c.size))
      for (const ch of range(c.channelsIn)) {
        let sum = 0;
        taps.forEach((t, tap) => {
          const o = at.map((i, d) => (i + pads[d]! - t[d]!) / c.stride);
          const isOutput = o.every((i, d) => Number.isInteger(i) && i >= 0 && i < out[d]!);
          for (const j of range(columns))
            if (channelsOf(j).includes(ch)) sum = add(sum, isOutput ? dyAt(n, o, j) : 0, wAt(tap, ch, j));
        });
        dx.push(sum);
      }
  const dw: number[] = [];
  for (const t of taps)
    for (const ch of range(c.channelsIn))
      for (const j of range(columns)) {
        if (!channelsOf(j).includes(ch)) continue;
        let sum = 0;
        for (const n of range(c.batch))
          for (const o of places) {
            const at = source(o, t);
            sum = add(sum, at === undefined ? 0 : xAt(n, at, ch), dyAt(n, o, j));
          }
        dw.push(sum);
      }
  return { y, dx, dw };
}

describe('on the wasm backend', () => {
  let tf: TensorFlow;
  let emulation: Emulation;
  beforeAll(async () => {
    tf = await wasmBackend();
    emulation = await emulate(tf, { kernels: 'own' });
  });
  afterAll(() => emulation.stop());

  const random = (shape: readonly number[], seed: number): Tensor =>
    tf.randomNormal([...shape], 0, 1, 'float32', seed);

  test.each(cases)('a convolution and its gradients have the bits of loops: %j', (c) => {
    tf.tidy(() => {
      const isFlat = c.size[0] === 1;
      const spatial = isFlat ? c.size.slice(1) : [...c.size];
      const filter = isFlat ? c.filter.slice(1) : [...c.filter];
      const x = random([c.batch, ...spatial, c.channelsIn], 1);
      const w = random([...filter, c.channelsIn, c.channelsOut], 2);
      const pad = c.same ? 'same' : 'valid';
      const run = (a: Tensor, b: Tensor): Tensor => {
        if (!isFlat) return tf.conv3d(a as Tensor5D, b as Tensor5D, c.stride, pad);
        const op = c.depthwise ? tf.depthwiseConv2d : tf.conv2d;
        return op(a as Tensor4D, b as Tensor4D, c.stride, pad);
      };
      let dy = tf.zeros([1]);
      const expected = reference(c, x.dataSync() as Float32Array, w.dataSync() as Float32Array, (shape) => {
        dy = random(isFlat ? [shape[0]!, ...shape.slice(2)] : shape, 3);
        return dy.dataSync() as Float32Array;
      });
      const [dx, dw] = tf.grads((a, b) => run(a!, b!))([x, w], dy);
      expect(tensorBits(dx!)).toEqual(bitsOf(expected.dx));
      expect(tensorBits(dw!)).toEqual(bitsOf(expected.dw));
      // A depthwise one is left to the backend, whose order is its own.
      if (!c.depthwise) expect(tensorBits(run(x, w))).toEqual(bitsOf(expected.y));
    });
  });

  const equations: [string, number[], number[]?][] = [
    ['ij,jk->ik', [3, 5], [5, 4]],
    ['ij,kj', [3, 5], [4, 5]],
    ['bqhd,bkhd->bhqk', [2, 4, 3, 5], [2, 6, 3, 5]],
    ['bhqk,bkhd->bqhd', [2, 3, 4, 6], [2, 6, 3, 5]],
    ['i,j->ij', [3], [4]],
    ['i,i->', [7], [7]],
    ['ij,ij->ij', [3, 4], [3, 4]],
    ['abc,cd->abd', [2, 3, 4], [4, 5]],
    ['ijk,kl->lj', [2, 3, 4], [4, 5]],
    ['ijk->kij', [2, 3, 4]],
    ['ijk->j', [2, 3, 4]],
  ];
  test.each(equations)(
    'einsum %s and its gradients have the values of loops over integers',
    (equation, a, b) => {
      tf.tidy(() => {
        const shapes = b === undefined ? [a] : [a, b];
        const [left = '', right] = equation.split('->');
        const operands = left.split(',');
        const result = right ?? 'ik';
        const integers = (shape: number[], seed: number): Tensor =>
          tf.randomUniform(shape, -9, 9, 'float32', seed).round().add(0);
        const tensors = shapes.map((shape, i) => integers(shape, i + 1));
        const lengths = new Map(
          operands.flatMap((letters, i) => [...letters].map((l, d) => [l, shapes[i]![d]!])),
        );
        const letters = [...lengths.keys()];
        const shape = [...result].map((l) => lengths.get(l)!);
        const dy = integers(shape, 9);
        const place = (names: string, at: ReadonlyMap<string, number>): number =>
          [...names].reduce((sum, l) => sum * lengths.get(l)! + at.get(l)!, 0);
        const values = tensors.map((t) => t.dataSync());
        const dyValues = dy.dataSync();
        const expected = new Float32Array(shape.reduce((x, y) => x * y, 1));
        const gradients = values.map((v) => new Float32Array(v.length));
        const total = letters.reduce((product, l) => product * lengths.get(l)!, 1);
        for (let flat = 0; flat < total; flat++) {
          let rest = flat;
          const at = new Map(
            letters.map((l) => {
              const i = rest % lengths.get(l)!;
              rest = (rest - i) / lengths.get(l)!;
              return [l, i];
            }),
          );
          const terms = operands.map((names, i) => values[i]![place(names, at)]!);
          const to = place(result, at);
          expected[to]! += terms.reduce((x, y) => x * y, 1);
          operands.forEach((names, i) => {
            gradients[i]![place(names, at)]! += dyValues[to]! * (terms[1 - i] ?? 1);
          });
        }
        const out = tf.einsum(equation, ...tensors);
        expect(out.shape).toEqual(shape);
        expect(tensorBits(out)).toEqual(bitsOf(expected));
        const actual = tf.grads((...given) => tf.einsum(equation, ...given))(tensors, dy);
        actual.forEach((gradient, i) => {
          expect(Array.from(gradient.dataSync())).toEqual(Array.from(gradients[i]!));
        });
      });
    },
  );

  test.each(['ii->i', 'ij,jk->il', 'i...j->ij', 'ij,jk,kl->il', 'ijk->i'])(
    'einsum %s is refused',
    (equation) => {
      tf.tidy(() => {
        const operands = equation
          .split('->')[0]!
          .split(',')
          .map(() => tf.ones([2, 2]));
        expect(() => tf.einsum(equation, ...operands)).toThrow(ArgumentError);
      });
    },
  );

  test('a forward convolution of large size, in runs of images, has the bits of the backend', async () => {
    const x = random([40, 30, 30, 12], 1) as Tensor4D;
    const w = random([3, 3, 12, 8], 2) as Tensor4D;
    const bits = tensorBits(tf.conv2d(x, w, 1, 'same'));
    await emulate.scope(tf, { roles: { other: 'binary32' }, accumulator: { accumulate: 'binary32' } }, () => {
      const own = tf.conv2d(x, w, 1, 'same');
      expect(tensorBits(own)).toEqual(bits);
      own.dispose();
    });
    tf.dispose([x, w]);
    const wide = random([2, 9, 8, 6], 3) as Tensor4D;
    const few = random([3, 3, 6, 2], 4) as Tensor4D;
    const dilated = (): number[] => tensorBits(tf.tidy(() => tf.conv2d(wide, few, 1, 'same', 'NHWC', 2)));
    const expected = dilated();
    await emulate.scope(tf, { roles: { other: 'binary32' }, accumulator: { accumulate: 'binary32' } }, () =>
      expect(dilated()).toEqual(expected),
    );
    tf.dispose([wide, few]);
    const line = random([2, 9, 4], 1) as Tensor3D;
    tf.tidy(() => {
      expect(tf.conv1d(line, random([3, 4, 5], 2) as Tensor3D, 1, 'same').shape).toEqual([2, 9, 5]);
    });
    line.dispose();
  });
});
