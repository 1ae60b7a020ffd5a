/** The module of rounding, encoding, decoding and random bits. */
import base64 from './generated/rounding.ts';
import { type KernelModule, kernelModule } from './module.ts';

/** The exports of `assembly/rounding/index.ts`. Pointers are byte offsets; booleans are 0 or 1. */
export interface RoundingModuleExports {
  round(
    kernel: number,
    elementShift: number,
    source: number,
    destination: number,
    count: number,
    random: number,
    parameters: number,
  ): void;
  roundStochastic(
    kernel: number,
    elementShift: number,
    source: number,
    destination: number,
    count: number,
    parameters: number,
    scratch: number,
    chunk: number,
    bits: number,
    index: bigint,
    stream: bigint,
    seed: bigint,
  ): void;
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

export const roundingModule: KernelModule<RoundingModuleExports> = kernelModule(base64);
