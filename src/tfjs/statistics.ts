/**
 * Updates of variables that are not trained (moving averages, counters, states) stay float32 although the layer that makes
 * them computes in a format: what may become such a value is computed a second time, as the role `statistics` says, and an
 * assignment takes that twin. A twin lives as long as the result it belongs to.
 *
 * What may become one: everything in a layer that has weights which are not trained by their nature; elsewhere, what has the
 * shape of such a variable. Source: tfjs-core `engine.ts` (`makeVariable`), `tensor.ts` (`Variable.assign`); tfjs-layers
 * `topology.ts` (`addWeight`), `normalization.ts`.
 */
import type { Tensor, Variable } from '@tensorflow/tfjs';
import { framesAround, type NamedLayer } from './frames.ts';
import {
  type Backend,
  type DataId,
  engineOf,
  type KernelArguments,
  type TensorFlow,
  type TensorInfo,
} from './internals.ts';
import { carries } from './moving.ts';
import { replaceInputs } from './operands.ts';
import type { Role } from './policy.ts';
import { currentRole } from './roles.ts';
import { replaceProperty } from './tape.ts';

/** Fields of a layer in which layers of the layers API keep others. */
const partNames = ['layer', 'cell', 'forwardLayer', 'backwardLayer'] as const;

interface KeepingLayer extends NamedLayer, Partial<Record<(typeof partNames)[number], KeepingLayer>> {
  readonly _nonTrainableWeights?: readonly unknown[];
  readonly cells?: readonly KeepingLayer[];
}

/** Whether a layer, or one inside it, has weights that were made not to be trained; frozen ones do not count. */
function keepsStatistics(layer: KeepingLayer): boolean {
  if ((layer._nonTrainableWeights?.length ?? 0) > 0) return true;
  const parts = partNames.map((name) => layer[name]).concat(layer.cells ?? []);
  return parts.some((part) => part !== undefined && part !== null && keepsStatistics(part));
}

function isInKeepingLayer(): boolean {
  const content = framesAround().find((frame) => frame.content.kind === 'layer')?.content;
  return content?.kind === 'layer' && keepsStatistics(content.layer);
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
    const twinFor = (variable: Variable, value: Tensor): DataId | undefined =>
      variable.trainable ? undefined : this.#twins.get(value.dataId);
    Object.defineProperty(prototype, 'assign', {
      ...descriptor,
      value: function (this: Variable, value: Tensor) {
        const twin = twinFor(this, value);
        if (twin === undefined) {
          assign.call(this, value);
          return;
        }
        backend.incRef(twin);
        const { shape, dtype } = value;
        const exact = engine.makeTensorFromTensorInfo({ dataId: twin, shape, dtype }, backend);
        assign.call(this, exact);
        exact.dispose();
      },
    });
    return () => {
      restore();
      Object.defineProperty(prototype, 'assign', descriptor);
      for (const dataId of [...this.#twins.keys()]) this.forget(dataId);
    };
  }

  #note({ trainable, shape }: Variable): void {
    if (!trainable) this.#shapes.add(keyOf(shape));
  }

  /**
   * Computes and keeps the twin of a call's results, if they may become a statistic.
   * @param compute the results of the kernel on other arguments, as the role `statistics` has them
   */
  follow(
    name: string,
    args: KernelArguments,
    role: Role,
    results: readonly TensorInfo[],
    compute: (args: KernelArguments) => readonly TensorInfo[] | undefined,
  ): void {
    if (role !== 'forward' && role !== 'predict') return;
    const isCandidate = results.some(({ shape }) => this.#shapes.has(keyOf(shape))) || isInKeepingLayer();
    // The output of a batch norm is its layer's.
    if (!isCandidate || name === 'FusedBatchNorm') return;
    const operands = Object.entries(args.inputs) as [string, TensorInfo | null | undefined][];
    const replaced: Record<string, TensorInfo> = {};
    for (const [key, info] of operands) {
      const twin = info && this.#twins.get(info.dataId);
      if (twin) replaced[key] = { ...info, dataId: twin };
    }
    const hasTwins = Object.keys(replaced).length > 0;
    // What is only carried has no rounding that a twin would be without.
    if (!hasTwins && carries(name, args, () => true)) return;
    const twins = compute(hasTwins ? { ...args, inputs: replaceInputs(args.inputs, replaced) } : args);
    twins?.forEach(({ dataId: twin, dtype }, i) => {
      const { dataId } = results[i]!;
      const isNew = dtype === 'float32' && !operands.some(([, info]) => info?.dataId === dataId);
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
