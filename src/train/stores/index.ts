/** Weight stores: how a weight survives from one step to the next. */
import { bfloat16Weight } from './bfloat16.ts';
import { gridWeight } from './grid.ts';
import { groupWeight } from './group.ts';
import type { WeightStoreSpec } from './spec.ts';
import type { HeldWeight } from './store.ts';

export {
  countCodes,
  entropyOf,
  joinWrites,
  ratioEdges,
  stepRatioOf,
  type WriteMeasure,
  WriteTally,
} from './measure.ts';
export {
  type Bfloat16Store,
  checkStore,
  type GridStore,
  type GroupStore,
  isStoreOf,
  type MasterStore,
  type WeightStoreSpec,
} from './spec.ts';
export {
  bytesOf,
  checkArrays,
  type Draw,
  float32Of,
  type HeldWeight,
  type SavedArray,
  savedFloat32,
} from './store.ts';

/** A weight held as the store says; null for `master`, whose float32 values live in the model's variable itself. */
export function holdWeight(initial: Float32Array, spec: WeightStoreSpec): HeldWeight | null {
  switch (spec.kind) {
    case 'master':
      return null;
    case 'grid':
      return gridWeight(initial, spec);
    case 'bfloat16':
      return bfloat16Weight(initial, spec);
    case 'group-int8':
      return groupWeight(initial, spec);
  }
}
