/**
 * `node scripts/after-training.js RUN...`: what methods after training lose on trained models, and what a choice of formats for each layer gains
 * over one format for all. Each RUN is the folder of a run of `halfulp train` in float32 on the data that its model has by itself. Prints the tables
 * of docs/studies/after-training.md for the runs together, which are seeds of one model, and a line for each measurement to standard error;
 * `--log FILE` takes these lines from a file in place of runs, `--figure FILE` draws them. Needs the modules (`npm run build:modules`).
 */
import { readFileSync, writeFileSync } from 'node:fs';
import * as Plot from '@observablehq/plot';

const built = (name) => import(new URL(`../build/${name}.js`, import.meta.url).href);
const [{ wasmBackend }, train, { measuredRun }, { openRunModel, runCalibration, runLoss }, { readRun }] =
  await Promise.all(
    ['tfjs/index', 'train/index', 'train/measured-run', 'train/run-model', 'cli/run-source'].map(built),
  );
const [{ namedQuantizer }, after, { svgDocument }, { lookAt, svgColour }] = await Promise.all(
  ['index', 'after/index', 'cli/report/svg', 'experiments/looks'].map(built),
);
const { channelMask, kmeansCodebooks, lowRankError, searchMinifloat, secondOrder, withErrorTerm } = after;

const given = process.argv.slice(2);
const optionOf = (name) => {
  const at = given.indexOf(name);
  return at < 0 ? undefined : given.splice(at, 2)[1];
};
const [log, figure] = ['--log', '--figure'].map(optionOf);
const tables = ['rank', 'kmeans', 'methods', 'assign'];
const runs = given;
if (runs.length === 0 && log === undefined) {
  process.stderr.write('node scripts/after-training.js RUN...: folders of runs in float32\n');
  process.exit(2);
}
const tf = runs.length === 0 ? undefined : await wasmBackend();
/** Sequences of a text, and samples, that losses are measured on. */
const [windows, samples] = [64, 1000];
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
  const limit = model.task.hasAccuracy ? samples : windows;
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
  note(`${table}|${name}`, numbers);
}

/** One measurement. */
function note(key, numbers) {
  if (log === undefined) process.stderr.write(`${key}\t${JSON.stringify(numbers)}\n`);
  if (key.startsWith('float32')) bases.push(numbers);
  else results.set(key, [...(results.get(key) ?? []), numbers]);
}

const bases = [];
for (const line of log === undefined ? [] : readFileSync(log, 'utf8').split('\n')) {
  const [key, numbers] = line.split('\t');
  if (numbers !== undefined) note(key, JSON.parse(numbers));
}
const uniform = ['int2/row', 'int3/row', 'int4/row', 'int8/row'];
const plain = (name) => (layer) => {
  const done = namedQuantizer(name).quantize(layer.weights, layer.matrix);
  return { values: done.values, bits: 8 * done.bytes };
};
const ranks = [1, 4, 8, 16, 32];
/** Error terms of the largest rank by quantiser and layer: those of less are the first columns and rows. */
const terms = new Map();
async function ofRank({ name, weights, matrix }, quantizer, wanted) {
  const [rows, columns] = matrix;
  const [rank, most] = [wanted, ranks.at(-1)].map((one) => Math.min(one, rows, columns));
  const key = `${quantizer} ${name}`;
  if (!terms.has(key)) terms.set(key, await lowRankError(weights, matrix, { quantizer, rank: most }));
  const { u, v, quantized } = terms.get(key);
  const own = Float32Array.from(
    { length: rows * rank },
    (_, i) => u[Math.floor(i / rank) * most + (i % rank)],
  );
  const factors = { u: own, v: v.subarray(0, rank * columns) };
  return {
    values: withErrorTerm(quantized.values, factors, matrix),
    bits: 8 * quantized.bytes + 32 * rank * (rows + columns),
  };
}

for (const folder of runs) {
  terms.clear();
  const run = await open(folder);
  const base = await run.loss();
  note(`float32 ${folder}`, base);
  const inputsOf = ({ name }) => ({ activations: run.calibration.get(name).values });
  for (const quantizer of ['int4/row', 'int3/row']) {
    await measure('rank', `${quantizer} 0`, run, base, plain(quantizer));
    for (const rank of ranks)
      await measure('rank', `${quantizer} ${rank}`, run, base, (layer) => ofRank(layer, quantizer, rank));
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
  for (const by of ['weights', 'sqnr', 'gradients', 'hessian', 'loss']) {
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
  `float32: ${spread(bases.map(({ loss }) => loss))} nats${hasAccuracy ? `, ${spread(accuracies, 2)} % right` : ''}, ${bases.length} runs\n\n`,
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

/** What is drawn together, by the beginnings of its rows. */
const series = [
  ['nearest, by the largest magnitude', /^assign\|all /],
  ['nearest, of least error', /^methods\|nearest, int\d\/row\/mse/],
  ['with an error term of low rank', /^rank\|.* [1-9]/],
  ['k-means', /^kmeans\|k-means/],
  ['second order', /^methods\|second/],
  ['mask of inputs', /^methods\|mask/],
  ['a format for each layer', /^assign\|(?!all)/],
];
/** Bits a weight of what is drawn. */
const mostBits = 9;
if (figure !== undefined) {
  const looks = series.map((_, i) => lookAt(i));
  const points = series.map(([, pattern]) =>
    [...results].flatMap(([key, all]) => {
      if (!pattern.test(key)) return [];
      const [bits, excess] = ['bits', 'excess'].map((field) => mean(all.map((one) => one[field])));
      return excess > 0 && bits <= mostBits ? [{ bits, excess }] : [];
    }),
  );
  writeFileSync(
    figure,
    svgDocument(
      {
        ...{ width: 820, height: 380, marginLeft: 66, marginRight: 20, marginTop: 12, marginBottom: 44 },
        x: { label: 'bits a weight, with all that is stored', labelAnchor: 'center', labelArrow: 'none' },
        y: {
          ...{ label: 'loss above float32, nats', labelAnchor: 'center', labelArrow: 'none' },
          ...{ type: 'log', tickFormat: '.0e', ticks: 6 },
        },
        marks: [
          Plot.gridX({ strokeOpacity: 0.12 }),
          Plot.gridY({ strokeOpacity: 0.12 }),
          Plot.line(points[0], { x: 'bits', y: 'excess', stroke: svgColour(looks[0]) }),
          ...points.map((own, i) =>
            Plot.dot(own, {
              ...{ x: 'bits', y: 'excess', fill: svgColour(looks[i]), symbol: looks[i].symbol, r: 4.5 },
            }),
          ),
        ],
      },
      {
        title: `Weights in few bits after training, means of ${bases.length} runs`,
        legend: series.map(([text], i) => ({ text, look: looks[i] })),
        caption: [`Means of no more than 0 and those of more than ${mostBits} bits are not drawn.`],
      },
    ),
  );
}
