/**
 * What a kernel call is inside of: roles that were entered, layers, gradients of operations, functions of a model. A stack of
 * plain records; what they mean is the business of roles.ts and layers.ts. Frames of synchronous code are popped when it
 * returns; a role that an asynchronous function was given goes with it over its awaits, where the engine can do that.
 */
import { type AsyncStorage, asyncStorage } from './async-storage.ts';
import { engineOf, type TensorFlow } from './internals.ts';
import type { Role } from './policy.ts';

/** What a frame says. */
type Content =
  | { readonly kind: 'role'; readonly role: Role }
  | { readonly kind: 'layer'; readonly layer: NamedLayer }
  /** The gradient of an operation: its role, its layer, whether numbers that it writes belong to it. */
  | {
      readonly kind: 'gradient';
      readonly role: Role;
      readonly path: readonly string[];
      readonly isRegistered: boolean;
    }
  /** A function of a model that computes its outputs by layers, and by everything else losses and metrics. */
  | { readonly kind: 'objective' };

/** A layer of the layers API. */
export interface NamedLayer {
  readonly name: string;
}

export interface Frame {
  readonly content: Content;
  /** Later frames are further inside. */
  readonly serial: number;
  /** Length of the engine's scope stack when the frame began: scopes from there on are inside of it. */
  readonly depth: number;
}

interface AsyncFrame {
  readonly frame: Frame;
  readonly outer: AsyncFrame | undefined;
}

// TensorFlow.js has one engine a process, so one stack serves.
const frames: Frame[] = [];
let serial = 0;
let storage: AsyncStorage<AsyncFrame> | null | undefined;

function storageOf(): AsyncStorage<AsyncFrame> | null {
  if (storage === undefined) storage = asyncStorage() ?? null;
  return storage;
}

const frameOf = (tf: TensorFlow, content: Content): Frame => ({
  content,
  serial: serial++,
  depth: engineOf(tf).state.scopeStack.length,
});

/** Runs a synchronous function inside a frame. */
export function inside<T>(tf: TensorFlow, content: Content, fn: () => T): T {
  frames.push(frameOf(tf, content));
  try {
    return fn();
  } finally {
    frames.pop();
  }
}

/**
 * Runs a function inside a frame, asynchronous code that it starts included; where the engine cannot follow that code, only
 * until the function returns.
 * @returns the function's result, and whether a promise would have been followed
 */
export function insideWithAwaits<T>(
  tf: TensorFlow,
  content: Content,
  fn: () => T,
): { readonly result: T; readonly isFollowed: boolean } {
  const followed = storageOf();
  if (followed === null) return { result: inside(tf, content, fn), isFollowed: false };
  const frame = frameOf(tf, content);
  return { result: followed.run({ frame, outer: followed.getStore() }, fn), isFollowed: true };
}

/** What was found last: the same innermost frames have the same ones around them. */
let last: { top: Frame | undefined; async: AsyncFrame | undefined; around: readonly Frame[] } = {
  top: undefined,
  async: undefined,
  around: [],
};

/** The frames around the code that runs now, the innermost first. */
export function framesAround(): readonly Frame[] {
  const top = frames[frames.length - 1];
  const async = storageOf()?.getStore();
  if (last.top === top && last.async === async) return last.around;
  const around: Frame[] = [];
  let next = async;
  for (let i = frames.length - 1; i >= 0; i--) {
    for (; next !== undefined && next.frame.serial > frames[i]!.serial; next = next.outer)
      around.push(next.frame);
    around.push(frames[i]!);
  }
  for (; next !== undefined; next = next.outer) around.push(next.frame);
  last = { top, async, around };
  return around;
}
