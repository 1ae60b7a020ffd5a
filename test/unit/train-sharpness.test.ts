/** Sharpness in the logits: the closed form of the maximum over a box, and what it is of. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { logitSharpness } from '../../src/train/index.ts';

/** Mean cross-entropy by its definition. */
const lossOf = (rows: readonly (readonly number[])[], targets: readonly number[]): number =>
  rows.reduce((sum, row, i) => {
    const most = Math.max(...row);
    const total = row.reduce((all, y) => all + Math.exp(y - most), 0);
    return sum + Math.log(total) - (row[targets[i]!]! - most);
  }, 0) / rows.length;

/** The largest loss over the corners of the box, one after the other. */
function byCorners(
  rows: readonly (readonly number[])[],
  targets: readonly number[],
  epsilon: number,
): number {
  const usual = lossOf(rows, targets);
  const largest =
    rows.reduce((sum, row, i) => {
      let most = -Infinity;
      for (let corner = 0; corner < 2 ** row.length; corner++) {
        const moved = row.map((y, k) => y + (((corner >> k) & 1) * 2 - 1) * epsilon * (Math.abs(y) + 1));
        most = Math.max(most, lossOf([moved], [targets[i]!]));
      }
      return sum + most;
    }, 0) / rows.length;
  return (100 * (largest - usual)) / (1 + usual);
}

const logit = fc.double({ min: -30, max: 30, noNaN: true });
const rows = fc
  .integer({ min: 1, max: 6 })
  .chain((columns) =>
    fc.array(
      fc.tuple(
        fc.array(logit, { minLength: columns, maxLength: columns }),
        fc.integer({ min: 0, max: columns - 1 }),
      ),
      { minLength: 1, maxLength: 4 },
    ),
  );

describe('logitSharpness', () => {
  it('is the maximum over the corners of the box', () => {
    fc.assert(
      fc.property(rows, fc.double({ min: 0, max: 0.5, noNaN: true }), (given, epsilon) => {
        const [logits, targets] = [given.map(([row]) => row), given.map(([, target]) => target)];
        const expected = byCorners(logits, targets, epsilon);
        const found = logitSharpness(logits.flat(), targets, { epsilon });
        expect(Math.abs(found - expected)).toBeLessThan(1e-9 * (1 + Math.abs(expected)));
      }),
      { numRuns: 200 },
    );
  });

  it('is not below any point of the box', () => {
    fc.assert(
      fc.property(
        rows,
        fc.array(fc.double({ min: -1, max: 1, noNaN: true }), { minLength: 24, maxLength: 24 }),
        (given, places) => {
          const [logits, targets] = [given.map(([row]) => row), given.map(([, target]) => target)];
          let at = 0;
          const moved = logits.map((row) => row.map((y) => y + places[at++ % 24]! * 0.1 * (Math.abs(y) + 1)));
          const usual = lossOf(logits, targets);
          const rise = (100 * (lossOf(moved, targets) - usual)) / (1 + usual);
          expect(logitSharpness(logits.flat(), targets, { epsilon: 0.1 })).toBeGreaterThanOrEqual(
            rise - 1e-9,
          );
        },
      ),
    );
  });

  it('is 0 without a box or a choice, and no number where logits are none', () => {
    expect(logitSharpness([1, 2, 3], [1], { epsilon: 0 })).toBe(0);
    expect(logitSharpness(new Float32Array([5, -5]), new Int32Array([0, 0]))).toBe(0);
    expect(logitSharpness([1, Number.NaN], [0])).toBeNaN();
    expect(logitSharpness([2, 1, 0], [0]).toFixed(2)).toBe('0.11');
  });

  it('refuses places that are none', () => {
    expect(() => logitSharpness([1, 2], [2])).toThrow(/^targets\[0\]: got 2/);
    expect(() => logitSharpness([1, 2, 3], [0, 0])).toThrow(/^logits: got/);
    expect(() => logitSharpness([1, 2], [])).toThrow(/^targets: got/);
  });
});
