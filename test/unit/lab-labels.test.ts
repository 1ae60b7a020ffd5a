/** Labels beside dots: within their bounds, and none on another or on a dot, however close the dots are. */
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { placeLabels, textWidth } from '../../lab/view/labels.ts';

const bounds = { left: 54, right: 328, top: 0, bottom: 280 };
const dot = fc.record({
  x: fc.integer({ min: 54, max: 314 }),
  y: fc.integer({ min: 12, max: 280 }),
  text: fc.string({ minLength: 1, maxLength: 14 }),
});

it('keep apart', () => {
  fc.assert(
    fc.property(fc.array(dot, { maxLength: 12 }), (dots) => {
      const boxes = placeLabels(dots, bounds).map((place, i) => {
        expect(place, `no place for label ${i}`).toBeDefined();
        const { x, y } = place!;
        return { left: x, right: x + textWidth(dots[i]!.text), top: y - 11, bottom: y + 3 };
      });
      const around = dots.map(({ x, y }) => ({ left: x - 4, right: x + 4, top: y - 4, bottom: y + 4 }));
      for (const [i, a] of boxes.entries()) {
        expect(a.left >= 54 && a.right <= 328 && a.top >= 0 && a.bottom <= 280).toBe(true);
        for (const b of [...boxes.slice(i + 1), ...around])
          expect(
            a.left < b.right && b.left < a.right && a.top < b.bottom && b.top < a.bottom,
            `${i} covers something`,
          ).toBe(false);
      }
    }),
  );
});
