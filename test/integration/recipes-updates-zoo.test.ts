/** Recipes of optimiser states and updates: five steps recomputed by plain loops, and equalities that their papers imply. */
import * as tf from '@tensorflow/tfjs';
import { beforeAll, describe, expect, it } from 'vitest';
import { formats } from '../../src/formats/index.ts';
import { round } from '../../src/operations/index.ts';
import { wasmBackend } from '../../src/tfjs/index.ts';
import { adamW, type Recipe, recipes, textData, train } from '../../src/train/index.ts';
import type { AdamWSettings } from '../../src/train/optimizers/index.ts';

beforeAll(async () => {
  await wasmBackend();
});

const model = {
  ...{ name: 'test', width: 16, layers: 2, heads: 2, hidden: 24, context: 8, sequences: 4 },
  learningRate: 1e-2,
};
const data = textData('the quick brown fox jumps over the lazy dog. '.repeat(60));

async function lossesOf(recipe: Recipe, steps = 8): Promise<number[]> {
  const losses: number[] = [];
  await train({
    ...{ tf, model, data, recipe, steps, seed: 1, evaluateEvery: 0 },
    onStep: ({ loss }) => void losses.push(loss),
  });
  return losses;
}

const f = Math.fround;

/** The values of a table for the largest magnitude `scale`, and the nearest of them, ties downwards in the table. */
function held(
  values: Float32Array,
  table: readonly number[],
  largest: number,
  size: number,
  keepSign: boolean,
) {
  const out = new Float32Array(values.length);
  for (let begin = 0; begin < values.length; begin += size) {
    const block = values.subarray(begin, begin + size);
    let top = 0;
    for (const value of block) top = Math.max(top, Math.abs(value));
    block.forEach((value, i) => {
      if (top === 0) return;
      // A scale is stored as what decodes, in binary32.
      const unit = f(top / largest);
      const x = value / unit;
      let best = 0;
      for (let k = 1; k < table.length; k++)
        if (Math.abs(table[k]! - x) < Math.abs(table[best]! - x)) best = k;
      if (keepSign && value < 0 && table[best]! >= 0) best--;
      if (keepSign && value > 0 && table[best]! < 0) best++;
      out[begin + i] = f(table[best]! * unit);
    });
  }
  return out;
}

describe('8-bit states', () => {
  const signed = [...formats.dynamic8.values()];
  const unsigned = [...formats.dynamicUnsigned8.values()];
  const count = 96;
  const gradient = (step: number): Float32Array =>
    Float32Array.from({ length: count }, (_, i) => Math.sin(17 * i + 5 * step) * 10 ** ((i % 7) - 5));

  it.each([
    ['blocks', { block: 32, least: 0 }, 32],
    ['the tensor', { per: 'tensor', least: 0 }, count],
  ] as const)('dynamic codes over %s: five steps of AdamW', (_, options, size) => {
    const { first, second, ...rest } = recipes.adam8bit(options).optimizer as AdamWSettings;
    const weights = tf.variable(tf.zeros([count]));
    const optimizer = adamW(
      tf,
      { ...rest, first: first!, second: second!, weightDecay: 0, clipNorm: 1e30 },
      { learningRate: 0.01 },
    );
    let [m, v, power1, power2] = [new Float32Array(count), new Float32Array(count), 1, 1];
    const expected = new Float32Array(count);
    const { beta1, beta2, epsilon } = rest;
    for (let step = 0; step < 5; step++) {
      const g = gradient(step);
      tf.tidy(() => optimizer.applyGradients({ [weights.name]: tf.tensor1d(g) }));
      power1 *= beta1;
      power2 *= beta2;
      const correction = Math.sqrt(1 - power2);
      const nextM = m.map((x, i) => f(f(x * f(beta1)) + f(g[i]! * f(1 - beta1))));
      const nextV = v.map((x, i) => f(f(x * f(beta2)) + f(f(g[i]! * g[i]!) * f(1 - beta2))));
      for (let i = 0; i < count; i++) {
        const divisor = f(f(Math.sqrt(nextV[i]!)) + f(epsilon * correction));
        const move = f(f(nextM[i]! / divisor) * f((0.01 * correction) / (1 - power1)));
        expected[i] = f(expected[i]! - move);
      }
      m = held(nextM, signed, 1, size, true);
      v = held(nextV, unsigned, 1, size, false);
    }
    expect([...weights.dataSync()]).toEqual([...expected]);
    weights.dispose();
    optimizer.dispose();
  });

  it('are in float32 for embeddings and small tensors where that is asked for', async () => {
    const names = async (recipe: Recipe): Promise<string[]> => {
      let found: string[] = [];
      await train({
        ...{ tf, model, data, recipe, steps: 1, seed: 1, checkpointEvery: 1, evaluateEvery: 0 },
        onCheckpoint: ({ arrays }) => {
          found = [...arrays.keys()].filter((key) => /^optimizer\/.*\/codes$/.test(key));
        },
      });
      return found;
    };
    expect(await names(recipes.adam8bit({ least: 0 }))).toContain('optimizer/embedding/first/codes');
    const wide = await names(recipes.adam8bit({ least: 0, embedding: '32-bit' }));
    expect(wide.some((key) => key.includes('embedding'))).toBe(false);
    expect(wide).toContain('optimizer/head/second/codes');
    const large = await names(recipes.adam8bit({ least: 300 }));
    expect(large.every((key) => /mlp\.(gate|up|down)|embedding|head/.test(key))).toBe(true);
    expect(large.length).toBeGreaterThan(0);
  });

  it('go with every kind of optimiser that has some', async () => {
    for (const kind of ['sgd', 'lion', 'adafactor'] as const) {
      const recipe = recipes.adam8bit({ least: 0, optimizer: { kind } });
      for (const loss of await lossesOf(recipe, 3)) expect(loss).toBeGreaterThan(0);
    }
  });
});

describe('E8Mx', () => {
  it('is what masking the bits gives', () => {
    const bits = new Uint32Array(1);
    const value = new Float32Array(bits.buffer);
    for (const mantissaBits of [2, 3, 5]) {
      const { format, rounding } = recipes.mantissaMask({ mantissaBits }).phases[0]!.emulate!;
      const mask = (0xffffffff << (23 - mantissaBits)) >>> 0;
      for (let pattern = 0; pattern < 65536; pattern++) {
        bits[0] = pattern * 65536 + ((pattern * 40503) & 0xffff);
        const given = value[0]!;
        if (Number.isNaN(given)) continue;
        const rounded = round(given, format, { rounding: rounding! });
        bits[0] = (bits[0]! & mask) >>> 0;
        expect(Object.is(rounded, value[0]!) || [given, rounded, value[0]]).toBe(true);
      }
    }
  });

  it('with seven bits and to nearest is bfloat16', async () => {
    const masked = await lossesOf(recipes.mantissaMask({ mantissaBits: 7, rounding: 'nearest-even' }));
    expect(masked).toEqual(await lossesOf(recipes.bfloat16()));
    expect(await lossesOf(recipes.mantissaMask({ mantissaBits: 23 }))).toEqual(
      await lossesOf(recipes.float32()),
    );
  });
});

describe('moments that are forgotten', () => {
  it('have the bits of as many phases', async () => {
    const { events: _, ...rest } = recipes.stableSpam({ resetEvery: 2 });
    const [phase] = rest.phases;
    const later = [0.25, 0.5, 0.75].map((from) => ({ ...phase!, from, optimizerState: 'reset' as const }));
    const phased: Recipe = { ...rest, phases: [phase!, ...later] };
    expect(await lossesOf(recipes.stableSpam({ resetEvery: 2 }))).toEqual(await lossesOf(phased));
    expect(await lossesOf(recipes.stableSpam({ resetEvery: 100 }))).not.toEqual(await lossesOf(phased));
  });

  it('warm up after it in SPAM', async () => {
    const at = (warmup: number) => lossesOf(recipes.spam({ resetEvery: 3, warmup }));
    const [none, some] = [await at(0), await at(4)];
    expect(some.slice(0, 4)).toEqual(none.slice(0, 4));
    expect(some.slice(4)).not.toEqual(none.slice(4));
  });

  it('read their operands', async () => {
    const losses = await Promise.all(
      (['float32', 'bfloat16', 'fp4', 'int4'] as const).map((operands) =>
        lossesOf(recipes.stableSpam({ operands }), 3),
      ),
    );
    expect(new Set(losses.map((one) => one[2])).size).toBe(4);
  });
});

describe('projections', () => {
  it('of full rank are none', async () => {
    // Sides of the matrices are 16 and 24.
    expect(await lossesOf(recipes.galore({ rank: 16 }))).toEqual(await lossesOf(recipes.float32()));
    expect(await lossesOf(recipes.galore({ rank: 4 }))).not.toEqual(await lossesOf(recipes.float32()));
  });

  it('of Q-GaLore hold weights, projectors and moments in few bits', async () => {
    let keys: string[] = [];
    const recipe = recipes.qGalore({ rank: 4, period: 2 });
    await train({
      ...{ tf, model, data, recipe, steps: 2, seed: 1, checkpointEvery: 2, evaluateEvery: 0 },
      onCheckpoint: ({ arrays }) => {
        keys = [...arrays.keys()];
      },
    });
    expect(keys).toContain('weights/layers.0.mlp.up/codes');
    expect(keys.some((key) => /basis/.test(key))).toBe(true);
  });

  it('refuse an update beside their own', () => {
    for (const name of ['galore', 'qGalore', 'spam', 'stableSpam'] as const)
      expect(() => recipes[name]({ update: { gradient: [] } } as never)).toThrow(/^update: got/);
  });
});

describe('direct quantised training', () => {
  const keysOf = async (recipe: Recipe): Promise<ReadonlyMap<string, string>> => {
    let found = new Map<string, string>();
    await train({
      ...{ tf, model, data, recipe, steps: 2, seed: 1, checkpointEvery: 2, evaluateEvery: 0 },
      onCheckpoint: ({ arrays }) => {
        found = new Map([...arrays].map(([key, { dtype }]) => [key, dtype]));
      },
    });
    return found;
  };

  it('of an integer format by name is that of as many bits', async () => {
    for (let bits = 2; bits <= 16; bits++)
      expect(recipes.dqt({ store: `int${bits}` }).store).toEqual(recipes.dqt({ bits }).store);
    expect(await lossesOf(recipes.dqt({ store: 'int8' }))).toEqual(await lossesOf(recipes.dqt({ bits: 8 })));
  });

  it('holds floats and posits on a scaled grid of 8 deviations, 16 bits without a scale', async () => {
    const grid = (format: string): Recipe => ({
      ...recipes.dqt({ bits: 8, ternaryInference: false }),
      store: { kind: 'grid', format, rounding: 'stochastic', range: { deviations: 8 }, of: 'linear' },
    });
    for (const format of ['e4m3fn', 'posit8'])
      expect(await lossesOf(recipes.dqt({ store: format }))).toEqual(await lossesOf(grid(format)));
    const wide = await keysOf(recipes.dqt({ store: 'binary16' }));
    expect([...wide.keys()]).toContain('weights/layers.0.mlp.up/codes');
    expect(await lossesOf(recipes.dqt({ store: 'bfloat16' }))).not.toEqual(
      await lossesOf(recipes.dqt({ store: 'binary16' })),
    );
  });

  it('is of formats with parameters, too', async () => {
    const names = {
      'fixed(3,4)': 'fixed-3-4',
      'posit(16,1)': 'posit-16-1',
    };
    for (const [store, part] of Object.entries(names)) {
      const recipe = recipes.dqt({ store });
      expect(recipe.name).toBe(`dqt-${part}`);
      for (const loss of await lossesOf(recipe, 2)) expect(loss).toBeGreaterThan(0);
    }
  });

  it('puts what is lost into the momentum, or not', async () => {
    const [lost, kept] = [recipes.dqt({ bits: 4 }), recipes.dqt({ bits: 4, eco: true })];
    expect(kept.store).toEqual({ ...lost.store, feedback: 'momentum' });
    expect(await lossesOf(kept)).not.toEqual(await lossesOf(lost));
  });

  it('holds everything else as its environment says', async () => {
    const bfloat16 = await keysOf(recipes.dqt({ bits: 8, environment: 'bfloat16' }));
    expect(bfloat16.get('weights/embedding/codes')).toBe('BF16');
    expect(bfloat16.get('optimizer/embedding/first/codes')).toBe('BF16');
    expect(bfloat16.get('weights/layers.1.attention.query/codes')).not.toBe('BF16');
    const fp8 = await keysOf(recipes.dqt({ bits: 1.58, environment: 'fp8' }));
    expect(fp8.get('weights/norm/codes')).toBe('BF16');
    expect(fp8.get('optimizer/norm/second/codes')).toBe('U8');
    for (const environment of ['bfloat16', 'fp8'] as const)
      for (const loss of await lossesOf(recipes.dqt({ bits: 4, environment, of: 'all' })))
        expect(loss).toBeLessThan(5);
  });
});
