import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    exclude: ['test/slow/**', 'node_modules/**'],
    setupFiles: ['test/setup.ts'],
    testTimeout: 120_000,
    // TensorFlow.js and browsers start in hooks.
    hookTimeout: 120_000,
    maxWorkers: 2,
  },
});
