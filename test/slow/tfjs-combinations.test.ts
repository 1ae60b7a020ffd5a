/** Every kind of layer with every quantiser and every accumulator: a step and a prediction, without an error. */
import { describe, it } from 'vitest';
import { cpuBackend, wasmBackend } from '../../src/tfjs/index.ts';
import { accumulators, kinds, quantizers, stepAndPredict, unitPolicies } from '../tfjs-combinations.ts';

describe.each([
  ['cpu', cpuBackend],
  ['wasm', wasmBackend],
])('on %s', (_, load) => {
  it.each(Object.keys(kinds))('%s with all quantisers, accumulators and matrix units', async (kind) => {
    const tf = await load();
    for (const inputs of quantizers)
      for (const accumulator of accumulators)
        for (const format of ['bfloat16', 'e4m3fn'])
          await stepAndPredict(tf, kind, { format, saturation: 'finite', inputs, accumulator });
    for (const policy of unitPolicies)
      for (const format of ['bfloat16', 'binary32']) await stepAndPredict(tf, kind, { format, ...policy });
  });
});
