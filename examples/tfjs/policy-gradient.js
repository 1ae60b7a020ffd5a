/**
 * A policy that learns from rewards alone which of four ways to go: REINFORCE, with `model.predict` inside the loss, as agents
 * are often written. Inside a gradient `predict` is part of the forward pass, and emulated as such.
 *
 * node examples/tfjs/policy-gradient.js [--steps 150] [--seed 1]
 *
 * Source: Williams, "Simple statistical gradient-following algorithms for connectionist reinforcement learning", 1992.
 */
import { readOptions } from '../shared/options.js';
import { compare, isMain, uniform } from './shared.js';

const [batch, ways] = [64, 4];

/** Places in a square, and the way that leads out of it soonest: right, left, up or down. */
function places(count, random) {
  return Array.from({ length: count }, () => {
    const [x, y] = [2 * random() - 1, 2 * random() - 1];
    const reach = [x, -x, y, -y];
    return { place: [x, y], best: reach.indexOf(Math.max(...reach)) };
  });
}

/** A way by its probability. */
function draw(probabilities, random) {
  let left = random();
  for (let way = 0; way < ways - 1; way++) {
    left -= probabilities[way];
    if (left < 0) return way;
  }
  return ways - 1;
}

/** Builds, trains and evaluates the model. */
export async function train({ tf, optimizer }, { steps, seed }) {
  const dense = (n, given) =>
    tf.layers.dense({ kernelInitializer: tf.initializers.glorotUniform({ seed: seed + n }), ...given });
  const model = tf.sequential({
    layers: [
      dense(0, { units: 24, activation: 'tanh', inputShape: [2] }),
      dense(1, { name: 'head', units: ways }),
    ],
  });
  const random = uniform(seed);
  const adam = tf.train.adam(0.03);
  const update = optimizer(adam);
  for (let step = 0; step < steps; step++) {
    const part = places(batch, random);
    const xs = tf.tensor2d(part.map(({ place }) => place));
    const likely = tf.tidy(() => tf.softmax(model.predict(xs)).arraySync());
    const taken = likely.map((probabilities) => draw(probabilities, random));
    const rewards = taken.map((way, i) => (way === part[i].best ? 1 : 0));
    const baseline = rewards.reduce((sum, reward) => sum + reward, 0) / batch;
    const [ys, advantages] = tf.tidy(() => [
      tf.oneHot(tf.tensor1d(taken, 'int32'), ways),
      tf.tensor1d(rewards.map((reward) => reward - baseline)),
    ]);
    update.minimize(() => tf.losses.softmaxCrossEntropy(ys, model.predict(xs), advantages));
    tf.dispose([xs, ys, advantages]);
  }
  const test = places(1000, random);
  const [loss, accuracy] = tf.tidy(() => {
    const logits = model.predict(tf.tensor2d(test.map(({ place }) => place)));
    const best = tf.tensor1d(
      test.map((given) => given.best),
      'int32',
    );
    return [
      tf.losses.softmaxCrossEntropy(tf.oneHot(best, ways), logits).dataSync()[0],
      logits.argMax(-1).equal(best).mean().dataSync()[0],
    ];
  });
  model.dispose();
  adam.dispose();
  return { loss, accuracy };
}

if (isMain(import.meta))
  await compare(
    'policy-gradient',
    readOptions('Four ways by policy gradient.', { steps: 150, seed: 1 }),
    train,
    { atLeast: 0.9, within: 0.05 },
  );
