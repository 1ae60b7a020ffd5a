import { defineConfig } from 'vitest/config';

const shared = {
  setupFiles: ['test/setup.ts'],
  testTimeout: 120_000,
  // TensorFlow.js and browsers start in hooks.
  hookTimeout: 120_000,
};

/** Files of arithmetic that look at memory, replace modules or threads. */
const alone = ['test/property/hostile-*.test.ts', 'test/unit/{cli-files,kernels-*,array-kinds}.test.ts'];

export default defineConfig({
  test: {
    // One more than the cores of small machines: tests of queues, programs and browsers wait for them half of their time.
    maxWorkers: 3,
    projects: [
      // Functions of their arguments: loading the modules anew for each file would take a fifth of the time.
      {
        test: {
          ...shared,
          name: 'arithmetic',
          include: ['test/{unit,property,golden}/**/*.test.ts'],
          exclude: alone,
          isolate: false,
        },
      },
      // Backends are registered, programs and browsers are started, memory is looked at: each file begins afresh.
      {
        test: { ...shared, name: 'programs', include: ['test/{integration,browser}/**/*.test.ts', ...alone] },
      },
    ],
  },
});
