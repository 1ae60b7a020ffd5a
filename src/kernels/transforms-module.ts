/** The module of transforms. */
import bytes from './generated/transforms.ts';
import { type KernelModule, kernelModule } from './module.ts';

/** The exports of `assembly/transforms/index.ts`. Pointers are byte offsets, `before` and `after` those of n words. */
export interface TransformsModuleExports {
  hadamardRows(
    source: number,
    destination: number,
    blocks: number,
    n: number,
    factor: number,
    before: number,
    after: number,
  ): void;
  hadamardColumns(
    values: number,
    n: number,
    columns: number,
    factor: number,
    before: number,
    after: number,
  ): void;
}

export const transformsModule: KernelModule<TransformsModuleExports> = kernelModule(bytes);
