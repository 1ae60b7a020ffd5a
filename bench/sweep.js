/**
 * How much a sweep gains from a second worker process: the same four short runs, start, training and validation
 * included, with one worker and with two. The file that says what is trained is written into a temporary folder.
 */
import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { digits, judge, table } from './report.js';

const program = fileURLToPath(new URL('../build/cli/main.js', import.meta.url));
const steps = 300;

/** @param {readonly string[]} argv */
function seconds(argv) {
  const begin = performance.now();
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [program, ...argv], { stdio: ['ignore', 'ignore', 'ignore'] });
    child.on('error', reject);
    child.on('close', (code) => {
      if (code === 0) resolve((performance.now() - begin) / 1000);
      else reject(new Error(`halfulp ${argv[0]} ended with code ${code}`));
    });
  });
}

/** @param {{ report: (line: string) => void }} options */
export async function benchSweep({ report }) {
  const folder = mkdtempSync(join(tmpdir(), 'halfulp-bench-'));
  try {
    const arms = ['float32', 'bitnet'].map((name) => ({ name, recipe: { recipe: name } }));
    const file = join(folder, 'sweep.json');
    writeFileSync(
      file,
      JSON.stringify({ name: 'bench', steps, seeds: [1, 2], evaluateEvery: steps, checkpointEvery: 0, arms }),
    );
    const rows = [];
    for (const workers of [1, 2]) {
      report(`sweep with ${workers} ${workers === 1 ? 'worker' : 'workers'}`);
      const argv = ['sweep', file, '--out', join(folder, `${workers}`), '--workers', `${workers}`];
      rows.push({ workers, runs: 4, steps, seconds: await seconds(argv) });
    }
    return rows;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** @param {any[]} rows one worker, two workers */
export function sweepTable(rows) {
  return table(
    'A sweep of llama-tiny: runs from start to final validation',
    ['workers', 'runs', 'steps', 's', 'times faster'],
    rows.map((r) => [r.workers, r.runs, r.steps, ...[r.seconds, rows[0].seconds / r.seconds].map(digits)]),
  );
}

/** @param {readonly any[]} rows */
export function sweepTargets([one, two]) {
  return [
    judge('two sweep workers against one', 1.8, [{ label: '4 runs', ratio: one.seconds / two.seconds }]),
  ];
}
