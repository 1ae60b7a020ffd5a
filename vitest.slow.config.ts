import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: [
      'test/slow/**/*.test.ts',
      // Files of the normal suite that try every case here (test/every-case.ts).
      'test/integration/{apply-recipe-property,apply-recipe-updates,cli-queue,examples,recipes-zoo}.test.ts',
      'test/property/{exhaustive-inputs,exhaustive-ties,kernels-eliminations,kernels-quantizers,kinds-oracle,linalg,quantizers-ends}.test.ts',
      'test/unit/kernels-build.test.ts',
      'test/browser/{laboratory,training}.test.ts',
    ],
    env: { HALFULP_EVERY_CASE: '1' },
    setupFiles: ['test/setup.ts'],
    testTimeout: 3_600_000,
    // TensorFlow.js and browsers start in hooks.
    hookTimeout: 120_000,
    maxWorkers: 2,
    disableConsoleIntercept: true,
  },
});
