/** The module of rounding, encoding, decoding and random bits. */
import bytes from './generated/rounding.ts';
import { type KernelModule, kernelModule, type PieceExports } from './module.ts';

/** The exports of `assembly/rounding/index.ts`. Pointers are byte offsets; booleans are 0 or 1. */
export interface RoundingModuleExports extends PieceExports {
  randomIntegers(
    destination: number,
    count: number,
    bits: number,
    block: bigint,
    stream: bigint,
    seed: bigint,
  ): void;
  encode(
    kernel: number,
    codeShift: number,
    source: number,
    destination: number,
    count: number,
    parameters: number,
  ): void;
  decode(
    kernel: number,
    codeShift: number,
    source: number,
    destination: number,
    count: number,
    parameters: number,
  ): void;
  hasNaN(elementShift: number, source: number, bytes: number): number;
  codeBits(source: number, bytes: number, codeShift: number): bigint;
}

export const roundingModule: KernelModule<RoundingModuleExports> = kernelModule(bytes);
