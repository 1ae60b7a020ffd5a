/** Worker threads: the same bits for any number of them, and honest failure where they cannot be had or die. */
import { Worker } from 'node:worker_threads';
import { afterAll, describe, expect, it, vi } from 'vitest';
import { ArgumentError } from '../../src/errors.ts';
import { formats } from '../../src/formats/index.ts';
import {
  allocateFloat32,
  allocateFloat64,
  isInSharedHeap,
  release,
  sharedHeap,
} from '../../src/kernels/heap.ts';
import { rounderOn } from '../../src/kernels/rounder.ts';
import { roundingRoomBytes, writeRounding } from '../../src/kernels/rounding-job.ts';
import { roundingModule } from '../../src/kernels/rounding-module.ts';
import { planRounding } from '../../src/kernels/rounding-planner.ts';
import { commonPiece, divideCommon } from '../../src/kernels/thread-division.ts';
import { createThreadPool, type ThreadPool } from '../../src/kernels/thread-pool.ts';
import { type Spawn, spawnThread, threadOf } from '../../src/kernels/thread-spawn.ts';
import { layout, type WorkerData } from '../../src/kernels/thread-worker.ts';
import { startThreads, stopThreads } from '../../src/kernels/threads.ts';
import { type RealArray, round } from '../../src/operations/index.ts';
import { type RoundOptions, resolveRounding } from '../../src/rounding/index.ts';
import { firstDifference } from '../kernels-compare.ts';

afterAll(stopThreads);

/** Enough for threads whatever the rounding, and an end that fills neither a piece nor a vector. */
const length = 525_007;

/** Bit patterns at random for a quarter, so NaNs, infinities and subnormals too; numbers near 1 for the rest. */
function fill<A extends RealArray>(x: A): A {
  let state = 12345;
  const pattern = new Uint32Array(2);
  const asFloat =
    x instanceof Float32Array ? new Float32Array(pattern.buffer) : new Float64Array(pattern.buffer);
  for (let i = 0; i < x.length; i++) {
    for (const j of [0, 1]) {
      state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
      pattern[j] = state;
    }
    x[i] = i % 4 === 0 ? asFloat[0]! : (state / 2 ** 31 - 1) * 2 ** ((i % 21) - 10);
  }
  return x;
}

const ordinary32 = fill(new Float32Array(length));
const ordinary64 = fill(new Float64Array(length));
const heap32 = allocateFloat32(length);
const heap64 = allocateFloat64(length);
heap32.set(ordinary32);
heap64.set(ordinary64);

const stochastic = { rounding: 'stochastic', seed: 2n ** 60n + 3n, stream: 2 ** 40 + 1 } as const;
const cases: [string, RoundOptions][] = [
  ['binary16', {}],
  ['bfloat16', { rounding: 'toward-negative' }],
  ['e4m3fn', { rounding: 'to-odd', saturation: 'finite' }],
  ['e5m2', { rounding: 'nearest-away', subnormals: 'flush' }],
  ['int8', { rounding: 'stochastic-equal', seed: 9, offset: 5 }],
  ['binary16', { ...stochastic, offset: 2 ** 40 + 7 }],
  ['bfloat16', { ...stochastic, randomBits: 5, offset: 3 }],
  ['e4m3fn', { ...stochastic, randomBits: 13, offset: 1, variant: 'B' }],
  ['e2m1', { ...stochastic, randomBits: 5, offset: 16, variant: 'C', saturation: 'finite' }],
  ['dlfloat16', { rounding: 'toward-zero' }],
  ['nf4', {}],
  ['dynamic8', { ...stochastic, randomBits: 13 }],
  ['posit16', {}],
  ['posit(16,1)', { ...stochastic, offset: 5 }],
];

describe.each(cases)('%s %o', (format, options) => {
  it.each([
    ['ordinary', 'Float32Array', ordinary32],
    ['ordinary', 'Float64Array', ordinary64],
    ['heap-resident', 'Float32Array', heap32],
    ['heap-resident', 'Float64Array', heap64],
  ])('gives the bits of one thread: %s %s', (_place, _kind, x) => {
    const expected = round<RealArray>(x, format, options);
    const isShared = isInSharedHeap(x);
    for (const threads of [2, 3, 5]) {
      const make = x instanceof Float32Array ? allocateFloat32 : allocateFloat64;
      const out = isShared ? make(length) : x.slice();
      expect(round<RealArray>(x, format, { ...options, threads, out })).toBe(out);
      expect(firstDifference(out, expected, x)).toBeUndefined();
      out.set(x);
      round<RealArray>(out, format, { ...options, threads, out });
      expect(firstDifference(out, expected, x)).toBeUndefined();
      if (isShared) release(out);
    }
  });
});

describe('threads', () => {
  it('do not change what a view, an overlap or supplied random integers give', () => {
    const options = { ...stochastic, randomBits: 13, threads: 3 };
    const view = heap32.subarray(3, length - 5);
    const one = round(view.slice(), 'e4m3fn', { ...options, threads: 1 });
    expect(firstDifference(round(view, 'e4m3fn', { ...options }), one, view)).toBeUndefined();
    const moved = allocateFloat32(length);
    moved.set(heap32);
    round(moved.subarray(3, length - 5), 'e4m3fn', { ...options, out: moved.subarray(0, length - 8) });
    expect(firstDifference(moved.subarray(0, length - 8), one, view)).toBeUndefined();
    release(moved);
    const random = Uint32Array.from(view, (_, i) => Math.imul(i, 2654435761) >>> 19);
    const supplied = round(view, 'e4m3fn', { ...options, random, threads: 1 });
    expect(firstDifference(round(view, 'e4m3fn', { ...options, random }), supplied, view)).toBeUndefined();
  });

  it('do the work once they are up', async () => {
    await startThreads(3);
    const expected = round(ordinary32, 'e4m3fn', stochastic);
    for (let i = 0; i < 20; i++) {
      for (const x of [ordinary32, heap32]) {
        const given = round(x, 'e4m3fn', { ...stochastic, threads: 3 });
        expect(firstDifference(given, expected, x)).toBeUndefined();
      }
    }
  });

  it('start again after stopThreads, whether or not it is awaited', async () => {
    const expected = round(ordinary32, 'binary16', stochastic);
    const stopped = stopThreads();
    const given = round(ordinary32, 'binary16', { ...stochastic, threads: 2 });
    expect(firstDifference(given, expected, ordinary32)).toBeUndefined();
    await stopped;
    await stopThreads();
    await stopThreads();
    await startThreads(2);
    const again = round(ordinary32, 'binary16', { ...stochastic, threads: 2 });
    expect(firstDifference(again, expected, ordinary32)).toBeUndefined();
  });

  it.each([0, 65, 1.5, -1, Number.NaN, '2', null])('are refused when they are %s', async (threads) => {
    const out = new Float32Array(3).fill(7);
    const options = { out, threads: threads as number };
    expect(() => round(new Float32Array(3), 'e4m3fn', options)).toThrow(
      /^threads: got .*; accepted: an integer from 1 to 64$/,
    );
    expect(out).toEqual(new Float32Array([7, 7, 7]));
    await expect(startThreads(threads as number)).rejects.toThrow(/^n: got .*an integer from 1 to 64$/);
  });

  it('are refused where memory cannot be shared', async () => {
    vi.stubGlobal('SharedArrayBuffer', undefined);
    try {
      const x = new Float32Array(3);
      expect(() => round(x, 'e4m3fn', { threads: 2 })).toThrow(/^threads: got 2; .*cross-origin isolated/);
      await expect(startThreads(2)).rejects.toThrow(ArgumentError);
      expect(round(x, 'e4m3fn', { threads: 1 })).toEqual(x);
    } finally {
      vi.unstubAllGlobals();
    }
  });

  it('are refused where they cannot start while the caller blocks, and have not been started', async () => {
    await stopThreads();
    vi.stubGlobal('process', undefined);
    try {
      expect(() => round(new Float32Array(3), 'e4m3fn', { threads: 2 })).toThrow(
        "threads: got 2; accepted: 1 to 1, or more after 'await startThreads(n)'",
      );
    } finally {
      vi.unstubAllGlobals();
    }
  });
});

describe('a pool', () => {
  const format = formats.e4m3fn;
  const options = resolveRounding(format, stochastic);
  const plan = planRounding('float32', format, options)!;
  const expected = round(heap32, format, stochastic);
  const out = allocateFloat32(length);
  const caller = rounderOn(sharedHeap());

  function roundPiece(from: number, to: number): void {
    const [source, destination] = [heap32.byteOffset + 4 * from, out.byteOffset + 4 * from];
    caller.round(plan, source, destination, to - from, options, from);
  }

  /** Waits, blocking, for what another thread does. */
  function spinUntil(isTrue: () => boolean): void {
    const deadline = performance.now() + 20_000;
    while (!isTrue()) if (performance.now() > deadline) throw new Error('waited in vain');
  }

  /** A thread that runs `script`, with its `data` and a function `ready`, in place of the real one. */
  function spawnScript(script: string): Spawn {
    const head = `const { parentPort, workerData: data } = require('node:worker_threads');
      const ready = () => parentPort.postMessage('ready');`;
    return (workerData) => threadOf(new Worker(head + script, { eval: true, workerData }));
  }

  /** Takes a job and leaves it. */
  const takeJob = `ready();
    const state = data.first + data.layout.state;
    while (Atomics.compareExchange(data.words, state, 1, 2) !== 1) Atomics.wait(data.words, state, 0);`;

  /** A pool whose first thread is one of `spawn` and whose later ones are real, and work for it. */
  function poolOf(spawn: Spawn): { pool: ThreadPool; run(blockUntil: () => boolean): void; state(): number } {
    let first: WorkerData | undefined;
    const pool = createThreadPool(
      sharedHeap(),
      (data) => {
        if (first !== undefined) return spawnThread(data);
        first = data;
        return spawn(data);
      },
      200,
    );
    return {
      pool,
      state: () => Atomics.load(first!.words, first!.first + layout.state),
      run(blockUntil): void {
        let isFirst = true;
        const place = { source: heap32.byteOffset, destination: out.byteOffset, start: 0 };
        out.fill(7);
        divideCommon(pool, 2, {
          ...{ module: roundingModule, length, piece: commonPiece },
          blockOf: (slot) => writeRounding(sharedHeap(), slot.room(roundingRoomBytes), plan, place, options),
          ownPiece(from, to): number {
            if (isFirst) spinUntil(blockUntil);
            isFirst = false;
            roundPiece(from, to);
            return -1;
          },
        });
      },
    };
  }

  it('lets a worker do everything while the caller is busy', async () => {
    const { pool, run } = poolOf(spawnThread);
    run(() => Object.is(out[length - 1], expected[length - 1]));
    expect(firstDifference(out, expected, heap32)).toBeUndefined();
    await pool.stop();
  });

  it('does everything itself while a worker is not up', async () => {
    const { pool, run } = poolOf(spawnScript('setInterval(() => {}, 1000);'));
    run(() => true);
    expect(firstDifference(out, expected, heap32)).toBeUndefined();
    expect(pool.readyThreads()).toBe(1);
    await pool.stop();
  });

  it('gives up a worker that hangs, and works with others afterwards', async () => {
    const { pool, run, state } = poolOf(spawnScript(`${takeJob} while (true);`));
    expect(() => run(() => state() === layout.running)).toThrow(
      'a worker thread has not finished its piece within 0.2 s',
    );
    run(() => true);
    expect(firstDifference(out, expected, heap32)).toBeUndefined();
    await pool.stop();
  });

  it('says so at once when a worker fails', async () => {
    const fail =
      'Atomics.store(data.words, state, 3); Atomics.notify(data.words, state); throw new Error("x");';
    const { pool, run, state } = poolOf(spawnScript(`${takeJob} ${fail}`));
    expect(() => run(() => state() === layout.failed)).toThrow('a worker thread has failed');
    await pool.stop();
  });

  it('says so on the next call when a worker has died in between', async () => {
    const { pool, run } = poolOf(spawnScript('ready(); setTimeout(() => { throw new Error("boom"); }, 50);'));
    await pool.start(2);
    expect(pool.readyThreads()).toBe(2);
    await vi.waitFor(() => expect(() => run(() => true)).toThrow('a worker thread has ended: boom'));
    run(() => true);
    expect(firstDifference(out, expected, heap32)).toBeUndefined();
    await pool.stop();
  });

  it('says why a worker cannot start', async () => {
    const { pool } = poolOf(spawnScript('throw new Error("no room");'));
    await expect(pool.start(3)).rejects.toThrow('a worker thread could not start: no room');
    await pool.start(3);
    expect(pool.readyThreads()).toBe(3);
    await pool.stop();
    expect(pool.readyThreads()).toBe(1);
  });

  it('gives back the heap memory of its workers', async () => {
    const heap = sharedHeap();
    const { pool, run } = poolOf(spawnThread);
    const before = heap.allocate(64);
    heap.free(before);
    run(() => true);
    await pool.stop();
    const after = heap.allocate(64);
    heap.free(after);
    expect(after).toBe(before);
  });
});
