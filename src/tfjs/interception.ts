/**
 * Stands between the engine and a backend's kernels: every kernel of the registry is wrapped once, operands and results
 * of the calls of a rounding role are rounded, and everything is put back when the last emulation ends. Policies stack:
 * the newest rules. Only the outermost kernel counts: what a kernel calls within itself is its own business, so a fused
 * kernel is rounded once.
 */
import { ArgumentError } from '../errors.ts';
import { isStochastic, type ResolvedRounding } from '../rounding/options.ts';
import { accessTo, type TensorAccess } from './access.ts';
import { type Effect, type RoleRounding, withAccumulator } from './effect.ts';
import { fakeQuantizeKernel } from './fake-quantize.ts';
import { hasSteps, runSteps } from './fused.ts';
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
import { fusedNames } from './kernel-names.ts';
import { currentLayer, watchLayers } from './layers.ts';
import type { EmulationLog } from './log.ts';
import { installMissingKernels } from './missing-kernels.ts';
import { onlyMoves } from './moving.ts';
import { ownKernel, productOn } from './own-kernels.ts';
import type { ResolvedPolicy, Role } from './policy.ts';
import { isProduct, type ProductCalls, type RunProduct } from './product-calls.ts';
import { summedAxis } from './products.ts';
import { wrapKernels } from './registry.ts';
import { currentRole, type StepListener, stepListeners, watchRoles } from './roles.ts';
import { Shadows } from './shadows.ts';
import { watchDisposal } from './tape.ts';
import { workspaceOn } from './workspace.ts';

/** One policy in force, and how many random draws it has used. */
export interface Layer {
  readonly policy: ResolvedPolicy;
  readonly log: EmulationLog | undefined;
  /** Who reads products' operands through slots; undefined: nobody. */
  readonly products?: ProductCalls | undefined;
  cursor: number;
}

/** One outermost kernel call, and what the policy does to it. */
interface Call {
  readonly name: string;
  readonly role: Role;
  /** The layer that it is in. */
  readonly path: readonly string[];
  readonly layer: Layer;
  readonly effect: Effect;
  /** Operands that slots have made: they stay as they are. */
  readonly images: ReadonlySet<string>;
}

interface Operands {
  readonly inputs: KernelInputs;
  /** Whether a float32 tensor is among them, and all of them lie on the grid of the results. */
  readonly onGrid: boolean;
}

const noPath: readonly string[] = [];
const asItIs = { images: new Set<string>(), accumulate: null } as const;

export class Interception {
  readonly #tf: TensorFlow;
  readonly #backend: Backend;
  readonly #access: TensorAccess;
  readonly #shadows: Shadows;
  readonly #quantize: KernelFunction;
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
    this.#quantize = fakeQuantizeKernel(name, backend);
    this.#shadows = new Shadows(backend, (dataId) => engineOf(tf).removeDataId(dataId, backend));
    if (isWasmBackend(backend)) this.#undo.push(() => kernelsOf(backend).release());
    this.#undo.push(installMissingKernels(tf));
    this.#undo.push(
      wrapKernels(tf, name, (kernel, stock) => this.#wrap(kernel, stock, isWasmBackend(backend))),
    );
    this.#undo.push(watchRoles(tf), watchLayers(tf));
    const nextStep: StepListener = { after: () => this.#top?.log?.nextStep() };
    stepListeners.add(nextStep);
    this.#undo.push(() => stepListeners.delete(nextStep));
    this.#undo.push(watchDisposal(backend, (dataId) => this.#shadows.forget(dataId)));
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
    this.#shadows.clear(new Set(layer.policy.grids));
    if (this.#top === undefined) for (const undo of this.#undo.splice(0).reverse()) undo();
  }

  #wrap(name: string, stock: KernelFunction, wasm: boolean): KernelFunction {
    const spaceOf = () => workspaceOn(this.#backend);
    const own = (wasm ? ownKernel(this.#tf, name, stock, this.#lookup, spaceOf) : undefined) ?? stock;
    return (args) => {
      const layer = this.#top;
      if (layer === undefined) return stock(args);
      const { policy, log } = layer;
      const kernel = policy.kernels === 'own' ? own : stock;
      if (this.#inKernel) return kernel(args);
      this.#inKernel = true;
      try {
        const role = currentRole(this.#tf);
        const path = policy.hasLayers || log !== undefined ? currentLayer(this.#tf) : noPath;
        const effect = policy.effect(role, name, path);
        const run: RunProduct = (given, { images, accumulate }) => {
          const own = accumulate === null ? effect : withAccumulator(effect, accumulate);
          if (own === null) return kernel(given);
          return this.#emulated(kernel, given, { name, role, path, layer, effect: own, images });
        };
        if (layer.products === undefined) return run(args, asItIs);
        if (isProduct(name)) return layer.products.run(name, args, run);
        const result = run(args, asItIs);
        layer.products.moved(name, args, result);
        return result;
      } finally {
        this.#inKernel = false;
      }
    };
  }

  #emulated(kernel: KernelFunction, args: KernelArguments, call: Call): KernelResult {
    const made: TensorInfo[] = [];
    try {
      const { inputs, onGrid } = this.#operands(args, call, made);
      const given = inputs === args.inputs ? args : { ...args, inputs };
      const product = fusedNames.get(call.name);
      if (product !== undefined && call.effect.decomposed && hasSteps(given)) {
        const step = (name: string, stepArgs: KernelArguments): TensorInfo =>
          this.#run(this.#lookup(name), stepArgs, true, { ...call, name }) as TensorInfo;
        return runSteps(given, (productArgs) => step(product, productArgs), step);
      }
      return this.#run(kernel, given, onGrid, call);
    } finally {
      for (const { dataId } of made) this.#backend.disposeData(dataId);
    }
  }

  /** Runs a kernel on operands that are ready, and rounds its results. */
  #run(kernel: KernelFunction, args: KernelArguments, onGrid: boolean, call: Call): KernelResult {
    const { name, effect } = call;
    const isFused = fusedNames.has(name);
    const model = isFused ? effect.innerAccumulator : effect.accumulator;
    if (model !== null) {
      const take = (slots: number): ResolvedRounding => {
        const { cursor: offset } = call.layer;
        call.layer.cursor += slots;
        return { ...model.conversion.options, seed: call.layer.policy.seed, offset };
      };
      const spaceOf = () => workspaceOn(this.#backend, { model, take });
      let isOther = false;
      const accumulated = productOn(this.#tf, name, this.#lookup, spaceOf, (given) => {
        const floats = Object.values(given.inputs).filter((info) => info?.dtype === 'float32');
        if (floats.length > 0)
          throw new ArgumentError(
            `${name}.accumulator`,
            given.attrs?.['dataFormat'],
            'float32 with channels last',
          );
        isOther = true;
        return kernel(given);
      });
      const result = accumulated?.(args) as TensorInfo;
      if (!isOther && !isFused) {
        if (call.layer.log !== undefined && effect.rounding !== null) {
          const unrounded = kernel(args) as TensorInfo;
          this.#log(call, this.#access.values(unrounded), result, effect.rounding);
          this.#backend.disposeData(unrounded.dataId);
        }
        if (effect.rounding !== null) this.#shadows.tag(effect.rounding.grid, result.dataId);
        return result;
      }
      return this.#result(result, args.inputs, false, call);
    }
    const result = kernel(args);
    const { rounding } = effect;
    const moved = rounding !== null && onGrid && onlyMoves(name, rounding.grid.format, args);
    if (!Array.isArray(result)) return this.#result(result, args.inputs, moved, call);
    return result.map((info) => this.#result(info, args.inputs, moved, call));
  }

  /** The inputs with their float32 tensors treated as the policy says. Tensors that are new and its own go to `made`. */
  #operands({ inputs, attrs }: KernelArguments, call: Call, made: TensorInfo[]): Operands {
    const { name, effect } = call;
    let onGrid = false;
    let isOff = false;
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
      if (call.images.has(key)) {
        isOff = true;
        continue;
      }
      const { rounding, quantizer } = effect.treatment(key);
      const dataId = rounding === null ? info.dataId : this.#onGrid(info, call, rounding);
      let operand: TensorInfo = { dataId, shape: info.shape, dtype: info.dtype };
      if (quantizer !== undefined) {
        const size = sizeOf(info.shape);
        const given = quantizer(summedAxis(name, key, attrs));
        const isRandom = isStochastic(given.rounding.rounding);
        const quantizeAttrs = {
          quantizer: given,
          call: isRandom ? { offset: call.layer.cursor } : undefined,
        };
        if (isRandom) call.layer.cursor += size;
        operand = this.#quantize({
          inputs: { x: operand },
          backend: this.#backend,
          attrs: quantizeAttrs,
        }) as TensorInfo;
        made.push(operand);
      }
      onGrid = true;
      isOff ||= quantizer !== undefined || rounding?.grid !== effect.rounding?.grid;
      if (operand.dataId === info.dataId) continue;
      replaced ??= { ...(inputs as Record<string, TensorInfo>) };
      replaced[key] = operand;
    }
    const all = { onGrid: onGrid && !isOff };
    if (replaced === undefined) return { inputs, ...all };
    return { inputs: Array.isArray(inputs) ? (Object.values(replaced) as TensorInfo[]) : replaced, ...all };
  }

  /** The data itself if its values are on the grid, else its shadow. */
  #onGrid(info: TensorInfo, call: Call, rounding: RoleRounding): DataId {
    const { dataId, shape } = info;
    const { grid } = rounding;
    if (this.#shadows.isOn(grid, dataId)) return dataId;
    const known = this.#shadows.find(grid, dataId);
    if (known !== undefined) return known;
    const size = sizeOf(shape);
    const shadow =
      size === 0 ? null : this.#access.roundedCopy(info, rounding, this.#draw(size, call.layer, rounding));
    if (call.layer.log !== undefined) {
      const rounded = { ...info, dataId: shadow ?? dataId };
      this.#log({ ...call, name: 'operands' }, this.#access.values(info), rounded, rounding);
    }
    if (shadow === null) {
      this.#shadows.tag(grid, dataId);
      return dataId;
    }
    this.#shadows.add(grid, dataId, shadow);
    return shadow;
  }

  #result(info: TensorInfo, inputs: KernelInputs, moved: boolean, call: Call): TensorInfo {
    const { layer, effect } = call;
    const { rounding } = effect;
    if (info.dtype !== 'float32' || rounding === null) return info;
    const { grid } = rounding;
    const size = sizeOf(info.shape);
    const holder = Object.values(inputs).find((input) => input?.dataId === info.dataId);
    let result = info;
    if (moved || size === 0 || this.#shadows.isOn(grid, info.dataId)) {
      // On the grid already, and if it is an operand's not ours to write to.
    } else {
      const unrounded = layer.log === undefined ? undefined : this.#access.values(info);
      const offset = this.#draw(size, layer, rounding);
      if (holder === undefined) result = this.#access.roundInPlace(info, rounding, offset);
      else {
        // Kernels may share the data of an operand that is not on the grid: the cpu backend's Cast of int32 does.
        const copy = this.#access.roundedCopy(info, rounding, offset);
        if (copy !== null) {
          this.#backend.disposeData(info.dataId);
          result = { dataId: copy, shape: info.shape, dtype: info.dtype };
        }
      }
      if (unrounded !== undefined) this.#log(call, unrounded, result, rounding);
    }
    this.#shadows.tag(grid, result.dataId);
    return result;
  }

  #log(
    { name, role, path, layer }: Call,
    unrounded: Float32Array,
    result: TensorInfo,
    rounding: RoleRounding,
  ): void {
    layer.log?.add(name, role, path.join('/'), unrounded, this.#access.values(result), rounding.grid.format);
  }

  /** The offset of the next `size` random draws. */
  #draw(size: number, layer: Layer, rounding: RoleRounding): number {
    const offset = layer.cursor;
    if (rounding.stochastic) layer.cursor += size;
    return offset;
  }
}
