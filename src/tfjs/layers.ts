/**
 * Tells which layer a kernel call belongs to, without the user's help: `apply` of the layers API says its name while it runs,
 * `tf.tidy` scopes with a name are layers too, and what the gradient of an operation computes belongs to the layer that the
 * operation was in (gradient-frames.ts). Source: tfjs-layers `topology.ts`.
 */
import { type Frame, framesAround, inside, type NamedLayer } from './frames.ts';
import { engineOf, type TensorFlow } from './internals.ts';
import { layersPackage } from './layers-package.ts';
import { type SharedWatch, shared } from './shared-watch.ts';

const isOwnName = (name: string): boolean =>
  !(name.endsWith('__op') || name === 'unnamed scope' || name === 'forward' || name === 'backward');

/** The names of the layers and scopes around a kernel that is called now, the outermost first. */
export function currentLayer(tf: TensorFlow): string[] {
  const scopes = engineOf(tf).state.scopeStack;
  const around: Frame[] = [];
  let depth = 0;
  const path: string[] = [];
  for (const frame of framesAround()) {
    const { content } = frame;
    if (content.kind === 'gradient') {
      path.push(...content.path);
      depth = frame.depth;
      break;
    }
    if (content.kind === 'layer') around.push(frame);
  }
  const enter = (end: number): void => {
    for (; depth < end; depth++) {
      const name = scopes[depth]?.name;
      if (name !== undefined && isOwnName(name)) path.push(name);
    }
  };
  for (const frame of around.reverse()) {
    enter(frame.depth);
    if (frame.content.kind === 'layer') path.push(frame.content.layer.name);
  }
  enter(scopes.length);
  return path;
}

/** Watches layers. */
export const layers: SharedWatch = shared(watch);

type Apply = (this: NamedLayer, ...args: unknown[]) => unknown;

function watch(tf: TensorFlow): () => void {
  const prototype = layersPackage(tf)?.layer;
  const descriptor = prototype && Object.getOwnPropertyDescriptor(prototype, 'apply');
  if (prototype === undefined || descriptor === undefined) return () => undefined;
  const apply = descriptor.value as Apply;
  Object.defineProperty(prototype, 'apply', {
    ...descriptor,
    value: function (this: NamedLayer, ...args: unknown[]) {
      return inside(tf, { kind: 'layer', layer: this }, () => apply.apply(this, args));
    },
  });
  return () => Object.defineProperty(prototype, 'apply', descriptor);
}
