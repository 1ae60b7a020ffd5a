/** The recipes whose quantisers learn or remember: a step of two layers against loops that know nothing of the library. */
import { beforeAll, describe, expect, it } from 'vitest';
import { type TensorFlow, wasmBackend } from '../../src/tfjs/index.ts';
import { applyRecipe, models, recipes, roleTable, train } from '../../src/train/index.ts';
import { labelledData } from '../../src/train/labelled-data.ts';
import { type OperandSpec, plainSlots } from '../../src/train/linear-slots.ts';
import { checkRecipe } from '../../src/train/recipe-check.ts';
import { affineByAverages, LearnedSteps, nearest, scaledRows } from '../oracles/recipes/learned.ts';
import { type LayerSlots, numbers, step } from '../oracles/recipes/slots.ts';
import { netOf, trained } from './recipe-steps.ts';

let tf: TensorFlow;
beforeAll(async () => {
  tf = await wasmBackend();
});

/** Gradient descent at a rate that stays as it is. */
const descent = {
  optimizer: { kind: 'sgd', momentum: 0 },
  schedule: { kind: 'linear', warmup: 0, final: 1 },
} as const;

const nets = [0.5, 1, 4].map((size, i) => netOf(i + 1, size));

describe('learned steps', () => {
  const rate = 2 ** -6;
  const layer = (
    bits: number,
    kind: 'signed' | 'unsigned',
    own: { readonly isFirst: boolean; readonly rows?: boolean },
  ) => {
    const most = 2 ** (bits - 1) - 1;
    const signed = { low: -most - 1, high: most, rate };
    const ofX = new LearnedSteps(
      { ...(kind === 'signed' ? signed : { low: 0, high: 2 ** bits - 1, rate }), perRow: false },
      'features',
    );
    const ofW = new LearnedSteps({ ...signed, perRow: own.rows === true }, 'elements');
    return {
      slots: {
        ...{ x: ofX.read, w: ofW.read, dw: 'same', wx: 'same' },
        // No gradient is taken with respect to the data.
        ...(own.isFirst ? {} : { dx: ofX.pullBack }),
        ww: ofW.pullBackTransposed,
      } satisfies LayerSlots,
      next: (): void => {
        ofX.step();
        ofW.step();
      },
    };
  };

  it.each([
    [2, 'signed', 8, false],
    [3, 'signed', 3, true],
    [4, 'unsigned', 4, false],
    [8, 'signed', 2, false],
  ] as const)('%d bits, %s, ends of %d, rows %s: the bits of plain loops', async (bits, kind, ends, rows) => {
    const recipe = recipes.lsq({
      ...{ bits, activations: kind, ends, scaleRate: rate, per: rows ? 'row' : 'tensor' },
      ...descent,
    });
    // Both layers of the net are ends of it.
    const layers = [true, false].map((isFirst) => layer(ends, kind, { isFirst, rows }));
    const expected = nets.map((net) => {
      const after = step(net, [layers[0]!.slots, layers[1]!.slots], 2 ** -4);
      for (const one of layers) one.next();
      return after;
    });
    expect(await trained(tf, recipe, nets)).toEqual(expected);
  });

  it('are of the bits asked for between the ends', () => {
    const bitsOf = (options: object, model: string): Readonly<Record<string, string>> => {
      const [phase] = roleTable(recipes.lsq(options), models[model]!);
      return Object.fromEntries(phase!.rows.map(([name, , w]) => [name, w!.split(' ')[0]!]));
    };
    expect(bitsOf({ bits: 2 }, 'mlp')).toMatchObject({
      'hidden.0': 'int8',
      'hidden.1': 'int2',
      output: 'int8',
    });
    expect(bitsOf({ bits: 3, ends: 5 }, 'conv')).toMatchObject({
      'convolution.0': 'int5',
      'convolution.1': 'int3',
    });
    const language = bitsOf({ bits: 2, ends: 'binary32' }, 'llama-tiny');
    expect(language).toMatchObject({ embedding: '-', 'layers.0.mlp.up': 'int2', head: '-' });
    for (const bits of [2, 8])
      expect(bitsOf({ bits }, 'llama-tiny')).toMatchObject({ embedding: '-', head: 'int8' });
    expect(bitsOf({ bits: 4, ends: 4 }, 'llama-tiny')).toMatchObject({ head: 'int4' });
    const head = roleTable(recipes.gaqat({ bits: 8 }), models['llama-tiny']!)[0]!.rows.find(
      ([name]) => name === 'head',
    )!;
    expect(head[2]).toMatch(/^int8 .*freeze/);
  });
});

describe('learned levels', () => {
  it('take their moments with them where they cross', async () => {
    const f = Math.fround;
    const [steps, rate, momentum] = [8, 2 ** -4, 0.875];
    const optimizer = { kind: 'sgd', momentum } as const;
    const w: OperandSpec = {
      ...{ format: 'midrise1', scale: { per: 'tensor', from: 'absmax', stored: 'decode', target: 1 } },
      ...{ gradient: 'levels', learn: [{ of: 'levels', learningRate: rate }] },
    };
    const base = recipes.float32({ ...descent, optimizer });
    const phase = { ...base.phases[0]!, linear: { ...plainSlots, forward: { x: null, w } } };
    const weight = tf.variable(tf.tensor2d([-1, 1], [1, 2]), true, 'layer/kernel');
    const recipe = { ...base, phases: [phase], update: { gradient: [] } };
    const run = await applyRecipe(tf, recipe, { variables: [weight], steps, seed: 1 });
    // The lower level rises faster than the upper one sinks.
    const gradients = [-3, 1];
    const x = tf.tensor2d([[1]]);
    const output = tf.tensor2d([gradients]);
    let levels = [-1, 1].map((value) => ({ value, velocity: 0 }));
    const crossed: number[] = [];
    for (let step = 0; step < steps; step++) {
      const loss = () => tf.sum(tf.mul(tf.matMul(x, weight), output)) as never;
      tf.train.sgd(0).minimize(loss, false, [weight]);
      const [low, high] = levels.map(({ value }) => value) as [number, number];
      const read = [-1, 1].map((x) => (Math.abs(x - low) <= Math.abs(x - high) ? 0 : 1));
      const next = levels.map(({ value, velocity }, i) => {
        const gradient = gradients.reduce((sum, g, k) => (read[k] === i ? sum + g : sum), 0);
        const now = f(f(velocity * momentum) + gradient);
        return { value: f(value - f(now * rate)), velocity: now };
      });
      levels = [...next].sort((a, b) => a.value - b.value);
      if (levels[0] !== next[0]) crossed.push(step);
      const [, saved] = [...run.save().arrays].find(([name]) => name.endsWith('/levels'))!;
      expect([...new Float64Array(saved.data.slice().buffer)]).toEqual(levels.map(({ value }) => value));
    }
    run.stop();
    tf.dispose([weight, x, output]);
    // Some steps before the end, so that what the moments were does show.
    expect(crossed[0]).toBeLessThan(steps - 2);
  });
});

describe('codes that stay as they are', () => {
  const [tokens, inputs, outputs, size] = [5, 8, 3, 4];
  const groups = inputs / size;
  const [high, rate, steps] = [3, 2 ** -4, 6];
  const w: OperandSpec = {
    ...{
      format: 'uint2',
      scale: { per: 'block', size, from: 'learned', initial: 'minmax' },
      gradient: 'lsq',
    },
    learn: [
      { of: 'scale', learningRate: rate, within: [0.12, 0.3] },
      { of: 'zeroPoint', learningRate: rate },
    ],
  };
  const recipeOf = (learns: readonly ('scale' | 'zeroPoint')[]) => ({
    ...recipes.float32(descent as object),
    phases: [
      { ...recipes.float32().phases[0]!, linear: { ...plainSlots, forward: { x: null, w } } },
      {
        ...recipes.float32().phases[0]!,
        ...{ from: 0.5, linear: { ...plainSlots, forward: { x: null, w } } },
        rules: [{ where: { parameter: '.' }, set: { frozen: true, learns, fixedCodes: true } }],
      },
    ],
  });
  const f = Math.fround;

  it.each([[['scale']], [['scale', 'zeroPoint']]] as const)(
    'train %j under them, by plain loops; taken up again they have the same bits',
    async (learns) => {
      const recipe = { ...recipeOf(learns), update: { gradient: [] } };
      const [x, t] = [numbers(tokens * inputs, 1), numbers(tokens * outputs, 3)];
      const [xs, ts] = [tf.tensor2d(x, [tokens, inputs]), tf.tensor2d(t, [tokens, outputs])];
      const weight = tf.variable(
        tf.tensor2d(numbers(inputs * outputs, 2), [inputs, outputs]),
        true,
        'w/kernel',
      );
      const open = () => applyRecipe(tf, recipe, { variables: [weight], steps, seed: 1 });
      let run = await open();
      const list = (name: string): number[] => {
        const found = [...run.save().arrays].find(([key]) => key.endsWith(`/${name}`));
        return found === undefined ? [] : [...new Float64Array(found[1].data.slice().buffer)];
      };
      const forward = (): Float32Array =>
        tf.tidy(
          () =>
            tf
              .matMul(xs, weight as never)
              .dataSync()
              .slice() as Float32Array,
        );
      const optimizer = tf.train.sgd(2 ** -6);
      const step = (): void => {
        const { grads } = tf.variableGrads(
          () => tf.sum(tf.mul(tf.matMul(xs, weight as never), ts)).asScalar(),
          [weight],
        );
        optimizer.applyGradients(grads);
        tf.dispose(grads as never);
      };
      for (let i = 0; i < steps / 2; i++) step();
      const values = weight.dataSync().slice();
      let [scales, zeros] = [list('scales'), list('zeroPoints')];
      expect(list('fixedScales')).toEqual([]);
      // Rows of the quantiser are outputs; a group is a part of one.
      const at = (g: number, j: number): number =>
        ((g % groups) * size + j) * outputs + Math.floor(g / groups);
      const codes = scales.map((scale, g) =>
        Array.from({ length: size }, (_, j) =>
          Math.min(high, Math.max(0, nearest(f(values[at(g, j)]! / scale) + nearest(zeros[g]!)))),
        ),
      );
      // A step's gradient of the image: x^T t, whatever the weight.
      const g = (i: number): number => {
        let sum = 0;
        for (let token = 0; token < tokens; token++)
          sum = f(
            sum + f(x[token * inputs + Math.floor(i / outputs)]! * t[token * outputs + (i % outputs)]!),
          );
        return sum;
      };
      let held = 0;
      for (let i = steps / 2; i < steps; i++) {
        step();
        if (i === 4) {
          // Another run goes on from what was saved.
          const saved = run.save();
          run.stop();
          run = await open();
          run.restore(saved, optimizer);
        }
        const slope = (sums: (group: number, j: number) => number): number[] =>
          scales.map((_, group) => {
            let sum = 0;
            for (let j = 0; j < size; j++) sum += g(at(group, j)) * sums(group, j);
            return sum * (1 / Math.sqrt(size * high));
          });
        const ofScales = slope((group, j) => codes[group]![j]! - nearest(zeros[group]!));
        const ofZeros = slope((group) => -scales[group]!);
        const next = (value: number, gradient: number): number => f(value - f(f(gradient) * f(rate)));
        held += scales.filter((scale, group) => {
          const free = next(scale, ofScales[group]!);
          return free > 0.3 || free < 0.12;
        }).length;
        const before = scales;
        scales = scales.map((scale, group) =>
          f(Math.min(0.3, Math.max(0.12, next(scale, ofScales[group]!)))),
        );
        if (learns.length > 1) zeros = zeros.map((zero, group) => next(zero, ofZeros[group]!));
        expect(list('scales')).toEqual(scales);
        expect(list('zeroPoints')).toEqual(zeros);
        expect(scales).not.toEqual(before);
        expect(weight.dataSync()).toEqual(values);
        // What is read is these codes under the scales that there are by now.
        const image = new Float32Array(inputs * outputs);
        codes.forEach((own, group) => {
          own.forEach((code, j) => {
            image[at(group, j)] = f((code - nearest(zeros[group]!)) * scales[group]!);
          });
        });
        const y = forward();
        y.forEach((value, place) => {
          let sum = 0;
          for (let k = 0; k < inputs; k++)
            sum = f(
              sum + f(x[Math.floor(place / outputs) * inputs + k]! * image[k * outputs + (place % outputs)]!),
            );
          expect(value).toBe(sum);
        });
      }
      expect(held).toBeGreaterThan(0);
      // By rounding anew some codes would be others: they are fixed.
      const anew = scales.flatMap((scale, group) =>
        Array.from({ length: size }, (_, j) =>
          Math.min(high, Math.max(0, nearest(f(values[at(group, j)]! / scale) + nearest(zeros[group]!)))),
        ),
      );
      expect(anew).not.toEqual(codes.flat());
      run.stop();
      optimizer.dispose();
      tf.dispose([xs, ts, weight]);
    },
  );

  it.each<[object, RegExp]>([
    [{ fixedCodes: true }, /set\.frozen: got undefined; accepted: true, where codes stay/],
    [{ fixedCodes: 1, frozen: true }, /set\.fixedCodes/],
  ])('%j is refused', (set, message) => {
    const recipe = { ...recipes.float32(), rules: [{ where: { parameter: '.' }, set }] };
    expect(() => checkRecipe(recipe as never)).toThrow(message);
  });

  it('are of no weight with a form', async () => {
    const recipe = {
      ...recipes.l4q({ at: 0 }),
      rules: [{ where: { parameter: '.' }, set: { frozen: true, fixedCodes: true } }],
    };
    const kernel = tf.variable(tf.zeros([4, 4]), true, 'k/kernel');
    await expect(applyRecipe(tf, recipe, { variables: [kernel], steps: 2, seed: 1 })).rejects.toThrow(
      /forward\.w\.form: .*nothing, where codes stay as they are/,
    );
    kernel.dispose();
  });
});

describe('EfficientDM', () => {
  it('reads frozen weights and activations on learned steps: the bits of plain loops, adapters at rest', async () => {
    const rate = 2 ** -6;
    // So small a rate leaves the sum of a weight and its adapter what the weight is.
    const made = recipes.efficientDm({ bits: 4, scaleRate: rate, adapterRate: 1e-30, ...descent });
    // Its teacher and its objective are the harness's.
    const { teacher: _, ...rest } = made;
    const recipe = { ...rest, phases: made.phases.map(({ objective: _own, ...phase }) => phase) };
    const steps = [true, false].map((isFirst) => {
      const x = new LearnedSteps({ low: -8, high: 7, rate, perRow: false }, 'features');
      const w = new LearnedSteps({ low: -8, high: 7, rate, perRow: true }, 'elements');
      const slots: LayerSlots = {
        ...{ x: x.read, w: w.read, dw: 'same', wx: 'same', ww: w.pullBackTransposed },
        ...(isFirst ? {} : { dx: x.pullBack }),
      };
      return { x, w, slots };
    });
    const expected = nets.map((net) => {
      const { y, da, db } = step(net, [steps[0]!.slots, steps[1]!.slots], 2 ** -4);
      for (const { x, w } of steps) {
        x.step();
        w.step();
      }
      return { y, da, db, a: net.a, b: net.b };
    });
    expect(await trained(tf, recipe, nets)).toEqual(expected);
  });
});

describe('steps that freeze', () => {
  it('are those of plain loops, which stay where signs changed', async () => {
    const rate = 2 ** -6;
    const [window, above] = [3, 0.3];
    // Both layers are ends.
    const recipe = recipes.gaqat({
      bits: 4,
      ends: 4,
      activations: 'none',
      scaleRate: rate,
      window,
      above,
      ...descent,
    });
    const many = Array.from({ length: 12 }, (_, i) => netOf(i + 1, 0.5 + (i % 3)));
    const layers = [0, 1].map(() => new LearnedSteps({ low: -8, high: 7, rate, perRow: false }, 'elements'));
    const signs = layers.map((): number[] => []);
    let stayed = 0;
    const expected = many.map((net, i) => {
      const [one, two] = layers.map(
        (w): LayerSlots => ({ w: w.read, dw: 'same', wx: 'same', ww: w.pullBackTransposed }),
      );
      const after = step(net, [one!, two!], 2 ** -4);
      layers.forEach((w, l) => {
        const own = signs[l]!;
        own.push(Math.sign(w.gradient!));
        // The signs of the window before this step's, each beside the one before it.
        const begin = Math.floor(i / window) * window - window;
        const changes = own
          .slice(Math.max(begin, 0), begin + window)
          .filter((sign, k) => sign === -own[begin + k - 1]!);
        const isFrozen = begin >= 0 && changes.length / window > above;
        if (isFrozen) stayed++;
        w.step(isFrozen);
      });
      return after;
    });
    expect(stayed).toBeGreaterThan(2);
    expect(stayed).toBeLessThan(20);
    expect(await trained(tf, recipe, many)).toEqual(expected);
  });
});

describe("the whitepaper's training", () => {
  it.each([
    [8, 8],
    [4, 5],
  ])('weights of %d bits, activations of %d: the bits of plain loops', async (weightBits, activationBits) => {
    const recipe = recipes.whitepaperQat({ weightBits, activationBits, decay: 0.75, delay: 0.5 });
    const w = scaledRows(2 ** (weightBits - 1) - 1);
    const four = [...nets, netOf(9, 2)];
    const averages = [0, 1].map(() => affineByAverages(2 ** activationBits - 1, 0.75));
    const expected = four.map((net, i) => {
      const slots = averages.map(
        ({ read, mask }, l): LayerSlots => ({
          ...{ w, dw: 'same', wx: 'same' },
          ...(i < 2 ? {} : { x: read, ...(l === 0 ? {} : { dx: mask }) }),
        }),
      );
      return step(net, [slots[0]!, slots[1]!], 2 ** -4);
    });
    expect(await trained(tf, recipe, four)).toEqual(expected);
  });
});

it('learn on a model of the harness: every step that has a gradient moves', async () => {
  const data = labelledData(
    numbers(64 * 40, 1),
    Array.from({ length: 40 }, (_, i) => i % 3),
  );
  const model = { kind: 'mlp', name: 'tiny', hidden: [16, 16], samples: 8, learningRate: 1e-3 } as const;
  const scales: Map<string, number>[] = [];
  await train({
    ...{
      tf,
      model,
      data,
      recipe: recipes.lsq({ bits: 3, scaleRate: 1e-3 }),
      steps: 3,
      seed: 1,
      checkpointEvery: 1,
    },
    onCheckpoint: ({ arrays }) => {
      const own = [...arrays].filter(([name]) => name.endsWith('/scales'));
      scales.push(
        new Map(own.map(([name, { data: bytes }]) => [name, new Float64Array(bytes.slice().buffer)[0]!])),
      );
    },
  });
  const [first, , last] = scales;
  expect([...first!.keys()]).toHaveLength(6);
  for (const [name, scale] of first!)
    expect(last!.get(name) === scale, name).toBe(name.includes('hidden.0/forward.x'));
});
