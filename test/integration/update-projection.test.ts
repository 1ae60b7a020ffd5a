/** Projection of gradients: its basis against what a singular value decomposition is, its steps, its period, its refusals. */
import * as tf from '@tensorflow/tfjs';
import fc from 'fast-check';
import { beforeAll, describe, expect, it } from 'vitest';
import { quantizer } from '../../src/quantizers/index.ts';
import { wasmBackend } from '../../src/tfjs/index.ts';
import {
  adamW,
  applyRecipe,
  checkRecipe,
  defaultLion,
  type Recipe,
  recipes,
  sgd,
  type UpdateSpec,
} from '../../src/train/index.ts';
import { firstEigenvectors, Projector } from '../../src/train/update/projection.ts';
import { programs } from './apply-recipe-programs.ts';

beforeAll(async () => {
  await wasmBackend();
});

const plain = { weightDecay: 0 } as const;

describe('eigenvectors', () => {
  it('are orthonormal, and those of the largest eigenvalues', () => {
    const sizes = fc.integer({ min: 1, max: 9 });
    const matrices = sizes.chain((n) =>
      fc.array(fc.double({ min: -4, max: 4, noNaN: true }), { minLength: n * n, maxLength: n * n }),
    );
    fc.assert(
      fc.property(matrices, (entries) => {
        const n = Math.sqrt(entries.length);
        const at = (i: number, j: number): number => entries[i * n + j]!;
        const symmetric = Float64Array.from(entries, (_, k) => {
          const [i, j] = [Math.floor(k / n), k % n];
          let sum = 0;
          for (let l = 0; l < n; l++) sum += at(i, l) * at(j, l);
          return sum;
        });
        const v = firstEigenvectors(symmetric, n, n);
        const size = Math.max(1e-12, ...symmetric.map(Math.abs));
        let last = Number.POSITIVE_INFINITY;
        for (let c = 0; c < n; c++) {
          const image = Array.from({ length: n }, (_, i) =>
            Array.from({ length: n }, (_, j) => symmetric[i * n + j]! * v[j * n + c]!).reduce(
              (a, b) => a + b,
            ),
          );
          const value = image.reduce((sum, x, i) => sum + x * v[i * n + c]!, 0);
          image.forEach((x, i) => {
            expect(Math.abs(x - value * v[i * n + c]!)).toBeLessThan(1e-6 * n * size);
          });
          expect(value).toBeLessThan(last + 1e-6 * n * size);
          last = value;
          for (let d = 0; d <= c; d++) {
            let dot = 0;
            for (let i = 0; i < n; i++) dot += v[i * n + c]! * v[i * n + d]!;
            expect(Math.abs(dot - (c === d ? 1 : 0))).toBeLessThan(1e-6);
          }
        }
      }),
      { numRuns: 200 },
    );
  });
});

describe.each([
  [4, 7],
  [7, 4],
])('a matrix of %i x %i', (rows, columns) => {
  const low = (): tf.Tensor2D =>
    tf.tidy(() =>
      tf.matMul(
        tf.randomNormal([rows, 2], 0, 1, 'float32', 1) as tf.Tensor2D,
        tf.randomNormal([2, columns], 0, 1, 'float32', 2) as tf.Tensor2D,
      ),
    );

  it('of rank 2 is kept by two vectors, and of its best approximation by one', () => {
    tf.tidy(() => {
      const g = low();
      const whole = (rank: number): tf.Tensor => {
        const projector = new Projector(tf, [rows, columns], { rank, scale: 1 });
        const inner = projector.project(g);
        expect(inner.shape).toEqual(projector.inner);
        return projector.back(inner);
      };
      const distance = (x: tf.Tensor): number => tf.norm(tf.sub(x, g)).dataSync()[0]!;
      expect(distance(whole(2))).toBeLessThan(1e-5);
      const one = distance(whole(1));
      expect(one).toBeGreaterThan(1e-2);
      // No other vector leaves less.
      for (let seed = 3; seed < 20; seed++) {
        const u = tf.randomNormal([Math.min(rows, columns), 1], 0, 1, 'float32', seed) as tf.Tensor2D;
        const unit = tf.div(u, tf.norm(u)) as tf.Tensor2D;
        const other =
          rows <= columns
            ? tf.matMul(unit, tf.matMul(unit, g, true))
            : tf.matMul(tf.matMul(g, unit), unit, false, true);
        expect(distance(other)).toBeGreaterThan(one - 1e-5);
      }
    });
  });

  it('has the steps of gradient descent within the basis, and moments of its size', () => {
    const w = tf.tidy(() => tf.variable(tf.zeros([rows, columns]), true, 'w'));
    const optimizer = sgd(
      tf,
      { ...plain, momentum: 0 },
      { learningRate: 1, project: { rank: 2, scale: 0.5 } },
    );
    const g = low();
    optimizer.applyGradients({ w: g });
    tf.tidy(() => {
      const difference = tf.max(tf.abs(tf.add(w, tf.mul(g, 0.5)))).dataSync()[0]!;
      expect(difference).toBeLessThan(1e-5);
    });
    const adam = adamW(tf, plain, { project: { rank: 2 } });
    adam.applyGradients({ w: g });
    // Two moments in a basis of 2 vectors along the longer side, and the basis.
    expect(adam.stateBytes).toBe(4 * (2 * 2 * 7 + 2 * 4));
    for (const one of [optimizer, adam]) one.dispose();
    tf.dispose([w, g]);
  });
});

describe('the basis', () => {
  /** Steps at which the basis changed, of gradients that turn by `turn` each step. */
  function changes(project: UpdateSpec['project'] & object, turn: number, steps: number): number[] {
    const projector = new Projector(tf, [3, 3], project);
    const seen: number[] = [];
    let last = '';
    for (let t = 0; t < steps; t++) {
      const [c, s] = [Math.cos(t * turn), Math.sin(t * turn)];
      tf.tidy(() => void projector.project(tf.tensor2d([c, 0, 0, s, 0, 0, 0, 0, 0], [3, 3])));
      const basis = String(projector.save()['basis']!.data);
      if (basis !== last) seen.push(t);
      last = basis;
    }
    return seen;
  }

  it('is found anew after its period', () => {
    expect(changes({ rank: 1, period: 3 }, 0.3, 10)).toEqual([0, 3, 6, 9]);
  });

  it('is found less often where it hardly turns, as often where it does', () => {
    const adaptive = { threshold: 0.9, queue: 2 };
    // Cosines at 2 and 4 fill the queue: 4 steps to 8, then 8 to 16.
    expect(changes({ rank: 1, period: 2, adaptive }, 0.01, 20)).toEqual([0, 2, 4, 8, 16]);
    expect(changes({ rank: 1, period: 2, adaptive }, 0.7, 11)).toEqual([0, 2, 4, 6, 8, 10]);
  });

  it('may be held in codes of groups of the matrix that multiplies gradients', () => {
    const options = { format: 'uint4', scale: { per: 'block', size: 3, from: 'minmax' } } as const;
    const held = (projector: Projector): Float32Array =>
      tf.tidy(() =>
        tf
          .transpose(projector.project(tf.eye(4)))
          .dataSync<'float32'>()
          .slice(),
      );
    for (const shape of [
      [4, 6],
      [6, 4],
    ]) {
      const make = (more: object = {}) => new Projector(tf, shape, { rank: 2, ...more });
      const [wide, coded] = [make(), make({ quantizer: options })];
      tf.tidy(() => {
        const gradient = tf.randomNormal(shape, 0, 1, 'float32', 5);
        for (const one of [wide, coded]) one.project(gradient);
      });
      const expected = quantizer(options).quantize(held(wide), [8]);
      expect(held(coded)).toEqual(expected.values);
      expect(coded.bytes).toBe(expected.bytes);
      const other = make({ quantizer: options });
      other.restore(coded.save());
      expect(held(other)).toEqual(expected.values);
    }
  });
});

describe('in a recipe', () => {
  const withUpdate = (update: UpdateSpec, more: Partial<Recipe> = {}): Recipe => ({
    ...recipes.float32(),
    update,
    ...more,
  });

  it('is of the weights inside the blocks, unless it says all', async () => {
    const shapes = async (of: 'linear' | 'all'): Promise<Map<string, string>> => {
      const { target, step, dispose } = programs['attention']!();
      const recipe = withUpdate({ project: { rank: 4, of } });
      const run = await applyRecipe(tf, recipe, { ...target, steps: 2, seed: 1 });
      const optimizer = run.optimizer(0.01);
      step(optimizer, 0);
      const found = new Map(
        [...run.save().arrays].flatMap(([name, { shape }]) =>
          name.endsWith('first/values') ? [[name, String(shape)] as const] : [],
        ),
      );
      run.stop();
      optimizer.dispose();
      dispose();
      return found;
    };
    const [linear, all] = [await shapes('linear'), await shapes('all')];
    expect(linear.get('optimizers/0/attention/query/first/values')).toBe('4,16');
    expect(linear.get('optimizers/0/embedding/first/values')).toBe('12,16');
    expect(all.get('optimizers/0/embedding/first/values')).toBe('4,16');
  });

  it('has the optimiser that `rule` is, in place of `optimizer`', async () => {
    const losses = async (recipe: Recipe): Promise<number[]> => {
      const { target, step, dispose } = programs['mlp']!();
      const run = await applyRecipe(tf, recipe, { ...target, steps: 3, seed: 1 });
      const optimizer = run.optimizer(0.01);
      const seen = [0, 1, 2].map((t) => step(optimizer, t));
      run.stop();
      optimizer.dispose();
      dispose();
      return seen;
    };
    const ruled = await losses(withUpdate({ rule: defaultLion }));
    expect(ruled).toEqual(await losses(recipes.float32({ optimizer: { kind: 'lion' } })));
    expect(ruled).not.toEqual(await losses(recipes.float32()));
  });

  it.each<[string, Recipe, string]>([
    ['a rank', withUpdate({ project: { rank: 0 } }), 'recipe.update.project.rank'],
    [
      'a quantiser',
      withUpdate({ project: { rank: 2, quantizer: { format: 'int5x' } as never } }),
      'recipe.update.project.quantizer.scale',
    ],
    ['a field', withUpdate({ project: { rank: 2, periods: 3 } as never }), 'recipe.update.project.periods'],
    [
      'feedback beside it',
      withUpdate(
        { project: { rank: 2 } },
        { store: { kind: 'bfloat16', rounding: 'stochastic', feedback: 'momentum' } },
      ),
      'recipe.update.project',
    ],
    ['a rule', withUpdate({ rule: { ...defaultLion, beta1: 2 } }), 'recipe.update.rule.beta1'],
    [
      'step operators that the rule has no moment for',
      withUpdate({ rule: defaultLion, step: [{ kind: 'rmsClip' }] }),
      'recipe.update.step[0].kind',
    ],
  ])('names %s', (_, recipe, argument) => {
    expect(() => checkRecipe(recipe)).toThrow(expect.objectContaining({ name: 'ArgumentError', argument }));
  });
});
