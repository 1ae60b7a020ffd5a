/**
 * Sizes of the packed blocks of the matrix product, in elements. Read by the TypeScript loader and by the AssemblyScript
 * sources alike, hence nothing but number constants here. A block of a (blockM x blockK) stays in the second-level cache
 * with the panel of b in use (blockK x 8) in the first.
 */
export const blockM = 128;
export const blockN = 512;
export const blockK = 256;

/** Bytes of scratch that a product needs: an edge tile, a packed block of op(a) and one of op(b). */
export function matmulScratchBytes(m: number, n: number, k: number): number {
  const depth = Math.min(k, blockK);
  const rows = Math.min(Math.ceil(m / 4) * 4, blockM);
  const columns = Math.min(Math.ceil(n / 8) * 8, blockN);
  return 128 + 4 * depth * (rows + columns);
}
