/** The comparison of accumulator models with their simulation, on many more inputs than the normal suite has. */
import { describe, it } from 'vitest';
import { checkKernels, checkSimulation, checkSupplied, floats, others } from '../accumulations.ts';

describe.each([
  ['floats', floats],
  ['other kinds', others],
])('%s', (_, pool) => {
  it('add and multiply as the simulation does: 20 000 settings', () => checkSimulation(pool, 20_000));

  it('take supplied random integers: 10 000 settings', () => checkSupplied(pool, 10_000));

  it('are the same with kernels as without', () => checkKernels(pool, 10_000));
});
