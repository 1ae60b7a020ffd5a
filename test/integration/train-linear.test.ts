/** The six slots of a layer's products, slot by slot, against products of operands that the array reference quantised. */
import type { Tensor, Tensor2D } from '@tensorflow/tfjs';
import { describe, expect, it } from 'vitest';
import { type QuantizerOptions, quantizer } from '../../src/quantizers/index.ts';
import { cpuBackend, emulate, type TensorFlow, wasmBackend } from '../../src/tfjs/index.ts';
import { type LinearSlots, plainSlots, type QuantizerSpec } from '../../src/train/linear-slots.ts';
import { gaussians } from '../../src/train/random.ts';
import { bitnetSlots } from '../../src/train/recipes/index.ts';
import { withSlots } from './slotted-products.ts';

const rows: QuantizerSpec = { format: 'int4', scale: { per: 'row', from: 'absmax' } };
const ternary: QuantizerSpec = { format: 'ternary', scale: { per: 'tensor', from: 'absmean' } };

interface Outcome {
  readonly y: number[];
  readonly dx: number[];
  readonly dw: number[];
}

function quantized(tf: TensorFlow, x: Tensor2D, options: QuantizerOptions): Tensor2D {
  return tf.tensor2d(quantizer(options).fakeQuantize(x.dataSync() as Float32Array, x.shape), x.shape);
}

/** The layer's three products under `slots`, and each product of freely chosen operands. */
function bench(tf: TensorFlow, kernels: 'own' | 'stock') {
  const gaussian = (name: string, shape: [number, number]) =>
    tf.tensor2d(gaussians(shape[0] * shape[1], 1, 1, name), shape);
  const x = gaussian('x', [9, 16]);
  const w = gaussian('w', [12, 16]);
  const g = gaussian('g', [9, 12]);
  const list = (t: Tensor) => [...t.dataSync()];
  return {
    x,
    w,
    g,
    layer(slots: LinearSlots): Outcome {
      const run = () => {
        const forward = (a: Tensor, b: Tensor) => tf.matMul(a, b, false, true);
        const [dx, dw] = tf.grads(forward as (...inputs: Tensor[]) => Tensor)([x, w], g) as [Tensor, Tensor];
        return { y: list(forward(x, w)), dx: list(dx), dw: list(dw) };
      };
      return tf.tidy(() => withSlots(tf, w, slots, run, { kernels }) as never) as unknown as Outcome;
    },
    y: (a: Tensor2D, b: Tensor2D) => list(tf.matMul(a, b, false, true)),
    dx: (a: Tensor2D, b: Tensor2D) => list(tf.matMul(a, b)),
    dw: (a: Tensor2D, b: Tensor2D) => list(tf.matMul(a, b, true, false)),
  };
}

const backends: [string, () => Promise<TensorFlow>, 'own' | 'stock'][] = [
  ['wasm', wasmBackend, 'own'],
  ['wasm', wasmBackend, 'stock'],
  ['cpu', cpuBackend, 'stock'],
];

describe.each(backends)('linear on %s', (_, open, kernels) => {
  it(`slots act on their own product only, with ${kernels} kernels`, async () => {
    const tf = await open();
    await emulate.scope(tf, { kernels }, () => {
      const { x, w, g, layer, ...products } = bench(tf, kernels);
      const plain = { y: products.y(x, w), dx: products.dx(g, w), dw: products.dw(g, x) };
      expect(layer(plainSlots)).toEqual(plain);

      const apart: LinearSlots = {
        forward: { x: null, w: null },
        inputGradient: { g: null, w: null },
        weightGradient: { g: null, x: null },
      };
      // A row runs along the axis that the product sums over: the outer one of both operands of the weight's gradient.
      const turned = (t: Tensor2D): Tensor2D => tf.transpose(quantized(tf, tf.transpose(t), rows));
      const [xRows, gRows] = [quantized(tf, x, rows), quantized(tf, g, rows)];
      const wTernary = quantized(tf, w, ternary);
      const cases: [LinearSlots, Partial<Outcome>][] = [
        [{ ...apart, forward: { x: rows, w: null } }, { y: products.y(xRows, w) }],
        [{ ...apart, forward: { x: null, w: ternary } }, { y: products.y(x, wTernary) }],
        [{ ...apart, inputGradient: { g: rows, w: null } }, { dx: products.dx(gRows, w) }],
        [{ ...apart, inputGradient: { g: null, w: ternary } }, { dx: products.dx(g, wTernary) }],
        [{ ...apart, weightGradient: { g: rows, x: null } }, { dw: products.dw(turned(g), x) }],
        [{ ...apart, weightGradient: { g: null, x: rows } }, { dw: products.dw(g, turned(x)) }],
      ];
      for (const [slots, changed] of cases) expect(layer(slots)).toEqual({ ...plain, ...changed });
    });
  });

  it(`'same' hands the forward image on, with ${kernels} kernels`, async () => {
    const tf = await open();
    await emulate.scope(tf, { kernels }, () => {
      const { x, w, g, layer, ...products } = bench(tf, kernels);
      const xq = quantized(tf, x, bitnetSlots.forward.x as QuantizerSpec);
      const wq = quantized(tf, w, bitnetSlots.forward.w as QuantizerSpec);
      expect(layer(bitnetSlots)).toEqual({
        y: products.y(xq, wq),
        dx: products.dx(g, wq),
        dw: products.dw(g, xq),
      });
    });
  });

  it(`strength blends the operand with its image, with ${kernels} kernels`, async () => {
    const tf = await open();
    const emulation = await emulate(tf, { kernels });
    const { x, w, layer, ...products } = bench(tf, kernels);
    const wq = quantized(tf, w, ternary);
    const outcome = (strength: number) =>
      layer({ ...plainSlots, forward: { x: null, w: { ...ternary, strength } } }).y;
    expect(outcome(0)).toEqual(products.y(x, w));
    expect(outcome(1)).toEqual(products.y(x, wq));
    expect(outcome(0.25)).toEqual(products.y(x, tf.add(w, tf.mul(tf.sub(wq, w), 0.25))));
    emulation.stop();
  });
});
