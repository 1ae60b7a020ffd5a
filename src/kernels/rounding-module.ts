/** The module of rounding, encoding, decoding and random bits. */
import bytes from './generated/rounding.ts';
import { type KernelModule, kernelModule, type PieceExports } from './module.ts';

/** The exports of `assembly/rounding/index.ts`. Pointers are byte offsets. */
interface RoundingModuleExports extends PieceExports {
  randomIntegers(
    destination: number,
    count: number,
    bits: number,
    block: bigint,
    stream: bigint,
    seed: bigint,
  ): void;
}

export const roundingModule: KernelModule<RoundingModuleExports> = kernelModule(bytes);
