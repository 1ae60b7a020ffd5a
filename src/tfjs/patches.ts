/**
 * Convolutions as matrix products: the patches of a tensor that the outputs of a convolution are made from, laid out as
 * rows. Three spatial dimensions and channels last; groups of channels lie one after the other, since each is a product of
 * its own. Index arithmetic and copies only.
 */

/** One spatial dimension: which input position tap t of output position o reads, -1 for the padding; [o * taps + t]. */
export interface Taps {
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

export const positionsOf = (spatial: Spatial): number =>
  spatial.reduce((product, { positions }) => product * positions, 1);
export const tapsOf = (spatial: Spatial): number => spatial.reduce((product, { taps }) => product * taps, 1);

/**
 * Writes to[group][batch][position][tap][channel of the group] = from[batch][source][channel], 0 in the padding, for taps
 * `first` to `last` (exclusive).
 */
export function writePatches(
  from: Float32Array,
  to: Float32Array,
  batch: number,
  channels: number,
  groups: number,
  spatial: Spatial,
  first: number,
  last: number,
): void {
  const [x, y, z] = spatial;
  const width = channels / groups;
  const rows = batch * positionsOf(spatial);
  const count = last - first;
  const areTaps = Array.from({ length: count }, (_, i) => {
    const tap = first + i;
    return [Math.floor(tap / (y.taps * z.taps)), Math.floor(tap / z.taps) % y.taps, tap % z.taps] as const;
  });
  const tapX = Int32Array.from(areTaps, ([t]) => t);
  const tapY = Int32Array.from(areTaps, ([, t]) => t);
  const tapZ = Int32Array.from(areTaps, ([, , t]) => t);
  const plane = x.size * y.size * z.size;
  const rowStride = count * width;
  const groupStride = rows * rowStride;
  let row = 0;
  for (let n = 0; n < batch; n++)
    for (let ox = 0; ox < x.positions; ox++)
      for (let oy = 0; oy < y.positions; oy++)
        for (let oz = 0; oz < z.positions; oz++, row++)
          for (let i = 0; i < count; i++) {
            const ix = x.source[ox * x.taps + tapX[i]!]!;
            const iy = y.source[oy * y.taps + tapY[i]!]!;
            const iz = z.source[oz * z.taps + tapZ[i]!]!;
            let target = row * rowStride + i * width;
            if (ix < 0 || iy < 0 || iz < 0) {
              for (let g = 0; g < groups; g++, target += groupStride) to.fill(0, target, target + width);
              continue;
            }
            let source = (n * plane + (ix * y.size + iy) * z.size + iz) * channels;
            if (groups === 1 && width >= 48) to.set(from.subarray(source, source + width), target);
            else
              for (let g = 0; g < groups; g++, target += groupStride - width)
                for (let c = 0; c < width; c++) to[target++] = from[source++]!;
          }
}

/** to[b][a][i] = from[a][b][i], for i below `length`. */
export function swapAxes(from: Float32Array, to: Float32Array, a: number, b: number, length: number): void {
  for (let i = 0; i < a; i++)
    for (let j = 0; j < b; j++)
      for (let k = 0; k < length; k++) to[(j * a + i) * length + k] = from[(i * b + j) * length + k]!;
}
