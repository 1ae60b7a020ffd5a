/**
 * How strongly quantisers act after a phase has begun: lambda, from 0 (not at all) to 1 (fully), as a function of the
 * steps since then. A quantised operand is x + lambda (quantised - x).
 * Source of `tanh`: Nielsen, Schneider-Kamp, Galke, arXiv 2502.11895, and the authors' training code: lambda =
 * 2 sigmoid(5 u / T) - 1 = tanh(2.5 u / T) for u < T, which reaches 0.98661, and 1 from T on.
 */
import { exp } from '../approximate.ts';
import { integerInRange } from '../check.ts';
import { checkSchema, fields, number, type Schema, word } from '../schema.ts';

const strengthKinds = ['tanh', 'tanhNormalised', 'linear', 'step'] as const;

export interface PhaseIn {
  /**
   * `tanh`: the paper's; `tanhNormalised`: tanh(2.5 u / T) / tanh(2.5), which has no jump; `linear`: u / T; `step`: 0
   * until T.
   */
  readonly kind: (typeof strengthKinds)[number];
  /** T as a part of all steps, above 0 and at most 1. */
  readonly over: number;
}

/** What the fields of a phase-in may be. */
export const phaseInSchema: Schema = fields({ kind: word(strengthKinds), over: number({ above: 0, to: 1 }) });

/** tanh(x) for x >= 0 as 1 - 2 / (e^(2x) + 1). */
const tanh = (x: number): number => 1 - 2 / (exp(2 * x) + 1);

/**
 * Lambda `since` steps after the phase began, of `steps` in all.
 * @throws ArgumentError naming the field of `phaseIn`, `since` or `steps`.
 * @example
 * strengthAt({ kind: 'tanh', over: 0.2 }, 100, 1000) // tanh(1.25) = 0.8483
 */
export function strengthAt(phaseIn: PhaseIn, since: number, steps: number): number {
  checkSchema('phaseIn', phaseIn, phaseInSchema);
  integerInRange('since', since, 0, Number.MAX_SAFE_INTEGER);
  integerInRange('steps', steps, 1, Number.MAX_SAFE_INTEGER);
  const length = Math.round(phaseIn.over * steps);
  if (since >= length) return 1;
  const progress = since / length;
  switch (phaseIn.kind) {
    case 'tanh':
      return tanh(2.5 * progress);
    case 'tanhNormalised':
      return tanh(2.5 * progress) / tanh(2.5);
    case 'linear':
      return progress;
    case 'step':
      return 0;
  }
}
