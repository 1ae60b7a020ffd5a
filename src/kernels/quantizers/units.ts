/** Elements in units of their scale, with kernels: `intoUnits` in `src/quantizers/elements.ts` is the definition. */
import { isFloat32Array, viewLike } from '../../array-kinds.ts';
import { privateHeap } from '../heap.ts';
import { quantizersModule } from '../quantizers-module.ts';
import { bandsOf, eachPart, room, withTerms } from './bands.ts';
import { cached, type GroupLayout } from './quantizer-pieces.ts';

/** How elements become units: times the factor of the group, or over it, at most `most`; infinities stay unless they are clipped too. */
interface Scaling {
  readonly factors: Float64Array;
  readonly divides: boolean;
  readonly most: number;
  readonly clipsInfinities: boolean;
}

/** All elements, in units, to an array that is as wide as it is. */
export function scaleIntoUnits(
  x: Float32Array,
  out: Float32Array | Float64Array,
  layout: GroupLayout,
  { factors, divides, most, clipsInfinities }: Scaling,
): void {
  const kept = clipsInfinities ? NaN : Infinity;
  withTerms(layout, (terms, numbers) => {
    const { buffer, places, load } = room();
    const kernels = quantizersModule.on(privateHeap().memory);
    const [source, target] = places;
    const kind = [Number(!isFloat32Array(out)), Number(divides)] as const;
    const units = viewLike(out, buffer, target, cached.length) as Float64Array;
    for (const band of bandsOf(layout)) {
      const { start, columns, size, group, groups, step } = band;
      for (let i = 0; i < groups; i++) {
        const factor = factors[group + i]!;
        // Over 0 all is zero, as it is over infinity.
        numbers[i] = divides && factor === 0 ? Infinity : factor;
      }
      eachPart(band, terms, (offset, count, column, row) => {
        load([x], start + offset, count);
        kernels.intoUnits(...kind, source, target, count, column, columns, size, row, 8 * step, most, kept);
        out.set(units.subarray(0, count), start + offset);
      });
    }
  });
}
