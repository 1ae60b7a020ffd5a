/**
 * A power of what is clipped, before a uniform quantiser: sgn(x) min(|x|, q)^t, with q and t trained beside the quantiser's scale d, and
 * d held where the number of bits, log2(q^t / d + 1) + 1, is within a range.
 * Sources: Qu, Ding, Chen et al., "Automatic joint structured pruning and quantization for efficient neural network training and
 * compression" (GETA), arXiv 2502.16638 (the quantiser, its gradients, the range of bits); Uhlich et al., arXiv 1905.11452, after which
 * they are.
 */
import { exp, log } from '../../approximate.ts';
import type { PowerForm } from '../linear-slots.ts';
import type { Form } from './form.ts';

/** Where binary32 has the powers of what weights and activations are. */
const [leastLimit, leastExponent, mostExponent] = [2 ** -20, 2 ** -3, 4];

/** x^t of a positive number. */
const power = (x: number, t: number): number => (t === 1 ? x : exp(t * log(x)));

/** The bits of a limit, an exponent and a scale. */
export function powerBits(limit: number, exponent: number, scale: number): number {
  return log(power(limit, exponent) / scale + 1) / Math.LN2 + 1;
}

export function powerForm({ bits: [fewest, most] }: PowerForm): Form {
  return {
    staysInTap: false,
    initial: ({ values }) => {
      const largest = values.reduce(
        (top, x) => (Math.abs(x) < Infinity ? Math.max(top, Math.abs(x)) : top),
        0,
      );
      return [largest === 0 ? 1 : largest, 1];
    },
    before: ({ values }, [limit, exponent]) =>
      values.map((x) => {
        if (x === 0 || Number.isNaN(x)) return x;
        return Math.sign(x) * power(Math.min(Math.abs(x), limit!), exponent!);
      }),
    pullback: ({ values }, [limit], gradient) =>
      gradient.map((g, i) => (Math.abs(values[i]!) <= limit! ? g : 0)),
    trained: ({ values }, [limit, exponent], gradient) => {
      const sums = new Float64Array(2);
      const slope = exponent! * power(limit!, exponent! - 1);
      for (let i = 0; i < values.length; i++) {
        const size = Math.abs(values[i]!);
        if (size === 0) continue;
        const g = Math.sign(values[i]!) * gradient[i]!;
        if (size > limit!) sums[0]! += g * slope;
        const clipped = Math.min(size, limit!);
        sums[1]! += g * power(clipped, exponent!) * log(clipped);
      }
      return sums;
    },
    settled: ([limit, exponent], scales) => {
      const form = [
        Math.max(Math.fround(limit!), leastLimit),
        Math.min(Math.max(Math.fround(exponent!), leastExponent), mostExponent),
      ] as const;
      const range = power(...form);
      const within = (scale: number): number =>
        Math.fround(
          Math.min(Math.max(scale, range / (2 ** (most - 1) - 1)), range / (2 ** (fewest - 1) - 1)),
        );
      return { form, ...(scales && { scales: scales.map(within) }) };
    },
  };
}
