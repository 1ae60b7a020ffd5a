/**
 * Runs of a sweep file one after the other in this process: `node plain-runs.js SWEEP COUNT`. Says the milliseconds of processor time and of
 * the clock that one takes, without the first ten. Imports its modules, `npm run build:modules`.
 */
import { readFileSync } from 'node:fs';
import { readSweep } from '../../build/cli/sweep/definition.js';
import { loadData } from '../../build/cli/training-data.js';
import { wasmBackend } from '../../build/tfjs/index.js';
import { train } from '../../build/train/index.js';

const [file, count] = process.argv.slice(2);
const {
  model,
  steps,
  evaluateEvery,
  arms,
  seeds,
  data: options,
} = readSweep(JSON.parse(readFileSync(file, 'utf8')));
const [tf, data] = [await wasmBackend(), await loadData(model, options)];
let [cpu, began, done] = [process.cpuUsage(), performance.now(), 0];
for (const seed of seeds)
  for (const { recipe } of arms) {
    if (done === Number(count)) break;
    if (done++ === 10) [cpu, began] = [process.cpuUsage(), performance.now()];
    await train({ tf, model, data, recipe, steps, evaluateEvery, seed, onCheckpoint: () => {} });
  }
const { user, system } = process.cpuUsage(cpu);
const runs = done - 10;
process.stdout.write(
  JSON.stringify({ cpu: (user + system) / 1000 / runs, wall: (performance.now() - began) / runs }),
);
