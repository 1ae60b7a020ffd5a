/**
 * What is known about tensor data while emulation is on: which data lies on which grid, and the rounded copies
 * ("shadows") of data that does not. Masters are never touched: a weight stays the user's float32 and its shadow is what
 * kernels of a rounding role see. Shadows are allocated in the backend behind the engine's accounting, and go when the
 * data they belong to goes.
 */

import type { Grid } from './effect.ts';
import type { Backend, DataId } from './internals.ts';

export class Shadows {
  readonly #backend: Backend;
  /** Called with a shadow that is gone, in case a tensor that shared it made the engine know it. */
  readonly #onFreed: (dataId: DataId) => void;
  readonly #grids = new WeakMap<DataId, Grid>();
  readonly #shadows = new Map<DataId, Map<Grid, DataId>>();

  constructor(backend: Backend, onFreed: (dataId: DataId) => void) {
    this.#backend = backend;
    this.#onFreed = onFreed;
  }

  isOn(grid: Grid, dataId: DataId): boolean {
    return this.#grids.get(dataId) === grid;
  }

  tag(grid: Grid, dataId: DataId): void {
    this.#grids.set(dataId, grid);
  }

  find(grid: Grid, dataId: DataId): DataId | undefined {
    return this.#shadows.get(dataId)?.get(grid);
  }

  add(grid: Grid, dataId: DataId, shadow: DataId): void {
    this.tag(grid, shadow);
    const known = this.#shadows.get(dataId);
    if (known === undefined) this.#shadows.set(dataId, new Map([[grid, shadow]]));
    else known.set(grid, shadow);
  }

  /** Frees the shadows of data that is gone. */
  forget(dataId: DataId): void {
    const known = this.#shadows.get(dataId);
    if (known === undefined) return;
    this.#shadows.delete(dataId);
    for (const shadow of known.values()) this.#free(shadow);
  }

  /** Frees every shadow on the given grids. */
  clear(grids: ReadonlySet<Grid>): void {
    for (const [dataId, known] of this.#shadows) {
      for (const [grid, shadow] of known)
        if (grids.has(grid)) {
          known.delete(grid);
          this.#free(shadow);
        }
      if (known.size === 0) this.#shadows.delete(dataId);
    }
  }

  /** Number of shadows held. */
  get size(): number {
    let size = 0;
    for (const known of this.#shadows.values()) size += known.size;
    return size;
  }

  #free(shadow: DataId): void {
    if (this.#backend.disposeData(shadow)) this.#onFreed(shadow);
  }
}
