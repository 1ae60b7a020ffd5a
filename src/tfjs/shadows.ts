/**
 * What is known about tensor data while emulation is on: which data lies on which grid, and the rounded copies
 * ("shadows") of data that does not. Masters are never touched: a weight stays the user's float32 and its shadow is what
 * kernels of a rounding role see. Shadows are allocated in the backend behind the engine's accounting, and go when the
 * data they belong to goes.
 */

import type { Grid } from './effect.ts';
import type { Backend, DataId, KernelArguments, KernelFunction, TensorInfo } from './internals.ts';

/** A rounded copy of a tensor's data, and where its random draws began; undefined: it drew none. */
interface Shadow {
  readonly dataId: DataId;
  readonly master: TensorInfo;
  readonly offset: number | undefined;
}

/** The call that moved elements of its operands to where they are. */
export interface Origin {
  readonly kernel: KernelFunction;
  readonly args: KernelArguments;
  readonly results: readonly TensorInfo[];
}

/** A shadow that drew, and the tensor that it belongs to. */
interface DrawnShadow {
  readonly grid: Grid;
  readonly master: TensorInfo;
  readonly offset: number;
}

export class Shadows {
  readonly #backend: Backend;
  /** Called with data that is gone, in case a tensor that shared it made the engine know it. */
  readonly #onFreed: (dataId: DataId) => void;
  readonly #grids = new WeakMap<DataId, Grid>();
  readonly #exact = new WeakSet<DataId>();
  readonly #shadows = new Map<DataId, Map<Grid, Shadow>>();
  readonly #origins = new WeakMap<DataId, Origin>();

  constructor(backend: Backend, onFreed: (dataId: DataId) => void) {
    this.#backend = backend;
    this.#onFreed = onFreed;
  }

  /** Whether no kernel needs a rounded copy of the data. */
  isOn(grid: Grid, dataId: DataId): boolean {
    return this.#grids.get(dataId) === grid || this.#exact.has(dataId);
  }

  tag(grid: Grid, dataId: DataId): void {
    this.#grids.set(dataId, grid);
  }

  /** Kernels are to read the data as it is: counts, and images of quantisers. */
  keepExact(dataId: DataId): void {
    this.#exact.add(dataId);
  }

  /** Data that takes the place of other data is read as that is. */
  inherit(dataId: DataId, source: DataId): void {
    const grid = this.#grids.get(source);
    if (grid !== undefined) this.tag(grid, dataId);
    if (this.isExact(source)) this.keepExact(dataId);
  }

  isExact(dataId: DataId): boolean {
    return this.#exact.has(dataId);
  }

  find(grid: Grid, dataId: DataId): DataId | undefined {
    return this.#shadows.get(dataId)?.get(grid)?.dataId;
  }

  add(grid: Grid, master: TensorInfo, dataId: DataId, offset: number | undefined): void {
    this.tag(grid, dataId);
    const known = this.#shadows.get(master.dataId);
    const { shape, dtype } = master;
    const made = { dataId, master: { dataId: master.dataId, shape, dtype }, offset };
    if (known === undefined) this.#shadows.set(master.dataId, new Map([[grid, made]]));
    else known.set(grid, made);
  }

  /** Remembers where data came from, so that its rounded copy is made of those of its origin: one draw a value. */
  setOrigin(dataId: DataId, origin: Origin): void {
    this.#origins.set(dataId, origin);
  }

  /** The call that made the data, if its operands are alive. */
  originOf(dataId: DataId): Origin | undefined {
    const origin = this.#origins.get(dataId);
    if (origin === undefined) return undefined;
    const operands = Object.values(origin.args.inputs) as (TensorInfo | undefined)[];
    return operands.every((info) => info == null || this.#isAlive(info.dataId)) ? origin : undefined;
  }

  /** Gives the results of an origin the copies that were made of them all; those that nobody needs are freed. */
  addMoved(grid: Grid, { results }: Origin, copies: readonly TensorInfo[]): void {
    copies.forEach(({ dataId }, i) => {
      const master = results[i]!;
      const isRead = master.dtype === 'float32' && this.#isAlive(master.dataId);
      if (isRead && this.find(grid, master.dataId) === undefined) this.add(grid, master, dataId, undefined);
      else this.#backend.disposeData(dataId);
    });
  }

  #isAlive(dataId: DataId): boolean {
    return this.#backend.refCount(dataId) > 0;
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

  /** The shadows on the given grids that drew, in the order of their draws. */
  drawn(grids: ReadonlySet<Grid>): DrawnShadow[] {
    const found: DrawnShadow[] = [];
    for (const known of this.#shadows.values())
      for (const [grid, { master, offset }] of known)
        if (offset !== undefined && grids.has(grid)) found.push({ grid, master, offset });
    return found.sort((a, b) => a.offset - b.offset);
  }

  #free({ dataId }: Shadow): void {
    if (this.#backend.disposeData(dataId)) this.#onFreed(dataId);
  }
}
