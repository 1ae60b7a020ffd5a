/**
 * Depthwise convolutions and their gradients in binary32: each sum stays within its channel and goes in the order of the
 * taps, or of the rows, from +0; products and sums are rounded. A tap of the padding reads zeros, which the caller gives: as
 * many as there are channels.
 */

/** out[j] += x[j] y[j], for `count` numbers. */
@inline
function multiplyAdd(x: usize, y: usize, out: usize, count: i32): void {
  let j = 0;
  for (; j + 4 <= count; j += 4, x += 16, y += 16, out += 16)
    v128.store(out, f32x4.add(v128.load(out), f32x4.mul(v128.load(x), v128.load(y))));
  for (; j < count; j++, x += 4, y += 4, out += 4) store<f32>(out, load<f32>(out) + load<f32>(x) * load<f32>(y));
}

/** out[j] += x[channel of j] y[j], for `channels` times `multiplier` numbers. */
@inline
function multiplyAddWide(x: usize, y: usize, out: usize, channels: i32, multiplier: i32): void {
  if (multiplier == 1) {
    multiplyAdd(x, y, out, channels);
    return;
  }
  for (let c = 0; c < channels; c++, x += 4) {
    const value = load<f32>(x);
    for (let m = 0; m < multiplier; m++, y += 4, out += 4) store<f32>(out, load<f32>(out) + value * load<f32>(y));
  }
}

@inline
function sourceOf(x: usize, zeros: usize, place: i32, bytes: usize): usize {
  return place < 0 ? zeros : x + <usize>place * bytes;
}

/** out[row][j] = the sum over the taps of x[source][channel of j] w[tap][j]. */
export function depthwise(
  x: usize,
  w: usize,
  out: usize,
  zeros: usize,
  sources: usize,
  batch: i32,
  positions: i32,
  taps: i32,
  places: i32,
  channels: i32,
  multiplier: i32,
): void {
  const bytes = <usize>channels * 4;
  const outBytes = bytes * multiplier;
  memory.fill(out, 0, <usize>batch * positions * outBytes);
  for (let n = 0; n < batch; n++, x += <usize>places * bytes) {
    let source = sources;
    for (let o = 0; o < positions; o++, out += outBytes) {
      let weights = w;
      for (let t = 0; t < taps; t++, source += 4, weights += outBytes)
        multiplyAddWide(sourceOf(x, zeros, load<i32>(source), bytes), weights, out, channels, multiplier);
    }
  }
}

/** dx[row][c] = the sum over the taps, then the outputs of c, of dy[source][output] w[tap][output]. */
export function depthwiseBack(
  dy: usize,
  w: usize,
  dx: usize,
  zeros: usize,
  sources: usize,
  batch: i32,
  positions: i32,
  taps: i32,
  places: i32,
  channels: i32,
  multiplier: i32,
): void {
  if (multiplier == 1) {
    depthwise(dy, w, dx, zeros, sources, batch, positions, taps, places, channels, 1);
    return;
  }
  const bytes = <usize>channels * multiplier * 4;
  for (let n = 0; n < batch; n++, dy += <usize>places * bytes)
    for (let o = 0; o < positions; o++, dx += <usize>channels * 4)
      for (let c = 0; c < channels; c++) {
        const own = <usize>c * multiplier * 4;
        let sum: f32 = 0;
        for (let t = 0; t < taps; t++) {
          const place = load<i32>(sources + <usize>(o * taps + t) * 4);
          const gradients = sourceOf(dy, zeros, place, bytes) + own;
          const weights = w + <usize>t * bytes + own;
          for (let m = 0; m < multiplier; m++)
            sum += load<f32>(gradients + <usize>m * 4) * load<f32>(weights + <usize>m * 4);
        }
        store<f32>(dx + <usize>c * 4, sum);
      }
}

/** dw[tap][j] = the sum over the rows of x[source][channel of j] dy[row][j]. */
export function depthwiseFilter(
  x: usize,
  dy: usize,
  dw: usize,
  zeros: usize,
  sources: usize,
  batch: i32,
  positions: i32,
  taps: i32,
  places: i32,
  channels: i32,
  multiplier: i32,
): void {
  const bytes = <usize>channels * 4;
  const outBytes = bytes * multiplier;
  memory.fill(dw, 0, <usize>taps * outBytes);
  for (let n = 0; n < batch; n++, x += <usize>places * bytes) {
    let source = sources;
    for (let o = 0; o < positions; o++, dy += outBytes) {
      let sums = dw;
      for (let t = 0; t < taps; t++, source += 4, sums += outBytes)
        multiplyAddWide(sourceOf(x, zeros, load<i32>(source), bytes), dy, sums, channels, multiplier);
    }
  }
}
