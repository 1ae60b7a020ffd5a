/**
 * Convolutions as matrix products: the patches of a tensor that the outputs of a convolution are made from, laid out as
 * rows. Three spatial dimensions and channels last; groups of channels lie one after the other, since each is a product of
 * its own. Index arithmetic and copies only.
 */

/** One spatial dimension: which input position tap t of output position o reads, -1 for the padding; [o * taps + t]. */
interface Taps {
  readonly positions: number;
  readonly taps: number;
  readonly size: number;
  readonly source: Int32Array;
}

/** Of a convolution: position o stride - pad + t dilation. */
export function forwardTaps(
  size: number,
  positions: number,
  taps: number,
  stride: number,
  dilation: number,
  pad: number,
): Taps {
  const source = new Int32Array(positions * taps);
  for (let o = 0; o < positions; o++)
    for (let t = 0; t < taps; t++) {
      const i = o * stride - pad + t * dilation;
      source[o * taps + t] = i >= 0 && i < size ? i : -1;
    }
  return { positions, taps, size, source };
}

/** Of its transpose: the outputs o that input position i went to by tap t, if there is one. */
export function backwardTaps({ positions, taps, size, source }: Taps): Taps {
  const back = new Int32Array(size * taps).fill(-1);
  for (let o = 0; o < positions; o++)
    for (let t = 0; t < taps; t++) {
      const i = source[o * taps + t]!;
      if (i >= 0) back[i * taps + t] = o;
    }
  return { positions: size, taps, size: positions, source: back };
}

export type Spatial = readonly [Taps, Taps, Taps];

/** Whether patches are the tensor itself. */
export function isTrivial(spatial: Spatial): boolean {
  return spatial.every(
    ({ positions, taps, size, source }) =>
      taps === 1 && positions === size && source.every((place, i) => place === i),
  );
}

/** All three dimensions together: tap t of output position o reads place `sources[o * taps + t]`, -1 for the padding. */
export interface Layout {
  readonly positions: number;
  readonly taps: number;
  readonly places: number;
  readonly sources: Int32Array;
}

export function layoutOf([x, y, z]: Spatial): Layout {
  const sources = new Int32Array(x.source.length * y.source.length * z.source.length);
  let next = 0;
  for (let ox = 0; ox < x.positions; ox++)
    for (let oy = 0; oy < y.positions; oy++)
      for (let oz = 0; oz < z.positions; oz++)
        for (let tx = 0; tx < x.taps; tx++)
          for (let ty = 0; ty < y.taps; ty++) {
            const ix = x.source[ox * x.taps + tx]!;
            const iy = y.source[oy * y.taps + ty]!;
            const row = ix < 0 || iy < 0 ? -1 : (ix * y.size + iy) * z.size;
            for (let tz = 0; tz < z.taps; tz++) {
              const iz = z.source[oz * z.taps + tz]!;
              sources[next++] = row < 0 || iz < 0 ? -1 : row + iz;
            }
          }
  return {
    positions: x.positions * y.positions * z.positions,
    taps: x.taps * y.taps * z.taps,
    places: x.size * y.size * z.size,
    sources,
  };
}

/** The half-open range of rows, images times positions, or of taps. */
export type Range = readonly [first: number, end: number];

/** Writes to[group][row][tap][channel of the group] = from[image of the row][source][channel], 0 in the padding. */
export function writePatches(
  from: Float32Array,
  to: Float32Array,
  { positions, taps, places, sources }: Layout,
  channels: number,
  groups: number,
  rows: Range,
  [firstTap, endTap]: Range,
): void {
  const width = channels / groups;
  let target = 0;
  for (let g = 0; g < groups; g++)
    for (let row = rows[0]; row < rows[1]; row++) {
      const image = Math.floor(row / positions);
      const start = image * places * channels + g * width;
      const own = (row - image * positions) * taps;
      for (let at = own + firstTap; at < own + endTap; at++, target += width) {
        const place = sources[at]!;
        const source = start + place * channels;
        for (let c = 0; c < width; c++) to[target + c] = place < 0 ? 0 : from[source + c]!;
      }
    }
}

/** to[b][a][i] = from[a][b][i], for i below `length`. */
export function swapAxes(from: Float32Array, to: Float32Array, a: number, b: number, length: number): void {
  for (let i = 0; i < a; i++)
    for (let j = 0; j < b; j++)
      for (let k = 0; k < length; k++) to[(j * a + i) * length + k] = from[(i * b + j) * length + k]!;
}
