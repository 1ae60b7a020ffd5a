/** Where a quantised model goes, tensor by tensor. */
import type { StoredTensor } from './model-file.ts';
import type { QuantizedPart } from './quantize-tensor.ts';

export interface ModelOutput {
  /** The order in which tensors are to come. */
  readonly order: readonly StoredTensor[];
  /** A part of a tensor that is quantised; parts come in order. */
  write(tensor: StoredTensor, part: Pick<QuantizedPart, 'values'>): void | Promise<void>;
  /** The parts of a tensor have all come. */
  end(tensor: StoredTensor): void | Promise<void>;
  /** A tensor that stays as it is. */
  keep(tensor: StoredTensor): void | Promise<void>;
  /** Gives the files their names. */
  commit(): void | Promise<void>;
  /** Leaves what was there. */
  discard(): void;
}
