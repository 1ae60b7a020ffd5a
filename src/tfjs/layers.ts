/**
 * Tells which layer a kernel call belongs to, without the user's help: `apply` of the layers API says its name while it runs,
 * `tf.tidy` scopes with a name are layers too, and what the gradient of an operation computes belongs to the layer that the
 * operation was in. Source: tfjs-core `engine.ts` (`addTapeNode`), tfjs-layers `topology.ts`.
 */
import { engineOf, type TapeNode, type TensorFlow } from './internals.ts';
import { watchTape } from './tape.ts';

interface Entry {
  readonly names: readonly string[];
  /** Length of the engine's scope stack when the layer began. */
  readonly depth: number;
  /** Whether what is outside does not count. */
  readonly isAll: boolean;
}

// TensorFlow.js has one engine a process.
const entries: Entry[] = [];

const isOwnName = (name: string): boolean =>
  !(name.endsWith('__op') || name === 'unnamed scope' || name === 'forward' || name === 'backward');

/** The names of the layers and scopes around a kernel that is called now, the outermost first. */
export function currentLayer(tf: TensorFlow): string[] {
  const scopes = engineOf(tf).state.scopeStack;
  let first = entries.length - 1;
  while (first > 0 && !entries[first]!.isAll) first--;
  const path: string[] = [];
  let next = Math.max(first, 0);
  let depth = entries[next]?.isAll ? entries[next]!.depth : 0;
  for (; depth <= scopes.length; depth++) {
    while (next < entries.length && entries[next]!.depth <= depth) path.push(...entries[next++]!.names);
    const name = scopes[depth]?.name;
    if (name !== undefined && isOwnName(name)) path.push(name);
  }
  return path;
}

function within<T>(tf: TensorFlow, names: readonly string[], isAll: boolean, fn: () => T): T {
  entries.push({ names, depth: engineOf(tf).state.scopeStack.length, isAll });
  try {
    return fn();
  } finally {
    entries.pop();
  }
}

let watchers = 0;
let unwatch: (() => void) | undefined;

/** Watches layers and gradients until every caller has called the function that is returned; then all is as it was. */
export function watchLayers(tf: TensorFlow): () => void {
  watchers++;
  unwatch ??= watch(tf);
  return () => {
    watchers--;
    if (watchers > 0) return;
    unwatch?.();
    unwatch = undefined;
  };
}

type Apply = (this: { name: string }, ...args: unknown[]) => unknown;
type Gradient = NonNullable<TapeNode['gradient']>;

function watch(tf: TensorFlow): () => void {
  const undo: (() => void)[] = [];
  undo.push(
    watchTape(tf, {
      recorded(node) {
        const { gradient } = node;
        const path = currentLayer(tf);
        if (gradient === undefined || path.length === 0) return;
        const inLayer = <T>(fn: () => T): T => within(tf, path, true, fn);
        node.gradient = ((dys) => {
          const thunks = inLayer(() => gradient.call(node, dys));
          return Object.fromEntries(
            Object.entries(thunks).map(([name, thunk]) => [name, () => inLayer(thunk)]),
          );
        }) satisfies Gradient;
      },
    }),
  );

  // Exists only where the layers package is part of tf.
  const layer = (tf.layers as { Layer?: { prototype: object } } | undefined)?.Layer?.prototype;
  const descriptor = layer && Object.getOwnPropertyDescriptor(layer, 'apply');
  if (layer !== undefined && descriptor !== undefined) {
    const apply = descriptor.value as Apply;
    Object.defineProperty(layer, 'apply', {
      ...descriptor,
      value: function (this: { name: string }, ...args: unknown[]) {
        return within(tf, [this.name], false, () => apply.apply(this, args));
      },
    });
    undo.push(() => Object.defineProperty(layer, 'apply', descriptor));
  }
  return () => {
    for (const restore of undo.reverse()) restore();
  };
}
