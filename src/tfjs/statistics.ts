/**
 * Updates of variables that are not trained (moving averages, counters, states) stay float32 although the layer that makes
 * them computes in a format: what may become such a value is computed a second time, as the role `statistics` says, and an
 * assignment takes that twin. A twin lives as long as the result it belongs to.
 *
 * What may become one: everything in a layer that has weights which are not trained by their nature; elsewhere what has the
 * shape of such a variable, and what is computed from a variable element by element. Source: tfjs-core `engine.ts` (`makeVariable`), `tensor.ts` (`Variable.assign`); tfjs-layers
 * `topology.ts` (`addWeight`), `normalization.ts`.
 */
import type { Tensor, Variable } from '@tensorflow/tfjs';
import { sizeOf } from '../shape.ts';
import type { NamedLayer } from './frames.ts';
import {
  type Backend,
  type DataId,
  engineOf,
  type KernelArguments,
  type TensorFlow,
  type TensorInfo,
} from './internals.ts';
import { productNames } from './kernel-names.ts';
import { carries } from './moving.ts';
import { replaceInputs } from './operands.ts';
import { currentRole, type Purpose } from './roles.ts';
import { replaceProperty } from './tape.ts';

/** Fields of a layer in which layers of the layers API keep others. */
const partNames = ['layer', 'cell', 'forwardLayer', 'backwardLayer'] as const;

/** Layers that are built and keep statistics, or do not. */
const known = new WeakMap<NamedLayer, boolean>();

interface KeepingLayer extends NamedLayer, Partial<Record<(typeof partNames)[number], KeepingLayer>> {
  readonly built?: boolean;
  readonly _nonTrainableWeights?: readonly unknown[];
  readonly cells?: readonly KeepingLayer[];
}

/** Whether a layer, or one inside it, has weights that were made not to be trained; frozen ones do not count. */
function keepsStatistics(layer: KeepingLayer): boolean {
  const before = known.get(layer);
  if (before !== undefined) return before;
  const parts = partNames.map((name) => layer[name]).concat(layer.cells ?? []);
  const keeps =
    (layer._nonTrainableWeights?.length ?? 0) > 0 ||
    parts.some((part) => part !== undefined && part !== null && keepsStatistics(part));
  if (layer.built) known.set(layer, keeps);
  return keeps;
}

/** A shape without the axes of length 1, which a sum may keep or not. */
const keyOf = (shape: readonly number[]): string => shape.filter((length) => length !== 1).join();

export class Statistics {
  readonly #tf: TensorFlow;
  readonly #backend: Backend;
  readonly #onFreed: (dataId: DataId) => void;
  /** By the data of the result. */
  readonly #twins = new Map<DataId, DataId>();
  /** Shapes of the variables that are not trained. */
  readonly #shapes = new Set<string>();
  readonly #sizes = new Set<number>();
  /** What variables hold. */
  readonly #held = new WeakSet<DataId>();

  constructor(tf: TensorFlow, backend: Backend, onFreed: (dataId: DataId) => void) {
    this.#tf = tf;
    this.#backend = backend;
    this.#onFreed = onFreed;
  }

  /** Begins to watch variables; the function that is returned ends it and frees every twin. */
  watch(): () => void {
    const engine = engineOf(this.#tf);
    const backend = this.#backend;
    for (const variable of Object.values(engine.state.registeredVariables)) this.#note(variable);
    const { makeVariable } = engine;
    const restore = replaceProperty(engine, 'makeVariable', (...args) => {
      const variable = makeVariable.apply(engine, args);
      // Optimisers keep their state in variables too.
      if (currentRole(this.#tf) !== 'optimizer') this.#note(variable);
      return variable;
    });
    const { prototype } = this.#tf.Variable;
    const descriptor = Object.getOwnPropertyDescriptor(prototype, 'assign')!;
    const assign = descriptor.value as (this: Variable, value: Tensor) => void;
    /** A tensor of its own that shares the data of the value's twin. */
    const twinOf = ({ dataId, shape, dtype }: Tensor): Tensor | undefined => {
      const twin = this.#twins.get(dataId);
      if (twin === undefined) return undefined;
      backend.incRef(twin);
      return engine.makeTensorFromTensorInfo({ dataId: twin, shape, dtype }, backend);
    };
    const hold = (dataId: DataId): void => void this.#held.add(dataId);
    Object.defineProperty(prototype, 'assign', {
      ...descriptor,
      value: function (this: Variable, value: Tensor) {
        const exact = twinOf(value);
        assign.call(this, exact ?? value);
        exact?.dispose();
        hold(this.dataId);
      },
    });
    return () => {
      restore();
      Object.defineProperty(prototype, 'assign', descriptor);
      for (const dataId of [...this.#twins.keys()]) this.forget(dataId);
    };
  }

  #note({ trainable, shape, dataId }: Variable): void {
    this.#held.add(dataId);
    if (trainable) return;
    this.#shapes.add(keyOf(shape));
    this.#sizes.add(sizeOf(shape));
  }

  /** Whether results may become a statistic by where or from what they are computed. */
  #isCandidate(
    name: string,
    { inputs }: KernelArguments,
    layer: NamedLayer | undefined,
    results: readonly TensorInfo[],
  ): boolean {
    if (layer !== undefined && keepsStatistics(layer)) return true;
    // A product may have the shape of a weight by chance, and costs most.
    if (productNames.has(name)) return false;
    for (const { shape } of results) {
      const size = sizeOf(shape);
      if (this.#sizes.has(size) && this.#shapes.has(keyOf(shape))) return true;
      for (const info of Object.values(inputs)) {
        if (info == null || !(this.#held.has(info.dataId) || this.#twins.has(info.dataId))) continue;
        if (sizeOf(info.shape) === size && keyOf(info.shape) === keyOf(shape)) return true;
      }
    }
    return false;
  }

  /** The arguments of a kernel with the twins of those that have one. */
  exact(args: KernelArguments): KernelArguments {
    if (this.#twins.size === 0) return args;
    const replaced: Record<string, TensorInfo> = {};
    for (const [key, info] of Object.entries(args.inputs) as [string, TensorInfo | null | undefined][]) {
      const dataId = info && this.#twins.get(info.dataId);
      if (dataId) replaced[key] = { dataId, shape: info.shape, dtype: info.dtype };
    }
    if (Object.keys(replaced).length === 0) return args;
    return { ...args, inputs: replaceInputs(args.inputs, replaced) };
  }

  /**
   * Computes and keeps the twin of a call's results, if they may become a statistic.
   * @param compute the results of the kernel on other arguments, as the role `statistics` has them
   */
  follow(
    name: string,
    args: KernelArguments,
    { role, layer }: Purpose,
    results: readonly TensorInfo[],
    compute: (args: KernelArguments) => readonly TensorInfo[] | undefined,
  ): void {
    if (role !== 'forward' && role !== 'predict') return;
    // The output of a batch norm is its layer's.
    if (name === 'FusedBatchNorm' || !this.#isCandidate(name, args, layer, results)) return;
    const given = this.exact(args);
    // What is only carried has no rounding that a twin would be without.
    if (given === args && carries(name, args, () => true)) return;
    const twins = compute(given);
    twins?.forEach(({ dataId: twin, dtype }, i) => {
      const { dataId } = results[i]!;
      const isNew =
        dtype === 'float32' && !Object.values(args.inputs).some((info) => info?.dataId === dataId);
      if (isNew) this.#twins.set(dataId, twin);
      else this.#free(twin);
    });
  }

  /** Frees the twin of data that is gone. */
  forget(dataId: DataId): void {
    const twin = this.#twins.get(dataId);
    if (twin === undefined) return;
    this.#twins.delete(dataId);
    this.#free(twin);
  }

  #free(twin: DataId): void {
    if (this.#backend.disposeData(twin)) this.#onFreed(twin);
  }
}
