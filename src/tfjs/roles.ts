/**
 * Tells what a kernel call is for, without the user's help: the engine names its gradient scopes `forward` and
 * `backward`; optimisers and models are told apart by wrapping their methods while emulation is on.
 * Source: tfjs-core `engine.ts` (`gradients`), `optimizer.ts`; tfjs-layers `training.ts`.
 */
import type { NamedTensorMap, Tensor } from '@tensorflow/tfjs';
import { engineOf, type TensorFlow } from './internals.ts';
import type { Role } from './policy.ts';

interface Entry {
  readonly role: Role;
  /** Length of the engine's scope stack when the role began: scopes below it do not count. */
  readonly depth: number;
}

// TensorFlow.js itself has one engine a process, so one stack serves.
const entries: Entry[] = [];

/** The role of a kernel called now: the innermost of gradient scopes and entered roles. */
export function currentRole(tf: TensorFlow): Role {
  const scopes = engineOf(tf).state.scopeStack;
  const entry = entries[entries.length - 1];
  for (let i = scopes.length - 1, floor = entry?.depth ?? 0; i >= floor; i--) {
    const name = scopes[i]!.name;
    if (name === 'forward' || name === 'backward') return name;
  }
  return entry?.role ?? 'other';
}

/**
 * Runs a synchronous function in a role; for optimisers and loops that emulation cannot recognise by itself. Without
 * emulation it only calls the function.
 *
 * @example
 * inRole(tf, 'optimizer', () => applyUpdates(gradients));
 */
export function inRole<T>(tf: TensorFlow, role: Role, fn: () => T): T {
  entries.push({ role, depth: engineOf(tf).state.scopeStack.length });
  try {
    return fn();
  } finally {
    entries.pop();
  }
}

/** Gradients as an optimiser is given them: by the variable's name, or as a list. */
export type GivenGradients = NamedTensorMap | { name: string; tensor: Tensor }[];

/** Who hears of the steps of optimisers. */
export interface StepListener {
  /** Before gradients are applied; what it returns is applied in their place. Inside `tf.tidy`. */
  before?(optimizer: object, gradients: GivenGradients): GivenGradients;
  /** After they have been applied to the variables of these names. */
  after?(optimizer: object, names: readonly string[]): void;
}

export const stepListeners: Set<StepListener> = new Set();

function namesOf(gradients: GivenGradients): string[] {
  return Array.isArray(gradients) ? gradients.map(({ name }) => name) : Object.keys(gradients);
}

function tensorsOf(gradients: GivenGradients): Tensor[] {
  return Array.isArray(gradients) ? gradients.map(({ tensor }) => tensor) : Object.values(gradients);
}

/** Runs an optimiser's step between its listeners. */
export function listenedStep<T>(
  tf: TensorFlow,
  optimizer: object,
  gradients: GivenGradients,
  apply: (gradients: GivenGradients) => T,
): T {
  const changed = tf.tidy(() => {
    let given = gradients;
    for (const { before } of stepListeners) given = before?.(optimizer, given) ?? given;
    return given;
  });
  try {
    const result = inRole(tf, 'optimizer', () => apply(changed));
    for (const { after } of stepListeners) after?.(optimizer, namesOf(gradients));
    return result;
  } finally {
    const own = new Set(tensorsOf(gradients));
    tf.dispose(tensorsOf(changed).filter((tensor) => !own.has(tensor)));
  }
}

type Method = (this: unknown, ...args: unknown[]) => unknown;

let watchers = 0;
let unwatch: (() => void) | undefined;

/**
 * Wraps the methods that reveal roles, until every caller has called the function that is returned; then every
 * prototype is as it was.
 */
export function watchRoles(tf: TensorFlow): () => void {
  watchers++;
  unwatch ??= wrapMethods(tf);
  return () => {
    watchers--;
    if (watchers > 0) return;
    unwatch?.();
    unwatch = undefined;
  };
}

function wrapMethods(tf: TensorFlow): () => void {
  const undo: (() => void)[] = [];
  const watched = new Set<unknown>();

  const replace = (target: object, name: string, make: (original: Method) => Method): void => {
    const descriptor = Object.getOwnPropertyDescriptor(target, name);
    if (typeof descriptor?.value !== 'function') return;
    Object.defineProperty(target, name, { ...descriptor, value: make(descriptor.value as Method) });
    undo.push(() => Object.defineProperty(target, name, descriptor));
  };

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
        let owner = this as object | null;
        while (owner !== null && !Object.hasOwn(owner, 'applyGradients'))
          owner = Object.getPrototypeOf(owner) as object | null;
        if (owner !== null) watchOptimizer(owner);
        return original.apply(this, args);
      },
  );

  // Both exist only where the layers package is part of tf.
  const model = (tf.LayersModel as { prototype: object } | undefined)?.prototype;
  if (model !== undefined) {
    replace(
      model,
      'predictLoop',
      (original) =>
        function (...args) {
          return inRole(tf, 'predict', () => original.apply(this, args));
        },
    );
    // Only the model's own work is `predict`: the averaging of the losses over batches stays `other`.
    replace(
      model,
      'testLoop',
      (original) =>
        function (...args) {
          const [test, ...rest] = args;
          const inner = (data: unknown) =>
            inRole(tf, 'predict', () => (test as (data: unknown) => unknown)(data));
          return original.call(this, inner, ...rest);
        },
    );
  }

  return () => {
    for (const restore of undo.reverse()) restore();
  };
}
