/** The module of quantisers. */
import shared from './generated/quantizers-shared.ts';
import unshared from './generated/quantizers-unshared.ts';
import { type KernelModule, kernelModule } from './module.ts';

/** The exports of `assembly/quantizers/index.ts`. Pointers are byte offsets; booleans are 0 or 1. */
export interface QuantizersModuleExports {
  fakeQuantizeRowsAbsmax(
    source: number,
    destination: number,
    rows: number,
    columns: number,
    limit: number,
    smallest: number,
  ): void;
  fakeQuantizeAbsmean(
    source: number,
    destination: number,
    length: number,
    limit: number,
    smallest: number,
  ): number;
}

export const quantizersModule: KernelModule<QuantizersModuleExports> = kernelModule(shared, unshared);
