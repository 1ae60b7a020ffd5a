/**
 * Float32 matrix product out = op(a) op(b), row-major. Each output is summed strictly in order of k, starting from +0,
 * with a separate multiply and add: bit for bit what a plain triple loop in binary32 gives, for any blocking.
 *
 * Method: Goto and van de Geijn, "Anatomy of high-performance matrix multiplication", ACM TOMS 34 (3), 2008. Panels of
 * both operands are packed, so a transposed operand costs nothing more; a 4 x 8 tile of outputs lives in registers.
 * Blocking over k stores and reloads the partial sums, which does not change them.
 */
import { blockK, blockM, blockN } from '../../blocking';

const tileRows = 4;
const tileColumns = 8;

/** Four rows of a k-contiguous operand, interleaved: element (row, k) goes to destination[k * stride + row]. */
function packTransposed(
  source: usize,
  rowStride: usize,
  count: i32,
  valid: i32,
  destination: usize,
  stride: usize,
): void {
  // Rows that do not exist repeat the first one: their sums are computed and never stored.
  let p0 = source;
  let p1 = valid > 1 ? source + rowStride : source;
  let p2 = valid > 2 ? source + 2 * rowStride : source;
  let p3 = valid > 3 ? source + 3 * rowStride : source;
  let to = destination;
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

/** Four columns of an operand whose rows run along k: element (k, column) goes to destination[k * stride + column]. */
function packPlain(
  source: usize,
  rowStride: usize,
  count: i32,
  valid: i32,
  destination: usize,
  stride: usize,
): void {
  let from = source;
  let to = destination;
  if (valid >= 4) {
    for (let k = 0; k < count; k++) {
      v128.store(to, v128.load(from));
      from += rowStride;
      to += stride;
    }
    return;
  }
  for (let k = 0; k < count; k++) {
    for (let column = 0; column < valid; column++) {
      store<f32>(to + (<usize>column << 2), load<f32>(from + (<usize>column << 2)));
    }
    from += rowStride;
    to += stride;
  }
}

/** Packs a panel of `width` (4 or 8) lanes; `contiguous` says that the operand runs along k in memory. */
@inline
function packPanel(
  width: i32,
  contiguous: bool,
  source: usize,
  rowStride: usize,
  count: i32,
  valid: i32,
  destination: usize,
): void {
  const stride = <usize>width << 2;
  for (let lane = 0; lane < width; lane += 4) {
    // Lanes that do not exist at all repeat the first four, for the same reason.
    const first = lane < valid ? lane : 0;
    const to = destination + (<usize>lane << 2);
    if (contiguous) packTransposed(source + <usize>first * rowStride, rowStride, count, valid - first, to, stride);
    else packPlain(source + (<usize>first << 2), rowStride, count, valid - first, to, stride);
  }
}

/** One 4 x 8 tile over `count` steps of k; `out` rows are `outStride` bytes apart. `first` starts the sums at +0. */
@inline
function tile(panelA: usize, panelB: usize, count: i32, out: usize, outStride: usize, first: bool): void {
  const out1 = out + outStride;
  const out2 = out1 + outStride;
  const out3 = out2 + outStride;
  let c00 = f32x4.splat(0);
  let c01 = c00;
  let c10 = c00;
  let c11 = c00;
  let c20 = c00;
  let c21 = c00;
  let c30 = c00;
  let c31 = c00;
  if (!first) {
    c00 = v128.load(out);
    c01 = v128.load(out, 16);
    c10 = v128.load(out1);
    c11 = v128.load(out1, 16);
    c20 = v128.load(out2);
    c21 = v128.load(out2, 16);
    c30 = v128.load(out3);
    c31 = v128.load(out3, 16);
  }
  let a = panelA;
  let b = panelB;
  for (const end = panelA + (<usize>count << 4); a < end; a += 16) {
    const b0 = v128.load(b);
    const b1 = v128.load(b, 16);
    b += 32;
    const a0 = v128.load32_splat(a);
    c00 = f32x4.add(c00, f32x4.mul(a0, b0));
    c01 = f32x4.add(c01, f32x4.mul(a0, b1));
    const a1 = v128.load32_splat(a, 4);
    c10 = f32x4.add(c10, f32x4.mul(a1, b0));
    c11 = f32x4.add(c11, f32x4.mul(a1, b1));
    const a2 = v128.load32_splat(a, 8);
    c20 = f32x4.add(c20, f32x4.mul(a2, b0));
    c21 = f32x4.add(c21, f32x4.mul(a2, b1));
    const a3 = v128.load32_splat(a, 12);
    c30 = f32x4.add(c30, f32x4.mul(a3, b0));
    c31 = f32x4.add(c31, f32x4.mul(a3, b1));
  }
  v128.store(out, c00);
  v128.store(out, c01, 16);
  v128.store(out1, c10);
  v128.store(out1, c11, 16);
  v128.store(out2, c20);
  v128.store(out2, c21, 16);
  v128.store(out3, c30);
  v128.store(out3, c31, 16);
}

/** Copies rows x columns floats between matrices of different row strides: the ragged edge, through a whole tile. */
function copyEdge(
  from: usize,
  fromStride: usize,
  to: usize,
  toStride: usize,
  rows: i32,
  columns: i32,
): void {
  for (let row = 0; row < rows; row++) {
    for (let column = 0; column < columns; column++) {
      store<f32>(to + (<usize>column << 2), load<f32>(from + (<usize>column << 2)));
    }
    from += fromStride;
    to += toStride;
  }
}

/** Every tile of a packed block of a (rows x count) and of b (count x columns). */
function multiplyBlock(
  panelsA: usize,
  panelsB: usize,
  count: i32,
  out: usize,
  outStride: usize,
  rows: i32,
  columns: i32,
  first: bool,
  edge: usize,
): void {
  for (let j = 0; j < columns; j += tileColumns) {
    const panelB = panelsB + <usize>j * <usize>count * 4;
    const wide = columns - j >= tileColumns;
    for (let i = 0; i < rows; i += tileRows) {
      const panelA = panelsA + <usize>i * <usize>count * 4;
      const target = out + <usize>i * outStride + (<usize>j << 2);
      if (wide && rows - i >= tileRows) {
        tile(panelA, panelB, count, target, outStride, first);
      } else {
        const edgeRows = min(rows - i, tileRows);
        const edgeColumns = min(columns - j, tileColumns);
        if (!first) copyEdge(target, outStride, edge, 32, edgeRows, edgeColumns);
        tile(panelA, panelB, count, edge, 32, first);
        copyEdge(edge, 32, target, outStride, edgeRows, edgeColumns);
      }
    }
  }
}

function multiply(
  a: usize,
  b: usize,
  out: usize,
  m: i32,
  n: i32,
  k: i32,
  transposeA: bool,
  transposeB: bool,
  scratch: usize,
): void {
  const strideA = <usize>(transposeA ? m : k) << 2;
  const strideB = <usize>(transposeB ? k : n) << 2;
  const outStride = <usize>n << 2;
  const edge = scratch;
  const panelsA = scratch + 128;
  const blockRows = min((m + 3) & ~3, blockM);
  const panelsB = panelsA + (<usize>blockRows * <usize>min(k, blockK) << 2);
  for (let column = 0; column < n; column += blockN) {
    const columns = min(n - column, blockN);
    for (let step = 0; step < k; step += blockK) {
      const count = min(k - step, blockK);
      for (let j = 0; j < columns; j += tileColumns) {
        const at = <usize>(column + j);
        const from = transposeB
          ? b + at * strideB + (<usize>step << 2)
          : b + <usize>step * strideB + (at << 2);
        packPanel(tileColumns, transposeB, from, strideB, count, columns - j, panelsB + <usize>j * <usize>count * 4);
      }
      for (let row = 0; row < m; row += blockM) {
        const rows = min(m - row, blockM);
        for (let i = 0; i < rows; i += tileRows) {
          const at = <usize>(row + i);
          const from = transposeA
            ? a + <usize>step * strideA + (at << 2)
            : a + at * strideA + (<usize>step << 2);
          packPanel(tileRows, !transposeA, from, strideA, count, rows - i, panelsA + <usize>i * <usize>count * 4);
        }
        multiplyBlock(
          panelsA,
          panelsB,
          count,
          out + <usize>row * outStride + (<usize>column << 2),
          outStride,
          rows,
          columns,
          step == 0,
          edge,
        );
      }
    }
  }
}

/**
 * `batch` products; strides in bytes from one matrix to the next (0 repeats one operand). `scratch` has the bytes that
 * `matmulScratchBytes` in `../blocking` says. With k = 0 the result is +0.
 */
export function matmulFloat32(
  a: usize,
  b: usize,
  out: usize,
  m: i32,
  n: i32,
  k: i32,
  transposeA: bool,
  transposeB: bool,
  batch: i32,
  batchStrideA: usize,
  batchStrideB: usize,
  scratch: usize,
): void {
  const batchStrideOut = <usize>m * <usize>n * 4;
  for (let i = 0; i < batch; i++) {
    if (k == 0) memory.fill(out, 0, batchStrideOut);
    else multiply(a, b, out, m, n, k, transposeA, transposeB, scratch);
    a += batchStrideA;
    b += batchStrideB;
    out += batchStrideOut;
  }
}
