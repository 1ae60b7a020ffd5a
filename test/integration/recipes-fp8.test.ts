/** The recipes with 8-bit operands: a step of two layers against loops that know nothing of the library, and published values. */
import { beforeAll, describe, expect, it } from 'vitest';
import { matrixUnit } from '../../src/index.ts';
import { type TensorFlow, wasmBackend } from '../../src/tfjs/index.ts';
import {
  adamW,
  labelledData,
  models,
  recipes,
  roleTable,
  type StepRecord,
  train,
} from '../../src/train/index.ts';
import { checkRecipe } from '../../src/train/recipe-check.ts';
import { recipeFrom } from '../../src/train/recipe-data.ts';
import {
  bfloat16,
  e3m2,
  e4m3,
  e5m2,
  gridded,
  hadamard,
  hopperProduct,
  integer,
  scaled,
  shiftedAndSqueezed,
} from '../oracles/recipes/quantizers.ts';
import {
  byRows,
  type Change,
  type LayerSlots,
  type Matrix,
  numbers,
  step,
  transposed,
  whole,
} from '../oracles/recipes/slots.ts';
import { netOf, trained } from './recipe-steps.ts';

let tf: TensorFlow;
beforeAll(async () => {
  tf = await wasmBackend();
});

/** The same slots in both layers. */
const both = (slots: LayerSlots): readonly [LayerSlots, LayerSlots] => [slots, slots];

describe('FP8 hybrid', () => {
  const slots = (forward: LayerSlots['x'] & object, gradient: LayerSlots['x'] & object): LayerSlots => ({
    ...{ x: forward, w: forward, dg: gradient, dw: 'same', wg: gradient, wx: 'same' },
  });
  const hybrid = slots(whole(scaled(e4m3, 448)), whole(scaled(e5m2, 57344)));

  it('with current scaling has the bits of plain loops', async () => {
    const nets = [netOf(1), netOf(2)];
    const steps = await trained(tf, recipes.fp8Hybrid({ scaling: 'current' }), nets);
    expect(steps).toEqual(nets.map((net) => step(net, both(hybrid), 2 ** -4)));
  });

  it.each([
    ['e4m3fn', e4m3, 448],
    ['e5m2', e5m2, 57344],
  ] as const)('in %s alone, with a margin', async (formats, round, largest) => {
    const one = whole(scaled(round, largest / 4));
    const [given] = await trained(tf, recipes.fp8Hybrid({ scaling: 'current', formats, margin: 2 }), [
      netOf(3),
    ]);
    expect(given).toEqual(step(netOf(3), both(slots(one, one)), 2 ** -4));
  });

  it.each(['hybrid', 'e4m3fn', 'e5m2'] as const)(
    '%s on the matrix unit of Hopper sums elements',
    async (formats) => {
      const [small, large] = [gridded(e4m3, 448, -6), gridded(e5m2, 57344, -14)];
      const forward = formats === 'e5m2' ? large : small;
      const gradient = formats === 'e4m3fn' ? small : large;
      const summed = { ...slots(forward, gradient), product: hopperProduct };
      const recipe = recipes.fp8Hybrid({ scaling: 'current', formats, accumulate: 'hopper-fp8' });
      for (const net of [netOf(1, 1, [40, 70, 9, 3]), netOf(2)]) {
        const [given] = await trained(tf, recipe, [net]);
        expect(given).toEqual(step(net, both(summed), 2 ** -4));
      }
      const plain = await trained(tf, recipes.fp8Hybrid({ scaling: 'current', formats }), [netOf(2)]);
      expect(plain).not.toEqual([step(netOf(2), both(summed), 2 ** -4)]);
    },
  );

  it('sums on a unit of its own as on the same unit by name', async () => {
    const { m, n, k, group, operands, fractionBits, result, addend } = matrixUnit('hopper-fp8');
    const data = { kind: 'aligned', m, n, k, group, operands, fractionBits, result, addend } as const;
    const accumulate = JSON.parse(JSON.stringify(data)) as typeof data;
    const own = recipes.fp8Hybrid({ scaling: 'current', accumulate });
    const known = recipes.fp8Hybrid({ scaling: 'current', accumulate: 'hopper-fp8' });
    const file = recipeFrom(JSON.parse(JSON.stringify(own)));
    expect(await trained(tf, own, [netOf(2)])).toEqual(await trained(tf, known, [netOf(2)]));
    expect(await trained(tf, file, [netOf(2)])).toEqual(await trained(tf, known, [netOf(2)]));
    const refusedAt = (given: string): RegExp => new RegExp(`^accumulate.*${given}`);
    expect(() => recipes.fp8Hybrid({ accumulate: 'hoper-fp8' })).toThrow(refusedAt('hopper-fp8'));
    expect(() => recipes.fp8Hybrid({ accumulate: 'bfloat16' })).toThrow(refusedAt('a matrix unit'));
    expect(() => recipes.fp8Hybrid({ accumulate: { ...data, group: 0 } })).toThrow(/^accumulate\.group/);
  });

  it('without scaling rounds what is there', async () => {
    const as = (round: (x: number) => number) => whole((x) => x.map(round));
    const [given] = await trained(tf, recipes.fp8Hybrid({ scaling: 'none' }), [netOf(4)]);
    expect(given).toEqual(step(netOf(4), both(slots(as(e4m3), as(e5m2))), 2 ** -4));
  });

  it.each([
    ['max', 2],
    ['latest', 3],
  ] as const)('with delayed scaling reads what it saw before, %s of %d', async (take, history) => {
    const recipe = recipes.fp8Hybrid({ take, history });
    const sizes = [1, 8, 2, 0.5, 1];
    const nets = sizes.map((size, i) => netOf(i, size));
    const memories = [0, 1].map(() => new Map<string, number[]>());
    const delayed = (
      memory: Map<string, number[]>,
      name: string,
      round: (x: number) => number,
      target: number,
    ) =>
      whole((x) => {
        const past = memory.get(name) ?? [];
        const now = x.reduce((most, v) => Math.max(most, Math.abs(v)), 0);
        const used = past.length === 0 ? now : take === 'latest' ? past.at(-1)! : Math.max(...past);
        memory.set(name, [...past, now].slice(-history));
        return scaled(round, target, used)(x);
      });
    const layer = (memory: Map<string, number[]>): LayerSlots => ({
      x: delayed(memory, 'x', e4m3, 448),
      w: delayed(memory, 'w', e4m3, 448),
      dg: delayed(memory, 'dg', e5m2, 57344),
      dw: 'same',
      wg: delayed(memory, 'wg', e5m2, 57344),
      wx: 'same',
    });
    const layers = [layer(memories[0]!), layer(memories[1]!)] as const;
    expect(await trained(tf, recipe, nets)).toEqual(nets.map((net) => step(net, layers, 2 ** -4)));
  });

  it('with a loss scale has gradients that its own divides', async () => {
    const recipe = recipes.fp8Hybrid({ scaling: 'none', lossScale: { static: 12 } });
    const small = { ...netOf(5), t: { ...netOf(5).t, values: netOf(5).t.values.map((v) => v * 2 ** -16) } };
    const as = (round: (x: number) => number) => whole((x) => x.map(round));
    const lifted = (x: number) => e5m2(x * 2 ** 12) / 2 ** 12;
    const [given] = await trained(tf, recipe, [small], 2 ** 12);
    expect(given).toEqual(step(small, both(slots(as(e4m3), as(lifted))), 2 ** -4));
  });

  it.each(['hybrid', 'e4m3fn'] as const)(
    'lowers a dynamic loss scale where gradients of %s overflow, and steps no weight',
    async (formats) => {
      const recipe = recipes.fp8Hybrid({ formats, scaling: 'none', lossScale: 'dynamic' });
      const net = netOf(5);
      // The default scale, 2^16, carries ordinary gradients beyond either format.
      const large = { ...net, t: { ...net.t, values: net.t.values.map((v) => v * 2 ** 8) } };
      const [given] = await trained(tf, recipe, [large]);
      expect([given!.a, given!.b]).toEqual([large.a, large.b]);
      expect(given!.da.values.every(Number.isFinite)).toBe(false);
    },
  );

  it.each([
    ['history', { scaling: 'current', history: 4 }],
    ['take', { scaling: 'none', take: 'max' }],
    ['margin', { scaling: 'none', margin: 1 }],
    ['lossScale', { update: {}, lossScale: 'dynamic' }],
    ['scaling', { scaling: 'later' }],
  ])('refuses %s that has no meaning', (argument, options) => {
    expect(() => recipes.fp8Hybrid(options as never)).toThrow(expect.objectContaining({ argument }));
  });
});

describe('SwitchBack', () => {
  const rows = byRows(scaled(integer(127), 127));
  const tensor = whole(scaled(integer(127), 127));
  const slots: LayerSlots = { x: rows, w: tensor, dg: rows, dw: 'same' };
  const arms: readonly (readonly [string, Parameters<typeof recipes.switchBack>[0], LayerSlots])[] = [
    ['SwitchBack', {}, slots],
    ['SwitchBackM', { variant: 'M' }, { ...slots, wx: 'same' }],
    ['SwitchBackQ', { variant: 'Q' }, { ...slots, w: rows, dw: rows }],
    ['8-bit weight gradients by rows', { weightGradient: 'row' }, { ...slots, wg: rows, wx: rows }],
    ['8-bit weight gradients by tensors', { weightGradient: 'tensor' }, { ...slots, wg: tensor, wx: tensor }],
  ];

  it.each(arms)('%s has the bits of plain loops', async (_, options, expected) => {
    const recipe = recipes.switchBack({ rest: 'binary32', updateClipping: false, ...options });
    const nets = [netOf(1), netOf(2)];
    expect(await trained(tf, recipe, nets)).toEqual(nets.map((net) => step(net, both(expected), 2 ** -4)));
  });

  it.each(arms)('%s with the rest in bfloat16', async (_, options, expected) => {
    const recipe = recipes.switchBack({ updateClipping: false, ...options });
    const net = netOf(6);
    const rounded = { ...net, x: { ...net.x, values: net.x.values.map(bfloat16) } };
    const t = { ...net.t, values: net.t.values.map(bfloat16) };
    const given = { ...rounded, t };
    expect(await trained(tf, recipe, [given])).toEqual([
      step(given, both({ ...expected, rest: bfloat16 }), 2 ** -4),
    ]);
  });

  it('leaves rows of zeros and of the smallest numbers what they are', async () => {
    const net = netOf(7);
    const values = net.x.values.slice();
    values.fill(0, 0, net.x.columns);
    values.fill(2 ** -30, net.x.columns, 2 * net.x.columns);
    const given = { ...net, x: { ...net.x, values } };
    const recipe = recipes.switchBack({ rest: 'binary32', updateClipping: false });
    expect(await trained(tf, recipe, [given])).toEqual([step(given, both(slots), 2 ** -4)]);
  });

  it('tells the RMS that its update clipping goes by', async () => {
    const seen: (StepRecord['probes'] & object)[] = [];
    const inputs = numbers(64 * 9, 1);
    const data = labelledData(
      inputs,
      Array.from({ length: 64 }, (_, i) => i % 2),
    );
    const model = { kind: 'mlp', name: 'test', hidden: [], samples: 8, learningRate: 1e-2 } as const;
    await train({
      ...{ tf, model, data, recipe: recipes.switchBack(), steps: 2, seed: 1, probeEvery: 1 },
      onStep: ({ probes }) => void seen.push(probes!),
    });
    // The first second moment is the square of the first gradient.
    expect(seen[0]!.rms!['output']).toBeCloseTo(1, 5);
    expect(Object.keys(seen[1]!.rms!)).toEqual(['output', 'output.bias']);
    const optimizer = adamW(tf, { weightDecay: 0, beta2: 0.5 });
    const w = tf.variable(tf.tensor1d([0, 0]), true, 'rms-probe');
    optimizer.rms = new Map();
    for (const g of [1, 7]) {
      const gradient = tf.tensor1d([g, -g]);
      optimizer.applyGradients({ [w.name]: gradient });
      gradient.dispose();
    }
    // v = (1/4 + 49/2) / (1 - 1/4) = 33.
    expect(optimizer.rms.get(w.name)).toBeCloseTo(Math.sqrt(49 / 33), 6);
    optimizer.dispose();
    w.dispose();
  });
});

describe('S2FP8', () => {
  const change = whole(shiftedAndSqueezed);
  const slots: LayerSlots = {
    ...{ x: change, w: change, y: change, dg: change, dw: 'same', dx: change },
    ...{ wg: change, wx: 'same', ww: change },
  };

  it.each(['all', 'linear'] as const)('of %s has the bits of plain loops', async (of) => {
    const nets = [netOf(1), netOf(2, 2 ** -20), netOf(3, 2 ** 12)];
    const steps = await trained(tf, recipes.s2fp8({ of }), nets);
    expect(steps).toEqual(nets.map((net) => step(net, both(slots), 2 ** -4)));
  });

  it('takes tensors of zeros and of one magnitude', async () => {
    const fill = (m: Matrix, value: number): Matrix => ({
      ...m,
      values: m.values.map((v) => Math.sign(v) * value),
    });
    const net = netOf(4);
    const nets = [
      { ...net, x: fill(net.x, 0) },
      { ...net, a: fill(net.a, 3), t: fill(net.t, 2 ** -30) },
    ];
    const steps = await trained(tf, recipes.s2fp8(), nets);
    expect(steps).toEqual(nets.map((each) => step(each, both(slots), 2 ** -4)));
  });

  it('reads and writes every product of a language model, first, last and attention', () => {
    const [phase] = roleTable(recipes.s2fp8(), models['llama-tiny']!);
    const of = (name: string): string[] => [...phase!.rows.find(([first]) => first === name)!];
    for (const name of ['embedding', 'layers.0.attention.query', 'head'])
      expect(of(name).filter((cell) => cell.includes('log-shift')).length).toBe(7);
  });
});

describe('HALO', () => {
  const turned = byRows(hadamard);
  const chained =
    (...changes: readonly Change[]): Change =>
    (m) =>
      changes.reduce((given, change) => change(given), m);
  const tokens: Change = (m) => transposed(turned(transposed(m)));
  const levels = (q: Change): readonly LayerSlots[] => [
    { x: q, w: q, dg: q, dw: 'same', wg: q, wx: 'same' },
    { x: chained(turned, q), w: chained(turned, q), dg: q, dw: q, wg: q, wx: q },
    { x: chained(turned, q), w: chained(turned, q), dg: chained(tokens, q), dw: q, dx: tokens, wg: q, wx: q },
  ];
  const formats = [
    ['int8', whole(scaled(integer(127), 127))],
    ['e4m3fn', whole(scaled(e4m3, 448))],
    ['e3m2', whole(scaled(e3m2, 28))],
    ['binary32', (m: Matrix) => m],
  ] as const;
  const cases = formats.flatMap(([format, q]) =>
    ([0, 1, 2] as const).map((level) => [level, format, levels(q)[level]!] as const),
  );

  it.each(cases)('%d in %s has the bits of plain loops', async (level, format, slots) => {
    const nets = [netOf(1), netOf(2, 1, [11, 24, 7, 3])];
    for (const net of nets)
      expect(await trained(tf, recipes.halo({ level, format }), [net])).toEqual([
        step(net, both(slots), 2 ** -4),
      ]);
  });

  it.each([0, 1, 2] as const)('%d is the plain step where nothing is rounded', async (level) => {
    // Integers through rotations of 4^n: every sum is exact.
    const net = netOf(5, 1, [16, 64, 16, 4]);
    const small = ({ values, ...m }: Matrix): Matrix => ({
      ...m,
      values: values.map((v) => Math.round(4 * v)),
    });
    const integers = { x: small(net.x), a: small(net.a), b: small(net.b), t: small(net.t) };
    const [given] = await trained(tf, recipes.halo({ level, format: 'binary32' }), [integers]);
    expect(given).toEqual((await trained(tf, recipes.float32(), [integers]))[0]);
    expect(new Set(given!.y.values).size).toBeGreaterThan(10);
  });

  it.each([1, 2] as const)(
    '%d of rows in a tensor of three axes is that of the same rows in two',
    async (level) => {
      const net = netOf(7, 1, [12, 10, 6, 4]);
      const recipe = recipes.halo({ level });
      const wanted = await trained(tf, recipe, [net]);
      for (const batch of [1, 2, 3])
        for (const way of ['einsum', 'reshape'] as const) {
          const given = await trained(tf, recipe, [net], 1, (x, w) => {
            const [rows, sums] = x.shape;
            const batched = tf.reshape(x, [batch, rows / batch, sums]);
            const result =
              way === 'einsum'
                ? tf.einsum('btk,ko->bto', batched, w)
                : tf.matMul(tf.reshape(batched, [rows, sums]), w);
            return tf.reshape(result, [rows, w.shape[1]]);
          });
          expect(given).toEqual(wanted);
        }
    },
  );

  it('turns no rows of a convolution', () => {
    const [phase] = roleTable(recipes.halo(), models['conv']!);
    const of = (name: string): string => phase!.rows.find(([first]) => first === name)!.join(' ');
    expect(of('output')).toContain('-2');
    expect(of('convolution.0')).not.toContain('-2');
    expect(of('convolution.0')).toContain('hadamard');
  });

  it('is refused where rows stay turned, or what is turned back was not', () => {
    const recipe = recipes.halo();
    const linear = recipe.phases[0]!.linear;
    const changed = (inputGradient: object) => () =>
      checkRecipe({
        ...recipe,
        phases: [{ ...recipe.phases[0]!, linear: { ...linear, inputGradient } as never }],
      });
    const { g, w, dx } = linear.inputGradient;
    const argument = 'recipe.phases[0].linear.inputGradient.dx.turn';
    expect(changed({ g, w })).toThrow(expect.objectContaining({ argument }));
    expect(changed({ g: null, w, dx })).toThrow(expect.objectContaining({ argument }));
    expect(changed({ g, w, dx: { turn: { name: 'hadamard', axis: -2, size: 4 } } })).toThrow(/that of g/);
  });
});
