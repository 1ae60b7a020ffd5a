/**
 * The throughput benchmarks: `npm run bench`. They time the built package in `dist`.
 *
 * node bench/run.js [--only rounding,arithmetic,families,codec,threads,matmul,products,quantizers,transforms,training,sweep,memory,tfjs] [--seconds 0.3] [--largest 1024] [--json]
 */
import { parseArgs } from 'node:util';
import { benchArithmetic } from './arithmetic.js';
import { benchCodec } from './codec.js';
import { benchFamilies } from './families.js';
import { benchMatmul } from './matmul.js';
import { benchMemory } from './memory.js';
import { benchProducts } from './products.js';
import { benchQuantizers } from './quantizers.js';
import {
  arithmeticTable,
  codecTable,
  familiesTable,
  matmulTable,
  memoryTable,
  productsTable,
  quantizersTable,
  roundingTable,
  sweepTable,
  targets,
  targetsTable,
  tfjsTable,
  threadsTable,
  trainingTable,
  transformsTable,
} from './report.js';
import { benchRounding } from './rounding.js';
import { benchSweep } from './sweep.js';
import { benchTfjs } from './tfjs.js';
import { benchThreads } from './threads.js';
import { benchTraining } from './training.js';
import { benchTransforms } from './transforms.js';

const suites = {
  rounding: benchRounding,
  arithmetic: benchArithmetic,
  families: benchFamilies,
  codec: benchCodec,
  threads: benchThreads,
  matmul: benchMatmul,
  products: benchProducts,
  quantizers: benchQuantizers,
  transforms: benchTransforms,
  training: benchTraining,
  sweep: benchSweep,
  memory: benchMemory,
  tfjs: benchTfjs,
};
const tables = {
  rounding: roundingTable,
  arithmetic: arithmeticTable,
  families: familiesTable,
  codec: codecTable,
  threads: threadsTable,
  matmul: matmulTable,
  products: productsTable,
  quantizers: quantizersTable,
  transforms: transformsTable,
  training: trainingTable,
  sweep: sweepTable,
  memory: memoryTable,
  tfjs: tfjsTable,
};

const { values } = parseArgs({
  options: {
    only: { type: 'string', default: Object.keys(suites).join(',') },
    seconds: { type: 'string', default: '0.3' },
    largest: { type: 'string', default: '1024' },
    json: { type: 'boolean', default: false },
  },
});
const seconds = Number(values.seconds);
const chosen = values.only.split(',');
const unknown = chosen.find((name) => !Object.hasOwn(suites, name));
if (unknown !== undefined || !(seconds > 0)) {
  console.error(`accepted: --only ${Object.keys(suites).join(',')} (any of them), --seconds above 0`);
  process.exit(2);
}

/** One line of progress on a terminal, nothing elsewhere. */
function report(/** @type {string} */ line) {
  if (process.stderr.isTTY) process.stderr.write(`\r\x1b[K${line}`);
}

/** @type {Record<string, any[]>} */
const results = {};
for (const name of chosen) {
  results[name] = await suites[/** @type {keyof typeof suites} */ (name)]({
    seconds,
    report,
    largest: Number(values.largest),
  });
  report('');
  if (!values.json) console.log(tables[/** @type {keyof typeof tables} */ (name)](results[name]));
}
const judged = targets(results);
if (values.json) console.log(JSON.stringify({ node: process.version, ...results, targets: judged }, null, 2));
else if (judged.length > 0) console.log(targetsTable(judged));
