/** When threads pay: the one place that says from how much work on. */

/** Elements from which on threads gain: fewer are done before a worker wakes. */
const leastSlow = 65536;
/** Of work at the pace of a copy. Ordinary arrays are copied by the calling thread, so that there it never gains. */
const leastQuick = 524288;
/** Multiplications of matrix products. */
const leastMultiplications = 2 ** 21;

/**
 * How many of `threads` to use for element-wise work.
 * @param isQuick Whether one thread does it at the pace of memory.
 * @param isShared Whether the arrays lie in the shared memory.
 */
export function threadsForElements(
  threads: number,
  length: number,
  isQuick: boolean,
  isShared: boolean,
): number {
  const gains = isQuick ? isShared && length >= leastQuick : length >= leastSlow;
  return gains ? threads : 1;
}

/** How many of `threads` to use for a matrix product. */
export function threadsForProducts(threads: number, multiplications: number): number {
  return multiplications >= leastMultiplications ? threads : 1;
}
