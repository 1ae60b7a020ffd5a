/**
 * What TensorFlow.js' engine and backends do not tell by themselves: that a gradient begins, that an operation was put on the
 * tape, that data is gone. One patch serves every watcher, so that watchers may come and go in any order; with the last
 * one everything is as it was. Source: tfjs-core `engine.ts` (`startTape`, `addTapeNode`), `KernelBackend.disposeData`.
 */
import type { Tensor } from '@tensorflow/tfjs';
import { type Backend, type DataId, engineOf, type TapeNode, type TensorFlow } from './internals.ts';

/** Who is told of gradients. */
interface TapeWatcher {
  /** An outermost gradient is about to be taken. */
  begins?(): void;
  /** An operation has been recorded: the node is the tape's own, `saved` the list that its gradient reads. */
  recorded(node: TapeNode, saved: Tensor[]): void;
}

/** An object's own property in place of whatever it has; the function that is returned gives that back. */
export function replaceProperty<T extends object, K extends keyof T>(
  target: T,
  name: K,
  value: T[K],
): () => void {
  const own = Object.getOwnPropertyDescriptor(target, name);
  target[name] = value;
  return () => {
    if (own === undefined) Reflect.deleteProperty(target, name);
    else Object.defineProperty(target, name, own);
  };
}

// TensorFlow.js has one engine a process.
const tapeWatchers = new Set<TapeWatcher>();
let unwatchTape: (() => void) | undefined;

function patchTape(tf: TensorFlow): () => void {
  const engine = engineOf(tf);
  const { addTapeNode, startTape } = engine;
  const undo = [
    replaceProperty(engine, 'addTapeNode', function (...args) {
      addTapeNode.apply(this, args);
      const { activeTape } = this.state;
      const node = activeTape?.[activeTape.length - 1];
      const saved = args[4] as Tensor[];
      if (node !== undefined) for (const watcher of tapeWatchers) watcher.recorded(node, saved);
    }),
    replaceProperty(engine, 'startTape', function () {
      if (this.state.gradientDepth === 0) for (const watcher of tapeWatchers) watcher.begins?.();
      startTape.call(this);
    }),
  ];
  return () => {
    for (const restore of undo.reverse()) restore();
  };
}

/** Tells a watcher of gradients until the function that is returned is called. */
export function watchTape(tf: TensorFlow, watcher: TapeWatcher): () => void {
  tapeWatchers.add(watcher);
  unwatchTape ??= patchTape(tf);
  return () => {
    tapeWatchers.delete(watcher);
    if (tapeWatchers.size > 0) return;
    unwatchTape?.();
    unwatchTape = undefined;
  };
}

interface Disposals {
  readonly listeners: Set<(dataId: DataId) => void>;
  readonly restore: () => void;
}

const disposals = new WeakMap<Backend, Disposals>();

/** Tells a listener of data of a backend that is gone, until the function that is returned is called. */
export function watchDisposal(backend: Backend, listener: (dataId: DataId) => void): () => void {
  let known = disposals.get(backend);
  if (known === undefined) {
    const listeners = new Set<(dataId: DataId) => void>();
    const original = backend.disposeData;
    const restore = replaceProperty(backend, 'disposeData', (dataId, force) => {
      const gone = original.call(backend, dataId, force);
      if (gone) for (const tell of listeners) tell(dataId);
      return gone;
    });
    known = { listeners, restore };
    disposals.set(backend, known);
  }
  const { listeners, restore } = known;
  listeners.add(listener);
  return () => {
    listeners.delete(listener);
    if (listeners.size > 0 || disposals.get(backend)?.listeners !== listeners) return;
    disposals.delete(backend);
    restore();
  };
}
