/**
 * `node scripts/after-training.js RUN...`: what methods after training lose on trained models, and what a choice of formats for each layer gains
 * over one format for all. Each RUN is the folder of a run of `halfulp train` in float32 on the data that its model has by itself. Prints the tables
 * of docs/studies/after-training.md for the runs together, which are seeds of one model; `--only assign` prints one of them: rank, kmeans, methods or
 * assign. Needs the modules (`npm run build:modules`).
 */
const built = (name) => import(new URL(`../build/${name}.js`, import.meta.url).href);
const [{ wasmBackend }, train, { measuredRun }, { openRunModel, runCalibration, runLoss }, { readRun }] =
  await Promise.all(
    ['tfjs/index', 'train/index', 'train/measured-run', 'train/run-model', 'cli/run-source'].map(built),
  );
const [{ namedQuantizer }, after] = await Promise.all(['index', 'after/index'].map(built));
const { channelMask, kmeansCodebooks, lowRankError, searchMinifloat, secondOrder } = after;

const given = process.argv.slice(2);
const at = given.indexOf('--only');
const tables = at < 0 ? ['rank', 'kmeans', 'methods', 'assign'] : given.splice(at, 2).slice(1);
const runs = given;
if (runs.length === 0) {
  process.stderr.write('node scripts/after-training.js RUN...: folders of runs in float32\n');
  process.exit(2);
}
const tf = await wasmBackend();
/** Sequences of a text; samples are all taken. */
const windows = 64;
const calibrationWindows = 32;

/** A layer's numbers in the model's own order: of filters taps, inputs, outputs. */
function ofModel({ shape, weights }, values) {
  if (shape.length !== 3) return Float32Array.from(values);
  const [outputs, taps, inputs] = shape;
  const columns = taps * inputs;
  return Float32Array.from(weights, (_, i) => values[(i % outputs) * columns + Math.floor(i / outputs)]);
}

/** A trained model, what its layers are, and its loss with other weights. */
async function open(folder) {
  const source = await readRun(folder, {});
  const model = openRunModel(tf, source);
  const limit = model.task.hasAccuracy ? undefined : windows;
  const layers = train.sensitiveLayers(source.checkpoint).map((layer) => {
    const [outputs] = layer.shape;
    return { ...layer, matrix: [outputs, layer.weights.length / outputs] };
  });
  const asked = { windows: calibrationWindows, seed: 1 };
  const { calibration } = runCalibration(tf, source, { of: 'inputs', ...asked });
  return { source, layers, calibration, loss: (replaced) => runLoss(tf, model, replaced, limit) };
}

const mean = (values) => values.reduce((sum, x) => sum + x, 0) / values.length;
function spread(values, digits = 4) {
  const centre = mean(values);
  const deviation = Math.sqrt(
    values.reduce((sum, x) => sum + (x - centre) ** 2, 0) / Math.max(values.length - 1, 1),
  );
  return `${centre.toFixed(digits)} ± ${deviation.toFixed(digits)}`;
}
const relative = (w, image) =>
  Math.sqrt(w.reduce((sum, x, i) => sum + (image[i] - x) ** 2, 0) / w.reduce((sum, x) => sum + x * x, 0));

/** What each way of replacing the weights of all layers loses, over the runs. */
const results = new Map();
async function measure(table, name, { layers, loss }, base, replace) {
  if (!tables.includes(table)) return;
  const replaced = new Map();
  const [errors, bits] = [[], []];
  let size = 0;
  for (const layer of layers) {
    const done = await replace(layer);
    replaced.set(layer.name, ofModel(layer, done.values));
    errors.push(relative(layer.weights, done.values));
    bits.push(done.bits);
    size += layer.weights.length;
  }
  const found = await loss(replaced);
  const numbers = {
    excess: found.loss - base.loss,
    right: found.accuracy === undefined ? undefined : 100 * (found.accuracy - base.accuracy),
    error: mean(errors),
    bits: bits.reduce((sum, x) => sum + x, 0) / size,
  };
  const key = `${table}|${name}`;
  results.set(key, [...(results.get(key) ?? []), numbers]);
  process.stderr.write(`${key} ${JSON.stringify(numbers)}\n`);
}

const bases = [];
const uniform = ['int2/row', 'int3/row', 'int4/row', 'int8/row'];
const plain = (name) => (layer) => {
  const done = namedQuantizer(name).quantize(layer.weights, layer.matrix);
  return { values: done.values, bits: 8 * done.bytes };
};
for (const folder of runs) {
  const run = await open(folder);
  const base = await run.loss();
  bases.push(base);
  process.stderr.write(`${folder}: ${base.loss.toFixed(4)} ${base.accuracy ?? ''}\n`);
  const inputsOf = ({ name }) => ({ activations: run.calibration.get(name).values });
  for (const quantizer of ['int4/row', 'int3/row']) {
    await measure('rank', `${quantizer} 0`, run, base, plain(quantizer));
    for (const rank of [1, 4, 8, 16, 32])
      await measure('rank', `${quantizer} ${rank}`, run, base, ({ weights, matrix }) =>
        lowRankError(weights, matrix, { quantizer, rank: Math.min(rank, ...matrix) }),
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
    await measure('kmeans', name, run, base, ({ weights, matrix, curvature }) =>
      kmeansCodebooks(weights, matrix, { bits: 3, outliers, ...(isWeighted && { sensitivity: curvature }) }),
    );
  for (const name of ['int2/row', 'int2/row/mse', 'int3/row', 'int3/row/mse'])
    await measure('methods', `nearest, ${name}`, run, base, plain(name));
  for (const quantizer of ['int2/row/mse', 'int3/row/mse'])
    await measure('methods', `second order, ${quantizer}`, run, base, (layer) =>
      secondOrder(layer.weights, layer.matrix, { ...inputsOf(layer), quantizer }),
    );
  await measure('methods', 'mask, all inputs alike', run, base, ({ weights, matrix }) =>
    channelMask(weights, matrix),
  );
  await measure('methods', 'mask, by inputs', run, base, (layer) =>
    channelMask(layer.weights, layer.matrix, inputsOf(layer)),
  );
  for (const bits of [4, 6])
    await measure('methods', `minifloat, ${bits} bits`, run, base, ({ weights }) =>
      searchMinifloat(weights, { bits }),
    );
  for (const name of ['int4/tensor/mse', 'int6/tensor/mse'])
    await measure('methods', `nearest, ${name}`, run, base, plain(name));
  for (const name of uniform) await measure('assign', `all ${name}`, run, base, plain(name));
  for (const by of !tables.includes('assign') ? [] : ['weights', 'sqnr', 'gradients', 'hessian', 'loss']) {
    const isMeasured = by === 'loss' || by === 'hessian';
    const asked = { ...run.source, by, candidates: uniform, batches: 1, draws: 2 };
    const measured = isMeasured ? measuredRun(tf, asked) : null;
    const layers = measured?.layers ?? train.sensitiveLayers(run.source.checkpoint, by);
    measured?.dispose();
    // Between those that all layers in one format have.
    for (const bits of [2.8, 3.8]) {
      const { formats } = train.assignFormats(layers, uniform, bits);
      await measure('assign', `${by}, ${bits} bits`, run, base, (layer) => plain(formats[layer.name])(layer));
    }
  }
}

const hasAccuracy = bases[0].accuracy !== undefined;
const accuracies = bases.map(({ accuracy }) => 100 * accuracy);
process.stdout.write(
  `float32: ${spread(bases.map(({ loss }) => loss))} nats${hasAccuracy ? `, ${spread(accuracies, 2)} % right` : ''}, ${runs.length} runs\n\n`,
);
for (const table of tables) {
  const right = hasAccuracy ? ' points of accuracy |' : '';
  process.stdout.write(
    `| | bits a weight | relative error | loss above float32 |${right}\n| --- | --- | --- | --- |${right && ' --- |'}\n`,
  );
  for (const [key, all] of results)
    if (key.startsWith(`${table}|`)) {
      const figures = (field) => all.map((one) => one[field]);
      const cells = [
        ...[key.slice(table.length + 1), mean(figures('bits')).toFixed(2), mean(figures('error')).toFixed(4)],
        ...[spread(figures('excess')), ...(hasAccuracy ? [spread(figures('right'), 2)] : [])],
      ];
      process.stdout.write(`| ${cells.join(' | ')} |\n`);
    }
  process.stdout.write('\n');
}
