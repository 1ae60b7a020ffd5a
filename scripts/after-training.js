/**
 * `node scripts/after-training.js RUN...`: what methods after training lose on trained language models, and what a choice of formats for each
 * layer gains over one format for all. Each RUN is the folder of a run of `halfulp train` in float32 on Moby-Dick, with its checkpoint.
 * Prints the tables of docs/studies/after-training.md; `--only assign` prints one of them: rank, kmeans or assign. Needs the modules
 * (`npm run build`).
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';

const built = (name) => import(new URL(`../build/${name}.js`, import.meta.url).href);
const [{ wasmBackend }, train, { readCheckpoint }, { measuredRun }, { taskOf }, { lossSum }, { oneHot }] =
  await Promise.all(
    [
      'tfjs/index',
      'train/index',
      'train/files',
      'train/measured-run',
      'train/tasks',
      'train/cross-entropy',
      'train/one-hot',
    ].map(built),
  );
const [{ namedQuantizer }, { kmeansCodebooks, lowRankError }] = await Promise.all(
  ['index', 'after/index'].map(built),
);

const given = process.argv.slice(2);
const at = given.indexOf('--only');
const tables = at < 0 ? ['rank', 'kmeans', 'assign'] : given.splice(at, 2).slice(1);
const runs = given;
if (runs.length === 0) {
  process.stderr.write('node scripts/after-training.js RUN...: folders of runs in float32 on Moby-Dick\n');
  process.exit(2);
}
const tf = await wasmBackend();
const data = await train.mobyDick();
const windows = 64;

/** A trained model, what its layers are, and its loss with other weights. */
function open(folder) {
  const { file } = JSON.parse(readFileSync(join(folder, 'checkpoint.json'), 'utf8'));
  const { recipe } = JSON.parse(readFileSync(join(folder, 'config.json'), 'utf8')).training;
  const checkpoint = readCheckpoint(join(folder, file));
  const { identity } = checkpoint.state;
  const task = taskOf(identity.model, data);
  if (task.dataHash() !== identity.data) throw new Error(`${folder} was trained on other data`);
  const model = task.createModel(tf, identity.seed, recipe.extraNorm);
  const valuesOf = (name) =>
    new Float32Array(checkpoint.arrays.get(`weights/${name}/values`).data.slice().buffer);
  const weights = new Map(model.parameters.map(({ name }) => [name, valuesOf(name)]));
  /** Of the validation part, in nats a character, with some weights replaced. */
  const loss = (replaced = new Map()) => {
    for (const one of model.parameters) model.load(one, replaced.get(one.name) ?? weights.get(one.name));
    const part = task.validation(windows);
    let sum = 0;
    for (const batch of part.batches())
      tf.tidy(() => {
        sum += lossSum(tf, model.forward(batch.inputs(tf)), oneHot(tf, batch.targets, task.outputs));
      });
    return sum / part.predictions;
  };
  const layers = train.sensitiveLayers(checkpoint);
  return { checkpoint, recipe, layers, loss };
}

const mean = (values) => values.reduce((sum, x) => sum + x, 0) / values.length;
function spread(values) {
  const centre = mean(values);
  const deviation = Math.sqrt(
    values.reduce((sum, x) => sum + (x - centre) ** 2, 0) / Math.max(values.length - 1, 1),
  );
  return `${centre.toFixed(4)} ± ${deviation.toFixed(4)}`;
}
const relative = (w, image) =>
  Math.sqrt(w.reduce((sum, x, i) => sum + (image[i] - x) ** 2, 0) / w.reduce((sum, x) => sum + x * x, 0));

/** What each way of replacing the weights of all layers loses, over the runs. */
const results = new Map();
function note(table, name, numbers) {
  const key = `${table}|${name}`;
  results.set(key, [...(results.get(key) ?? []), numbers]);
}
async function measure(table, name, { layers, loss }, base, replace) {
  if (!tables.includes(table)) return;
  const replaced = new Map();
  const [errors, bits] = [[], []];
  let size = 0;
  for (const layer of layers) {
    const done = await replace(layer);
    replaced.set(layer.name, done.values);
    errors.push(relative(layer.weights, done.values));
    bits.push(done.bits);
    size += layer.weights.length;
  }
  const excess = loss(replaced) - base;
  note(table, name, { excess, error: mean(errors), bits: bits.reduce((sum, x) => sum + x, 0) / size });
  process.stderr.write(`${table}, ${name}: ${excess.toFixed(4)}\n`);
}

const bases = [];
const uniform = ['int2/row', 'int3/row', 'int4/row', 'int8/row'];
const plain = (name) => (layer) => {
  const done = namedQuantizer(name).quantize(layer.weights, layer.shape);
  return { values: done.values, bits: 8 * done.bytes };
};
for (const folder of runs) {
  const run = open(folder);
  const base = run.loss();
  bases.push(base);
  process.stderr.write(`${folder}: ${base.toFixed(4)}\n`);
  for (const quantizer of ['int4/row', 'int3/row']) {
    await measure('rank', `${quantizer} 0`, run, base, plain(quantizer));
    for (const rank of [1, 4, 8, 16, 32])
      await measure('rank', `${quantizer} ${rank}`, run, base, ({ weights, shape }) =>
        lowRankError(weights, shape, { quantizer, rank }),
      );
  }
  await measure('kmeans', 'int3/row', run, base, plain('int3/row'));
  await measure('kmeans', 'int3/row/mse', run, base, plain('int3/row/mse'));
  for (const [name, outliers, isWeighted] of [
    ['k-means', 0, false],
    ['k-means, 0.45 % apart', 0.0045, false],
    ['k-means by squared gradients', 0, true],
    ['k-means by squared gradients, 0.45 % apart', 0.0045, true],
  ])
    await measure('kmeans', name, run, base, ({ weights, shape, curvature }) =>
      kmeansCodebooks(weights, shape, { bits: 3, outliers, ...(isWeighted && { sensitivity: curvature }) }),
    );
  for (const name of uniform) await measure('assign', `all ${name}`, run, base, plain(name));
  for (const by of !tables.includes('assign')
    ? []
    : ['weights', 'sqnr', 'gradients', 'hessian', 'eigenvalue', 'loss']) {
    const { checkpoint, recipe } = run;
    const draws = by === 'eigenvalue' ? 4 : 2;
    const measured =
      by === 'loss' || by === 'hessian' || by === 'eigenvalue'
        ? measuredRun(tf, { checkpoint, recipe, data, by, candidates: uniform, batches: 1, draws })
        : null;
    const layers = measured?.layers ?? train.sensitiveLayers(checkpoint, by);
    measured?.dispose();
    // Between those that all layers in one format have.
    for (const bits of [2.8, 3.8]) {
      const { formats } = train.assignFormats(layers, uniform, bits);
      await measure('assign', `${by}, ${bits} bits`, run, base, (layer) => plain(formats[layer.name])(layer));
    }
  }
}

process.stdout.write(`float32: ${spread(bases)} nats a character, ${runs.length} runs\n\n`);
for (const table of tables) {
  process.stdout.write(
    '| | bits a weight | relative error | loss above float32 |\n| --- | --- | --- | --- |\n',
  );
  for (const [key, all] of results)
    if (key.startsWith(`${table}|`))
      process.stdout.write(
        `| ${key.slice(table.length + 1)} | ${mean(all.map(({ bits }) => bits)).toFixed(2)} | ${mean(all.map(({ error }) => error)).toFixed(4)} | ${spread(all.map(({ excess }) => excess))} |\n`,
      );
  process.stdout.write('\n');
}
