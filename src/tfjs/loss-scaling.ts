/**
 * Loss scaling: gradients are computed times a power of two, so that small ones do not vanish in a narrow format, and divided
 * by it before the optimiser sees them. A step whose gradients are not all finite is left out. Works by a gradient, not a
 * product: the loss itself is never scaled, so it cannot overflow.
 * Source: Micikevicius et al., Mixed Precision Training, ICLR 2018, section 3.2; the dynamic rule is the one in common use.
 */
import type { NamedTensorMap, Optimizer, Scalar, Variable } from '@tensorflow/tfjs';
import {
  checkAbsent,
  checkBoolean,
  checkFields,
  checkFunction,
  checkObject,
  integerInRange,
} from '../check.ts';
import { ArgumentError } from '../errors.ts';
import { checkTensorFlow } from './check-tensorflow.ts';
import { inRole } from './in-role.ts';
import type { TensorFlow } from './internals.ts';
import { checkPowerOfTwo, type LossScalingState, nextScale, scaledLoss } from './loss-scale.ts';
import { asObjective } from './watched-methods.ts';

export interface LossScalingOptions {
  /** The scale at the beginning, a power of two, 2^-126 to 2^127. Default 2^15. */
  readonly initial?: number;
  /** False: the scale stays. Default true. */
  readonly dynamic?: boolean;
  /** The scale doubles after so many finite steps in a row. Default 2000. */
  readonly growthInterval?: number;
  /** Bounds of a dynamic scale, powers of two. Defaults 1 and 2^24. */
  readonly smallest?: number;
  readonly largest?: number;
}

export interface ScaledGradients {
  readonly value: Scalar;
  /** Divided by the scale. */
  readonly grads: NamedTensorMap;
  /** Whether all gradients are finite; if not, do not apply them. */
  readonly finite: boolean;
}

export interface LossScaling {
  readonly scale: number;
  readonly state: LossScalingState;
  /** Goes back to a state. */
  restore(state: LossScalingState): void;
  /** `tf.variableGrads` with scaling, which counts as one step. */
  variableGrads(f: () => Scalar, variables?: Variable[]): ScaledGradients;
  /** `optimizer.minimize` with scaling; leaves the variables alone if a gradient is not finite. */
  minimize(
    optimizer: Optimizer,
    f: () => Scalar,
    returnCost?: boolean,
    variables?: Variable[],
  ): Scalar | null;
  /** The optimiser with `minimize` replaced by that, for `model.compile`. Shares everything else with the one given. */
  wrap<T extends Optimizer>(optimizer: T): T;
}

/** Fills in the defaults and checks them. Throws ArgumentError. */
function resolveOptions(options: LossScalingOptions): Required<LossScalingOptions> {
  checkFields('', options, ['initial', 'dynamic', 'growthInterval', 'smallest', 'largest']);
  const dynamic = checkBoolean('dynamic', options.dynamic, true);
  const { initial = 2 ** 15, growthInterval = 2000, smallest = 1, largest = 2 ** 24 } = options;
  checkPowerOfTwo('initial', initial);
  if (!dynamic) {
    for (const name of ['growthInterval', 'smallest', 'largest'] as const)
      checkAbsent(name, options[name], 'nothing, as dynamic is false: the scale stays');
    return { initial, dynamic, growthInterval, smallest, largest };
  }
  integerInRange('growthInterval', growthInterval, 1, Number.MAX_SAFE_INTEGER);
  checkPowerOfTwo('smallest', smallest);
  checkPowerOfTwo('largest', largest);
  if (!(smallest <= initial && initial <= largest))
    throw new ArgumentError('initial', initial, `${smallest} to ${largest}`);
  return { initial, dynamic, growthInterval, smallest, largest };
}

function checkOptimizer(given: unknown): void {
  const isOptimizer = ['minimize', 'applyGradients'].every(
    (name) => typeof (given as Record<string, unknown> | null | undefined)?.[name] === 'function',
  );
  if (!isOptimizer) throw new ArgumentError('optimizer', given, 'an optimiser, such as tf.train.adam(0.001)');
}

/** The gradients of a loss times a scale, the scale taken out again. */
function scaledGradients(
  tf: TensorFlow,
  objective: () => Scalar,
  scale: number,
  variables: Variable[] | undefined,
): ScaledGradients {
  const { value, grads } = tf.variableGrads(scaledLoss(tf, objective, scale), variables);
  const unscaled = inRole(tf, 'optimizer', () =>
    tf.tidy(() =>
      Object.fromEntries(
        Object.entries(grads).map(([name, gradient]) => [name, tf.mul(gradient, 1 / scale)] as const),
      ),
    ),
  );
  tf.dispose(grads);
  const finite = inRole(tf, 'other', () =>
    tf.tidy(() => {
      const checks = Object.values(unscaled).map((gradient) => tf.all(tf.isFinite(gradient)));
      return checks.length === 0 || tf.all(tf.stack(checks)).dataSync()[0] === 1;
    }),
  ) as unknown as boolean;
  return { value, grads: unscaled, finite };
}

/**
 * A loss scale and what keeps it in range.
 *
 * Dynamic: a step with a gradient that is not finite is left out and halves the scale; `growthInterval` finite steps in a row
 * double it. Scaling is exact, unless it overflows or a scaled number leaves the subnormals: then that is its purpose. The
 * gradient that backpropagation starts from is the scale: it must be a number of the format of the role `backward`.
 *
 * @throws ArgumentError if an option is not accepted
 * @example
 * const scaling = lossScaling(tf, { initial: 2 ** 12 });
 * model.compile({ optimizer: scaling.wrap(tf.train.adam()), loss: 'meanSquaredError' });
 */
export function lossScaling(tf: TensorFlow, options: LossScalingOptions = {}): LossScaling {
  checkTensorFlow(tf, options);
  const { initial, dynamic, growthInterval, smallest, largest } = resolveOptions(options);
  let state: LossScalingState = { scale: initial, finiteSteps: 0, skipped: 0 };

  function settle(finite: boolean): void {
    state = nextScale(state, finite, { dynamic, growthInterval, smallest, largest });
  }

  function variableGrads(f: () => Scalar, variables?: Variable[]): ScaledGradients {
    checkFunction('f', f);
    const { scale } = state;
    const objective = asObjective(tf, f);
    const { value, grads, finite } = scaledGradients(tf, objective, scale, variables);
    settle(finite);
    return { value, grads, finite };
  }

  function minimize(
    optimizer: Optimizer,
    f: () => Scalar,
    returnCost = false,
    variables?: Variable[],
  ): Scalar | null {
    checkOptimizer(optimizer);
    checkBoolean('returnCost', returnCost);
    const { value, grads, finite } = variableGrads(f, variables);
    if (finite) optimizer.applyGradients(grads);
    tf.dispose(grads);
    if (returnCost) return value;
    value.dispose();
    return null;
  }

  return {
    get scale() {
      return state.scale;
    },
    get state() {
      return state;
    },
    restore(given) {
      checkFields('state', checkObject('state', given), ['scale', 'finiteSteps', 'skipped']);
      const { scale, finiteSteps, skipped } = given;
      checkPowerOfTwo('state.scale', scale);
      integerInRange('state.finiteSteps', finiteSteps, 0, Number.MAX_SAFE_INTEGER);
      integerInRange('state.skipped', skipped, 0, Number.MAX_SAFE_INTEGER);
      state = { scale, finiteSteps, skipped };
    },
    variableGrads,
    minimize,
    wrap(optimizer) {
      checkOptimizer(optimizer);
      return Object.create(optimizer, {
        minimize: {
          value: (f: () => Scalar, returnCost?: boolean, variables?: Variable[]) =>
            minimize(optimizer, f, returnCost, variables),
        },
      }) as typeof optimizer;
    },
  };
}
