/** A 4 x 8 tile of outputs in binary32 lanes, every product and every partial sum rounded on its bit pattern. */
import { addsSlot, sumNearest, sumSlot } from '../../generated/layout-products';
import { patternRows } from './generated';

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
    patternRows(adds, exact, block, a, b, count, out, outStride, first, products, sums);
    a += 8;
    out += 2 * outStride;
    products += 64;
    sums += 64;
  }
}
