/** The memory that a quantiser's runner needs beside the elements. */
import { parameterBytes } from '../generated/layout-quantizers.ts';
import type { Heap } from '../heap.ts';
import type { Extent } from './quantizer-pieces.ts';

const groupBytes = ({ groups }: Extent): number => 16 * Math.ceil(groups / 4 + 1);

function scratchBytes(extent: Extent): number {
  return parameterBytes + 19 * groupBytes(extent) + 16 * extent.length;
}

/** The scratch memory of a runner, and views of what is written and read there. Allocated when it is made. */
export class Scratch {
  readonly parameters: number;
  /** Four binary64 sums for each group at hand, 0 between two uses, and a binary64 number for each: a mean, or the least error. */
  readonly sums: number;
  readonly means: number;
  /** A number for each group at hand. */
  readonly statistics: number;
  readonly into: number;
  readonly out: number;
  readonly ones: number;
  /** What a search is for, and what it finds. */
  readonly magnitudes: number;
  readonly best: number;
  /** A number for each column. */
  readonly maxima: number;
  readonly wideInto: number;
  readonly wideOut: number;
  /** Elements on their way. */
  readonly work: number;
  readonly units: number;
  /** Binary64 numbers for each group at hand, and elements on their way, which take the place of what is there else. */
  readonly factorsIn: number;
  readonly factorsOut: number;
  /** Groups that run over rows, one after the other, and the values of a search. */
  readonly gathered: number;
  readonly images: number;
  readonly extent: Extent;
  private readonly heap: Heap;
  private made: ScratchViews | undefined;

  constructor(heap: Heap, extent: Extent) {
    const bytes = scratchBytes(extent);
    const start = heap.allocate(bytes);
    const first = start + parameterBytes;
    const each = groupBytes(extent);
    this.heap = heap;
    this.extent = extent;
    this.parameters = start;
    this.statistics = first;
    this.into = first + each;
    this.out = first + 2 * each;
    this.ones = first + 3 * each;
    this.maxima = first + 4 * each;
    this.wideInto = first + 5 * each;
    this.wideOut = first + 6 * each;
    this.factorsIn = this.ones;
    this.factorsOut = this.wideInto;
    this.magnitudes = first + 7 * each;
    this.best = first + 8 * each;
    this.means = first + 9 * each;
    this.sums = first + 11 * each;
    this.work = first + 19 * each;
    this.units = this.work + 4 * extent.length;
    this.gathered = this.work + 8 * extent.length;
    this.images = this.work + 12 * extent.length;
    new Uint8Array(heap.memory.buffer, start, bytes).fill(0);
  }

  /** Valid as long as the memory does not grow. */
  views(): ScratchViews {
    const { buffer } = this.heap.memory;
    if (this.made?.buffer !== buffer) {
      const numbers = (at: number): Float32Array => new Float32Array(buffer, at, this.extent.groups);
      this.made = {
        buffer,
        constants: new Float32Array(buffer, this.parameters, parameterBytes / 4),
        statistics: numbers(this.statistics),
        into: numbers(this.into),
        out: numbers(this.out),
        ones: numbers(this.ones),
      };
    }
    return this.made;
  }

  free(): void {
    this.heap.free(this.parameters);
  }
}

interface ScratchViews {
  readonly buffer: ArrayBufferLike;
  readonly constants: Float32Array;
  readonly statistics: Float32Array;
  readonly into: Float32Array;
  readonly out: Float32Array;
  readonly ones: Float32Array;
}
