/**
 * What Mesa and COAT make of tensors that are kept and of moments, written from docs/recipes/mesa.md and coat.md: rows of numbers in,
 * rows of numbers out.
 */
import { e4m3, f, type Matrix, magnitude, mapped, nearest } from './numbers.ts';

/** Running ranges of equal parts of the columns, by tensor. */
export function betweenRanges(groups: number, decay: number) {
  const ranges = new Map<string, { low: number; high: number }[]>();
  return (tensor: Matrix, of: string): number[][] => {
    const width = tensor[0]!.length;
    const parts = width % groups === 0 ? groups : 1;
    const partOf = (column: number): number => Math.floor((column * parts) / width);
    const now = Array.from({ length: parts }, (_, part) => {
      const values = tensor.flatMap((row) => row.filter((_, column) => partOf(column) === part));
      return { low: Math.min(...values), high: Math.max(...values) };
    });
    const old = ranges.get(of) ?? now;
    const isFirst = !ranges.has(of);
    const next = now.map(({ low, high }, part) =>
      isFirst
        ? { low, high }
        : {
            low: decay * old[part]!.low + (1 - decay) * low,
            high: decay * old[part]!.high + (1 - decay) * high,
          },
    );
    ranges.set(of, next);
    return mapped(tensor, (x, _, column) => {
      const { low, high } = next[partOf(column)]!;
      const step = f((high - low) / 255);
      const z = step > 0 ? f(f(x - f(low)) * f(1 / step)) : 0;
      const whole = Math.floor(z);
      const isUp = z - whole > 0.5 || (z - whole === 0.5 && whole % 2 !== 0);
      const code = Math.min(Math.max(isUp ? whole + 1 : whole, 0), 255);
      return f(f(low) + f(step * code));
    });
  };
}

/** To the nearest e4m3 number times a scale for each group of the numbers in their order. */
export function scaledGroups(values: readonly number[], size: number): number[] {
  return values.map((x, i) => {
    const begin = i - (i % size);
    const top = magnitude(values.slice(begin, begin + size));
    if (top === 0) return x;
    const factor = f(448 / top);
    return f(nearest(e4m3, f(x * factor)) / factor);
  });
}

/** A moment with its range expanded, group by group: 448 (|x| / top)^k to nearest, and back. */
export function expanded(values: readonly number[], size: number): number[] {
  return values.map((x, i) => {
    const begin = i - (i % size);
    const sizes = values.slice(begin, begin + size).map(Math.abs);
    const [top, least] = [Math.max(...sizes), Math.min(...sizes.filter((one) => one > 0))];
    if (top === 0 || x === 0) return x;
    const ratio = Math.max(top / least, 1.0001);
    const k = Math.min(Math.max(Math.floor(16 * (Math.log2(448 ** 2 / 2) / Math.log2(ratio))), 1), 1024) / 16;
    const element = nearest(e4m3, 448 * (Math.abs(x) / top) ** k);
    const back = f(top * (element / 448) ** (1 / k));
    return x < 0 ? -back : back;
  });
}
