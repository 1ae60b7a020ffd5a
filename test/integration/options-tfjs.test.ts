/** Every function of halfulp/tfjs refuses what is no option. */
import type { Scalar } from '@tensorflow/tfjs';
import { beforeAll, describe, expect, test } from 'vitest';
import * as halfulp from '../../src/tfjs/index.ts';
import { type Entry, functionNames, walk } from '../options-walk.ts';

let tf: halfulp.TensorFlow;
beforeAll(async () => {
  tf = await halfulp.cpuBackend();
});

const wrong = (value: unknown): never => value as never;
const noTensorFlow = [null, undefined, 1, 'tf', {}, () => 1];
const spec = { format: 'int4', scale: { per: 'tensor', from: 'absmax' } };

/** Emulates for a moment. */
async function emulated(policy: halfulp.Policy): Promise<void> {
  const emulation = await halfulp.emulate(tf, policy);
  emulation.stop();
}

const exported: Readonly<Record<string, Entry>> = {
  cpuBackend: { refused: [] },
  emulate: [
    {
      call: emulated,
      accepted: [
        {
          format: 'bfloat16',
          rounding: 'stochastic',
          saturation: 'finite',
          randomBits: 8,
          variant: 'B',
          seed: 1,
          log: true,
        },
        {
          format: 'binary16',
          subnormals: 'flush',
          fused: 'decomposed',
          accumulator: 'binary32',
          kernels: 'stock',
        },
        {
          format: 'binary16',
          inputs: 'bfloat16',
          roles: { backward: 'e5m2' },
          layers: { 'dense*': 'bfloat16' },
        },
      ],
      also: (option, value) =>
        (/^(roles|layers)$/.test(option) && typeof value === 'object' && value !== null) ||
        (/^(format|inputs|accumulator)$/.test(option) && value === null) ||
        (option === 'inputs' && JSON.stringify(value) === '{}') ||
        (/^(accumulator|kernels)$/.test(option) && JSON.stringify(value) === '{}'),
      optional: false,
    },
    {
      call: (role) => emulated({ format: 'binary16', roles: { backward: role } }),
      accepted: [
        { format: 'e5m2', rounding: 'stochastic', saturation: 'finite', randomBits: 8, variant: 'B' },
      ],
      also: (option, value) => option === 'format' && value === null,
      isSpec: true,
    },
    {
      call: (kernels) => emulated({ format: 'binary16', kernels }),
      accepted: [{ implementation: 'stock' }],
      isMap: true,
    },
  ],
  fakeQuantize: {
    call: (call) => halfulp.fakeQuantize(tf, tf.tensor1d([1, 2]), spec as never, call),
    accepted: [{ seed: 1, stream: 2n, offset: 3, update: false }, { training: false }],
  },
  inRole: {
    refused: [
      ...noTensorFlow.map((given) => () => halfulp.inRole(wrong(given), 'optimizer', () => 1)),
      ...['optimiser', '', null, undefined, 1, {}].map(
        (role) => () => halfulp.inRole(tf, wrong(role), () => 1),
      ),
      ...[null, undefined, 1, 'x', {}].map((fn) => () => halfulp.inRole(tf, 'optimizer', wrong(fn))),
    ],
  },
  installMissingKernels: {
    refused: noTensorFlow.map((given) => () => halfulp.installMissingKernels(wrong(given))),
  },
  lossScaling: [
    {
      call: (options) => halfulp.lossScaling(tf, options),
      accepted: [{ initial: 1024, dynamic: true, growthInterval: 10, smallest: 1, largest: 2048 }],
    },
    {
      call: (state) => halfulp.lossScaling(tf).restore(state),
      accepted: [{ scale: 1024, finiteSteps: 1, skipped: 0 }],
      optional: false,
    },
  ],
  wasmBackend: { refused: [] },
};

describe('every function of halfulp/tfjs', () => {
  test('is in the table', () => {
    expect(Object.keys(exported).sort()).toEqual(functionNames(halfulp));
  });
  for (const [name, entry] of Object.entries(exported)) test(name, () => walk(name, entry));
});

test('methods of loss scaling and of an emulation', async () => {
  const scaling = halfulp.lossScaling(tf);
  const emulation = await halfulp.emulate(tf, { format: 'bfloat16' });
  await walk('others', {
    refused: [
      ...[null, undefined, 1, {}].map((given) => () => scaling.wrap(wrong(given))),
      ...[null, undefined, 1, {}].map((given) => () => scaling.variableGrads(wrong(given))),
      ...[null, undefined, 1, {}].map(
        (given) => () => scaling.minimize(wrong(given), () => tf.scalar(1) as Scalar),
      ),
      ...[null, 1, 'x', { cursor: '1' }, { cursor: -1 }, { place: 1 }].map(
        (given) => () => emulation.reset(wrong(given)),
      ),
      ...noTensorFlow.map((given) => () => halfulp.emulate(wrong(given), { format: 'bfloat16' })),
      ...noTensorFlow.map((given) => () => halfulp.lossScaling(wrong(given))),
      ...noTensorFlow.map((given) => () => halfulp.fakeQuantize(wrong(given), tf.scalar(1), spec as never)),
      ...[null, 1, 'x', {}, tf.tensor1d([1], 'int32')].map(
        (given) => () => halfulp.fakeQuantize(tf, wrong(given), spec as never),
      ),
      ...[null, 1, 'int', {}, { ...spec, colour: 1 }].map(
        (given) => () => halfulp.fakeQuantize(tf, tf.scalar(1), wrong(given)),
      ),
      ...[null, 1, 'x', {}].map(
        (given) => () => halfulp.emulate.scope(tf, { format: 'bfloat16' }, wrong(given)),
      ),
    ],
  });
  emulation.stop();
});
