/** Tensors that a program makes of a trained variable and multiplies in its place: weights that something is folded into. */
import type { Tensor, Variable } from '@tensorflow/tfjs';
import type { DataId } from './internals.ts';

const variables = new WeakMap<DataId, Variable>();

/** Has products with the tensor be those of the variable's layer: its slots read the tensor, whose gradient goes on to the variable. */
export function foldedWeight<T extends Tensor>(tensor: T, variable: Variable): T {
  variables.set(tensor.dataId, variable);
  return tensor;
}

/** The variable that a tensor was made of; undefined: none. */
export const variableFoldedIn = (dataId: DataId): Variable | undefined => variables.get(dataId);
