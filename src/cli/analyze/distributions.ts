/** Distributions that a tensor can be drawn from: the same numbers for the same seed everywhere. */
import { log } from '../../approximate.ts';
import { gaussians, randomWords } from '../../train/random.ts';

/** Uniform numbers between 0 and 1, neither of them among them. */
const uniforms = (count: number, seed: number): Float64Array =>
  Float64Array.from(randomWords(count, seed, 0, 'analyze'), (word) => (word + 0.5) / 2 ** 32);

/** One channel (index of the last axis) in a hundred, the first among them, is this much larger. */
const outlierFactor = 20;

type Distribution = (count: number, columns: number, seed: number) => Float32Array;

/** Numbers of each distribution: so many, in rows of so many, by a seed. */
export const distributions: Readonly<Record<string, Distribution>> = {
  gaussian: (count, _, seed) => gaussians(count, 1, seed, 'analyze'),
  uniform: (count, _, seed) => Float32Array.from(uniforms(count, seed), (u) => 2 * u - 1),
  laplace: (count, _, seed) =>
    Float32Array.from(uniforms(count, seed), (u) => (u < 0.5 ? log(2 * u) : -log(2 - 2 * u))),
  outliers: (count, columns, seed) =>
    gaussians(count, 1, seed, 'analyze').map((x, i) => ((i % columns) % 100 === 0 ? outlierFactor * x : x)),
};

/** What tensors may be drawn from. */
export const distributionNames: readonly string[] = Object.keys(distributions);
