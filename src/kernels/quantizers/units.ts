/**
 * Elements in units of their scale and back, and ranges of groups, with kernels: `src/quantizers/elements.ts` has the definitions.
 */
import { isFloat32Array, viewLike } from '../../array-kinds.ts';
import { privateHeap } from '../heap.ts';
import { quantizersModule } from '../quantizers-module.ts';
import { bandsOf, eachPart, room, withTerms } from './bands.ts';
import { cached, type GroupLayout } from './quantizer-pieces.ts';

const kernelsHere = () => quantizersModule.on(privateHeap().memory);

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
    const kernels = kernelsHere();
    const [source, target] = places;
    const kind = [Number(!isFloat32Array(out)), Number(divides)] as const;
    const units = viewLike(out, buffer, target, cached.length) as Float64Array;
    for (const band of bandsOf(layout)) {
      const { start, columns, size, group, groups, step } = band;
      for (let i = 0; i < groups; i++) {
        const factor = factors[group + i]!;
        // Over 0 all is zero, as it is over infinity.
        numbers![i] = divides && factor === 0 ? Infinity : factor;
      }
      eachPart(band, terms, (offset, count, column, row) => {
        load([x], start + offset, count);
        kernels.intoUnits(...kind, source, target, count, column, columns, size, row, 8 * step, most, kept);
        out.set(units.subarray(0, count), start + offset);
      });
    }
  });
}

/** How elements, less their zero points, become values: times the factor of the group, or over it. */
interface Unscaling {
  readonly factors: Float64Array;
  readonly divides: boolean;
  readonly zeroPoints: Float64Array | undefined;
  /** Elements are only rounded: zero points are added to them, and then they are brought within these. */
  readonly ends: { readonly low: number; readonly high: number } | undefined;
}

/** All values of elements. */
export function scaleOutOfUnits(
  elements: Float32Array,
  values: Float32Array,
  layout: GroupLayout,
  { factors, divides, zeroPoints, ends }: Unscaling,
): void {
  withTerms(
    layout,
    (terms, numbers, zeros, backs) => {
      const { buffer, places, result } = room();
      const kernels = kernelsHere();
      const [target, source] = places;
      const held = new Float32Array(buffer, source, cached.length);
      const pitch = 8 * numbers!.length;
      const { low, high } = ends ?? { low: -Infinity, high: Infinity };
      // -0 added changes nothing, not even the sign of a zero.
      zeros!.fill(-0);
      backs!.fill(-0);
      for (const band of bandsOf(layout)) {
        const { start, columns, size, group, groups, step } = band;
        numbers!.set(factors.subarray(group, group + groups));
        if (zeroPoints !== undefined) {
          const own = zeroPoints.subarray(group, group + groups);
          if (ends !== undefined) zeros!.set(own);
          backs!.set(own.map((zero) => -zero));
        }
        eachPart(band, terms, (offset, count, column, row) => {
          const from = start + offset;
          held.set(elements.subarray(from, from + count));
          const walk = [count, column, columns, size, row, 8 * step] as const;
          kernels.outOfUnits(Number(divides), source, target, ...walk, pitch, low, high);
          elements.set(held.subarray(0, count), from);
          values.set(result.subarray(0, count), from);
        });
      }
    },
    3,
  );
}

/** The least and the largest element of every group, and 0; NaN both if there is a NaN. */
export function rangesOfGroups(
  x: Float32Array,
  layout: GroupLayout,
  lows: Float64Array,
  highs: Float64Array,
): void {
  withTerms(
    layout,
    (terms, least, most) => {
      const { places, load } = room();
      const kernels = kernelsHere();
      const pitch = 8 * least!.length;
      for (const band of bandsOf(layout)) {
        const { start, columns, size, group, groups, step } = band;
        least!.fill(0, 0, groups);
        most!.fill(0, 0, groups);
        eachPart(band, terms, (offset, count, column, row) => {
          load([x], start + offset, count);
          kernels.addRanges(places[0], count, column, columns, size, row, 8 * step, pitch);
        });
        lows.set(least!.subarray(0, groups), group);
        highs.set(most!.subarray(0, groups), group);
      }
    },
    2,
  );
}
