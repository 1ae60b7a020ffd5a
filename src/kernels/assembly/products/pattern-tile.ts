/**
 * A 4 x 8 tile of outputs in binary32 lanes, every product and every partial sum rounded on its bit pattern: the instances of
 * `pattern-rows.ts`, and the choice among them.
 */
import { addsConstant, addsOdd, addsSlot, sumNearest, sumSlot } from '../../generated/layout-products';
import { twoRows } from './pattern-rows';

// Every instance is a function of its own: the compiler's time grows with the square of a function's size.

function constantExact(
  block: usize,
  a: usize,
  b: usize,
  count: i32,
  out: usize,
  outStride: usize,
  first: bool,
  products: usize,
  sums: usize,
): bool {
  return twoRows(addsConstant, true, false, block, a, b, count, out, outStride, first, products, sums);
}

function constant(
  block: usize,
  a: usize,
  b: usize,
  count: i32,
  out: usize,
  outStride: usize,
  first: bool,
  products: usize,
  sums: usize,
): bool {
  return twoRows(addsConstant, false, false, block, a, b, count, out, outStride, first, products, sums);
}

function constantEnds(
  block: usize,
  a: usize,
  b: usize,
  count: i32,
  out: usize,
  outStride: usize,
  first: bool,
  products: usize,
  sums: usize,
): bool {
  return twoRows(addsConstant, false, true, block, a, b, count, out, outStride, first, products, sums);
}

function oddExact(
  block: usize,
  a: usize,
  b: usize,
  count: i32,
  out: usize,
  outStride: usize,
  first: bool,
  products: usize,
  sums: usize,
): bool {
  return twoRows(addsOdd, true, false, block, a, b, count, out, outStride, first, products, sums);
}

function odd(
  block: usize,
  a: usize,
  b: usize,
  count: i32,
  out: usize,
  outStride: usize,
  first: bool,
  products: usize,
  sums: usize,
): bool {
  return twoRows(addsOdd, false, false, block, a, b, count, out, outStride, first, products, sums);
}

function oddEnds(
  block: usize,
  a: usize,
  b: usize,
  count: i32,
  out: usize,
  outStride: usize,
  first: bool,
  products: usize,
  sums: usize,
): bool {
  return twoRows(addsOdd, false, true, block, a, b, count, out, outStride, first, products, sums);
}

function draws8Exact(
  block: usize,
  a: usize,
  b: usize,
  count: i32,
  out: usize,
  outStride: usize,
  first: bool,
  products: usize,
  sums: usize,
): bool {
  return twoRows(8, true, false, block, a, b, count, out, outStride, first, products, sums);
}

function draws8(
  block: usize,
  a: usize,
  b: usize,
  count: i32,
  out: usize,
  outStride: usize,
  first: bool,
  products: usize,
  sums: usize,
): bool {
  return twoRows(8, false, false, block, a, b, count, out, outStride, first, products, sums);
}

function draws8Ends(
  block: usize,
  a: usize,
  b: usize,
  count: i32,
  out: usize,
  outStride: usize,
  first: bool,
  products: usize,
  sums: usize,
): bool {
  return twoRows(8, false, true, block, a, b, count, out, outStride, first, products, sums);
}

function draws16Exact(
  block: usize,
  a: usize,
  b: usize,
  count: i32,
  out: usize,
  outStride: usize,
  first: bool,
  products: usize,
  sums: usize,
): bool {
  return twoRows(16, true, false, block, a, b, count, out, outStride, first, products, sums);
}

function draws16(
  block: usize,
  a: usize,
  b: usize,
  count: i32,
  out: usize,
  outStride: usize,
  first: bool,
  products: usize,
  sums: usize,
): bool {
  return twoRows(16, false, false, block, a, b, count, out, outStride, first, products, sums);
}

function draws16Ends(
  block: usize,
  a: usize,
  b: usize,
  count: i32,
  out: usize,
  outStride: usize,
  first: bool,
  products: usize,
  sums: usize,
): bool {
  return twoRows(16, false, true, block, a, b, count, out, outStride, first, products, sums);
}

function draws32Exact(
  block: usize,
  a: usize,
  b: usize,
  count: i32,
  out: usize,
  outStride: usize,
  first: bool,
  products: usize,
  sums: usize,
): bool {
  return twoRows(32, true, false, block, a, b, count, out, outStride, first, products, sums);
}

function draws32(
  block: usize,
  a: usize,
  b: usize,
  count: i32,
  out: usize,
  outStride: usize,
  first: bool,
  products: usize,
  sums: usize,
): bool {
  return twoRows(32, false, false, block, a, b, count, out, outStride, first, products, sums);
}

function draws32Ends(
  block: usize,
  a: usize,
  b: usize,
  count: i32,
  out: usize,
  outStride: usize,
  first: bool,
  products: usize,
  sums: usize,
): bool {
  return twoRows(32, false, true, block, a, b, count, out, outStride, first, products, sums);
}

/**
 * As `plainTile`, for the first `rows` rows, with the draws of products and of sums: for each word of them, those of the
 * tile's outputs.
 */
export function patternTile32(
  block: usize,
  a: usize,
  b: usize,
  count: i32,
  out: usize,
  outStride: usize,
  first: bool,
  rows: i32,
  products: usize,
  sums: usize,
): void {
  const adds = load<i32>(block, addsSlot);
  const exact = load<i32>(block, sumSlot) == sumNearest;
  for (let row = 0; row < rows; row += 2) {
    let done = false;
    switch (adds) {
      case addsConstant:
        done = exact
          ? constantExact(block, a, b, count, out, outStride, first, products, sums)
          : constant(block, a, b, count, out, outStride, first, products, sums);
        if (!done) constantEnds(block, a, b, count, out, outStride, first, products, sums);
        break;
      case addsOdd:
        done = exact
          ? oddExact(block, a, b, count, out, outStride, first, products, sums)
          : odd(block, a, b, count, out, outStride, first, products, sums);
        if (!done) oddEnds(block, a, b, count, out, outStride, first, products, sums);
        break;
      case 8:
        done = exact
          ? draws8Exact(block, a, b, count, out, outStride, first, products, sums)
          : draws8(block, a, b, count, out, outStride, first, products, sums);
        if (!done) draws8Ends(block, a, b, count, out, outStride, first, products, sums);
        break;
      case 16:
        done = exact
          ? draws16Exact(block, a, b, count, out, outStride, first, products, sums)
          : draws16(block, a, b, count, out, outStride, first, products, sums);
        if (!done) draws16Ends(block, a, b, count, out, outStride, first, products, sums);
        break;
      case 32:
        done = exact
          ? draws32Exact(block, a, b, count, out, outStride, first, products, sums)
          : draws32(block, a, b, count, out, outStride, first, products, sums);
        if (!done) draws32Ends(block, a, b, count, out, outStride, first, products, sums);
        break;
      default:
        unreachable();
    }
    a += 8;
    out += 2 * outStride;
    products += 64;
    sums += 64;
  }
}
