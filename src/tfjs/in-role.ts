/** `inRole`: the role of kernel calls, said by the user. */
import { checkFunction, oneOf } from '../check.ts';
import { ArgumentError } from '../errors.ts';
import { checkTensorFlow } from './check-tensorflow.ts';
import { insideWithAwaits } from './frames.ts';
import type { TensorFlow } from './internals.ts';
import { type Role, roles } from './policy.ts';
import { methods } from './watched-methods.ts';

const isPromise = (value: unknown): value is Promise<unknown> =>
  typeof (value as Partial<Promise<unknown>> | null | undefined)?.then === 'function';

/**
 * Runs a function in a role: for optimisers, losses and loops that emulation cannot recognise by itself. What layers compute
 * inside of `loss` or `statistics` is the model's all the same. In Node the function may be asynchronous: the role then
 * holds until its promise is settled. Without emulation it only calls the function.
 *
 * @throws ArgumentError if the role is unknown, or the function is asynchronous where there is no AsyncLocalStorage
 * @example
 * inRole(tf, 'optimizer', () => applyUpdates(gradients));
 * optimizer.minimize(() => {
 *   const outputs = model.apply(xs);
 *   return inRole(tf, 'loss', () => outputs.sub(ys).square().mean());
 * });
 */
export function inRole<T>(tf: TensorFlow, role: Role, fn: () => T): T {
  checkTensorFlow(tf, role, fn);
  oneOf('role', role, roles);
  checkFunction('fn', fn);
  const { result, isFollowed } = insideWithAwaits(tf, { kind: 'role', role }, fn);
  if (isFollowed || !methods.isWatched() || !isPromise(result)) return result;
  result.then(undefined, () => undefined);
  throw new ArgumentError(
    'fn',
    'an asynchronous function',
    'a synchronous function where there is no AsyncLocalStorage',
  );
}
