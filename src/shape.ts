/** The number of elements of a shape; not exact, or infinite, where no array could hold them. */
export function sizeOf(shape: readonly number[]): number {
  return shape.includes(0) ? 0 : shape.reduce((size, extent) => size * extent, 1);
}
