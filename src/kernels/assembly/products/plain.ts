/**
 * A tile of outputs by the hardware's own multiplication and addition, each rounded to the lanes' type: 4 x 8 in binary32,
 * 4 x 4 in binary64, in registers. Each output is summed strictly in order of k. The fused or reordered sums of other libraries give
 * other bits.
 *
 * Method: Goto and van de Geijn, "Anatomy of high-performance matrix multiplication", ACM TOMS 34 (3), 2008.
 */

/** `count` steps of k; rows of `out` are `outStride` bytes apart. `first` starts the sums at +0. */
@inline
function plainTile<F>(panelA: usize, panelB: usize, count: i32, out: usize, outStride: usize, first: bool): void {
  const out1 = out + outStride;
  const out2 = out1 + outStride;
  const out3 = out2 + outStride;
  let c00 = v128.splat<F>(0);
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
  const end = panelA + <usize>count * 4 * sizeof<F>();
  do {
    const b0 = v128.load(b);
    const b1 = v128.load(b, 16);
    b += 32;
    const a0 = v128.load_splat<F>(a);
    c00 = v128.add<F>(c00, v128.mul<F>(a0, b0));
    c01 = v128.add<F>(c01, v128.mul<F>(a0, b1));
    const a1 = v128.load_splat<F>(a, sizeof<F>());
    c10 = v128.add<F>(c10, v128.mul<F>(a1, b0));
    c11 = v128.add<F>(c11, v128.mul<F>(a1, b1));
    const a2 = v128.load_splat<F>(a, 2 * sizeof<F>());
    c20 = v128.add<F>(c20, v128.mul<F>(a2, b0));
    c21 = v128.add<F>(c21, v128.mul<F>(a2, b1));
    const a3 = v128.load_splat<F>(a, 3 * sizeof<F>());
    c30 = v128.add<F>(c30, v128.mul<F>(a3, b0));
    c31 = v128.add<F>(c31, v128.mul<F>(a3, b1));
    a += 4 * sizeof<F>();
  } while (a < end);
  v128.store(out, c00);
  v128.store(out, c01, 16);
  v128.store(out1, c10);
  v128.store(out1, c11, 16);
  v128.store(out2, c20);
  v128.store(out2, c21, 16);
  v128.store(out3, c30);
  v128.store(out3, c31, 16);
}

export function plainTile32(a: usize, b: usize, count: i32, out: usize, outStride: usize, first: bool): void {
  plainTile<f32>(a, b, count, out, outStride, first);
}

export function plainTile64(a: usize, b: usize, count: i32, out: usize, outStride: usize, first: bool): void {
  plainTile<f64>(a, b, count, out, outStride, first);
}
