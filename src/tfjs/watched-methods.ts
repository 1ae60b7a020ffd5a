/**
 * Methods of TensorFlow.js that reveal what kernels are called for, wrapped while emulation is on: optimisers' updates, models'
 * functions, losses and metrics of the layers API. They run inside frames; roles.ts reads these.
 * Source: tfjs-core `optimizer.ts`; tfjs-layers `training.ts`, `training_dataset.ts`, `topology.ts`, `regularizers.ts`.
 */
import type { NamedTensorMap, Tensor } from '@tensorflow/tfjs';
import { inside } from './frames.ts';
import type { TensorFlow } from './internals.ts';
import { layersPackage, ownerOf } from './layers-package.ts';
import { isTaped } from './roles.ts';
import { type SharedWatch, shared } from './shared-watch.ts';

/** Gradients as an optimiser is given them: by the variable's name, or as a list. */
export type GivenGradients = NamedTensorMap | { name: string; tensor: Tensor }[];

/** Who hears of the steps of optimisers. */
export interface StepListener {
  /** Before gradients are applied; what it returns is applied in their place, null: nothing. Inside `tf.tidy`. */
  before?(optimizer: object, gradients: GivenGradients): GivenGradients | null;
  /** After they have been applied to the variables of these names, or left out. */
  after?(optimizer: object, names: readonly string[], isLeftOut: boolean): void;
}

export const stepListeners: Set<StepListener> = new Set();

function namesOf(gradients: GivenGradients): string[] {
  return Array.isArray(gradients) ? gradients.map(({ name }) => name) : Object.keys(gradients);
}

function tensorsOf(gradients: GivenGradients): Tensor[] {
  return Array.isArray(gradients) ? gradients.map(({ tensor }) => tensor) : Object.values(gradients);
}

/** How many updates of optimisers run within each other. */
let depth = 0;

/**
 * Runs an optimiser's step between its listeners. An optimiser whose update calls another's makes one step: of the inner
 * one nobody hears.
 */
export function listenedStep<T>(
  tf: TensorFlow,
  optimizer: object,
  gradients: GivenGradients,
  apply: (gradients: GivenGradients) => T,
): T {
  const inOptimizer = (given: GivenGradients): T => {
    depth++;
    try {
      return inside(tf, { kind: 'role', role: 'optimizer' }, () => apply(given));
    } finally {
      depth--;
    }
  };
  if (depth > 0) return inOptimizer(gradients);
  const changed = tf.tidy(() => {
    let given: GivenGradients | null = gradients;
    for (const { before } of stepListeners)
      if (given !== null && before !== undefined) given = before(optimizer, given);
    return given as GivenGradients;
  }) as GivenGradients | null;
  try {
    // Optimisers return nothing.
    const result = changed === null ? (undefined as T) : inOptimizer(changed);
    for (const { after } of stepListeners) after?.(optimizer, namesOf(gradients), changed === null);
    return result;
  } finally {
    const own = new Set(tensorsOf(gradients));
    if (changed !== null) tf.dispose(tensorsOf(changed).filter((tensor) => !own.has(tensor)));
  }
}

type Method = (this: unknown, ...args: unknown[]) => unknown;

/** Wraps the methods; with the last who needs that every prototype is as it was. */
export const methods: SharedWatch = shared(wrapMethods);

/**
 * A function of which a gradient is to be taken; what layers do not compute in it is loss, if it is the objective of a model.
 * A model that was training before the emulation began has made it by itself: it is known by the losses of layers that it adds.
 */
export function asObjective<T>(tf: TensorFlow, f: () => T): () => T {
  const isModels = Function.prototype.toString.call(f).includes('.calculateLosses(');
  return isModels ? () => inside(tf, { kind: 'objective' }, f) : f;
}

type Replace = (target: object | null, name: string, make: (original: Method) => Method) => void;

/** Replaces methods that are there and may be replaced (the members of a module may not); `restore` puts them back. */
function replacing(): { readonly replace: Replace; restore(): void } {
  const undo: (() => void)[] = [];
  return {
    replace(target, name, make): void {
      const descriptor = target === null ? undefined : Object.getOwnPropertyDescriptor(target, name);
      if (target === null || typeof descriptor?.value !== 'function' || !descriptor.configurable) return;
      Object.defineProperty(target, name, { ...descriptor, value: make(descriptor.value as Method) });
      undo.push(() => Object.defineProperty(target, name, descriptor));
    },
    restore(): void {
      for (const putBack of undo.reverse()) putBack();
    },
  };
}

/** A method within something else. */
const around =
  (wrap: <T>(run: () => T) => T) =>
  (original: Method): Method =>
    function (...args) {
      return wrap(() => original.apply(this, args));
    };

function wrapMethods(tf: TensorFlow): () => void {
  const { replace, restore } = replacing();
  const watched = new Set<unknown>();

  const watchOptimizer = (prototype: object): void => {
    if (watched.has(prototype)) return;
    watched.add(prototype);
    replace(
      prototype,
      'applyGradients',
      (original) =>
        function (gradients) {
          return listenedStep(tf, this as object, gradients as GivenGradients, (given) =>
            original.call(this, given),
          );
        },
    );
  };

  for (const optimizer of [
    tf.SGDOptimizer,
    tf.MomentumOptimizer,
    tf.RMSPropOptimizer,
    tf.AdamOptimizer,
    tf.AdamaxOptimizer,
    tf.AdadeltaOptimizer,
    tf.AdagradOptimizer,
  ])
    watchOptimizer(optimizer.prototype);

  // Optimisers of other people's making are met here first.
  replace(
    tf.Optimizer.prototype,
    'minimize',
    (original) =>
      function (...args) {
        for (
          let owner = ownerOf(this as object, 'applyGradients');
          owner !== null;
          owner = ownerOf(Object.getPrototypeOf(owner) as object | null, 'applyGradients')
        )
          watchOptimizer(owner);
        const [f, ...rest] = args;
        return original.call(
          this,
          typeof f === 'function' ? asObjective(tf, f as () => unknown) : f,
          ...rest,
        );
      },
  );

  watchModels(tf, replace);
  return restore;
}

/** Models exist only where the layers package is loaded. */
function watchModels(tf: TensorFlow, replace: Replace): void {
  const found = layersPackage(tf);
  if (found === undefined) return;
  const { model, layer, regularizer } = found;
  /** In the role `predict`, unless it is part of what a gradient is taken of. */
  const predicting = <T>(fn: () => T): T =>
    isTaped(tf) ? fn() : inside(tf, { kind: 'role', role: 'predict' }, fn);
  /** What layers do not compute is loss. */
  const objective = <T>(fn: () => T): T => inside(tf, { kind: 'objective' }, fn);

  replace(model, 'predictLoop', around(predicting));
  replace(
    model,
    'makeTrainFunction',
    (original) =>
      function (...args) {
        const train = original.apply(this, args) as Method;
        return (data: unknown) => objective(() => train(data));
      },
  );
  // Only the model's own work is `predict`: averaging the losses over batches stays `other`.
  const asTest =
    (test: Method): Method =>
    (data) =>
      predicting(() => objective(() => test(data)));
  replace(
    model,
    'makeTestFunction',
    (original) =>
      function (...args) {
        const result = original.apply(this, args);
        const owner = this as { testFunction: Method };
        owner.testFunction = asTest(owner.testFunction);
        return result;
      },
  );
  // The function of a validation may be older than the emulation.
  replace(
    model,
    'testLoop',
    (original) =>
      function (test, ...rest) {
        return original.call(this, asTest(test as Method), ...rest);
      },
  );

  const asLoss = around(objective);
  for (const owner of new Set([ownerOf(model, 'calculateLosses'), ownerOf(layer, 'calculateLosses')]))
    replace(owner, 'calculateLosses', asLoss);
  replace(regularizer, 'apply', asLoss);
  const metrics = tf.metrics as object | undefined;
  if (metrics !== undefined) for (const metric of Object.keys(metrics)) replace(metrics, metric, asLoss);
}
