/** Scalar quantisers of arrays in plain loops, from their definitions: nothing here is the library's. */
import type { Change, Matrix } from './slots.ts';

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

/** S2FP8: magnitudes to 2^beta |x|^alpha, e5m2 and back; the mean logarithm becomes 0, the largest 15. */
export function shiftedAndSqueezed(x: Float32Array): Float32Array {
  let [sum, count, largest] = [0, 0, 0];
  for (const v of x)
    if (v !== 0) {
      sum += Math.log2(Math.abs(v));
      count++;
      largest = Math.max(largest, Math.abs(v));
    }
  if (count === 0) return x.slice();
  const mean = sum / count;
  const spread = Math.log2(largest) - mean;
  const alpha = Math.fround(spread <= 1 ? 15 : 15 / spread);
  const beta = Math.fround(-alpha * mean);
  return x.map((v) => {
    if (v === 0) return v;
    const squeezed = e5m2(Math.fround(2 ** (beta + alpha * Math.log2(Math.abs(v)))));
    return squeezed === 0 ? Math.sign(v) * 0 : Math.sign(v) * 2 ** ((Math.log2(squeezed) - beta) / alpha);
  });
}

/** The Hadamard transform of a row over the square root of its length, in blocks of powers of two, the largest first. */
export function hadamard(row: Float32Array): Float32Array {
  const values = row.slice();
  let begin = 0;
  for (let size = 2 ** exponentOf(values.length); begin < values.length; size /= 2) {
    if (size > values.length - begin) continue;
    for (let half = 1; half < size; half *= 2)
      for (let i = begin; i < begin + size; i++) {
        if (Math.floor((i - begin) / half) % 2 !== 0) continue;
        const [a, b] = [values[i]!, values[i + half]!];
        values[i] = a + b;
        values[i + half] = a - b;
      }
    const factor = Math.fround(Math.sqrt(1 / size));
    for (let i = begin; i < begin + size; i++) values[i]! *= factor;
    begin += size;
  }
  return values;
}

/** Integers of so many bits with the exponent of the largest magnitude for all: dynamic fixed point. */
export const sharedExponent =
  (bits: number) =>
  (x: Float32Array): Float32Array => {
    let largest = 0;
    for (const v of x) largest = Math.max(largest, Math.abs(v));
    if (largest === 0) return x.slice();
    const unit = 2 ** (exponentOf(largest) - (bits - 2));
    return x.map((v) => integer(2 ** (bits - 1) - 1)(v / unit) * unit);
  };

/** The largest power of two of which all numbers are multiples. */
function grainOf(x: Float32Array): number {
  let grain = Infinity;
  for (const v of x) {
    if (v === 0) continue;
    let unit = 2 ** exponentOf(v);
    while (v % unit !== 0) unit /= 2;
    grain = Math.min(grain, unit);
  }
  return grain === Infinity ? 1 : grain;
}

/** Sums of `chunk` products as 32-bit integers, which are then added up in binary32. Throws where one overflows. */
export const integerProduct =
  (chunk: number) =>
  (a: Matrix, b: Matrix): Matrix => {
    const unit = grainOf(a.values) * grainOf(b.values);
    const values = new Float32Array(a.rows * b.rows);
    for (let i = 0; i < a.rows; i++)
      for (let j = 0; j < b.rows; j++) {
        let sum = 0;
        for (let from = 0; from < a.columns; from += chunk) {
          let integers = 0;
          for (let k = from; k < Math.min(from + chunk, a.columns); k++)
            integers += (a.values[i * a.columns + k]! * b.values[j * b.columns + k]!) / unit;
          if (integers !== (integers | 0)) throw new RangeError('a sum of more than 32 bits');
          sum = Math.fround(sum + Math.fround(integers * unit));
        }
        values[i * b.rows + j] = sum;
      }
    return { rows: a.rows, columns: b.rows, values };
  };

/** Down or up with the probability of the rest, as an integer of 32 bits decides; at most `most`. */
export const stochasticInteger =
  (most: number) =>
  (x: number, random: number): number => {
    const low = Math.floor(Math.abs(x));
    const isUp = Math.floor((Math.abs(x) - low) * 2 ** 32) + random >= 2 ** 32;
    return Math.sign(x) * Math.min(low + Number(isUp), most);
  };

/** Elements with one scale, each rounded with a random integer of its own. */
export function scaledWith(
  round: (x: number, random: number) => number,
  most: number,
  draw: (index: number) => number,
) {
  return (x: Float32Array): Float32Array => {
    let largest = 0;
    for (const v of x) largest = Math.max(largest, Math.abs(v));
    if (largest === 0) return x.slice();
    const scale = Math.fround(most / largest);
    return x.map((v, i) => Math.fround(round(Math.fround(v * scale), draw(i)) / scale));
  };
}

/** Channels (columns, or rows) multiplied by powers of two of which there are only so many, changed, and divided again. */
export const shiftedByGroups =
  (groups: number, isRow: boolean, change: (x: Float32Array) => Float32Array) =>
  ({ rows, columns, values }: Matrix): Matrix => {
    const channelOf = (i: number): number => (isRow ? Math.floor(i / columns) : i % columns);
    const maxima = new Array<number>(isRow ? rows : columns).fill(0);
    values.forEach((v, i) => {
      maxima[channelOf(i)] = Math.max(maxima[channelOf(i)]!, Math.abs(v));
    });
    const largest = Math.max(...maxima);
    const ideal = maxima.map((m) => {
      let shift = 0;
      while (m > 0 && shift < 255 && m * 2 ** (shift + 1) <= largest) shift++;
      return shift;
    });
    const best = (one: number, offered: readonly number[]): number =>
      Math.max(...offered.filter((shift) => shift <= one));
    const cost = (offered: readonly number[]): number =>
      ideal.reduce((sum, one) => sum + 4 ** -best(one, offered), 0);
    let offered = [0];
    while (offered.length < groups) {
      const wider = [...new Set(ideal)].sort((a, b) => a - b).map((shift) => [...offered, shift]);
      const costs = wider.map(cost);
      const least = Math.min(...costs);
      if (!(least < cost(offered))) break;
      offered = wider[costs.indexOf(least)]!;
    }
    const factors = ideal.map((one) => 2 ** best(one, offered));
    const changed = change(values.map((v, i) => v * factors[channelOf(i)]!));
    return { rows, columns, values: changed.map((v, i) => v / factors[channelOf(i)]!) };
  };

/** The number of a code of a posit: sign, regime, exponent, fraction, read bit by bit. Positive codes. */
export function positOf(bits: number, es: number, code: number): number {
  const digits = code.toString(2).padStart(bits, '0').slice(1);
  const run = digits[0] === '1' ? /^1+/.exec(digits)![0].length : /^0+/.exec(digits)![0].length;
  const regime = digits[0] === '1' ? run - 1 : -run;
  const rest = digits.slice(run + 1);
  const exponent = Number.parseInt(`0${rest.slice(0, es).padEnd(es, '0')}`, 2);
  const fraction = [...rest.slice(es)].reduce((sum, bit, i) => sum + Number(bit) * 2 ** -(i + 1), 0);
  return 2 ** (regime * 2 ** es + exponent) * (1 + fraction);
}

/** To the nearest posit, by the posit between two with one bit more; ties to the even code; never to 0, never beyond the largest. */
export function posit(bits: number, es: number) {
  const codes = Array.from({ length: 2 ** (bits - 1) - 1 }, (_, i) => i + 1);
  const table = codes.map((code) => [
    positOf(bits, es, code),
    code === codes.length ? Infinity : positOf(bits + 1, es, 2 * code + 1),
    code,
  ]) as [number, number, number][];
  return (x: number): number => {
    if (x === 0) return x;
    const size = Math.abs(x);
    const [value] = table.find(([, above, code]) => size < above || (size === above && code % 2 === 0))!;
    return Math.sign(x) * value;
  };
}

/** e2m1: 0, 0.5, 1, 1.5, 2, 3, 4, 6. */
export const e2m1 = float(1, 0, 6);

/** Elements of an FP8 format with one scale, known to be such: for a product that sums elements. */
export const gridded =
  (round: (x: number) => number, target: number, emin: number): Change =>
  (m) => {
    let largest = 0;
    for (const v of m.values) largest = Math.max(largest, Math.abs(v));
    const values = scaled(round, target)(m.values);
    return {
      ...m,
      values,
      grid: { unit: largest === 0 ? 1 : 1 / Math.fround(target / largest), emin, round },
    };
  };

/** A number as its significand and the exponent that an adder of tensor cores sees: subnormals have the least one, zeros -126. */
function splitAt(x: number, emin: number): readonly [number, number] {
  if (x === 0) return [0, -126];
  const exponent = Math.max(exponentOf(x), emin);
  return [x / 2 ** exponent, exponent];
}

/** Elements summed in groups of 32 as Hopper's FP8 instruction does: terms cut at 13 bits below the largest exponent, results at 14 bits. */
export function hopperProduct(a: Matrix, b: Matrix): Matrix {
  const elementsOf = ({ values, grid }: Matrix) =>
    Float64Array.from(values, (v) => grid!.round(v / grid!.unit));
  const [left, right] = [elementsOf(a), elementsOf(b)];
  const units = Math.fround(Math.fround(a.grid!.unit) * Math.fround(b.grid!.unit));
  const values = new Float32Array(a.rows * b.rows);
  for (let i = 0; i < a.rows; i++)
    for (let j = 0; j < b.rows; j++) {
      let sum = 0;
      for (let from = 0; from < a.columns; from += 32) {
        const terms = [splitAt(sum, -126)];
        for (let k = from; k < from + 32; k++) {
          const [x, y] = k < a.columns ? [left[i * a.columns + k]!, right[j * b.columns + k]!] : [0, 0];
          const [[s, e], [t, f]] = [splitAt(x, a.grid!.emin), splitAt(y, b.grid!.emin)];
          terms.push([s * t, e + f]);
        }
        const top = Math.max(...terms.map(([, exponent]) => exponent));
        const total =
          terms.reduce((all, [s, e]) => all + Math.trunc(s * 2 ** (e - top + 13)), 0) * 2 ** (top - 13);
        const quantum = total === 0 ? 1 : 2 ** (exponentOf(total) - 13);
        sum = Math.trunc(total / quantum) * quantum;
      }
      values[i * b.rows + j] = sum * units;
    }
  return { rows: a.rows, columns: b.rows, values };
}
