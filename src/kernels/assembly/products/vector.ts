/**
 * A vector times a matrix in binary32, as the hardware multiplies and adds: without packing, which would cost more than the
 * product. Each output is summed strictly in order of k, as in `plain.ts`; outputs are lanes.
 */

@inline
function startOf(first: bool, out: usize): v128 {
  return first ? f32x4.splat(0) : v128.load(out);
}

/** Four products of one step with four rows that run along k, transposed in registers; the row of step `part` of four. */
@inline
function column(part: i32, r0: v128, r1: v128, r2: v128, r3: v128): v128 {
  const left = part < 2 ? v128.shuffle<i32>(r0, r1, 0, 4, 1, 5) : v128.shuffle<i32>(r0, r1, 2, 6, 3, 7);
  const right = part < 2 ? v128.shuffle<i32>(r2, r3, 0, 4, 1, 5) : v128.shuffle<i32>(r2, r3, 2, 6, 3, 7);
  return part % 2 == 0 ? v128.shuffle<i64>(left, right, 0, 2) : v128.shuffle<i64>(left, right, 1, 3);
}

/** Sums of four rows over four steps. */
@inline
function fourSteps(sum: v128, row: usize, rowBytes: usize, x0: v128, x1: v128, x2: v128, x3: v128): v128 {
  const r0 = v128.load(row);
  const r1 = v128.load(row + rowBytes);
  const r2 = v128.load(row + 2 * rowBytes);
  const r3 = v128.load(row + 3 * rowBytes);
  const sum0 = f32x4.add(sum, f32x4.mul(x0, column(0, r0, r1, r2, r3)));
  const sum1 = f32x4.add(sum0, f32x4.mul(x1, column(1, r0, r1, r2, r3)));
  const sum2 = f32x4.add(sum1, f32x4.mul(x2, column(2, r0, r1, r2, r3)));
  return f32x4.add(sum2, f32x4.mul(x3, column(3, r0, r1, r2, r3)));
}

/** One output of rows that run along k, from step `from` on. */
function finishRow(sum: f32, x: usize, row: usize, from: i32, k: i32): f32 {
  for (let step = from; step < k; step++) {
    const at = <usize>step << 2;
    sum += load<f32>(x + at) * load<f32>(row + at);
  }
  return sum;
}

/** Outputs whose factors run along k in memory: rows `rowBytes` apart. */
function along(x: usize, rows: usize, rowBytes: usize, k: i32, count: i32, out: usize, first: bool): void {
  const whole = k & ~3;
  let i = 0;
  // Sixteen rows at a time: four chains of sums.
  for (; i + 16 <= count; i += 16) {
    const to = out + (<usize>i << 2);
    let c0 = startOf(first, to);
    let c1 = startOf(first, to + 16);
    let c2 = startOf(first, to + 32);
    let c3 = startOf(first, to + 48);
    const row = rows + <usize>i * rowBytes;
    for (let at: usize = 0; at < <usize>whole << 2; at += 16) {
      const x0 = v128.load32_splat(x + at);
      const x1 = v128.load32_splat(x + at, 4);
      const x2 = v128.load32_splat(x + at, 8);
      const x3 = v128.load32_splat(x + at, 12);
      c0 = fourSteps(c0, row + at, rowBytes, x0, x1, x2, x3);
      c1 = fourSteps(c1, row + 4 * rowBytes + at, rowBytes, x0, x1, x2, x3);
      c2 = fourSteps(c2, row + 8 * rowBytes + at, rowBytes, x0, x1, x2, x3);
      c3 = fourSteps(c3, row + 12 * rowBytes + at, rowBytes, x0, x1, x2, x3);
    }
    v128.store(to, c0);
    v128.store(to, c1, 16);
    v128.store(to, c2, 32);
    v128.store(to, c3, 48);
    for (let j = 0; whole < k && j < 16; j++) {
      const at = to + (<usize>j << 2);
      store<f32>(at, finishRow(load<f32>(at), x, row + <usize>j * rowBytes, whole, k));
    }
  }
  for (; i < count; i++) {
    const to = out + (<usize>i << 2);
    store<f32>(to, finishRow(first ? 0 : load<f32>(to), x, rows + <usize>i * rowBytes, 0, k));
  }
}

/** Outputs whose factors of one step lie beside each other: steps `rowBytes` apart. */
function across(x: usize, columns: usize, rowBytes: usize, k: i32, count: i32, out: usize, first: bool): void {
  let i = 0;
  const end = x + (<usize>k << 2);
  for (; i + 32 <= count; i += 32) {
    const to = out + (<usize>i << 2);
    let c0 = startOf(first, to);
    let c1 = startOf(first, to + 16);
    let c2 = startOf(first, to + 32);
    let c3 = startOf(first, to + 48);
    let c4 = startOf(first, to + 64);
    let c5 = startOf(first, to + 80);
    let c6 = startOf(first, to + 96);
    let c7 = startOf(first, to + 112);
    let from = columns + (<usize>i << 2);
    for (let at = x; at < end; at += 4) {
      const factor = v128.load32_splat(at);
      c0 = f32x4.add(c0, f32x4.mul(factor, v128.load(from)));
      c1 = f32x4.add(c1, f32x4.mul(factor, v128.load(from, 16)));
      c2 = f32x4.add(c2, f32x4.mul(factor, v128.load(from, 32)));
      c3 = f32x4.add(c3, f32x4.mul(factor, v128.load(from, 48)));
      c4 = f32x4.add(c4, f32x4.mul(factor, v128.load(from, 64)));
      c5 = f32x4.add(c5, f32x4.mul(factor, v128.load(from, 80)));
      c6 = f32x4.add(c6, f32x4.mul(factor, v128.load(from, 96)));
      c7 = f32x4.add(c7, f32x4.mul(factor, v128.load(from, 112)));
      from += rowBytes;
    }
    v128.store(to, c0);
    v128.store(to, c1, 16);
    v128.store(to, c2, 32);
    v128.store(to, c3, 48);
    v128.store(to, c4, 64);
    v128.store(to, c5, 80);
    v128.store(to, c6, 96);
    v128.store(to, c7, 112);
  }
  for (; i < count; i++) {
    const to = out + (<usize>i << 2);
    let sum: f32 = first ? 0 : load<f32>(to);
    let from = columns + (<usize>i << 2);
    for (let at = x; at < end; at += 4) {
      sum += load<f32>(at) * load<f32>(from);
      from += rowBytes;
    }
    store<f32>(to, sum);
  }
}

/** `count` outputs; `isAlong` and `rowBytes` say how their factors lie. `first` starts the sums at +0, else at what is there. */
export function vectorTimes(
  isAlong: bool,
  x: usize,
  matrix: usize,
  rowBytes: usize,
  k: i32,
  count: i32,
  out: usize,
  first: bool,
): void {
  if (isAlong) along(x, matrix, rowBytes, k, count, out, first);
  else across(x, matrix, rowBytes, k, count, out, first);
}
