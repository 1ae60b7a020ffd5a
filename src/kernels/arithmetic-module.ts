/** The module of correctly rounded operations on arrays. */
import bytes from './generated/arithmetic.ts';
import { type KernelModule, kernelModule, type PieceExports } from './module.ts';

/** The exports of `assembly/arithmetic/index.ts`. Pointers are byte offsets. */
interface ArithmeticModuleExports extends PieceExports {
  /** The first element of a chunk with such a number, or -1. */
  findNonMember(x: number, elementShift: number, count: number, scratch: number, block: number): number;
  /** Binary64 numbers as binary32 ones. */
  narrowed(from: number, to: number, count: number): void;
}

export const arithmeticModule: KernelModule<ArithmeticModuleExports> = kernelModule(bytes);
