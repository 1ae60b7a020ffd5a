/** AdamW on moments in 8-bit blocks or of expanded ranges, on codes, against the same steps by tensors: the same bits, and the same refusals. */
import * as tf from '@tensorflow/tfjs';
import { beforeAll, describe, expect, it } from 'vitest';
import { emulate, wasmBackend } from '../../src/tfjs/index.ts';
import { adamW, DivergenceError, type TrainingOptimizer } from '../../src/train/index.ts';

beforeAll(async () => {
  await wasmBackend();
});

const shape = [37, 29];
const count = 37 * 29;
const gradient = (step: number): Float32Array =>
  Float32Array.from({ length: count }, (_, i) =>
    i % 11 === 3 ? 0 : Math.sin(17 * i + 5 * step) * 10 ** (((i * 31 + step) % 50) - 36),
  );

interface Arm {
  readonly weights: tf.Variable;
  readonly optimizer: TrainingOptimizer;
}

/** `byTensors`: somebody looks at the second moment, which has to be a tensor then. */
type Kind = 'dynamic8' | 'expansion8';

function arm(
  byTensors: boolean,
  block: readonly [number, number],
  settings = {},
  kind: Kind = 'dynamic8',
): Arm {
  const initial = tf.randomNormal(shape, 0, 1, 'float32', 7);
  const weights = tf.variable(initial, true);
  initial.dispose();
  const held = (size: number) => ({ kind, block: size, least: 0 }) as const;
  const optimizer = adamW(
    tf,
    { first: held(block[0]), second: held(block[1]), ...settings },
    { learningRate: 0.01 },
  );
  if (byTensors) optimizer.rms = new Map();
  return { weights, optimizer };
}

const apply = ({ weights, optimizer }: Arm, values: Float32Array): void => {
  tf.tidy(() => optimizer.applyGradients({ [weights.name]: tf.tensor(values, shape) }));
};
const dispose = (...arms: readonly Arm[]): void => {
  for (const { weights, optimizer } of arms) {
    weights.dispose();
    optimizer.dispose();
  }
};

describe.each(['dynamic8', 'expansion8'] as const)('steps of %s', (kind) => {
  it.each([
    [[64, 64], {}],
    [[2048, 2048], { beta1: 0.5, epsilon: 1e-3, decay: 'after' }],
    [[1, 1], { weightDecay: 0 }],
    // Blocks of two sizes are not done together.
    [[32, 100], {}],
  ] as const)('in blocks of %j with %j', (block, settings) => {
    const [plain, seen] = [arm(false, block, settings, kind), arm(true, block, settings, kind)];
    for (let step = 0; step < 6; step++) {
      for (const one of [plain, seen]) apply(one, gradient(step));
      expect([...plain.weights.dataSync()]).toEqual([...seen.weights.dataSync()]);
      const [a, b] = [plain.optimizer.save(), seen.optimizer.save()];
      expect(a.counters).toEqual(b.counters);
      expect([...a.arrays.values()]).toEqual([...b.arrays.values()]);
    }
    dispose(plain, seen);
  });

  it('go on from a state, and reset it', () => {
    const [plain, other] = [arm(false, [64, 64], {}, kind), arm(false, [64, 64], {}, kind)];
    for (let step = 0; step < 3; step++) apply(plain, gradient(step));
    const state = plain.optimizer.save();
    const arrays = new Map(
      [...state.arrays].map(([name, one]) => [name.replace(plain.weights.name, other.weights.name), one]),
    );
    other.optimizer.restore({ ...state, arrays }, new Map([[other.weights.name, shape]]));
    other.weights.assign(plain.weights);
    apply(plain, gradient(3));
    apply(other, gradient(3));
    expect([...other.weights.dataSync()]).toEqual([...plain.weights.dataSync()]);
    // What was saved is not what goes on.
    expect(state.arrays).not.toEqual(plain.optimizer.save().arrays);
    dispose(plain, other);
  });

  it('are rounded where a policy rounds what optimisers do', async () => {
    const stepped = async (byTensors: boolean): Promise<number[]> => {
      const one = arm(byTensors, [64, 64], {}, kind);
      const emulation = await emulate(tf, { format: 'bfloat16', roles: { optimizer: 'bfloat16' } });
      apply(one, gradient(0));
      emulation.stop();
      const values = [...one.weights.dataSync()];
      dispose(one);
      return values;
    };
    const rounded = await stepped(false);
    expect(rounded).toEqual(await stepped(true));
    const plain = arm(false, [64, 64], {}, kind);
    apply(plain, gradient(0));
    expect(rounded).not.toEqual([...plain.weights.dataSync()]);
    dispose(plain);
  });
});

it.each(['dynamic8', 'expansion8'] as const)(
  'a moment of %s that is no number is refused as it is by tensors, and nothing is changed',
  (kind) => {
    for (const [at, value] of [
      [5, 3e38],
      [700, Number.NaN],
      [1072, -2e30],
    ] as const) {
      const messages = [false, true].map((byTensors) => {
        const one = arm(byTensors, [64, 64], {}, kind);
        apply(one, gradient(0));
        const before = { weights: [...one.weights.dataSync()], state: one.optimizer.save().arrays };
        const bad = gradient(1);
        bad[at] = value;
        let message = '';
        try {
          apply(one, bad);
        } catch (error) {
          if (!(error instanceof DivergenceError)) throw error;
          message = error.message.replaceAll(one.weights.name, 'w');
        }
        expect([...one.weights.dataSync()]).toEqual(before.weights);
        expect(one.optimizer.save().arrays).toEqual(before.state);
        dispose(one);
        return message;
      });
      expect(messages[0]).toBe(messages[1]);
      expect(messages[0]).toContain('is not finite');
    }
  },
);
