/** The module of 8-bit codes for tensors that are held for a while. */
import bytes from './generated/ranges.ts';
import { type KernelModule, kernelModule } from './module.ts';

/** The exports of `assembly/ranges/index.ts`. Pointers are byte offsets. */
interface RangesModuleExports {
  extremes(source: number, runs: number, groups: number, inner: number, state: number): void;
  encode(source: number, codes: number, runs: number, groups: number, inner: number, state: number): void;
  decode(
    codes: number,
    destination: number,
    runs: number,
    groups: number,
    inner: number,
    state: number,
  ): void;
  encodeBlocks(
    source: number,
    packed: number,
    count: number,
    block: number,
    table: number,
    target: number,
    room: number,
  ): void;
  decodeBlocks(
    packed: number,
    destination: number,
    count: number,
    block: number,
    table: number,
    isFactor: number,
  ): void;
  adamBlocks(
    gradient: number,
    variable: number,
    updated: number,
    count: number,
    block: number,
    first: number,
    second: number,
    next1: number,
    next2: number,
    tables: number,
    constants: number,
    isAfter: number,
    room: number,
  ): number;
  spans(source: number, length: number, block: number, spans: number): void;
  adamExpanded(
    gradient: number,
    variable: number,
    updated: number,
    count: number,
    block: number,
    codes: number,
    tops: number,
    tables: number,
    constants: number,
    isAfter: number,
    moments: number,
  ): number;
  expand(source: number, codes: number, length: number, block: number, tops: number, tables: number): void;
}

export const rangesModule: KernelModule<RangesModuleExports> = kernelModule(bytes);
