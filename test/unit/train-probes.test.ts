/** What probes say of operands: of images that stay turned in the basis that their product reads. */
import type { Tensor } from '@tensorflow/tfjs';
import { describe, expect, it } from 'vitest';
import { type QuantizerOptions, quantizer, transform } from '../../src/quantizers/index.ts';
import { OperandProbes } from '../../src/train/probes.ts';
import { gaussians } from '../../src/train/random.ts';

const shape = [24, 64];
const tensorOf = (values: Float32Array): Tensor => ({ shape, dataSync: () => values }) as unknown as Tensor;
// Some far smaller than the rest of their block, so that they become zeros.
const x = gaussians(24 * 64, 1, 3, 'probes').map((value, i) => (i % 9 === 0 ? value / 64 : value));

/** Signal over error in dB, and the part that becomes zero, by sums of their own. */
function measured(read: ArrayLike<number>, image: Float32Array) {
  let [signal, noise, vanished] = [0, 0, 0];
  image.forEach((value, i) => {
    signal += read[i]! ** 2;
    noise += (value - read[i]!) ** 2;
    if (value === 0 && read[i] !== 0) vanished++;
  });
  return { sqnr: 10 * Math.log10(signal / noise), underflow: vanished / image.length };
}

describe.each<[string, QuantizerOptions['transform']]>([
  ['without a transform', undefined],
  ['under a rotation', { name: 'hadamard', size: 16, seed: 5 }],
  ['under a rotation of rows', { name: 'hadamard', size: 8, axis: -2 }],
])('%s', (_, turn) => {
  const base = { format: 'e2m1', scale: { per: 'block', size: 16, from: 'absmax' } } as const;
  const options: QuantizerOptions = turn === undefined ? base : { ...base, transform: turn };

  it('operands are compared with what they became', () => {
    const stays = quantizer(turn === undefined ? options : { ...options, invert: false });
    const read = turn === undefined ? x : transform(turn as never).forward(x, shape).values;
    const image = stays.fakeQuantize(x, shape);
    const probes = new OperandProbes();
    probes.add('weightGradient.g', tensorOf(x), tensorOf(image), stays, turn !== undefined);
    const { sqnr, underflow, saturation, entropy } = probes.result()['weightGradient.g']!;
    const expected = measured(read, image);
    expect(sqnr).toBeCloseTo(expected.sqnr, 10);
    expect(sqnr).toBeGreaterThan(15);
    expect(underflow).toBe(expected.underflow);
    expect(underflow).toBeGreaterThan(0);
    expect(saturation).toBeGreaterThan(0);
    expect(entropy).toBeGreaterThan(3);
    // Turned back they have the same error, but for the rounding of the rotation.
    const back = quantizer(options).fakeQuantize(x, shape);
    expect(measured(x, back).sqnr).toBeCloseTo(sqnr!, 4);
  });
});
