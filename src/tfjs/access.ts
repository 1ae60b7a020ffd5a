/**
 * How to round a tensor's data, by backend: in place in the wasm backend's memory, into a new typed array of the cpu
 * backend, and through `readSync` and `write` for any other. The last path serves `tensorflow` of tfjs-node, which the
 * tests cannot install; they run it over a backend that hides its data.
 */
import type { Tensor } from '@tensorflow/tfjs';
import type { Format } from '../formats/index.ts';
import { countErrors, type ErrorCounts } from '../kernels/errors.ts';
import { roundArray } from '../kernels/rounding-arrays.ts';
import type { ResolvedRounding } from '../rounding/options.ts';
import { sizeOf } from '../shape.ts';
import type { RoleRounding } from './effect.ts';
import { float32View, isWasmBackend, kernelsOf, pointerOf } from './heap.ts';
import {
  asFloat32,
  type Backend,
  type CpuBackend,
  type DataId,
  type TensorInfo,
  type WasmBackend,
} from './internals.ts';

/** An array, or where numbers lie in the wasm backend's memory. */
export type Numbers = Float32Array | number;

export interface TensorAccess {
  /** A copy of the data of a float32 tensor. */
  values(info: TensorInfo): Float32Array;
  /** The numbers of a float32 tensor where they lie, to be looked at at once. */
  place(info: TensorInfo): Numbers;
  /** The numbers of a float32 tensor as they are now, until the next call: in memory that is used again. */
  keep(info: TensorInfo): Numbers;
  /** What rounding to a format did to numbers that were `exact`; `rounded` is the result. */
  countErrors(exact: Numbers, rounded: TensorInfo, format: Pick<Format, 'min' | 'max'>): ErrorCounts;
  /** Whether all elements of a tensor are whole numbers. */
  isWhole(info: TensorInfo): boolean;
  /** Rounds a float32 tensor whose data no other tensor holds; the info to hand on, maybe of new data. */
  roundInPlace(info: TensorInfo, rounding: RoleRounding, offset: number): TensorInfo;
  /** New data with the rounded values of a float32 tensor, or `null` if rounding changes nothing. */
  roundedCopy(info: TensorInfo, rounding: RoleRounding, offset: number): DataId | null;
}

function optionsAt(rounding: RoleRounding, offset: number): ResolvedRounding {
  return rounding.stochastic ? { ...rounding.options, offset } : rounding.options;
}

/** Whether two arrays hold the same bits; stops at the first difference, which off the grid comes early. */
function sameBits(a: Float32Array, b: Float32Array): boolean {
  const x = new Int32Array(a.buffer, a.byteOffset, a.length);
  const y = new Int32Array(b.buffer, b.byteOffset, b.length);
  for (let i = 0; i < x.length; i++) if (x[i] !== y[i]) return false;
  return true;
}

const areWhole = (values: ArrayLike<number>): boolean => Array.prototype.every.call(values, Number.isInteger);

/** Counts for backends whose numbers can be had as an array. */
function countsOf(
  arrayOf: (info: TensorInfo) => Float32Array,
): Pick<TensorAccess, 'place' | 'keep' | 'countErrors'> {
  return {
    place: arrayOf,
    keep: (info) => arrayOf(info).slice(),
    countErrors: (exact, rounded, { min, max }) =>
      countErrors(exact as Float32Array, arrayOf(rounded), min, max),
  };
}

function wasmAccess(backend: WasmBackend): TensorAccess {
  const round = (from: DataId, to: DataId, size: number, rounding: RoleRounding, offset: number): void =>
    kernelsOf(backend).round(
      'float32',
      pointerOf(backend, from),
      pointerOf(backend, to),
      size,
      rounding.grid.format,
      optionsAt(rounding, offset),
    );
  return {
    values: ({ dataId, shape }) => float32View(backend, dataId, sizeOf(shape)).slice(),
    place: ({ dataId }) => pointerOf(backend, dataId),
    keep: ({ dataId, shape }) => kernelsOf(backend).errors.keep(pointerOf(backend, dataId), sizeOf(shape)),
    countErrors: (exact, { dataId, shape }, { min, max }) =>
      kernelsOf(backend).errors.count(
        ...([exact as number, pointerOf(backend, dataId), sizeOf(shape), min, max] as const),
      ),
    isWhole: ({ dataId, shape, dtype }) =>
      dtype !== 'float32' || areWhole(float32View(backend, dataId, sizeOf(shape))),
    roundInPlace(info, rounding, offset) {
      round(info.dataId, info.dataId, sizeOf(info.shape), rounding, offset);
      return info;
    },
    roundedCopy({ dataId, shape }, rounding, offset) {
      const size = sizeOf(shape);
      const copy = backend.makeOutput(shape, 'float32').dataId;
      round(dataId, copy, size, rounding, offset);
      if (!sameBits(float32View(backend, dataId, size), float32View(backend, copy, size))) return copy;
      backend.disposeData(copy);
      return null;
    },
  };
}

function cpuAccess(backend: CpuBackend): TensorAccess {
  return {
    values: ({ dataId }) => Float32Array.from(backend.data.get(dataId).values),
    ...countsOf(({ dataId }) => asFloat32(backend.data.get(dataId).values)),
    isWhole: ({ dataId }) => areWhole(backend.data.get(dataId).values),
    roundInPlace(info, rounding, offset) {
      const data = backend.data.get(info.dataId);
      const values = asFloat32(data.values);
      // Kernels may return a view of an operand, which is not ours to write to.
      const rounded = new Float32Array(values.length);
      roundArray(values, rounded, rounding.grid.format, optionsAt(rounding, offset));
      data.values = rounded;
      return info;
    },
    roundedCopy({ dataId, shape }, rounding, offset) {
      const original = asFloat32(backend.data.get(dataId).values);
      const copy = new Float32Array(original.length);
      roundArray(original, copy, rounding.grid.format, optionsAt(rounding, offset));
      return sameBits(original, copy) ? null : backend.write(copy, shape, 'float32');
    },
  };
}

function genericAccess(backend: Backend): TensorAccess {
  const rounded = (dataId: DataId, rounding: RoleRounding, offset: number): [Float32Array, Float32Array] => {
    const original = asFloat32(backend.readSync(dataId) as Float32Array | Int32Array);
    const copy = new Float32Array(original.length);
    roundArray(original, copy, rounding.grid.format, optionsAt(rounding, offset));
    return [original, copy];
  };
  return {
    values: ({ dataId }) => Float32Array.from(backend.readSync(dataId) as Float32Array),
    ...countsOf(({ dataId }) => asFloat32(backend.readSync(dataId))),
    isWhole: ({ dataId }) => areWhole(backend.readSync(dataId) as Float32Array),
    roundInPlace(info, rounding, offset) {
      const { dataId, shape, dtype } = info;
      const [, copy] = rounded(dataId, rounding, offset);
      // tfjs-node's kernels return tensors that the engine counts already.
      if ('dispose' in info) (info as Tensor).dispose();
      else backend.disposeData(dataId);
      return { dataId: backend.write(copy, shape, 'float32'), shape, dtype };
    },
    roundedCopy({ dataId, shape }, rounding, offset) {
      const [original, copy] = rounded(dataId, rounding, offset);
      return sameBits(original, copy) ? null : backend.write(copy, shape, 'float32');
    },
  };
}

/** The access for a backend. */
export function accessTo(name: string, backend: Backend): TensorAccess {
  if (name === 'wasm' && isWasmBackend(backend)) return wasmAccess(backend);
  return name === 'cpu' ? cpuAccess(backend as CpuBackend) : genericAccess(backend);
}
