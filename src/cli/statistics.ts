/**
 * The few statistics that tables and plots show: mean, sample standard deviation, paired differences and a moving
 * mean. They summarise runs for people; no training result depends on them.
 */
import { studentQuantile } from '../student.ts';

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

/** Half the width of the 95 % confidence interval of a mean, by Student's t; null for fewer than two values. */
export function halfInterval({ deviation, count }: Spread): number | null {
  if (deviation === null) return null;
  return (studentQuantile(count - 1) * deviation) / Math.sqrt(count);
}
