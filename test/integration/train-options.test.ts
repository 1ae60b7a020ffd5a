/** Options of training and of optimisers: what is unknown or of another type is refused by name. */
import { beforeAll, expect, it } from 'vitest';
import { type TensorFlow, wasmBackend } from '../../src/tfjs/index.ts';
import {
  adafactor,
  adamW,
  defaultAdafactor,
  defaultOptimizer,
  recipes,
  train,
} from '../../src/train/index.ts';

let tf: TensorFlow;
beforeAll(async () => {
  tf = await wasmBackend();
});

it.each([
  ['settings.beta1', { beta1: '0.9' }],
  ['settings.beta3', { beta3: 0.9 }],
  ['settings.weightDecay', { weightDecay: null }],
])('AdamW refuses %s', (argument, changed) => {
  expect(() => adamW(tf, { ...defaultOptimizer, ...changed } as never)).toThrow(
    expect.objectContaining({ name: 'ArgumentError', argument }),
  );
});

it('Adafactor refuses what is no setting of it', () => {
  expect(() => adafactor(tf, { ...defaultAdafactor, beta1: 0.9 } as never)).toThrow(
    expect.objectContaining({ name: 'ArgumentError', argument: 'settings.beta1' }),
  );
});

it.each([null, 'bitnet', { step: 4 }])('train refuses %j', async (given) => {
  const options =
    given !== null && typeof given === 'object' ? { tf, recipe: recipes.float32(), ...given } : given;
  await expect(train(options as never)).rejects.toMatchObject({ name: 'ArgumentError' });
});
