/**
 * A small run of many steps that keeps its checkpoint in one file and goes on from there: `node --expose-gc long-day-run.js FILE STEPS`.
 * Says every thousand steps how much memory the process has, and how much of it is in use. Imports the built package.
 */
import { existsSync } from 'node:fs';
import { wasmBackend } from '../../dist/tfjs/index.js';
import { readCheckpoint, writeCheckpoint } from '../../dist/train/files.js';
import { labelledData, recipes, train } from '../../dist/train/index.js';

const [file, steps] = process.argv.slice(2);
const inputs = Array.from({ length: 240 }, (_, i) => Math.sin(i * i));
const labels = Array.from({ length: 60 }, (_, i) => (i * i) % 3);
try {
  await train({
    ...{ tf: await wasmBackend(), steps: Number(steps), seed: 1, data: labelledData(inputs, labels) },
    model: { kind: 'mlp', name: 'small', hidden: [8], samples: 4, learningRate: 1e-3 },
    recipe: recipes.bitnetTransition({ at: 0.4 }),
    evaluateEvery: 5000,
    checkpointEvery: 500,
    ...(existsSync(file) ? { resume: readCheckpoint(file) } : {}),
    onCheckpoint: (checkpoint) => writeCheckpoint(file, checkpoint),
    onStep({ step }) {
      if (step % 1000 !== 0) return;
      const resident = process.memoryUsage.rss();
      // What garbage there is, and what of it is given back, is the collector's to decide; what is left is the run's.
      globalThis.gc();
      const { heapUsed, external } = process.memoryUsage();
      process.stdout.write(`${step} ${resident} ${heapUsed + external}\n`);
    },
  });
} catch (error) {
  process.stderr.write(`${error.message}\n`);
  process.exit(1);
}
