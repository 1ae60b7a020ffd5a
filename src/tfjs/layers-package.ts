/**
 * Where the layers API is: part of the namespace, or beside it, where a program imports `@tensorflow/tfjs-core` and
 * `@tensorflow/tfjs-layers` apart. The layers package registers its classes with the core (for loading models), by which
 * they are found. Source: tfjs-core `serialization.ts`; tfjs-layers `topology.ts`, `regularizers.ts`.
 */
import type { TensorFlow } from './internals.ts';

/** Prototypes whose methods emulation watches. */
interface LayersPackage {
  readonly model: object;
  readonly layer: object;
  readonly regularizer: object;
}

/** The object of the prototype chain that has the property itself. */
export function ownerOf(target: object | null, name: string): object | null {
  let owner = target;
  while (owner !== null && !Object.hasOwn(owner, name)) owner = Object.getPrototypeOf(owner) as object | null;
  return owner;
}

/** The layers package that works on this core; undefined if there is none. */
export function layersPackage(tf: TensorFlow): LayersPackage | undefined {
  const { classNameMap } = tf.serialization.SerializationMap.getMap();
  const registered = (name: string): object | null =>
    (classNameMap[name]?.[0] as { prototype: object } | undefined)?.prototype ?? null;
  const model = ownerOf(registered('Sequential'), 'predictLoop');
  const layer = ownerOf(registered('Dense'), 'apply');
  const regularizer = ownerOf(registered('L1L2'), 'apply');
  return model === null || layer === null || regularizer === null ? undefined : { model, layer, regularizer };
}
