/**
 * Stands between the engine and a backend's kernels: every kernel of the registry is wrapped once, operands and results
 * of the calls of a rounding role are rounded, and everything is put back when the last emulation ends. Policies stack:
 * the newest rules, and in a scope the scope's. Only the outermost kernel counts: what a kernel calls within itself is its own
 * business, so a fused kernel is rounded once.
 */
import { ArgumentError } from '../errors.ts';
import type { ResolvedRounding } from '../rounding/options.ts';
import { sizeOf } from '../shape.ts';
import { accessTo, type Numbers, type TensorAccess } from './access.ts';
import { currentScope } from './async-scope.ts';
import { type Call, draw, type HeldCopy, type Layer } from './call.ts';
import { type Effect, withAccumulator } from './effect.ts';
import { fakeQuantizeKernel, fakeQuantizeName } from './fake-quantize.ts';
import { framesAround } from './frames.ts';
import { hasSteps, runSteps } from './fused.ts';
import { gradientFrames } from './gradient-frames.ts';
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
  type TensorFlow,
  type TensorInfo,
} from './internals.ts';
import { fusedNames } from './kernel-names.ts';
import { currentLayer, layers } from './layers.ts';
import { installMissingKernels } from './missing-kernels.ts';
import { carries, onlyMoves, staysOn } from './moving.ts';
import { floatOperands, Operands } from './operands.ts';
import { ownKernel, productOn } from './own-kernels.ts';
import type { Role } from './policy.ts';
import { isProduct } from './product-kernels.ts';
import { wrapKernels } from './registry.ts';
import { markLoss, purposeOf } from './roles.ts';
import { Shadows } from './shadows.ts';
import { Statistics } from './statistics.ts';
import { replaceProperty, watchDisposal } from './tape.ts';
import { methods, type StepListener, stepListeners } from './watched-methods.ts';
import { workspaceOn } from './workspace.ts';

const noPath: readonly string[] = [];
const noImages: ReadonlySet<string> = new Set();

/** What a kernel gave, as a list. */
const listOf = (result: KernelResult): readonly TensorInfo[] => (Array.isArray(result) ? result : [result]);

export class Interception {
  readonly #tf: TensorFlow;
  readonly #backend: Backend;
  readonly #access: TensorAccess;
  readonly #shadows: Shadows;
  readonly #operands: Operands;
  readonly #statistics: Statistics;
  readonly #layers: Layer[] = [];
  readonly #undo: (() => void)[] = [];
  #inKernel = false;
  readonly #lookup = (name: string): KernelFunction =>
    this.#tf.getKernel(name, this.#tf.getBackend()).kernelFunc as unknown as KernelFunction;

  constructor(tf: TensorFlow) {
    this.#tf = tf;
    const name = tf.getBackend();
    const backend = backendOf(tf);
    this.#backend = backend;
    this.#access = accessTo(name, backend);
    const onFreed = (dataId: object): void => engineOf(tf).removeDataId(dataId, backend);
    this.#shadows = new Shadows(backend, onFreed);
    this.#operands = new Operands(backend, this.#access, this.#shadows, fakeQuantizeKernel(name, backend));
    this.#statistics = new Statistics(tf, backend, onFreed);
    if (isWasmBackend(backend)) this.#undo.push(() => kernelsOf(backend).release());
    this.#undo.push(installMissingKernels(tf));
    this.#undo.push(
      wrapKernels(tf, name, (kernel, stock) => this.#wrap(kernel, stock, isWasmBackend(backend))),
    );
    this.#undo.push(methods.watch(tf), layers.watch(tf), gradientFrames.watch(tf), this.#statistics.watch());
    const nextStep: StepListener = {
      after: () => {
        for (const log of new Set([this.#current()?.log, this.#recipe?.log])) log?.nextStep();
      },
    };
    stepListeners.add(nextStep);
    this.#undo.push(() => stepListeners.delete(nextStep));
    this.#undo.push(
      watchDisposal(backend, (dataId) => this.#forget(dataId)),
      this.#watchNumbers(backend),
    );
  }

  /** Whether no policy is left and everything is restored. */
  get ended(): boolean {
    return this.#undo.length === 0;
  }

  /** Whether a policy of a program's own is in force, in whatever scope. */
  get hasPolicies(): boolean {
    return this.#layers.some(({ products }) => products === undefined);
  }

  add(layer: Layer): void {
    this.#layers.push(layer);
    layer.products?.onImage((dataId, source) => this.#shadows.inherit(dataId, source));
  }

  remove(layer: Layer): void {
    const index = this.#layers.indexOf(layer);
    if (index < 0) return;
    this.#layers.splice(index, 1);
    this.#shadows.clear(new Set(layer.policy.grids));
    if (this.#layers.length === 0) for (const undo of this.#undo.splice(0).reverse()) undo();
  }

  /** The rounded copies of a policy that are alive and drew. */
  held(layer: Layer): HeldCopy[] {
    return this.#operands.held(layer);
  }

  /** Sets a policy's random numbers: copies that were made before are made anew when they are read. */
  reset(layer: Layer, cursor: number, held: readonly HeldCopy[]): void {
    this.#shadows.clear(new Set(layer.policy.grids));
    layer.cursor = cursor;
    layer.held = [...held];
  }

  /** The policy that rules here: the newest of the innermost scope that has one; without any, a recipe's own. */
  #current(): Layer | undefined {
    if (this.#layers.length === 0) return undefined;
    for (let scope = currentScope(); ; scope = scope.outer) {
      const found = this.#layers.findLast((layer) => layer.scope === scope && layer.products === undefined);
      if (found !== undefined) return found;
      if (scope === undefined) break;
    }
    return this.#recipe;
  }

  /** The recipe that is in force, in every scope: whatever policy rules, it reads operands of products. */
  get #recipe(): Layer | undefined {
    return this.#layers.findLast(({ products }) => products !== undefined);
  }

  #forget(dataId: DataId): void {
    this.#shadows.forget(dataId);
    this.#statistics.forget(dataId);
  }

  /** Numbers that a gradient of TensorFlow.js writes, such as the count of a mean, are part of that gradient: exact. */
  #watchNumbers(backend: Backend): () => void {
    const { write } = backend;
    return replaceProperty(backend, 'write', (values, shape, dtype) => {
      const dataId = write.call(backend, values, shape, dtype);
      if (!this.#inKernel && shape.length === 0 && dtype === 'float32') {
        const content = framesAround()[0]?.content;
        if (content?.kind === 'gradient' && content.isRegistered) this.#shadows.keepExact(dataId);
      }
      return dataId;
    });
  }

  #wrap(name: string, stock: KernelFunction, wasm: boolean): KernelFunction {
    const spaceOf = () => workspaceOn(this.#backend);
    const own = (wasm ? ownKernel(this.#tf, name, stock, this.#lookup, spaceOf) : undefined) ?? stock;
    return (args) => {
      if (this.#inKernel) return (this.#current()?.policy.kernels === 'own' ? own : stock)(args);
      const layer = this.#current();
      if (layer === undefined) return stock(args);
      const { policy, log } = layer;
      const kernel = policy.kernels === 'own' ? own : stock;
      this.#inKernel = true;
      try {
        const purpose = purposeOf(this.#tf, args.inputs);
        const { role, pass } = purpose;
        const path = policy.hasLayers || log !== undefined ? currentLayer(this.#tf) : noPath;
        const effect = policy.effect(role, name, path, pass);
        const given = role === 'statistics' ? this.#statistics.exact(args) : args;
        const run = (effectOf: Effect | null, runArgs: KernelArguments, images: Call['images']) =>
          effectOf === null
            ? kernel(runArgs)
            : this.#emulated(kernel, runArgs, { name, role, pass, path, layer, effect: effectOf, images });
        const products = this.#recipe?.products;
        let result: KernelResult;
        if (products !== undefined && isProduct(name))
          result = products.run(name, given, log, (runArgs, { images, accumulate }) =>
            run(accumulate === null ? effect : withAccumulator(effect, accumulate), runArgs, images),
          );
        else {
          result = run(effect, given, noImages);
          products?.origins.moved(name, args, result);
        }
        if (role === 'loss') this.#markLoss(result, args.inputs, pass);
        if (effect !== null)
          this.#statistics.follow(name, args, purpose, listOf(result), (exact) =>
            this.#twin(kernel, exact, { name, role, pass, path, layer, effect, images: noImages }),
          );
        return result;
      } finally {
        this.#inKernel = false;
      }
    };
  }

  /** What is new in the results is of the loss; data that they share with outputs or labels of the model stays what it was. */
  #markLoss(result: KernelResult, inputs: KernelInputs, pass: Role): void {
    for (const { dataId } of listOf(result))
      if (pass === 'backward' || !Object.values(inputs).some((info) => info?.dataId === dataId))
        markLoss(dataId);
  }

  /** What a call gives in the role `statistics`; undefined if that is no other. */
  #twin(kernel: KernelFunction, args: KernelArguments, call: Call): readonly TensorInfo[] | undefined {
    const { name, path, pass, layer } = call;
    const effect = layer.policy.effect('statistics', name, path, pass);
    if (effect === call.effect) return undefined;
    if (effect === null) return listOf(kernel(args));
    return listOf(this.#emulated(kernel, args, { ...call, role: 'statistics', effect }));
  }

  #emulated(kernel: KernelFunction, args: KernelArguments, call: Call): KernelResult {
    const { name, effect } = call;
    const floats = floatOperands(name, args.inputs);
    if (!effect.isNamed && floats.length === 0) return kernel(args);
    if (!effect.isNamed && carries(name, args, (info) => this.#access.isWhole(info)))
      return this.#carried(kernel, args, call);
    const { inputs, made } = this.#operands.ready(args, call);
    const given = inputs === args.inputs ? args : { ...args, inputs };
    try {
      const product = fusedNames.get(name);
      if (product !== undefined && effect.decomposed && hasSteps(given)) {
        const step = (part: string, partArgs: KernelArguments): TensorInfo =>
          this.#run(this.#lookup(part), partArgs, { ...call, name: part }) as TensorInfo;
        return runSteps(name, given, (productArgs) => step(product, productArgs), step);
      }
      return this.#run(kernel, given, call);
    } finally {
      this.#operands.free(made);
    }
  }

  /** Runs a kernel that carries values. What is known of its operands holds for its results. */
  #carried(kernel: KernelFunction, args: KernelArguments, { name, effect }: Call): KernelResult {
    const { rounding } = effect;
    const floats = floatOperands(name, args.inputs).map(([, info]) => info.dataId);
    const result = kernel(args);
    if (rounding === null) return result;
    const { grid, stochastic } = rounding;
    const stays = staysOn(grid, name, args);
    const areOn = floats.every((dataId) => this.#shadows.isOn(grid, dataId));
    const areExact = floats.every((dataId) => this.#shadows.isExact(dataId));
    const results = listOf(result);
    for (const { dataId, dtype } of results) {
      if (dtype !== 'float32' || floats.includes(dataId)) continue;
      if (areExact && onlyMoves(name)) this.#shadows.keepExact(dataId);
      else if (areOn && stays) this.#shadows.tag(grid, dataId);
      else if (stochastic && stays && onlyMoves(name))
        this.#shadows.setOrigin(dataId, { kernel, args, results });
    }
    return result;
  }

  /** Runs a kernel on operands that are ready, and rounds its results. */
  #run(kernel: KernelFunction, args: KernelArguments, call: Call): KernelResult {
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
          this.#log(call, this.#access.place(unrounded), result);
          this.#backend.disposeData(unrounded.dataId);
        }
        if (effect.rounding !== null) this.#shadows.tag(effect.rounding.grid, result.dataId);
        return result;
      }
      return this.#result(result, args.inputs, call);
    }
    const result = kernel(args);
    if (!Array.isArray(result)) return this.#result(result, args.inputs, call);
    return result.map((info) => this.#result(info, args.inputs, call));
  }

  #result(info: TensorInfo, inputs: KernelInputs, call: Call): TensorInfo {
    const { layer, effect, name } = call;
    const { rounding } = effect;
    if (info.dtype !== 'float32' || rounding === null) return info;
    if (name === fakeQuantizeName && !effect.isNamed) {
      // The image is what products are meant to read.
      this.#shadows.keepExact(info.dataId);
      return info;
    }
    const { grid } = rounding;
    const size = sizeOf(info.shape);
    const holder = Object.values(inputs).find((input) => input?.dataId === info.dataId);
    let result = info;
    if (size === 0 || this.#shadows.isOn(grid, info.dataId)) {
      // On the grid already, and if it is an operand's not ours to write to.
    } else {
      const unrounded = layer.log && this.#access.keep(info);
      const offset = draw(size, layer, rounding);
      if (holder === undefined) result = this.#access.roundInPlace(info, rounding, offset);
      else {
        // Kernels may share the data of an operand that is not on the grid: the cpu backend's Cast of int32 does.
        const copy = this.#access.roundedCopy(info, rounding, offset);
        if (copy !== null) {
          this.#backend.disposeData(info.dataId);
          result = { dataId: copy, shape: info.shape, dtype: info.dtype };
        }
      }
      if (unrounded !== undefined) this.#log(call, unrounded, result);
    }
    this.#shadows.tag(grid, result.dataId);
    return result;
  }

  #log({ name, role, path, layer, effect }: Call, exact: Numbers, result: TensorInfo): void {
    const counts = this.#access.countErrors(exact, result, effect.rounding!.grid.format);
    layer.log?.addCounts(name, role, path.join('/'), sizeOf(result.shape), counts);
  }
}
