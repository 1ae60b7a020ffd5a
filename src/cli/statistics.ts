/**
 * The few statistics that tables and plots show: mean, sample standard deviation, paired differences and a moving
 * mean. They summarise runs for people; no training result depends on them.
 */

/** A mean over `count` runs with its sample standard deviation (null for fewer than two). */
export interface Spread {
  readonly mean: number;
  readonly deviation: number | null;
  readonly count: number;
}

/** Mean and sample standard deviation (divisor n - 1); null for no values. A NaN or infinity makes the mean non-finite. */
export function spread(values: readonly number[]): Spread | null {
  const count = values.length;
  if (count === 0) return null;
  const mean = values.reduce((sum, value) => sum + value, 0) / count;
  if (count === 1) return { mean, deviation: null, count };
  const squares = values.reduce((sum, value) => sum + (value - mean) * (value - mean), 0);
  return { mean, deviation: Math.sqrt(squares / (count - 1)), count };
}

/** Spread of value minus baseline over the keys (seeds) that both have: pairing removes what the seed does to both. */
export function pairedDifference(
  values: ReadonlyMap<number, number>,
  baseline: ReadonlyMap<number, number>,
): Spread | null {
  const differences: number[] = [];
  for (const [key, value] of values) {
    const base = baseline.get(key);
    if (base !== undefined) differences.push(value - base);
  }
  return spread(differences);
}

/**
 * Centred moving mean with the given radius, shorter at the ends. Non-finite values are left out of their
 * neighbours' means and stay as they are themselves.
 */
export function movingMean(values: readonly number[], radius: number): number[] {
  return values.map((value, index) => {
    if (!Number.isFinite(value)) return value;
    let sum = 0;
    let count = 0;
    const last = Math.min(values.length - 1, index + radius);
    for (let i = Math.max(0, index - radius); i <= last; i++) {
      const neighbour = values[i]!;
      if (!Number.isFinite(neighbour)) continue;
      sum += neighbour;
      count++;
    }
    return sum / count;
  });
}

/** 97.5 % quantiles of Student's t for 1 to 30 degrees of freedom; above that the normal one is close enough. */
// biome-ignore format: ten a line
const studentQuantiles = [
  12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228,
  2.201, 2.179, 2.16, 2.145, 2.131, 2.12, 2.11, 2.101, 2.093, 2.086,
  2.08, 2.074, 2.069, 2.064, 2.06, 2.056, 2.052, 2.048, 2.045, 2.042,
];

/** Half the width of the 95 % confidence interval of a mean, by Student's t; null for fewer than two values. */
export function halfInterval({ deviation, count }: Spread): number | null {
  if (deviation === null) return null;
  return ((studentQuantiles[count - 2] ?? 1.96) * deviation) / Math.sqrt(count);
}
