/**
 * Stands between the engine and a backend's kernels: every kernel of the registry is wrapped once, operands and results
 * of the calls of a rounding role are rounded, and everything is put back when the last emulation ends. Policies stack:
 * the newest rules. Only the outermost kernel counts: what a kernel calls within itself is its own business, so a fused
 * kernel is rounded once.
 */
import { ArgumentError } from '../errors.ts';
import { accessTo, type TensorAccess } from './access.ts';
import { isWasmBackend, kernelsOf } from './heap.ts';
import {
  type Backend,
  backendOf,
  type DataId,
  engineOf,
  type KernelArguments,
  type KernelFunction,
  type KernelInputs,
  type KernelResult,
  sizeOf,
  type TensorFlow,
  type TensorInfo,
} from './internals.ts';
import { installMissingKernels } from './missing-kernels.ts';
import { onlyMoves } from './moving.ts';
import { ownKernel } from './own-kernels.ts';
import type { Grid, ResolvedPolicy, RoleRounding } from './policy.ts';
import { wrapKernels } from './registry.ts';
import { currentRole, watchRoles } from './roles.ts';
import { Shadows } from './shadows.ts';

/** One policy in force, and how many random draws it has used. */
export interface Layer {
  readonly policy: ResolvedPolicy;
  cursor: number;
}

interface Operands {
  readonly inputs: KernelInputs;
  /** Whether a float32 tensor is among them. */
  readonly float: boolean;
}

export class Interception {
  readonly #tf: TensorFlow;
  readonly #backend: Backend;
  readonly #access: TensorAccess;
  readonly #shadows: Shadows;
  readonly #layers: Layer[] = [];
  readonly #undo: (() => void)[] = [];
  #top: Layer | undefined;
  #inKernel = false;
  readonly #lookup = (name: string): KernelFunction =>
    this.#tf.getKernel(name, this.#tf.getBackend()).kernelFunc as unknown as KernelFunction;

  constructor(tf: TensorFlow) {
    this.#tf = tf;
    const name = tf.getBackend();
    const backend = backendOf(tf);
    this.#backend = backend;
    this.#access = accessTo(name, backend);
    this.#shadows = new Shadows(backend, (dataId) => engineOf(tf).removeDataId(dataId, backend));
    if (isWasmBackend(backend)) this.#undo.push(() => kernelsOf(backend).release());
    this.#undo.push(installMissingKernels(tf));
    this.#undo.push(
      wrapKernels(tf, name, (kernel, stock) => this.#wrap(kernel, stock, isWasmBackend(backend))),
    );
    this.#undo.push(watchRoles(tf));
    this.#undo.push(this.#watchDisposal(backend));
  }

  /** Whether no policy is left and everything is restored. */
  get ended(): boolean {
    return this.#undo.length === 0;
  }

  add(layer: Layer): void {
    this.#layers.push(layer);
    this.#top = layer;
  }

  remove(layer: Layer): void {
    const index = this.#layers.indexOf(layer);
    if (index < 0) return;
    this.#layers.splice(index, 1);
    this.#top = this.#layers[this.#layers.length - 1];
    const grids = Object.values(layer.policy.roles).map((rounding) => rounding?.grid);
    this.#shadows.clear(new Set(grids.filter((grid): grid is Grid => grid !== undefined)));
    if (this.#top === undefined) for (const undo of this.#undo.splice(0).reverse()) undo();
  }

  #watchDisposal(backend: Backend): () => void {
    const own = Object.getOwnPropertyDescriptor(backend, 'disposeData');
    const original = backend.disposeData;
    backend.disposeData = (dataId, force) => {
      const gone = original.call(backend, dataId, force);
      if (gone) this.#shadows.forget(dataId);
      return gone;
    };
    return () => {
      if (own === undefined) Reflect.deleteProperty(backend, 'disposeData');
      else Object.defineProperty(backend, 'disposeData', own);
    };
  }

  #wrap(name: string, stock: KernelFunction, wasm: boolean): KernelFunction {
    const own = (wasm ? ownKernel(name, stock, this.#lookup) : undefined) ?? stock;
    return (args) => {
      const layer = this.#top;
      if (layer === undefined) return stock(args);
      const kernel = layer.policy.kernels === 'own' ? own : stock;
      if (this.#inKernel) return kernel(args);
      this.#inKernel = true;
      try {
        const rounding = layer.policy.roles[currentRole(this.#tf)];
        return rounding === null ? kernel(args) : this.#rounded(name, kernel, args, layer, rounding);
      } finally {
        this.#inKernel = false;
      }
    };
  }

  #rounded(
    name: string,
    kernel: KernelFunction,
    args: KernelArguments,
    layer: Layer,
    rounding: RoleRounding,
  ): KernelResult {
    const { inputs, float } = this.#operands(name, args.inputs, layer, rounding);
    const result = kernel(inputs === args.inputs ? args : { ...args, inputs });
    const moved = float && onlyMoves(name, rounding.grid.format, args);
    if (!Array.isArray(result)) return this.#result(result, inputs, moved, layer, rounding);
    return result.map((info) => this.#result(info, inputs, moved, layer, rounding));
  }

  /** The inputs with their float32 tensors on the grid. */
  #operands(name: string, inputs: KernelInputs, layer: Layer, rounding: RoleRounding): Operands {
    let float = false;
    let replaced: Record<string, TensorInfo | undefined> | undefined;
    for (const [key, info] of Object.entries(inputs)) {
      if (info === undefined || info === null) continue;
      if (info.dtype === 'complex64' || info.dtype === 'string')
        throw new ArgumentError(
          `${name}.${key}`,
          info.dtype,
          'float32, int32 and bool tensors while their role is emulated',
        );
      if (info.dtype !== 'float32') continue;
      float = true;
      const dataId = this.#onGrid(info, layer, rounding);
      if (dataId === info.dataId) continue;
      replaced ??= { ...(inputs as Record<string, TensorInfo>) };
      replaced[key] = { dataId, shape: info.shape, dtype: info.dtype };
    }
    if (replaced === undefined) return { inputs, float };
    return { inputs: Array.isArray(inputs) ? (Object.values(replaced) as TensorInfo[]) : replaced, float };
  }

  /** The data itself if its values are on the grid, else its shadow. */
  #onGrid(info: TensorInfo, layer: Layer, rounding: RoleRounding): DataId {
    const { dataId, shape } = info;
    const { grid } = rounding;
    if (this.#shadows.isOn(grid, dataId)) return dataId;
    const known = this.#shadows.find(grid, dataId);
    if (known !== undefined) return known;
    const size = sizeOf(shape);
    const shadow =
      size === 0 ? null : this.#access.roundedCopy(info, rounding, this.#draw(size, layer, rounding));
    if (shadow === null) {
      this.#shadows.tag(grid, dataId);
      return dataId;
    }
    this.#shadows.add(grid, dataId, shadow);
    return shadow;
  }

  #result(
    info: TensorInfo,
    inputs: KernelInputs,
    moved: boolean,
    layer: Layer,
    rounding: RoleRounding,
  ): TensorInfo {
    if (info.dtype !== 'float32') return info;
    const { grid } = rounding;
    const size = sizeOf(info.shape);
    const holder = Object.values(inputs).find((input) => input?.dataId === info.dataId);
    let result = info;
    if (moved || size === 0 || holder?.dtype === 'float32') {
      // On the grid already, and if it is an operand's not ours to write to.
    } else if (holder === undefined) {
      result = this.#access.roundInPlace(info, rounding, this.#draw(size, layer, rounding));
    } else {
      // The cpu backend casts int32 to float32 by sharing the data.
      const copy = this.#access.roundedCopy(info, rounding, this.#draw(size, layer, rounding));
      if (copy !== null) {
        this.#backend.disposeData(info.dataId);
        result = { dataId: copy, shape: info.shape, dtype: info.dtype };
      }
    }
    this.#shadows.tag(grid, result.dataId);
    return result;
  }

  /** The offset of the next `size` random draws. */
  #draw(size: number, layer: Layer, rounding: RoleRounding): number {
    const offset = layer.cursor;
    if (rounding.stochastic) layer.cursor += size;
    return offset;
  }
}
