/** Layers, quantisers, accumulators and backends in combination: some of all that the slow suite has. */
import { beforeAll, describe, expect, test } from 'vitest';
import { cpuBackend, emulate, fakeQuantize, type TensorFlow, wasmBackend } from '../../src/tfjs/index.ts';
import { accumulators, kinds, quantizers, stepAndPredict, unitPolicies } from '../tfjs-combinations.ts';

describe.each([
  ['cpu', cpuBackend],
  ['wasm', wasmBackend],
])('on the %s backend', (_, load) => {
  let tf: TensorFlow;
  beforeAll(async () => {
    tf = await load();
  });

  test.each(Object.keys(kinds))(
    '%s takes a step and predicts with quantisers and accumulators',
    async (kind) => {
      const memory = tf.memory();
      const start = Object.keys(kinds).indexOf(kind);
      for (const [i, inputs] of quantizers.entries()) {
        if (i % 2 !== start % 2) continue;
        const accumulator = accumulators[(start + i) % accumulators.length]!;
        await stepAndPredict(tf, kind, { format: 'bfloat16', inputs, accumulator });
      }
      expect(tf.memory()).toEqual(memory);
    },
  );

  test.each(Object.keys(kinds))('%s takes a step and predicts with matrix units', async (kind) => {
    const start = Object.keys(kinds).indexOf(kind);
    for (const [i, policy] of unitPolicies.entries())
      if (i % 6 === start % 6) await stepAndPredict(tf, kind, { format: 'bfloat16', ...policy });
  });

  test('integers that are float32, scalars and empty tensors are quantised', async () => {
    const before = tf.memory();
    for (const given of quantizers) {
      if (typeof given === 'string') continue;
      tf.tidy(() => {
        for (const shape of [[], [1], [0], [3, 0], [5], [4, 6], [2, 3, 4], [2, 1, 3, 4]]) {
          const size = shape.reduce((product, length) => product * length, 1);
          const numbers = Array.from({ length: size }, (_, i) => (i * 7) % 13);
          const exact = tf.tensor(numbers, shape, 'float32');
          const cast = tf.cast(tf.tensor(numbers, shape, 'int32'), 'float32');
          const [a, b] = [exact, cast].map((x) =>
            fakeQuantize(tf, x, { ...given, rounding: 'nearest-even' }),
          );
          expect(b!.shape).toEqual(shape);
          expect(Array.from(b!.dataSync())).toEqual(Array.from(a!.dataSync()));
        }
      });
    }
    expect(tf.memory().numTensors).toBe(before.numTensors);
  });

  test('operands that are integers are quantised and summed as their numbers', async () => {
    const values = (integers: boolean): number[] =>
      tf.tidy(() => {
        const [a, b] = [
          [2, 6],
          [6, 4],
        ].map((shape) => {
          const numbers = Array.from({ length: shape[0]! * shape[1]! }, (_, i) => ((i * 7) % 13) - 6);
          return integers
            ? tf.tensor(numbers, shape, 'int32').toFloat()
            : tf.tensor(numbers, shape, 'float32');
        });
        return Array.from(tf.matMul(a!, b!).dataSync());
      });
    const deterministic = quantizers.filter(
      (given) => typeof given === 'string' || given.rounding === undefined,
    );
    for (const inputs of deterministic)
      for (const accumulator of ['bfloat16', 'exact', 'binary32']) {
        const policy = {
          roles: { other: { format: 'bfloat16', inputs, accumulator, rounding: 'nearest-even' } },
        } as const;
        await emulate.scope(tf, policy, () => expect(values(true)).toEqual(values(false)));
      }
  });
});
