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
  spans(source: number, length: number, block: number, spans: number): void;
  expand(source: number, codes: number, length: number, block: number, tops: number, tables: number): void;
}

export const rangesModule: KernelModule<RangesModuleExports> = kernelModule(bytes);
