/**
 * The throughput benchmarks: `npm run bench`. They time the package's modules in `build`.
 *
 * node bench/run.js [--only rounding,arithmetic,elementary,families,codec,threads,matmul,products,quantizers,transforms,recipes,updates,shaped,training,sweep,memory,tfjs] [--seconds 0.3] [--largest 1024] [--json]
 */
import { parseArgs } from 'node:util';
import { arithmeticTable, arithmeticTargets, benchArithmetic } from './arithmetic.js';
import { benchCodec, codecTable } from './codec.js';
import { benchElementary, elementaryTable, elementaryTargets } from './elementary.js';
import { benchFamilies, familiesTable, familiesTargets } from './families.js';
import { benchMatmul, matmulTable, matmulTargets } from './matmul.js';
import { benchMemory, memoryTable } from './memory.js';
import { benchProducts, productsTable, productsTargets } from './products.js';
import { benchQuantizers, quantizersTable, quantizersTargets } from './quantizers.js';
import { benchRecipes, recipesTable, recipesTargets } from './recipes.js';
import { targetsTable } from './report.js';
import { benchRounding, roundingTable, roundingTargets } from './rounding.js';
import { benchShaped, shapedTable, shapedTargets } from './shaped.js';
import { benchSweep, sweepTable, sweepTargets } from './sweep.js';
import { benchTfjs, tfjsTable, tfjsTargets } from './tfjs.js';
import { benchThreads, threadsTable, threadsTargets } from './threads.js';
import { benchTraining, trainingTable, trainingTargets } from './training.js';
import { benchTransforms, transformsTable, transformsTargets } from './transforms.js';
import { benchUpdates, updatesTable, updatesTargets } from './updates.js';

/** What each measures, prints, and is to reach. */
const suites = {
  rounding: { run: benchRounding, table: roundingTable, targets: roundingTargets },
  arithmetic: { run: benchArithmetic, table: arithmeticTable, targets: arithmeticTargets },
  elementary: { run: benchElementary, table: elementaryTable, targets: elementaryTargets },
  families: { run: benchFamilies, table: familiesTable, targets: familiesTargets },
  codec: { run: benchCodec, table: codecTable },
  threads: { run: benchThreads, table: threadsTable, targets: threadsTargets },
  matmul: { run: benchMatmul, table: matmulTable, targets: matmulTargets },
  products: { run: benchProducts, table: productsTable, targets: productsTargets },
  quantizers: { run: benchQuantizers, table: quantizersTable, targets: quantizersTargets },
  transforms: { run: benchTransforms, table: transformsTable, targets: transformsTargets },
  recipes: { run: benchRecipes, table: recipesTable, targets: recipesTargets },
  updates: { run: benchUpdates, table: updatesTable, targets: updatesTargets },
  shaped: { run: benchShaped, table: shapedTable, targets: shapedTargets },
  training: { run: benchTraining, table: trainingTable, targets: trainingTargets },
  sweep: { run: benchSweep, table: sweepTable, targets: sweepTargets },
  memory: { run: benchMemory, table: memoryTable },
  tfjs: { run: benchTfjs, table: tfjsTable, targets: tfjsTargets },
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
const judged = [];
for (const name of chosen) {
  /** @type {{ run: (options: any) => any, table: (rows: any[]) => string, targets?: (rows: any[]) => any[] }} */
  const suite = suites[/** @type {keyof typeof suites} */ (name)];
  const rows = await suite.run({ seconds, report, largest: Number(values.largest) });
  report('');
  results[name] = rows;
  judged.push(...(suite.targets?.(rows) ?? []));
  if (!values.json) console.log(suite.table(rows));
}
if (values.json) console.log(JSON.stringify({ node: process.version, ...results, targets: judged }, null, 2));
else if (judged.length > 0) console.log(targetsTable(judged));
