/**
 * A tiny transformer, written with variables and `tf.einsum`, that learns to say at each place of a sequence of digits the
 * largest digit so far; trained in four arithmetics by a loop of `minimize`. Then a heat map: where gradients vanish in
 * binary16 without loss scaling, by scope and step.
 *
 * node examples/tfjs/transformer.js [--steps 250] [--seed 1]
 */
import { emulate, inRole } from 'halfulp/tfjs';
import { readOptions } from '../shared/options.js';
import { picture } from '../shared/report.js';
import { compare, uniform } from './shared.js';

const options = readOptions('Running maxima by a tiny transformer.', { steps: 250, seed: 1 });
const [length, digits, width, heads, each] = [8, 10, 32, 4, 8];

function transformer(tf, seed) {
  const variable = (shape, n, deviation) =>
    tf.tidy(() => tf.variable(tf.randomNormal(shape, 0, deviation, 'float32', seed + n)));
  const embedding = variable([digits, width], 0, 0.5);
  const positions = variable([length, width], 1, 0.5);
  const [query, key, value] = [2, 3, 4].map((n) => variable([width, heads, each], n, 0.2));
  const output = variable([heads, each, width], 5, 0.2);
  const up = variable([width, 64], 6, 0.2);
  const down = variable([64, width], 7, 0.2);
  const head = variable([width, digits], 8, 0.2);
  const variables = [embedding, positions, query, key, value, output, up, down, head];
  const norm = (x) => x.mul(x.square().mean(-1, true).add(1e-3).rsqrt());
  const mask = tf.tidy(() =>
    tf.linalg
      .bandPart(tf.ones([length, length]), -1, 0)
      .sub(1)
      .mul(64),
  );
  const logits = (tokens) => {
    const x = tf.tidy('embedding', () => tf.gather(embedding, tokens).add(positions));
    const attended = tf.tidy('attention', () => {
      const [q, k, v] = [query, key, value].map((w) => tf.einsum('ntd,dhe->nthe', norm(x), w));
      const scores = tf
        .einsum('nqhe,nkhe->nhqk', q, k)
        .mul(each ** -0.5)
        .add(mask);
      return x.add(tf.einsum('nqhe,hed->nqd', tf.einsum('nhqk,nkhe->nqhe', tf.softmax(scores), v), output));
    });
    const fed = tf.tidy('feed-forward', () =>
      attended.add(tf.einsum('ntf,fd->ntd', tf.relu(tf.einsum('ntd,df->ntf', norm(attended), up)), down)),
    );
    return tf.tidy('head', () => tf.einsum('ntd,dv->ntv', norm(fed), head));
  };
  return { variables, logits, dispose: () => tf.dispose([...variables, mask]) };
}

function sample(tf, random, count) {
  const tokens = Array.from({ length: count }, () =>
    Array.from({ length }, () => Math.floor(random() * digits)),
  );
  const maxima = tokens.map((row) => row.map((_, i) => Math.max(...row.slice(0, i + 1))));
  return [tf.tensor2d(tokens, [count, length], 'int32'), tf.tensor2d(maxima, [count, length], 'int32')];
}

const lossOf = (tf, model, tokens, targets) =>
  tf.losses.softmaxCrossEntropy(
    tf.oneHot(targets.flatten(), digits),
    model.logits(tokens).reshape([-1, digits]),
  );

async function steps(tf, model, optimizer, count, random) {
  for (let step = 0; step < count; step++) {
    const [tokens, targets] = sample(tf, random, 32);
    optimizer.minimize(() => lossOf(tf, model, tokens, targets), false, model.variables);
    tf.dispose([tokens, targets]);
  }
}

const tf = await compare(
  'transformer',
  options,
  async ({ tf, optimizer }) => {
    const model = transformer(tf, options.seed);
    const adam = tf.train.adam(0.005);
    await steps(tf, model, optimizer(adam), options.steps, uniform(options.seed));
    const [tokens, targets] = sample(tf, uniform(options.seed + 1), 500);
    const [loss, accuracy] = inRole(tf, 'predict', () => [
      tf.tidy(() => lossOf(tf, model, tokens, targets).dataSync()[0]),
      tf.tidy(() => model.logits(tokens).argMax(-1).equal(targets).mean().dataSync()[0]),
    ]);
    tf.dispose([tokens, targets]);
    model.dispose();
    adam.dispose();
    return { loss, accuracy };
  },
  { atLeast: 0.95, within: 0.05 },
);

const model = transformer(tf, options.seed);
const adam = tf.train.adam(0.005);
const emulation = await emulate(tf, { format: 'binary16', log: true });
await steps(tf, model, adam, Math.min(options.steps, 60), uniform(options.seed));
emulation.stop();
const cells = emulation.log.heatMap('underflow');
const layers = new Set(cells.map(({ layer }) => layer));
const most = Math.max(...cells.map(({ value }) => value));
const path = await picture(options.out, 'tfjs-transformer-underflow', cells, {
  ...{ kind: 'cell', fill: 'value', y: { value: ({ layer }) => layer || '(no scope)', label: null } },
  x: {
    value: 'step',
    label: `step of training in binary16; darkest: ${(100 * most).toFixed(1)} % of the elements underflow`,
  },
  height: 60 + 22 * layers.size,
});
if (!options.json) console.log(`heat map: ${path}`);
