/**
 * `emulate`: the one call that turns simulated precision on for an unchanged TensorFlow.js program, and the handle that
 * turns it off. What happens in between is `interception.ts`; what is rounded to what is `policy.ts`.
 */

import { checkFields, checkFunction, checkList, checkString, integerInRange, pathOf } from '../check.ts';
import type { FormatSpelling } from '../formats/index.ts';
import { unknownName } from '../nearest-words.ts';
import { currentScope, inNewScope } from './async-scope.ts';
import type { HeldCopy, Layer } from './call.ts';
import { checkTensorFlow } from './check-tensorflow.ts';
import { Interception } from './interception.ts';
import { type Backend, backendOf, type TensorFlow } from './internals.ts';
import { kernelFamilies } from './kernel-names.ts';
import { EmulationLog } from './log.ts';
import type { Policy } from './policy.ts';
import type { ProductCalls } from './product-calls.ts';
import { type ResolvedPolicy, resolvePolicy } from './resolve-policy.ts';
import { type StepListener, stepListeners } from './watched-methods.ts';

/** Where an emulation is in its random numbers: plain data. */
export interface EmulationState {
  /** Number of random draws used so far. */
  readonly cursor: number;
  /** Rounded copies of tensors from outside that are alive and drew, by contents; absent if there are none. */
  readonly held?: readonly HeldCopy[];
}

/** An emulation in force. */
export interface Emulation {
  /** The policy with its defaults filled in. */
  readonly policy: ResolvedPolicy;
  /** The state of the random numbers; give it to `reset` of an emulation of the same policy to go on from here. */
  readonly state: EmulationState;
  /** What rounding did so far; undefined unless `policy.log` is true. */
  readonly log: EmulationLog | undefined;
  /** Sets the random numbers back to the beginning, or to a state: what follows draws what followed then. */
  reset(state?: EmulationState): void;
  /**
   * Ends this emulation. With the last one of a backend everything is as it was: kernels, prototypes, memory. Ending
   * twice does nothing.
   */
  stop(): void;
}

const interceptions = new WeakMap<Backend, Interception>();

const { MAX_SAFE_INTEGER } = Number;

/** The state that a user gives back. Throws ArgumentError. */
function checkState(given: EmulationState): Required<EmulationState> {
  checkFields('state', given, ['cursor', 'held']);
  const { cursor, held = [] } = given;
  checkList('state.held', held).forEach((copy, i) => {
    const path = pathOf('state.held', i);
    checkFields(path, copy, ['grid', 'size', 'contents', 'offset']);
    const { grid, size, contents, offset } = copy as HeldCopy;
    for (const [field, value] of Object.entries({ grid, size, offset }))
      integerInRange(pathOf(path, field), value, 0, MAX_SAFE_INTEGER);
    checkString(pathOf(path, 'contents'), contents);
  });
  return { cursor: integerInRange('state.cursor', cursor, 0, MAX_SAFE_INTEGER), held };
}

/**
 * Says on the console, once, which names of layers have matched nothing: after the first step of an optimiser, or when the
 * function that is returned is called, at the end.
 */
function watchLayerUse({ policy: { layerUse }, scope: own }: Layer): () => void {
  const report = (): void => {
    const message = layerUse.report();
    if (message !== undefined) console.warn(message);
    if (layerUse.isOver) stepListeners.delete(listener);
  };
  const listener: StepListener = {
    after() {
      // Steps of other scopes are not of this program.
      if (own === undefined || own === currentScope()) report();
    },
  };
  if (!layerUse.isOver) stepListeners.add(listener);
  return () => {
    report();
    stepListeners.delete(listener);
  };
}

/**
 * Begins an emulation at once, on a backend that is ready.
 * @param products who reads operands of products through slots
 * @param given a log that goes on, of a policy with `log`
 */
export function startEmulation(
  tf: TensorFlow,
  policy: Policy,
  products?: ProductCalls,
  given?: EmulationLog,
): Emulation {
  const resolved = resolvePolicy(policy);
  const backend = backendOf(tf);
  let interception = interceptions.get(backend);
  if (interception === undefined || interception.ended) {
    interception = new Interception(tf);
    interceptions.set(backend, interception);
  }
  const log = resolved.log ? (given ?? new EmulationLog()) : undefined;
  const layer: Layer = { policy: resolved, log, products, scope: currentScope(), cursor: 0, held: [] };
  interception.add(layer);
  const name = tf.getBackend();
  for (const [kernel, path] of resolved.kernelPaths) {
    if (tf.getKernel(kernel, name) !== undefined) continue;
    const known = tf.getKernelsForBackend(name).map(({ kernelName }) => kernelName);
    interception.remove(layer);
    throw unknownName(
      path,
      kernel,
      [...Object.keys(kernelFamilies), ...known],
      `kernels of the ${name} backend, ${Object.keys(kernelFamilies).join(', ')}`,
    );
  }
  const active = interception;
  const unwatch = watchLayerUse(layer);
  return {
    policy: resolved,
    log,
    get state() {
      const held = active.held(layer);
      return { cursor: layer.cursor, ...(held.length === 0 ? {} : { held }) };
    },
    reset(state = { cursor: 0 }) {
      const { cursor, held } = checkState(state);
      active.reset(layer, cursor, held);
    },
    stop() {
      unwatch();
      active.remove(layer);
    },
  };
}

/** Whether a policy of a program's own is in force, which may round what an optimiser does. */
export const isEmulated = (tf: TensorFlow): boolean => interceptions.get(backendOf(tf))?.hasPolicies === true;

async function begin(tf: TensorFlow, policy: Policy): Promise<Emulation> {
  checkTensorFlow(tf, policy);
  resolvePolicy(policy);
  await tf.ready();
  return startEmulation(tf, policy);
}

async function scope<T>(tf: TensorFlow, policy: Policy, fn: () => T | Promise<T>): Promise<T> {
  checkTensorFlow(tf, policy, fn);
  checkFunction('fn', fn);
  return inNewScope(
    () => begin(tf, policy),
    fn,
    (emulation) => emulation.stop(),
  );
}

interface Emulate {
  <const F extends FormatSpelling>(tf: TensorFlow, policy: Policy<F>): Promise<Emulation>;
  /**
   * Emulates while `fn` runs, and until the promise that it returns is settled. Only what `fn` calls sees the policy, so
   * scopes may overlap where there is AsyncLocalStorage (Node); elsewhere a scope that begins while another one waits is
   * refused with an ArgumentError.
   */
  scope<T, const F extends FormatSpelling = FormatSpelling>(
    tf: TensorFlow,
    policy: Policy<F>,
    fn: () => T | Promise<T>,
  ): Promise<T>;
}

/**
 * From here on, results of the active backend's kernels are rounded as the policy says; the program stays as it is.
 *
 * The default is mixed precision as trainers have it. Rounded to `policy.format` is the arithmetic of the model, in
 * `forward`, `backward` and `predict`: each kernel reads numbers of the format, computes in float32, and its result is
 * rounded once; a fused kernel is one kernel. Float32 stay stored weights (kernels read a rounded copy, drawn once per value of
 * the weight), optimisers, losses, metrics and regularisers with their gradients down to the one with respect to the
 * model's outputs (role `loss`), updates of variables that are not trained (`statistics`), and everything else (`other`). What
 * is no arithmetic is left alone: kernels that move or choose values, answer with integers or make whole numbers, so that
 * ids, labels and masks are what they were; kernels that read no float32 tensor; numbers that a gradient of TensorFlow.js
 * writes itself, such as the count of a mean. complex64 and string operands of an emulated role throw ArgumentError. Calls
 * stack: the newest policy replaces the others until it is stopped.
 *
 * Stochastic rounding draws from (seed, stream 0, cursor), the cursor advancing by the number of elements of a result, and of
 * an operand from outside that is not on the grid.
 *
 * @param tf the namespace of `@tensorflow/tfjs`
 * @throws ArgumentError if the policy is wrong
 * @example
 * const emulation = await emulate(tf, { format: 'bfloat16' });
 * await model.fit(xs, ys);
 * emulation.stop();
 */
export const emulate: Emulate = Object.assign(begin, { scope });
