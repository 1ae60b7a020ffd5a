/** Weight stores: how a weight survives from one step to the next. */
import { formatWeight, gridWeight } from './codes.ts';
import { groupWeight } from './group.ts';
import type { WeightStoreSpec } from './spec.ts';
import type { Channels, HeldWeight } from './store.ts';

export {
  countCodes,
  entropyOf,
  joinWrites,
  ratioEdges,
  stepOf,
  stepRatioOf,
  type WriteMeasure,
  WriteTally,
} from './measure.ts';
export {
  type Bfloat16Store,
  checkStore,
  type FormatStore,
  feedsBack,
  type GridStore,
  type GroupStore,
  isStoreOf,
  type MasterStore,
  type WeightStoreSpec,
  type WriteRounding,
} from './spec.ts';
export {
  bytesOf,
  type Channels,
  channelsOf,
  checkArrays,
  type Draw,
  float32Of,
  float64Of,
  type HeldWeight,
  type Mask,
  mapChannels,
  type SavedArray,
  savedFloat32,
  savedFloat64,
  type Unit,
} from './store.ts';

/** A weight held as the store says; null for `master`, whose float32 values live in the model's variable itself. */
export function holdWeight(
  initial: Float32Array,
  spec: WeightStoreSpec,
  channels?: Channels,
): HeldWeight | null {
  switch (spec.kind) {
    case 'master':
      return null;
    case 'grid':
      return gridWeight(initial, spec, channels);
    case 'format':
      return formatWeight(initial, spec);
    case 'bfloat16':
      return formatWeight(initial, { format: 'bfloat16', rounding: spec.rounding });
    case 'group-int8':
      return groupWeight(initial, spec);
  }
}
