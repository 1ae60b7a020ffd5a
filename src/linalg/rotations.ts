/** Rotations of two vectors in an arithmetic, as the Jacobi methods need them. */
import type { Arithmetic, ShapedArray } from '../arrays/index.ts';
import type { Format } from '../formats/format.ts';

interface Rotation {
  readonly cosine: number;
  readonly sine: number;
  readonly tangent: number;
}

/** Half the distance from 1 to the next number, relative to it; of formats that are no floats as measured there. */
export function unitRoundoffOf(format: Format): number {
  return format.kind === 'float' ? format.unitRoundoff : 2 ** -Math.max(format.bits / 2, 1);
}

/**
 * The rotation that makes the off-diagonal element z of [[x, z], [z, y]] zero: t = sign(h) / (|h| + hypot(h, 1)), h = (y - x) / (2 z),
 * cosine = 1 / hypot(t, 1), sine = t cosine; each operation rounded.
 */
export function rotationOf(f: Arithmetic, x: number, y: number, z: number): Rotation {
  const half = f.div(f.sub(y, x), f.add(z, z));
  const size = f.add(f.abs(half), f.hypot(half, 1));
  // Where the quotient has no number, the angle has none that counts.
  const small = Number.isFinite(size) ? f.div(1, size) : 0;
  const tangent = half < 0 ? f.neg(small) : small;
  const cosine = f.div(1, f.hypot(tangent, 1));
  return { cosine, sine: f.mul(tangent, cosine), tangent };
}

/** x becomes fl(fl(c x) - fl(s y)) and y fl(fl(s x) + fl(c y)). */
export function rotate(x: ShapedArray, y: ShapedArray, { cosine, sine }: Rotation): void {
  const left = x.mul(cosine).sub(y.mul(sine));
  y.assign(x.mul(sine).add(y.mul(cosine)));
  x.assign(left);
}
