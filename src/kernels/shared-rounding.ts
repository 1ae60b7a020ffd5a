/** Roundings in the shared memory, divided among threads. */
import type { ResolvedRounding } from '../rounding/index.ts';
import type { Rounder } from './rounder.ts';
import { roundingRoomBytes, writeRounding } from './rounding-job.ts';
import { roundingModule } from './rounding-module.ts';
import type { RoundingPath, RoundingPlan } from './rounding-plan.ts';
import { commonPiece, divideCommon } from './thread-division.ts';
import type { ThreadPool } from './thread-pool.ts';
import { threadsForElements } from './thread-rule.ts';

/** Paths as fast as a copy, unless they draw random integers. */
const quickPaths: readonly RoundingPath[] = ['quick', 'pattern', 'general'];

/** Whether a rounding is as fast as a copy. */
export function isQuick({ readsRandom, path }: RoundingPlan): boolean {
  return !readsRandom && quickPaths.includes(path);
}

/** How many of `threads` to use: workers see neither supplied random integers nor the scalar reference, which some kernels leave elements to. */
export function usefulThreads(
  threads: number,
  plan: RoundingPlan,
  { random }: ResolvedRounding,
  length: number,
  isShared: boolean,
): number {
  if (plan.deferred !== undefined || (plan.readsRandom && random !== undefined)) return 1;
  return threadsForElements(threads, length, isQuick(plan), isShared);
}

/** `round` of a rounder on the shared heap, by up to so many threads. */
export function roundOnSharedHeap(own: Rounder, pool: ThreadPool, threads: number): Rounder['round'] {
  return (plan, source, destination, length, options, start): void => {
    const team = usefulThreads(threads, plan, options, length, true);
    if (team === 1) {
      own.round(plan, source, destination, length, options, start);
      return;
    }
    own.prepare(plan);
    const place = { source, destination, start };
    divideCommon(pool, team, {
      ...{ module: roundingModule, length, piece: commonPiece },
      blockOf: (slot) => writeRounding(pool.heap, slot.room(roundingRoomBytes), plan, place, options),
      ownPiece(from, to): number {
        const offset = from << plan.elementShift;
        own.round(plan, source + offset, destination + offset, to - from, options, start + from);
        return -1;
      },
    });
  };
}
