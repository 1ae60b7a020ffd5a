/** The recipes of four bits against scalar oracles that share no code with the library, bit for bit, over two steps. */
import { beforeAll, describe, it } from 'vitest';
import { type TensorFlow, wasmBackend } from '../../src/tfjs/index.ts';
import { recipes } from '../../src/train/index.ts';
import { mxfp4 } from '../oracles/recipes/mxfp4.ts';
import { nvfp4 } from '../oracles/recipes/nvfp4.ts';
import { expectOracle, type NetSizes } from './recipes-oracle.ts';

let tf: TensorFlow;
beforeAll(async () => {
  tf = await wasmBackend();
});

/** Whole blocks, and shapes that no block divides. */
const whole: NetSizes = { tokens: 32, inputs: 64, hidden: 32, outputs: 32 };
const ragged: NetSizes = { tokens: 23, inputs: 40, hidden: 37, outputs: 19 };
const plain = { extraNorm: null, schedule: { kind: 'step', at: 0.5, before: 1, after: 1 } } as const;

describe.each([
  ['whole blocks', whole],
  ['ragged blocks', ragged],
])('%s', (_, sizes) => {
  it('nvfp4', () => expectOracle(tf, recipes.nvfp4(plain), nvfp4, sizes));
  it('mxfp4', () => expectOracle(tf, recipes.mxfp4(plain), mxfp4({}), sizes));
  it('mxfp4, stochastic', () =>
    expectOracle(
      tf,
      recipes.mxfp4({ ...plain, rounding: 'stochastic' }),
      mxfp4({ isStochastic: true }),
      sizes,
    ));
  it('mxfp4, stochastic without clipping, rotated', () =>
    expectOracle(
      tf,
      recipes.mxfp4({ ...plain, rounding: 'stochastic', prescale: 0.75, hadamard: 'step' }),
      mxfp4({ isStochastic: true, prescale: 0.75, isTurned: true }),
      sizes,
    ));
});
