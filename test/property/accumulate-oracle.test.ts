/** Sums, inner products and norms with every accumulator model against the literal simulation in exact integers. */
import { describe, it } from 'vitest';
import { checkKernels, checkSimulation, checkSupplied, floats, others } from '../accumulations.ts';

describe.each([
  ['floats', floats],
  ['other kinds', others],
])('%s', (_, pool) => {
  it('add and multiply as the simulation does', () => checkSimulation(pool, 600));

  it('take supplied random integers part after part', () => checkSupplied(pool, 200));

  it('are the same with kernels as without', () => checkKernels(pool, 200));
});
