/** A number that changes in the course of a run, as data: lines, half cosines or steps between points. */
import { cosPi } from '../approximate.ts';
import { ArgumentError } from '../errors.ts';
import { fields, list, type Schema, value, word } from '../schema.ts';

export interface Curve {
  /** `linear`: straight lines between the points; `cosine`: half a cosine; `steps`: each value holds until the next point. */
  readonly kind: 'linear' | 'cosine' | 'steps';
  /** Part of all steps in [0, 1], and the value there, in ascending order. The first and last value hold outside of them. */
  readonly points: readonly (readonly [at: number, value: number])[];
}

const point = value<readonly [number, number]>(
  (given) =>
    Array.isArray(given) &&
    given.length === 2 &&
    given.every((x) => Number.isFinite(x)) &&
    given[0] >= 0 &&
    given[0] <= 1,
  'a part of all steps, from 0 to 1, and a number',
);

export const curveSchema: Schema<Curve> = fields({
  kind: word(['linear', 'cosine', 'steps']),
  points: list(point, 1, 1000),
}) as Schema<Curve>;

/** The rule that joins points. Throws ArgumentError naming the first that does not come after the one before. */
export function checkCurve({ points }: Curve, path: string): void {
  points.forEach(([at], i) => {
    const before = points[i - 1];
    if (before !== undefined && at <= before[0])
      throw new ArgumentError(`${path}.points[${i}]`, at, `a part of all steps above ${before[0]}`);
  });
}

/**
 * The value at a step (from 0) of `steps`. Points lie at whole steps, `at` times the number of steps rounded.
 * @example
 * curveAt({ kind: 'linear', points: [[0, 0.9], [0.5, 0.95]] }, 25, 100) // 0.925
 */
export function curveAt({ kind, points }: Curve, step: number, steps: number): number {
  const place = (i: number): number => Math.round(points[i]![0] * steps);
  let last = points.length - 1;
  while (last > 0 && place(last) > step) last--;
  const [, from] = points[last]!;
  const next = points[last + 1];
  if (kind === 'steps' || next === undefined || step <= place(last)) return from;
  const part = (step - place(last)) / (place(last + 1) - place(last));
  return from + (next[1] - from) * (kind === 'linear' ? part : (1 - cosPi(part)) / 2);
}
