/** Numbers that change in the course of a run. */
import { describe, expect, it } from 'vitest';
import { checkSchema } from '../../src/schema.ts';
import { type Curve, checkCurve, curveAt, curveSchema } from '../../src/train/curve.ts';

describe('a curve', () => {
  it('goes along lines or in steps, and holds its ends', () => {
    const points = [
      [0.2, 1],
      [0.4, 3],
      [0.8, -1],
    ] as const;
    const at = (kind: Curve['kind']): number[] =>
      Array.from({ length: 10 }, (_, step) => curveAt({ kind, points }, step, 10));
    expect(at('linear')).toEqual([1, 1, 1, 2, 3, 2, 1, 0, -1, -1]);
    expect(at('steps')).toEqual([1, 1, 1, 1, 3, 3, 3, 3, -1, -1]);
    const cosine = {
      kind: 'cosine',
      points: [
        [0, 1],
        [1, 0.5],
      ],
    } as const;
    for (let step = 0; step <= 12; step++) {
      const wanted = 0.5 + (1 + Math.cos((Math.PI * Math.min(step, 10)) / 10)) / 4;
      expect(Math.abs(curveAt(cosine, step, 10) - wanted)).toBeLessThan(1e-12);
    }
    expect([0, 5, 10].map((step) => curveAt(cosine, step, 10))).toEqual([1, 0.75, 0.5]);
    expect(curveAt({ kind: 'linear', points: [[0.5, 7]] }, 0, 10)).toBe(7);
    expect(curveAt({ kind: 'linear', points }, 1e6, 10)).toBe(-1);
  });

  it('whose points come at one step has the value of the last of them', () => {
    const curve: Curve = {
      kind: 'linear',
      points: [
        [0, 1],
        [0.01, 5],
      ],
    };
    expect(curveAt(curve, 0, 10)).toBe(5);
    expect(curveAt(curve, 3, 10)).toBe(5);
  });

  it.each([
    [{ kind: 'cubic', points: [[0, 1]] }, 'curve.kind'],
    [{ kind: 'linear', points: [] }, 'curve.points'],
    [{ kind: 'linear', points: [[1.5, 1]] }, 'curve.points[0]'],
    [{ kind: 'linear', points: [[0, Number.NaN]] }, 'curve.points[0]'],
    [{ kind: 'linear', points: [[0, 1, 2]] }, 'curve.points[0]'],
    [
      {
        kind: 'linear',
        points: [
          [0.5, 1],
          [0.5, 2],
        ],
      },
      'curve.points[1]',
    ],
    [{ kind: 'linear', points: [[0, 1]], shape: 1 }, 'curve.shape'],
  ])('%j is refused', (curve, argument) => {
    const check = (): void => checkCurve(checkSchema('curve', curve, curveSchema), 'curve');
    expect(check).toThrow(expect.objectContaining({ argument }));
  });
});
