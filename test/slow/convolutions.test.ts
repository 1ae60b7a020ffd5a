/** Every geometry of a convolution up to 7 x 7, on the wasm backend under emulation, against the cpu backend. */
import { beforeAll, describe, expect, it } from 'vitest';
import { emulate, type TensorFlow, wasmBackend } from '../../src/tfjs/index.ts';
import { compareConvolutions, paddings, sizes, steps } from '../convolutions-compare.ts';

describe('convolutions on wasm', () => {
  let tf: TensorFlow;
  beforeAll(async () => {
    tf = await wasmBackend();
  });

  // As objects: rows of a table that are arrays would be spread over the arguments.
  const rows = paddings.map((pad) => ({ pad, name: JSON.stringify(pad) }));

  it.each(rows)(
    'padding $name: inputs and filters up to 7 x 7, strides up to 4, dilations up to 3',
    async ({ pad }) => {
      let compared = 0;
      await emulate.scope(tf, {}, () => {
        for (const input of sizes)
          for (const filter of sizes)
            compared += compareConvolutions(
              tf,
              steps.map((step) => ({ input, filter, ...step, pad })),
            );
      });
      console.log(`padding ${JSON.stringify(pad)}: ${compared} kernel calls compared`);
      expect(compared).toBe(sizes.length ** 2 * (steps.length * 4 + 16 * 2));
    },
  );
});
