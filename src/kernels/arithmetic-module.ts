/** The module of correctly rounded operations on arrays. */
import base64 from './generated/arithmetic.ts';
import { type KernelModule, kernelModule } from './module.ts';

/** The exports of `assembly/arithmetic/index.ts`. Pointers are byte offsets. */
export interface ArithmeticModuleExports {
  /** Elements `start` to `start + count` of what the block describes; -1, or an index not above that of a number that is none. */
  piece(block: number, start: number, count: number): number;
  /** The first element of a chunk with such a number, or -1. */
  findStranger(x: number, elementShift: number, count: number, scratch: number, block: number): number;
  /** Binary64 numbers as binary32 ones. */
  narrowed(from: number, to: number, count: number): void;
}

export const arithmeticModule: KernelModule<ArithmeticModuleExports> = kernelModule(base64);
