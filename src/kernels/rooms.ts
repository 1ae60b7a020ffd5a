/** Memory on a heap that is kept from call to call: stretches that grow, and places where plans are written down once. */
import type { Heap } from './heap.ts';
import { tableRemovals } from './tables.ts';

/** Bytes on a heap, as many as have been wanted. */
export interface GrowingRoom {
  /** Pointer of so many bytes; it holds until more are wanted. */
  of(bytes: number): number;
  /** The room may be used again. */
  release(): void;
}

export function growingRoom(heap: Heap): GrowingRoom {
  let room: { readonly pointer: number; readonly bytes: number } | undefined;
  function release(): void {
    if (room !== undefined) heap.free(room.pointer);
    room = undefined;
  }
  return {
    of(bytes): number {
      if (room === undefined || room.bytes < bytes) {
        release();
        room = { pointer: heap.allocate(bytes), bytes };
      }
      return room.pointer;
    },
    release,
  };
}

/** A place for the constants of a plan and the pointers of its tables. */
interface PlanRoom<Plan> {
  /** Pointer of the room, with the plan in it. */
  of(plan: Plan): number;
  release(): void;
}

/** @param write Writes a plan to a room; it is not called again while the same plan is wanted and its tables are there. */
export function planRoom<Plan>(
  heap: Heap,
  bytes: number,
  write: (heap: Heap, room: number, plan: Plan) => void,
): PlanRoom<Plan> {
  let room: number | undefined;
  let written: Plan | undefined;
  let removals = 0;
  return {
    of(plan): number {
      room ??= heap.allocate(bytes);
      // Tables may have made way for others.
      if (written !== plan || removals !== tableRemovals()) write(heap, room, plan);
      written = plan;
      removals = tableRemovals();
      return room;
    },
    release(): void {
      if (room !== undefined) heap.free(room);
      room = undefined;
      written = undefined;
    },
  };
}
