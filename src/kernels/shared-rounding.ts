/** Roundings in the shared memory, divided among threads. */
import type { ResolvedRounding } from '../rounding/index.ts';
import type { Rounder } from './rounder.ts';
import { roundingRoomBytes, writeRounding } from './rounding-job.ts';
import { roundingModule } from './rounding-module.ts';
import type { RoundingPath, RoundingPlan } from './rounding-plan.ts';
import { commonPiece, divideCommon } from './thread-division.ts';
import type { ThreadPool } from './thread-pool.ts';
import { paces, usefulThreads } from './thread-rule.ts';

/** Paths as fast as a copy, unless they draw random integers. */
const quickPaths: readonly RoundingPath[] = ['quick', 'pattern', 'general'];

/** How long a rounding takes an element. */
export function paceOf({ readsRandom, path }: RoundingPlan): number {
  return !readsRandom && quickPaths.includes(path) ? paces.memory : paces.slow;
}

/** Whether workers can do it: they see neither supplied random integers nor the scalar reference, which some kernels leave elements to. */
export function isForWorkers({ deferred, readsRandom }: RoundingPlan, { random }: ResolvedRounding): boolean {
  return deferred === undefined && !(readsRandom && random !== undefined);
}

/** `round` of a rounder on the shared heap, by up to so many threads. */
export function roundOnSharedHeap(own: Rounder, pool: ThreadPool, threads: number): Rounder['round'] {
  return (plan, source, destination, length, options, start): void => {
    const team = isForWorkers(plan, options) ? usefulThreads(threads, length, paceOf(plan), true) : 1;
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
