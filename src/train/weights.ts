/**
 * The model's weights between steps: those that a store holds exist as float32 during a step only. What a store does
 * is its own; this file moves values between stores and the model's variables.
 */
import { type Model, type Parameter, sizeOf } from './model.ts';
import { fnv1a32 } from './random.ts';
import {
  checkArrays,
  float32Of,
  type HeldWeight,
  holdWeight,
  isStoreOf,
  type SavedArray,
  savedFloat32,
  type WeightStoreSpec,
  type WriteMeasure,
} from './stores/index.ts';

export interface Weights {
  /** Bytes between steps, of every parameter. */
  readonly bytes: number;
  /** Gives every variable its values: call before a step or an evaluation. */
  load(): void;
  /** Frees the variables of held weights. */
  release(): void;
  /** Hands updated values to the stores and frees their variables; with `measure`, says what happened to each. */
  write(step: number, measure: boolean): ReadonlyMap<string, WriteMeasure>;
  save(): Map<string, SavedArray>;
  /** Throws ArgumentError naming an array that is not what `save` gives. */
  restore(arrays: ReadonlyMap<string, SavedArray>): void;
}

interface Held {
  readonly parameter: Parameter;
  readonly weight: HeldWeight;
}

/** Puts the weights that a store is for into it. */
export function weightsOf(model: Model, store: WeightStoreSpec | undefined, seed: number): Weights {
  const held: Held[] = [];
  const plain: Parameter[] = [];
  for (const parameter of model.parameters) {
    const isHeld = store !== undefined && isStoreOf(store, parameter);
    const weight = isHeld ? holdWeight(parameter.variable.dataSync() as Float32Array, store) : null;
    if (weight === null) plain.push(parameter);
    else held.push({ parameter, weight });
  }
  const release = (): void => {
    for (const { parameter } of held) if (!parameter.variable.isDisposed) model.drop(parameter);
  };
  release();

  return {
    get bytes() {
      const floats = plain.reduce((sum, parameter) => sum + 4 * sizeOf(parameter.shape), 0);
      return held.reduce((sum, { weight }) => sum + weight.bytes, floats);
    },
    load() {
      for (const { parameter, weight } of held) model.load(parameter, weight.load());
    },
    release,
    write(step, measure) {
      const measures = new Map<string, WriteMeasure>();
      for (const { parameter, weight } of held) {
        const updated = parameter.variable.dataSync() as Float32Array;
        const stream = (BigInt(fnv1a32(`${parameter.name}/store`)) << 32n) | BigInt(step);
        if (measure) measures.set(parameter.name, weight.writeMeasured(updated, { seed, stream }));
        else weight.write(updated, { seed, stream });
        model.drop(parameter);
      }
      return measures;
    },
    save() {
      const arrays = new Map<string, SavedArray>();
      for (const { name, shape, variable } of plain)
        arrays.set(`${name}/values`, savedFloat32(variable.dataSync() as Float32Array, shape));
      for (const { parameter, weight } of held)
        for (const [array, saved] of Object.entries(weight.save()))
          arrays.set(`${parameter.name}/${array}`, saved);
      return arrays;
    },
    restore(arrays) {
      checkArrays('weights', arrays, this.save());
      for (const parameter of plain)
        model.load(
          parameter,
          float32Of(parameter.name, arrays.get(`${parameter.name}/values`), sizeOf(parameter.shape)),
        );
      for (const { parameter, weight } of held) {
        const prefix = `${parameter.name}/`;
        weight.restore(
          Object.fromEntries(
            [...arrays].flatMap(([key, saved]) =>
              key.startsWith(prefix) ? [[key.slice(prefix.length), saved]] : [],
            ),
          ),
        );
      }
    },
  };
}
