/** What the tests share that compare a program under emulation with itself in float32. */
import type { Tensor } from '@tensorflow/tfjs';
import { emulate, type Policy, type TensorFlow } from '../../src/tfjs/index.ts';
import { tensorBits } from './tfjs-programs.ts';

export const narrow: Policy[] = [
  { format: 'bfloat16' },
  { format: 'binary16' },
  { format: 'e4m3fn', saturation: 'finite' },
  { format: 'e5m2', rounding: 'stochastic', seed: 3 },
];

/** A value computed in the role `forward`. */
export function inForward<T>(tf: TensorFlow, fn: () => T): T {
  let value: T | undefined;
  tf.tidy(() => {
    tf.grad((x) => {
      value = fn();
      return x.square();
    })(tf.scalar(1));
  });
  return value as T;
}

/** The bits of a tensor computed in the role `forward`, under a policy or without. */
export function bitsUnder(tf: TensorFlow, policy: Policy | null, fn: () => Tensor): Promise<number[]> {
  const run = (): number[] => inForward(tf, () => tensorBits(fn()));
  return policy === null ? Promise.resolve(run()) : emulate.scope(tf, policy, run);
}
