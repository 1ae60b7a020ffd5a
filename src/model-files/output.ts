/** Where a quantised model goes, tensor by tensor. */

import type { Stored } from './matrix-layout.ts';
import type { StoredTensor } from './model-file.ts';
import type { QuantizedPart } from './quantize-tensor.ts';

/** What a method after training made of a tensor: its values, and what is stored of it. */
export interface WholeMatrix {
  readonly values: Float32Array;
  readonly stored: Stored;
}

export interface ModelOutput {
  /** The order in which tensors are to come. */
  readonly order: readonly StoredTensor[];
  /** A part of a tensor that is quantised; parts come in order. */
  write(tensor: StoredTensor, part: QuantizedPart | WholeMatrix): void | Promise<void>;
  /** The parts of a tensor have all come. */
  end(tensor: StoredTensor): void | Promise<void>;
  /** A tensor that stays as it is. */
  keep(tensor: StoredTensor): void | Promise<void>;
  /** Gives the files their names. */
  commit(): void | Promise<void>;
  /** Leaves what was there. */
  discard(): void;
}
