/**
 * What the gradient of an operation computes is where the operation was: in its layer, and part of the loss if it was. Every
 * differentiable operation of TensorFlow.js, registered or a closure, is a node of the tape.
 * Source: tfjs-core `engine.ts` (`addTapeNode`), `tape.ts` (`backpropagateGradients`).
 */
import { inside } from './frames.ts';
import type { KernelInputs, TapeNode, TensorFlow } from './internals.ts';
import { currentLayer } from './layers.ts';
import { purposeOf } from './roles.ts';
import { type SharedWatch, shared } from './shared-watch.ts';
import { watchTape } from './tape.ts';

function enclose(tf: TensorFlow, node: TapeNode): void {
  const { gradient, inputs, kernelName } = node;
  if (gradient === undefined) return;
  const role = purposeOf(tf, inputs as KernelInputs).role === 'loss' ? 'loss' : 'backward';
  const content = {
    kind: 'gradient',
    role,
    path: currentLayer(tf),
    isRegistered: tf.getGradient(kernelName) !== undefined,
  } as const;
  const within = <T>(fn: () => T): T => inside(tf, content, fn);
  node.gradient = (dys) => {
    const thunks = within(() => gradient.call(node, dys));
    return Object.fromEntries(Object.entries(thunks).map(([key, thunk]) => [key, () => within(thunk)]));
  };
}

/** Puts what gradients compute inside the frames of their operations. */
export const gradientFrames: SharedWatch = shared((tf) =>
  watchTape(tf, { recorded: (node) => enclose(tf, node) }),
);
