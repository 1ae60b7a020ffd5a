/** NVFP4 training against TransformerEngine's reference: the codes and scales of what a step of the recipe reads. */
import type { Tensor, Tensor2D } from '@tensorflow/tfjs';
import { beforeAll, describe, expect, it } from 'vitest';
import { formats, pack } from '../../src/formats/index.ts';
import { type TensorFlow, wasmBackend } from '../../src/tfjs/index.ts';
import type { PassOptions } from '../../src/train/engine/engine.ts';
import { recipes } from '../../src/train/index.ts';
import type { Nvfp4Options } from '../../src/train/recipes/nvfp4.ts';
import { withSlots } from '../integration/slotted-products.ts';
import { e2m1, e4m3 } from '../oracles/recipes/numbers.ts';
import { column, families, hasGolden, loadGolden, setsOf } from './load.ts';

let tf: TensorFlow;
beforeAll(async () => {
  tf = await wasmBackend();
});

/** What a variant of the set is called as options of the recipe, and which operand has it. */
function variantOf(name: string): { operand: 'x' | 'w'; options: Nvfp4Options } {
  const operand = name.includes('2d') ? 'w' : 'x';
  return {
    operand,
    options: {
      ...(name.includes('rowscaled') ? { rowScaled: true } : {}),
      ...(name.includes('4over6')
        ? {
            fourOverSix: {
              of: operand === 'w' ? 'weights' : 'activations',
              error: name.includes('mse') ? 'mse' : 'mae',
              scaleMax: name.endsWith('256') ? 256 : 448,
            },
          }
        : {}),
    },
  };
}

/** What the forward product of one layer reads of a matrix of 64 x 128, as an operand, in a step under the recipe. */
function readBy(input: Float32Array, operand: 'x' | 'w', options: Nvfp4Options) {
  const { linear } = recipes.nvfp4(options).phases[0]!;
  const matrix = tf.tensor2d(input, [64, 128]);
  const [x, w] = [
    operand === 'x' ? matrix : tf.ones([16, 128]),
    operand === 'w' ? matrix : tf.ones([16, 128]),
  ];
  let read: { image: Float32Array; codes: Uint8Array; scales: Uint8Array } | undefined;
  const tap: PassOptions['tap'] = (slot, given, image, made) => {
    if (slot !== `forward.${operand}`) return;
    const { codes, scaleCodes } = made.quantize(given.dataSync() as Float32Array, given.shape);
    read = {
      image: image.dataSync().slice() as Float32Array,
      codes: pack(codes, formats.e2m1),
      scales: scaleCodes as Uint8Array,
    };
  };
  const weight = tf.transpose(w);
  const product = (a: Tensor, b: Tensor) => tf.matMul(a as Tensor2D, b as Tensor2D);
  withSlots(tf, weight, linear, () => product(x, weight), { pass: { tap } });
  tf.dispose([matrix, x, w, weight]);
  return read!;
}

describe.each(setsOf(families.nvfp4))('recipes.nvfp4: $set', ({ set: name }) => {
  const set = hasGolden(name) ? loadGolden(name) : undefined;
  if (set === undefined) it.skip('not at hand');
  const variants = [...(set?.columns.keys() ?? [])].flatMap((key) =>
    key.endsWith('.fp4x2') ? [key.slice(0, -'.fp4x2'.length)] : [],
  );
  it.runIf(set !== undefined).each(variants)('%s', (prefix) => {
    const [category, variant] = prefix.split('.') as [string, string];
    const { operand, options } = variantOf(variant);
    const { image, codes, scales } = readBy(
      column<Float32Array>(set!, `${category}.input_f32`),
      operand,
      options,
    );
    const expectedCodes = column(set!, `${prefix}.fp4x2`) as Uint8Array;
    const expectedScales = column(set!, `${prefix}.scale_e4m3`) as Uint8Array;
    expect(codes).toEqual(Uint8Array.from(expectedCodes));
    // A tile's scale stands in each of its rows.
    const rows = operand === 'w' ? 16 : 1;
    const kept = expectedScales.filter((_, i) => Math.floor(i / 8) % rows === 0);
    expect(scales).toEqual(Uint8Array.from(kept));
    // What the product multiplied are the values of these codes.
    const amax = column<Float32Array>(set!, `${prefix}.amax_f32`);
    const most = variant.endsWith('256') ? 256 : 448;
    const values = Float32Array.from({ length: 64 * 128 }, (_, i) => {
      const nibble = (expectedCodes[i >> 1]! >> (4 * (i & 1))) & 15;
      const largest = amax[amax.length === 1 ? 0 : i >> 7]!;
      const encode =
        largest === 0 ? 1 : Math.min(Math.fround((6 * most) / largest), (2 - 2 ** -23) * 2 ** 127);
      return (
        (nibble & 8 ? -1 : 1) * e2m1[nibble & 7]! * e4m3[expectedScales[i >> 4]!]! * Math.fround(1 / encode)
      );
    });
    expect([...image].filter((value, i) => value !== values[i])).toEqual([]);
  });
});
