/** Arrays on a heap, as products take them, and what their sums begin with. */

/** An array on the heap: its pointer and log2 of the bytes of an element. */
export interface HeapArray {
  readonly pointer: number;
  readonly shift: 2 | 3;
}

/** What sums begin with: matrices like the result, `stride` elements apart (0: one for all). */
export interface HeapAddend extends HeapArray {
  readonly stride: number;
}

/** `length` elements from element `first` on. */
function viewOf(
  { buffer }: WebAssembly.Memory,
  { pointer, shift }: HeapArray,
  first: number,
  length: number,
): Float32Array | Float64Array {
  const from = pointer + first * 2 ** shift;
  return shift === 2 ? new Float32Array(buffer, from, length) : new Float64Array(buffer, from, length);
}

/**
 * Puts the addend where the sums of a batch begin, `each` elements for each product.
 *
 * @param second Where the second parts of sums in two numbers are; 0 if they are kept in one.
 * @param split A number beside which nothing below the cut of the two parts remains.
 */
export function beginSums(
  memory: WebAssembly.Memory,
  addend: HeapAddend,
  sums: HeapArray,
  second: number,
  each: number,
  batch: number,
  split: number,
): void {
  for (let item = 0; item < batch; item++) {
    const from = viewOf(memory, addend, item * addend.stride, each);
    const to = viewOf(memory, sums, item * each, each);
    if (second === 0) {
      to.set(from);
      continue;
    }
    const rest = viewOf(memory, { ...sums, pointer: second }, item * each, each);
    for (let i = 0; i < each; i++) {
      const high = from[i]! + split - split;
      to[i] = high;
      rest[i] = from[i]! - high;
    }
  }
}
