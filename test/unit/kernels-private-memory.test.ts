/** Kernels of recipes whose first call makes the private memory grow: views of it that were made before would be detached. */
import { expect, it, vi } from 'vitest';

const x = Float32Array.from({ length: 20_000 }, (_, i) => ((i * 7919) % 10007) / 5003 - 1);
const shape = [200, 100];

/** What recipes do, of modules that nobody has called yet. */
async function works() {
  vi.resetModules();
  const { privateHeap } = await import('../../src/kernels/heap.ts');
  const { quantizer } = await import('../../src/quantizers/index.ts');
  const { clampResidual, hadamard, logShift } = await import('../../src/quantizers/transforms/index.ts');
  const row = { per: 'row', from: 'absmax' } as const;
  const unscaled = { per: 'tensor', from: 'constant', value: 1 } as const;
  const stepped = quantizer({ format: 'e5m2', scale: unscaled, transform: logShift() });
  const slopes = quantizer({ format: 'e2m1', scale: row, gradient: 'dge' });
  return {
    heap: privateHeap(),
    steps: () => stepped.fakeQuantize(x),
    powers: () => logShift().forward(x, shape).values,
    quantiles: () => clampResidual().forward(x, shape).values,
    slopes: () => slopes.pullback(slopes.explain(x, shape), x).x,
    rotations: () => hadamard({ size: 32 }).forward(x, shape).values,
  };
}

it.each(['steps', 'powers', 'quantiles', 'slopes', 'rotations'] as const)('%s', async (name) => {
  for (const left of [64, 65_600, 70_016]) {
    const { heap, [name]: work } = await works();
    heap.allocate(heap.memory.buffer.byteLength - 64 - left);
    const first = work();
    expect(first).toEqual(work());
    expect(first.some((each) => each !== 0)).toBe(true);
  }
});
