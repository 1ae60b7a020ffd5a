/** The recipes whose quantisers learn or remember: a step of two layers against loops that know nothing of the library. */
import { beforeAll, describe, expect, it } from 'vitest';
import { type TensorFlow, wasmBackend } from '../../src/tfjs/index.ts';
import { models, recipes, roleTable, train } from '../../src/train/index.ts';
import { labelledData } from '../../src/train/labelled-data.ts';
import { affineByAverages, LearnedSteps, scaledRows } from '../oracles/recipes/learned.ts';
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
    expect(bitsOf({ bits: 2 }, 'llama-tiny')).toMatchObject({ embedding: '-', head: 'int8' });
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
