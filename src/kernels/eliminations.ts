/**
 * Eliminations on matrices in the library's private memory, every operation rounded to nearest even: what factorisations do between
 * their pivots. A format is rounded in lanes of at least 2p + 2 bits, in which its products are exact and a sum or a quotient that is
 * rounded twice is what it is rounded once.
 */
import { exponentOf, powerOfTwo } from '../binary64.ts';
import type { FloatFormat, Format } from '../formats/format.ts';
import { fitsBinary32 } from '../formats/real-arrays.ts';
import { type ResolvedRounding, roundScalar } from '../rounding/index.ts';
import { eliminationsModule } from './eliminations-module.ts';
import * as layout from './generated/layout-eliminations.ts';
import { privateHeap } from './heap.ts';

/** A matrix in the memory. */
export interface PlacedMatrix {
  readonly pointer: number;
  /** Its elements: a view that is good as long as nothing else uses the library. */
  elements(): Float32Array | Float64Array;
}

/** Rows of a matrix from element `at` on, `stride` elements apart. */
export interface MatrixPart {
  readonly matrix: PlacedMatrix;
  readonly at: number;
  readonly stride: number;
}

export interface Eliminator {
  /** A copy of numbers of the format. */
  place(x: ArrayLike<number>): PlacedMatrix;
  /** c = c - a b for c of (rows, columns) and a of (rows, depth): c_ij = fl(c_ij + fl((-a_ik) b_kj)) for k = 0, 1, ... No operand overlaps c. */
  subtractProduct(
    c: MatrixPart,
    a: MatrixPart,
    b: MatrixPart,
    rows: number,
    columns: number,
    depth: number,
  ): void;
  /** x = fl(x / divisor). */
  divide(x: MatrixPart, rows: number, columns: number, divisor: number): void;
  /** Frees the copies. */
  free(): void;
}

/** Which kernel, and its constants. */
interface EliminationPlan {
  readonly kernel: number;
  readonly block: ArrayBuffer;
}

/** Lanes of so many bits with a number's exponents from `low` to `top`. */
interface Lanes {
  readonly bits: number;
  readonly low: number;
  readonly top: number;
}
const narrow: Lanes = { bits: 24, low: -149, top: 127 };
const wide: Lanes = { bits: 53, low: -1074, top: 1023 };

/** Whether products are exact in the lanes, and sums and quotients innocent. */
function fits({ bits, low, top }: Lanes, { precision, emin, emax, mantissaBits }: FloatFormat): boolean {
  const isInnocent = 2 * precision + 2 <= bits && 2 * (emin - mantissaBits) >= low;
  // Of products, too, no finite one is so large that the power of two that rounds it is none.
  return isInnocent && 2 * (emax + 2 - emin + mantissaBits) + bits - precision <= top;
}

function blockOf(lanes: Lanes, format: FloatFormat): ArrayBuffer {
  const block = new DataView(new ArrayBuffer(layout.parameterBytes));
  const isNarrow = lanes === narrow;
  const set = (slot: number, value: number): void =>
    isNarrow ? block.setFloat32(slot, value, true) : block.setFloat64(slot, value, true);
  const room = lanes.top - exponentOf(format.max);
  set(layout.floorSlot, powerOfTwo(format.emin));
  set(layout.mostSlot, format.max);
  set(layout.scaleSlot, powerOfTwo(room));
  set(layout.unscaleSlot, powerOfTwo(-room));
  set(layout.nearSlot, powerOfTwo(exponentOf(format.max) - 1));
  const shift = BigInt(lanes.bits - format.precision) << (isNarrow ? 23n : 52n);
  block.setBigInt64(layout.shiftSlot, shift, true);
  block.setBigInt64(layout.quickShiftSlot, shift + (isNarrow ? 1n << 22n : 1n << 51n), true);
  return block.buffer;
}

function planOf(format: Format, options: ResolvedRounding): EliminationPlan | undefined {
  const { rounding, saturation, subnormals } = options;
  const isPlain = rounding === 'nearest-even' && saturation === 'none' && subnormals === 'keep';
  if (format.kind !== 'float' || !isPlain) return undefined;
  const none = new ArrayBuffer(layout.parameterBytes);
  if (format.name === 'binary32') return { kernel: layout.endOwn, block: none };
  if (format.name === 'binary64') return { kernel: layout.kernelBinary64, block: none };
  const { hasZero, hasNegativeZero, hasSubnormals, min, max, mantissaBits, precision } = format;
  const isRegular = hasZero && hasNegativeZero && hasSubnormals && min === -max && mantissaBits > 0;
  if (!isRegular || !fitsBinary32(format)) return undefined;
  const lanes = fits(narrow, format) ? narrow : wide;
  if (!fits(lanes, format)) return undefined;
  const beyond = roundScalar(Infinity, format, options, 0);
  const isFull = max === (2 - 2 ** (1 - precision)) * powerOfTwo(exponentOf(max));
  if (Number.isFinite(beyond) || (beyond === Infinity && !isFull)) return undefined;
  const end = beyond === Infinity ? layout.endInfinite : layout.endExceeded;
  return { kernel: (lanes === wide ? layout.kernelWide : 0) + end, block: blockOf(lanes, format) };
}

/** What eliminates in an arithmetic; undefined where no kernel does. */
export function eliminatorOf(format: Format, options: ResolvedRounding): Eliminator | undefined {
  const plan = planOf(format, options);
  if (plan === undefined) return undefined;
  const { kernel, block } = plan;
  const heap = privateHeap();
  const kernels = eliminationsModule.on(heap.memory);
  const Numbers = kernel === layout.kernelBinary64 ? Float64Array : Float32Array;
  const bytes = Numbers.BYTES_PER_ELEMENT;
  const held: number[] = [];

  function allocate(count: number): number {
    const pointer = heap.allocate(count);
    held.push(pointer);
    return pointer;
  }

  const parameters = allocate(layout.parameterBytes);
  new Uint8Array(heap.memory.buffer, parameters, layout.parameterBytes).set(new Uint8Array(block));
  const place = ({ matrix, at }: MatrixPart): number => matrix.pointer + bytes * at;

  return {
    place(x): PlacedMatrix {
      const pointer = allocate(bytes * x.length + 16);
      const elements = (): Float32Array | Float64Array => new Numbers(heap.memory.buffer, pointer, x.length);
      elements().set(x);
      return { pointer, elements };
    },
    subtractProduct(c, a, b, rows, columns, depth): void {
      const [to, left, right] = [place(c), place(a), place(b)];
      const strides = [bytes * c.stride, bytes * a.stride, bytes * b.stride] as const;
      kernels.subtractProduct(
        ...[kernel, to, strides[0], left, strides[1], right, strides[2]],
        ...([rows, columns, depth, parameters] as const),
      );
    },
    divide(x, rows, columns, divisor): void {
      kernels.divideBy(kernel, place(x), bytes * x.stride, rows, columns, divisor, parameters);
    },
    free(): void {
      for (const pointer of held) heap.free(pointer);
    },
  };
}
