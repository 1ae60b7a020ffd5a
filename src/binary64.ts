/**
 * Exact reading and scaling of binary64 numbers: the exponent from the bits, powers of two, ldexp.
 * No logarithm is involved, so values next to powers of two are placed right.
 */

const float64 = new Float64Array(1);
const words = new Uint32Array(float64.buffer);
// Which 32-bit word holds sign and exponent.
const highWord = (() => {
  float64[0] = 1;
  return words[1] === 0x3ff00000 ? 1 : 0;
})();

/** floor(log2 |x|) for finite non-zero x, subnormals included. */
export function exponentOf(x: number): number {
  float64[0] = x;
  const field = (words[highWord]! >>> 20) & 0x7ff;
  if (field !== 0) return field - 1023;
  float64[0] = x * 2 ** 54;
  return ((words[highWord]! >>> 20) & 0x7ff) - 1023 - 54;
}

/** 2^exponent for an integer exponent in [-1074, 1023], from the bits (Math.pow need not be exact in every engine). */
export function powerOfTwo(exponent: number): number {
  const normal = exponent >= -1022;
  words[1 - highWord] = 0;
  words[highWord] = ((normal ? exponent : exponent + 54) + 1023) << 20;
  return normal ? float64[0]! : float64[0]! * 2 ** -54;
}

/**
 * x 2^exponent for any integer exponent. Exact unless the result overflows (infinity) or loses bits below 2^-1074;
 * callers keep clear of the latter.
 */
export function scaleByPowerOfTwo(x: number, exponent: number): number {
  let y = x;
  let e = exponent;
  while (e > 1023) {
    y *= 2 ** 1023;
    e -= 1023;
  }
  while (e < -1022) {
    y *= 2 ** -1022;
    e += 1022;
  }
  return y * powerOfTwo(e);
}

/** x 2^exponent rounded once, where x is a normal number within 2^400 of 1 or 0: subnormal results too. */
export function scaleOnce(x: number, exponent: number): number {
  return exponent < -500 ? scaleByPowerOfTwo(x, exponent + 500) * 2 ** -500 : scaleByPowerOfTwo(x, exponent);
}

/** Whether the number is a binary32 value (NaN and infinities included). */
export function isBinary32(x: number): boolean {
  return Object.is(Math.fround(x), x);
}

/** Whether the number is a binary16 value (NaN and infinities included). */
export function isBinary16(x: number): boolean {
  const magnitude = Math.abs(x);
  if (!Number.isFinite(x) || magnitude === 0) return true;
  return magnitude <= 65504 && magnitude % powerOfTwo(Math.max(exponentOf(magnitude) - 10, -24)) === 0;
}

/** |x| = significand 2^exponent with an integer significand (0n for zero). For finite x. */
export function toBigIntSignificand(x: number): { significand: bigint; exponent: number } {
  if (x === 0) return { significand: 0n, exponent: 0 };
  const magnitude = Math.abs(x);
  const exponent = Math.max(exponentOf(magnitude) - 52, -1074);
  return { significand: BigInt(scaleByPowerOfTwo(magnitude, -exponent)), exponent };
}
