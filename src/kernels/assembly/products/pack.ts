/**
 * Panels of operands, packed so that a product reads memory in order and a transposed operand costs nothing more. A panel has
 * a few lanes (rows of op(a), columns of op(b)), interleaved: element (lane, k) lies at k * stride + lane. F is the
 * type of the panel, S that of the operand; a binary64 number goes into a binary32 panel only where it is one.
 */

/** Four lanes of an operand whose lanes run along k in memory. */
function pack4Along(source: usize, laneBytes: usize, count: i32, valid: i32, to: usize, stride: usize): void {
  // Lanes that do not exist repeat the first one: their sums are made and never stored.
  let p0 = source;
  let p1 = valid > 1 ? source + laneBytes : source;
  let p2 = valid > 2 ? source + 2 * laneBytes : source;
  let p3 = valid > 3 ? source + 3 * laneBytes : source;
  let k = 0;
  for (; k + 4 <= count; k += 4) {
    const r0 = v128.load(p0);
    const r1 = v128.load(p1);
    const r2 = v128.load(p2);
    const r3 = v128.load(p3);
    const low01 = v128.shuffle<i32>(r0, r1, 0, 4, 1, 5);
    const high01 = v128.shuffle<i32>(r0, r1, 2, 6, 3, 7);
    const low23 = v128.shuffle<i32>(r2, r3, 0, 4, 1, 5);
    const high23 = v128.shuffle<i32>(r2, r3, 2, 6, 3, 7);
    v128.store(to, v128.shuffle<i64>(low01, low23, 0, 2));
    v128.store(to + stride, v128.shuffle<i64>(low01, low23, 1, 3));
    v128.store(to + 2 * stride, v128.shuffle<i64>(high01, high23, 0, 2));
    v128.store(to + 3 * stride, v128.shuffle<i64>(high01, high23, 1, 3));
    p0 += 16;
    p1 += 16;
    p2 += 16;
    p3 += 16;
    to += 4 * stride;
  }
  for (; k < count; k++) {
    store<f32>(to, load<f32>(p0));
    store<f32>(to, load<f32>(p1), 4);
    store<f32>(to, load<f32>(p2), 8);
    store<f32>(to, load<f32>(p3), 12);
    p0 += 4;
    p1 += 4;
    p2 += 4;
    p3 += 4;
    to += stride;
  }
}

/** Four lanes that lie beside each other in memory. */
function pack4Across(source: usize, stepBytes: usize, count: i32, to: usize, stride: usize): void {
  for (let k = 0; k < count; k++) {
    v128.store(to, v128.load(source));
    source += stepBytes;
    to += stride;
  }
}

/** Any lanes, one by one. Those that do not exist are 0. */
function packLanes<F, S>(
  width: i32,
  source: usize,
  laneBytes: usize,
  stepBytes: usize,
  count: i32,
  valid: i32,
  destination: usize,
): void {
  const stride = <usize>width * sizeof<F>();
  for (let lane = 0; lane < width; lane++) {
    let to = destination + <usize>lane * sizeof<F>();
    let from = source + <usize>lane * laneBytes;
    for (let k = 0; k < count; k++) {
      store<F>(to, lane < valid ? <F>load<S>(from) : <F>0);
      from += stepBytes;
      to += stride;
    }
  }
}

/**
 * Packs one panel of `width` lanes, of which `valid` exist, over `count` steps of k. `along`: whether lanes run along k in
 * memory, `rowBytes` apart; else steps do.
 */
export function packPanel<F>(
  width: i32,
  along: bool,
  shift: i32,
  source: usize,
  rowBytes: usize,
  count: i32,
  valid: i32,
  destination: usize,
): void {
  if (sizeof<F>() == 4 && shift == 2) {
    for (let lane = 0; lane < width; lane += 4) {
      const stride = <usize>width << 2;
      const to = destination + (<usize>lane << 2);
      // Four lanes that do not exist at all repeat the first four.
      const first = lane < valid ? lane : 0;
      if (along) pack4Along(source + <usize>first * rowBytes, rowBytes, count, valid - first, to, stride);
      else if (valid - first >= 4) pack4Across(source + (<usize>first << 2), rowBytes, count, to, stride);
      else {
        packLanes<f32, f32>(width, source, 4, rowBytes, count, valid, destination);
        return;
      }
    }
    return;
  }
  const element: usize = 1 << shift;
  const laneBytes = along ? rowBytes : element;
  const stepBytes = along ? element : rowBytes;
  if (shift == 2) packLanes<F, f32>(width, source, laneBytes, stepBytes, count, valid, destination);
  else packLanes<F, f64>(width, source, laneBytes, stepBytes, count, valid, destination);
}
