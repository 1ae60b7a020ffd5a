/** Quantisers that remember, and those that learn, in the slots of a recipe. */
import * as tf from '@tensorflow/tfjs';
import { afterEach, beforeAll, describe, expect, it } from 'vitest';
import { type QuantizerOptions, quantizer } from '../../src/index.ts';
import { wasmBackend } from '../../src/tfjs/index.ts';
import { applyRecipe, type RecipeRun } from '../../src/train/engine/apply-recipe.ts';
import {
  type Checkpoint,
  checkRecipe,
  decodeState,
  encodeState,
  type LinearSlots,
  type OperandSpec,
  type Recipe,
  recipes,
  type TrainOptions,
  textData,
  train,
} from '../../src/train/index.ts';

const model = {
  ...{ name: 'test', width: 16, layers: 1, heads: 2, hidden: 24, context: 8, sequences: 2 },
  learningRate: 1e-2,
};
const data = textData('the quick brown fox jumps over the lazy dog. '.repeat(40));

let run: RecipeRun | undefined;
beforeAll(async () => {
  await wasmBackend();
});
afterEach(() => {
  run?.stop();
  run = undefined;
});

const steps = 12;

function reading(forward: Partial<LinearSlots['forward']>, changes: Partial<Recipe> = {}): Recipe {
  const [phase] = recipes.float32().phases;
  const linear: LinearSlots = {
    forward: { x: null, w: null, ...forward },
    inputGradient: { g: null, w: 'same' },
    weightGradient: { g: null, x: 'same' },
  };
  return {
    ...recipes.float32({ extraNorm: null }),
    name: 'reading',
    phases: [{ ...phase!, linear }],
    ...changes,
  };
}

const values = (count: number, from: number): Float32Array =>
  Float32Array.from({ length: count }, (_, i) => Math.sin(from + 1.7 * i) * (1 + (i % 5)));

/** One matrix, trained by an optimiser of its own. */
function program() {
  const initial = tf.tensor2d(values(24, 1), [6, 4]);
  const weight = tf.variable(initial, true, 'layer/kernel');
  initial.dispose();
  const inputs = [0, 1, 2].map((batch) => tf.tensor2d(values(18, 10 + batch), [3, 6]));
  const output = (batch: number): tf.Tensor => tf.matMul(inputs[batch % 3]!, weight);
  const loss = (batch: number) => (): tf.Scalar => tf.mean(tf.square(output(batch))) as tf.Scalar;
  return {
    weight,
    inputs,
    output,
    loss,
    dispose: () => tf.dispose([weight, ...inputs]),
  };
}

/** The gradient of `loss` with respect to the matrix that the product reads. */
function gradientOf(batch: number, matrix: ArrayLike<number>): Float32Array {
  const x = values(18, 10 + batch);
  const sum = (count: number, term: (i: number) => number): number =>
    Array.from({ length: count }, (_, i) => term(i)).reduce((total, each) => total + each, 0);
  const y = (row: number, column: number): number => sum(6, (k) => x[row * 6 + k]! * matrix[k * 4 + column]!);
  return Float32Array.from({ length: 24 }, (_, i) =>
    sum(3, (row) => (2 / 12) * x[row * 6 + Math.floor(i / 4)]! * y(row, i % 4)),
  );
}

describe('a quantiser that remembers', () => {
  const scale = { per: 'tensor', from: 'absmax', decay: 0.75 } as const;

  it('is updated by training alone, call by call', async () => {
    const { weight, inputs, output, loss, dispose } = program();
    run = await applyRecipe(tf, reading({ x: { format: 'int8', scale } }), {
      variables: [weight],
      steps,
      seed: 1,
    });
    const optimizer = tf.train.sgd(0.01);
    const own = quantizer({ format: 'int8', scale });
    // What an evaluation reads is the average so far; where there is none yet, its own statistic.
    const evaluations: { image: Float32Array; w: Float32Array; read: unknown }[] = [];
    const evaluate = (batch: number): void => {
      const x = inputs[batch]!.dataSync() as Float32Array;
      const average = own.state().average?.[0] ?? x.reduce((most, each) => Math.max(most, Math.abs(each)), 0);
      const s = Math.fround(127 / Math.fround(average));
      const image = x.map((each) => Math.max(-127, Math.min(127, Math.round(Math.fround(each * s)))) / s);
      const read = tf.tidy(() => output(batch).dataSync());
      evaluations.push({ image, w: weight.dataSync().slice() as Float32Array, read });
    };
    evaluate(1);
    for (let step = 0; step < 4; step++) {
      evaluate(0);
      optimizer.minimize(loss(step), false, [weight]);
      own.fakeQuantize(inputs[step % 3]!.dataSync() as Float32Array, [3, 6]);
      evaluate(2);
      const saved = [...run.save().arrays].filter(([name]) => name.startsWith('quantizers/'));
      expect(saved).toHaveLength(1);
      const [name, { data }] = saved[0]!;
      expect(name).toMatch(/^quantizers\/layer\/kernel\/forward\.x\/[0-9a-f]{16}\/average$/);
      expect([...new Float64Array(data.slice().buffer)]).toEqual(own.state().average);
    }
    run.stop();
    for (const { image, w, read } of evaluations)
      expect(tf.tidy(() => tf.matMul(tf.tensor2d(image, [3, 6]), tf.tensor2d(w, [6, 4])).dataSync())).toEqual(
        read,
      );
    dispose();
  });

  it('pulls gradients back with the scale of the forward pass', async () => {
    const { weight, inputs, loss, dispose } = program();
    const history = { length: 1, take: 'latest' } as const;
    const spec: OperandSpec = {
      format: 'int8',
      scale: { per: 'tensor', from: 'absmax', history },
      gradient: 'clipped',
    };
    run = await applyRecipe(tf, reading({ w: spec }), { variables: [weight], steps, seed: 1 });
    const own = quantizer(spec as QuantizerOptions);
    const optimizer = tf.train.sgd(0);
    optimizer.minimize(loss(0), false, [weight]);
    own.fakeQuantize(weight.dataSync() as Float32Array, [6, 4]);
    // The weight grows: the delayed scale clips it.
    weight.assign(tf.tidy(() => tf.mul(weight, 3)));
    const { grads } = tf.variableGrads(loss(1), [weight]);
    const w = weight.dataSync() as Float32Array;
    const explained = own.explain(w, [6, 4], { update: false });
    const image = tf.tensor2d(explained.values as Float32Array, [6, 4]);
    run.stop();
    const dImage = tf.grad((m: tf.Tensor) => tf.mean(tf.square(tf.matMul(inputs[1]!, m as tf.Tensor2D))))(
      image,
    );
    const expected = own.pullback(explained, dImage.dataSync() as Float32Array).x;
    expect([...expected].filter((g) => g === 0).length).toBeGreaterThan(0);
    expect([...grads['layer/kernel']!.dataSync()]).toEqual([...expected]);
    tf.dispose([grads, image, dImage]);
    dispose();
  });

  it('of one phase is not taken for that of another', async () => {
    const { weight, loss, dispose } = program();
    const linear = (format: string) => reading({ x: { format, scale } }).phases[0]!.linear;
    const [phase] = recipes.float32().phases;
    const recipe = reading(
      {},
      {
        phases: [
          { ...phase!, linear: linear('int8') },
          { ...phase!, from: 0.5, linear: linear('int4') },
        ],
      },
    );
    const begin = () => applyRecipe(tf, recipe, { variables: [weight], steps: 4, seed: 1 });
    run = await begin();
    let optimizer = tf.train.sgd(0.01);
    const step = (index: number): number[] => {
      optimizer.minimize(loss(index), false, [weight]);
      return [...weight.dataSync()];
    };
    step(0);
    step(1);
    const state = run.save();
    const plain = [step(2), step(3)];
    run.stop();
    run = await begin();
    optimizer = tf.train.sgd(0.01);
    run.restore(state, optimizer);
    expect(run.save().arrays).toEqual(state.arrays);
    expect([step(2), step(3)]).toEqual(plain);
    run.stop();
    dispose();
  });
});

describe("a weight's quantiser that remembers", () => {
  it.each([
    ['an average', recipes.xrNpe({ extraNorm: null })],
    ['a window', recipes.fp8Hybrid({ extraNorm: null, history: 2 })],
  ])('%s, is updated once a step, whatever lies between its gradients', async (_, recipe) => {
    const trained = async (between: (x: tf.Tensor2D, weight: tf.Variable) => Promise<void>) => {
      const weight = tf.variable(tf.tensor2d(values(24, 1), [6, 4]), true, 'layer/kernel');
      const xs = [0, 1, 2].map((batch) => tf.tensor2d(values(18, 10 + batch), [3, 6]));
      run = await applyRecipe(tf, recipe, { variables: [weight], steps: 8, seed: 1 });
      const found: number[][] = [];
      for (let step = 0; step < 4; step++) {
        const scale = [1, 7, 0.3, 2][step]!;
        weight.assign(
          tf.tensor2d(
            values(24, step).map((w) => w * scale),
            [6, 4],
          ),
        );
        for (const x of xs) {
          const { grads } = tf.variableGrads(
            () => tf.sum(tf.square(tf.matMul(x, weight as never))) as tf.Scalar,
          );
          found.push([...grads['layer/kernel']!.dataSync()]);
          await between(x, weight);
        }
        run.nextStep();
      }
      run.stop();
      tf.dispose([weight, ...xs]);
      return found;
    };
    const plain = await trained(async () => undefined);
    const evaluated = await trained(
      async (x, weight) => void tf.tidy(() => tf.matMul(x, weight as never).dataSync()),
    );
    expect(evaluated).toEqual(plain);
    const resumed = await trained(async (_, weight) => {
      const bytes = encodeState(run!.save());
      run!.stop();
      run = await applyRecipe(tf, recipe, { variables: [weight], steps: 8, seed: 1 });
      run.restore(decodeState(bytes));
    });
    expect(resumed).toEqual(plain);
  });
});

describe('a learned scale', () => {
  const learn = [{ of: 'scale', learningRate: 0.05 }] as const;
  /** Rows are outputs, along what the product sums over; in the variable they are columns. */
  const spec = { format: 'int4', scale: { per: 'row', from: 'learned' }, gradient: 'lsq' } as const;

  it('is trained by the optimiser of the recipe with the gradient that the rule gives', async () => {
    const { weight, loss, dispose } = program();
    const recipe = reading(
      { w: { ...spec, learn } },
      { schedule: { kind: 'step', at: 0.5, before: 1, after: 1 } },
    );
    run = await applyRecipe(tf, recipe, { variables: [weight], steps, seed: 1 });
    const sgd = tf.train.sgd(0);
    const own = quantizer({ ...spec, scale: { ...spec.scale, per: 'column' } });
    const w = weight.dataSync() as Float32Array;
    own.fakeQuantize(w, [6, 4]);
    const begun = own.state().scales!.map(Math.fround);
    const moments = begun.map(() => [0, 0]);
    let scales = begun;
    for (let step = 0; step < 5; step++) {
      sgd.minimize(loss(step), false, [weight]);
      own.restore({ scales });
      const explained = own.explain(w, [6, 4], { update: false });
      const outer = gradientOf(step % 3, explained.values);
      const gradient = own.pullback(explained, outer).scales!;
      scales = scales.map((scale, i) => {
        const [m, v] = moments[i]!;
        const [beta1, beta2] = [0.9, 0.95];
        const first = beta1 * m! + (1 - beta1) * gradient[i]!;
        const second = beta2 * v! + (1 - beta2) * gradient[i]! ** 2;
        moments[i] = [first, second];
        const corrected = first / (1 - beta1 ** (step + 1));
        return scale - (0.05 * corrected) / (Math.sqrt(second / (1 - beta2 ** (step + 1))) + 1e-8);
      });
      const saved = run.save().arrays;
      const found = [...saved].find(([name]) => name.endsWith('/scales'))![1];
      const learned = [...new Float64Array(found.data.slice().buffer)];
      learned.forEach((scale, i) => {
        expect(scale).toBeCloseTo(scales[i]!, 4);
        expect(Math.fround(scale)).toBe(scale);
      });
      scales = learned;
    }
    expect(scales).not.toEqual(begun);
    run.stop();
    dispose();
  });

  it('lowers the error of a quantised product, and leaves no tensor behind', async () => {
    const before = tf.memory().numTensors;
    const { weight, inputs, dispose } = program();
    const target = tf.tidy(() => inputs.map((x) => tf.keep(tf.matMul(x, weight))));
    run = await applyRecipe(tf, reading({ w: { ...spec, learn } }), {
      variables: [weight],
      steps: 60,
      seed: 1,
    });
    const sgd = tf.train.sgd(0);
    const losses = Array.from({ length: 60 }, (_, step) => {
      const value = sgd.minimize(
        () =>
          tf.losses.meanSquaredError(target[step % 3]!, tf.matMul(inputs[step % 3]!, weight)) as tf.Scalar,
        true,
        [weight],
      )!;
      const [loss] = value.dataSync();
      value.dispose();
      return loss!;
    });
    const mean = (part: number[]): number => part.reduce((sum, x) => sum + x, 0) / part.length;
    expect(mean(losses.slice(-3))).toBeLessThan(0.8 * mean(losses.slice(0, 3)));
    run.stop();
    dispose();
    sgd.dispose();
    tf.dispose(target);
    expect(tf.memory().numTensors).toBe(before);
  });

  it('knows nothing of a scale that gradients are multiplied by', async () => {
    const learnt = async (changes: Partial<Recipe>) => {
      const { weight, loss, dispose } = program();
      const optimizer = {
        kind: 'sgd',
        momentum: 0.9,
        nesterov: false,
        weightDecay: 0,
        clipNorm: 1e9,
      } as const;
      const recipe = reading({ w: { ...spec, learn } }, { optimizer, ...changes });
      run = await applyRecipe(tf, recipe, { variables: [weight], steps, seed: 1 });
      const own = run.optimizer(0.01);
      for (let step = 0; step < 4; step++) own.minimize(loss(step), false, [weight]);
      const arrays = [...run.save().arrays].filter(([name]) => !name.startsWith('update/'));
      run.stop();
      own.dispose();
      dispose();
      return arrays.map(([name, { data }]) => [name, [...data]]);
    };
    const scaled = await learnt({ update: { gradient: [{ kind: 'lossScale', initial: 1024 }] } });
    expect(scaled).toEqual(await learnt({ update: { gradient: [] } }));
  });

  it.each<[string, OperandSpec]>([
    ['forward.w.learn', spec],
    ['forward.w.learn[0].of', { ...spec, scale: { per: 'tensor', from: 'absmax' }, learn: [...learn] }],
    ['forward.w.learn[1].of', { ...spec, learn: [...learn, ...learn] }],
    ['forward.w.learn[1].of', { ...spec, learn: [...learn, { of: 'zeroPoint', learningRate: 1 }] }],
    ['forward.w.gradient', { ...spec, gradient: 'clipped', learn: [...learn] }],
    ['forward.w.learn[0].learningRate', { ...spec, learn: [{ of: 'scale', learningRate: 0 }] }],
    ['forward.w.learn[0].of', { ...spec, learn: [{ of: 'bits' as 'scale', learningRate: 1 }] }],
    ['forward.w.learn', { ...spec, learn: [] }],
  ])('is refused where it would not be trained: %s', (path, w) => {
    const check = (): void => checkRecipe(reading({ w }));
    expect(check).toThrow(expect.objectContaining({ argument: `recipe.phases[0].linear.${path}` }));
  });

  it('is of what the forward product reads', () => {
    const recipe = reading({});
    const linear = {
      ...recipe.phases[0]!.linear,
      inputGradient: { g: { ...spec, learn }, w: 'same' } as const,
    };
    const check = (): void => checkRecipe({ ...recipe, phases: [{ ...recipe.phases[0]!, linear }] });
    expect(check).toThrow(
      expect.objectContaining({ argument: 'recipe.phases[0].linear.inputGradient.g.scale.from' }),
    );
  });
});

describe('train', () => {
  const tensor = { per: 'tensor', from: 'absmax' } as const;
  const all = reading(
    {
      x: { format: 'int8', scale: { ...tensor, decay: 0.9 } },
      w: {
        format: 'int4',
        scale: { per: 'row', from: 'learned' },
        gradient: 'lsq',
        learn: [{ of: 'scale', learningRate: 1e-3 }],
      },
      y: { format: 'e4m3fn', scale: { ...tensor, history: { length: 4 } } },
    },
    {
      events: [
        { every: 4, do: [{ reset: 'moments' }, { rewarm: 2 }] },
        { at: 7, do: [{ switch: [{ where: { kind: 'q' }, set: { forward: { x: null } } }] }] },
      ],
    },
  );

  it('evaluated, probed and resumed has the bits of the plain run', async () => {
    const options: TrainOptions = {
      ...{ tf, model, data, recipe: all, steps, seed: 5 },
      evaluateEvery: 0,
      evaluationWindows: 8,
    };
    const trained = async (changes: Partial<TrainOptions>, stopAt = 0) => {
      const stop = new AbortController();
      const losses: number[] = [];
      const onStep: TrainOptions['onStep'] = ({ step, loss }) => {
        losses.push(loss);
        if (step === stopAt) stop.abort();
      };
      const { validationLoss } = await train({ ...options, ...changes, signal: stop.signal, onStep });
      return { losses, validationLoss };
    };
    const plain = await trained({});
    expect(await trained({ probeEvery: 3, gradientDraws: 2 })).toEqual(plain);
    expect(await trained({ evaluateEvery: 5 })).toEqual(plain);
    for (const at of [3, 7, 8]) {
      let saved: Checkpoint | undefined;
      const onCheckpoint = (checkpoint: Checkpoint): void => {
        saved = checkpoint;
      };
      const { losses } = await trained({ onCheckpoint }, at);
      const resumed = await trained({ resume: saved!, onCheckpoint });
      expect({ ...resumed, losses: [...losses, ...resumed.losses] }).toEqual(plain);
    }
  });

  it('refuses a memory of each row of a batch', async () => {
    const recipe = reading({ x: { format: 'int8', scale: { per: 'row', from: 'absmax', decay: 0.9 } } });
    await expect(train({ tf, model, data, recipe, steps, seed: 1 })).rejects.toThrow(
      expect.objectContaining({ argument: 'recipe.phases[0].linear.forward.x.scale.per' }),
    );
  });
});
