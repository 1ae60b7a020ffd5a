/**
 * Where workers and sweeps leave what does not fit into a job: data by their hash, checkpoints of runs that are not
 * finished, results. Names are a kind and a hash. Where the bytes lie is folder-store.ts' and redis-store.ts' matter.
 */

type StoreKind = 'data' | 'checkpoints' | 'results';

export interface StoreName {
  readonly kind: StoreKind;
  /** Hexadecimal digits. */
  readonly hash: string;
}

export interface Store {
  /** What tells one store from another: runs of a sweep with one are for workers with the same. */
  readonly id: string;
  /** Leaves bytes, whole or not at all, unless there are some: what was there first stays. Whether they are these. */
  add(name: StoreName, bytes: Uint8Array): Promise<boolean>;
  /** Leaves the bytes of a step, whole or not at all, in place of those of earlier steps, unless there are later ones. */
  save(name: StoreName, step: number, bytes: Uint8Array): Promise<void>;
  /** The bytes, of the last step if there are several; null if there are none. */
  read(name: StoreName): Promise<Uint8Array | null>;
  remove(name: StoreName): Promise<void>;
}

/** Thrown where a store cannot take or give what it should: the matter of a machine, not of the run. */
export class StoreError extends Error {
  override readonly name = 'StoreError';
}
