/** The module of eliminations. */
import bytes from './generated/eliminations.ts';
import { type KernelModule, kernelModule } from './module.ts';

/** The exports of `assembly/eliminations/index.ts`. Pointers and strides are bytes. */
interface EliminationsModuleExports {
  subtractProduct(
    kernel: number,
    c: number,
    cStride: number,
    a: number,
    aStride: number,
    b: number,
    bStride: number,
    rows: number,
    columns: number,
    depth: number,
    parameters: number,
  ): void;
  divideBy(
    kernel: number,
    x: number,
    stride: number,
    rows: number,
    columns: number,
    divisor: number,
    parameters: number,
  ): void;
}

export const eliminationsModule: KernelModule<EliminationsModuleExports> = kernelModule(bytes);
