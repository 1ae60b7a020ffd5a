/** Kernels of recipes whose first call makes the private memory grow: views of it that were made before would be detached. */
import { expect, it } from 'vitest';
import { privateHeap } from '../../src/kernels/heap.ts';
import { differentiable } from '../../src/quantizers/gradients/index.ts';
import { quantizer } from '../../src/quantizers/index.ts';
import { clampResidual, hadamard, logShift } from '../../src/quantizers/transforms/index.ts';

const x = Float32Array.from({ length: 20_000 }, (_, i) => Math.fround(Math.cos(i) * 2 ** (i % 7)));
const shape = [200, 100];
const rows = quantizer({ format: 'e2m1', scale: { per: 'row', from: 'absmax' } });
const stepped = quantizer({
  ...{ format: 'e5m2', scale: { per: 'tensor', from: 'constant', value: 1 } },
  transform: logShift(),
});

/** Leaves so many bytes of what the memory has by now. */
function leave(bytes: number): void {
  const heap = privateHeap();
  const parts = [2 ** 20, 2 ** 16, 2 ** 12, 64];
  // Whatever is free is taken, the largest parts first, as long as the memory does not grow; then the last one is given back.
  const room = heap.allocate(bytes);
  for (const part of parts)
    for (;;) {
      const before = heap.memory.buffer.byteLength;
      const taken = heap.allocate(part);
      if (heap.memory.buffer.byteLength === before) continue;
      heap.free(taken);
      const rest = heap.memory.buffer.byteLength - before;
      heap.allocate(rest - 64);
      break;
    }
  heap.free(room);
}

it.each([
  ['steps', () => stepped.fakeQuantize(x)],
  ['powers', () => logShift().forward(x, shape).values],
  ['quantiles', () => clampResidual().forward(x, shape).values],
  ['slopes', () => differentiable().pullback(rows.explain(x, shape), x).x],
  ['rotations', () => hadamard({ size: 32 }).forward(x, shape).values],
])('%s', (_, work) => {
  for (const bytes of [64, 65_600, 70_000]) {
    leave(bytes);
    expect(work()).toEqual(work());
  }
});
