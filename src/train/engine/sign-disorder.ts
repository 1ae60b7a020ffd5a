/**
 * How often the gradients of trained numbers change their signs, and which numbers stay as they are for it: GAQAT's freezing of scales.
 * Source: Jiang, Meng, Tang et al., "GAQAT: gradient-adaptive quantization-aware training for domain generalization", arXiv 2412.05551.
 */
import type { FreezeSpec } from '../linear-slots.ts';

/** What is counted of each number. */
interface Counted {
  sign: number;
  changes: number;
  isFrozen: boolean;
}

export class SignDisorder {
  readonly #spec: FreezeSpec;
  readonly #numbers: Counted[];
  /** Steps of the window so far. */
  #seen = 0;

  /** @param state what {@link SignDisorder.state} was */
  constructor(spec: FreezeSpec, count: number, state?: Float64Array) {
    this.#spec = spec;
    this.#numbers = Array.from({ length: count }, (_, i) => {
      const [sign = 0, changes = 0, isFrozen = 0] = state?.subarray(1 + 3 * i, 4 + 3 * i) ?? [];
      return { sign, changes, isFrozen: isFrozen === 1 };
    });
    this.#seen = state?.[0] ?? 0;
  }

  /** Takes the gradients of a step; says which numbers stay as they are in it. Gradients of 0 agree with all. */
  next(gradients: Float64Array): readonly boolean[] {
    const { window, above } = this.#spec;
    const frozen = this.#numbers.map(({ isFrozen }) => isFrozen);
    this.#numbers.forEach((one, i) => {
      const sign = Math.sign(gradients[i]!);
      if (sign === 0 || Number.isNaN(sign)) return;
      if (one.sign === -sign) one.changes++;
      one.sign = sign;
    });
    this.#seen++;
    if (this.#seen < window) return frozen;
    this.#seen = 0;
    for (const one of this.#numbers) {
      one.isFrozen = one.changes / window > above;
      one.changes = 0;
    }
    return frozen;
  }

  /** Plain numbers: steps of the window, then sign, changes and whether it is frozen of each. */
  get state(): Float64Array {
    return Float64Array.from([
      this.#seen,
      ...this.#numbers.flatMap(({ sign, changes, isFrozen }) => [sign, changes, Number(isFrozen)]),
    ]);
  }
}
