/** When threads pay: the one place that says from how much work on. */

/** How long a unit of work takes, in the time of an element that is done at the pace of memory. */
export const paces: Readonly<Record<'memory' | 'slow' | 'elementary' | 'multiplication', number>> = {
  /** An element that one thread does at the pace of memory. Ordinary arrays are copied by the calling thread, so that there it never gains. */
  memory: 1,
  /** An element with random integers, a search, codes. */
  slow: 8,
  elementary: 16,
  multiplication: 1 / 4,
};

/** Less is done before a worker wakes: a tenth of a millisecond. */
const leastWork = 2 ** 19;

/**
 * How many of `threads` to use.
 * @param pace One of `paces`.
 * @param isShared Whether the arrays lie in the shared memory.
 */
export function usefulThreads(threads: number, units: number, pace: number, isShared: boolean): number {
  const gains = units * pace >= leastWork && (isShared || pace !== paces.memory);
  return gains ? threads : 1;
}
