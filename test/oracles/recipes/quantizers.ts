/** Scalar quantisers of arrays in plain loops, from their definitions: nothing here is the library's. */

/** x to the nearest multiple of a power of two, ties to even; exact in binary64 for what is rounded here. */
function toMultiple(x: number, quantum: number): number {
  const units = x / quantum;
  const low = Math.floor(units);
  const rest = units - low;
  const up = rest > 0.5 || (rest === 0.5 && low % 2 !== 0);
  return (up ? low + 1 : low) * quantum;
}

/** floor(log2 |x|) of a number that is not 0, by halving and doubling. */
export function exponentOf(x: number): number {
  let size = Math.abs(x);
  let exponent = 0;
  for (; size >= 2; size /= 2) exponent++;
  for (; size < 1; size *= 2) exponent--;
  return exponent;
}

/** A float of so many mantissa bits, least exponent and largest number: nearest, ties to even; beyond it the largest. */
export const float =
  (mantissaBits: number, emin: number, largest: number) =>
  (x: number): number => {
    if (x === 0) return x;
    const quantum = 2 ** (Math.max(exponentOf(x), emin) - mantissaBits);
    const rounded = toMultiple(x, quantum);
    return Math.sign(x) * Math.min(Math.abs(rounded), largest);
  };

export const e4m3 = float(3, -6, 448);
export const e5m2 = float(2, -14, 57344);
export const e3m2 = float(2, -2, 28);
export const bfloat16 = (x: number): number => {
  if (x === 0) return x;
  return toMultiple(x, 2 ** (Math.max(exponentOf(x), -126) - 7));
};

/** An integer of [-most, most]: nearest, ties to even. */
export const integer =
  (most: number) =>
  (x: number): number =>
    Math.max(-most, Math.min(most, toMultiple(x, 1)));

/** Elements with one scale, target / largest magnitude: element = round(x s), value = element / s, each operation binary32. */
export function scaled(round: (x: number) => number, target: number, threshold?: number) {
  return (x: Float32Array): Float32Array => {
    let largest = threshold ?? 0;
    if (threshold === undefined) for (const v of x) largest = Math.max(largest, Math.abs(v));
    if (largest === 0) return x.slice();
    const scale = Math.fround(target / largest);
    return x.map((v) => Math.fround(round(Math.fround(v * scale)) / scale));
  };
}
