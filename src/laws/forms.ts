/**
 * The forms of scaling laws that are fitted to runs: which numbers of a run a law speaks of, which parameters it has, and the loss
 * by both. All parameters are positive, so that fits run over their logarithms.
 */

/** A form of a law. */
export interface LawForm {
  /** What a run must say of itself. */
  readonly variables: readonly string[];
  /** Those of them that may be 0; the others are above it. */
  readonly zeros?: readonly string[];
  /** Whether the loss is a difference of two, which may be below 0 where runs are noisy. */
  readonly isDifference?: true;
  /** The parameters, and between which values fits begin to look for each. */
  readonly parameters: Readonly<Record<string, readonly [low: number, high: number]>>;
  /** The formula, for people. */
  readonly formula: string;
  value(parameters: Readonly<Record<string, number>>, variables: Readonly<Record<string, number>>): number;
}

const scale: readonly [number, number] = [1, 1e5];
const exponent: readonly [number, number] = [0.1, 0.9];
const floor: readonly [number, number] = [0.5, 3];

export type LawFormName = 'power' | 'chinchilla' | 'efficiency' | 'floating-point' | 'quantization';

/** The forms by name. */
export const lawForms: Readonly<Record<LawFormName, LawForm>> = Object.freeze({
  /** One power of one variable above a floor. */
  power: {
    variables: ['x'],
    parameters: { a: [0.1, 1e3], alpha: exponent, e: [0.01, 3] },
    formula: 'a / x^alpha + e',
    value: ({ a, alpha, e }, { x }) => a! / x! ** alpha! + e!,
  },
  /** Hoffmann et al., "Training compute-optimal large language models", arXiv 2203.15556, equation 2. */
  chinchilla: {
    variables: ['parameters', 'tokens'],
    parameters: { a: scale, alpha: exponent, b: scale, beta: exponent, e: floor },
    formula: 'a / parameters^alpha + b / tokens^beta + e',
    value: ({ a, alpha, b, beta, e }, { parameters, tokens }) =>
      a! / parameters! ** alpha! + b! / tokens! ** beta! + e!,
  },
  /**
   * How much of its parameters and tokens a recipe uses: with the other parameters fixed at those of runs in high precision, for
   * which both efficiencies are 1, those of a recipe's runs remain. Castro et al., "Quartet: native FP4 training can be optimal for
   * large language models", arXiv 2505.14669.
   */
  efficiency: {
    variables: ['parameters', 'tokens'],
    parameters: {
      ...{ a: scale, alpha: exponent, b: scale, beta: exponent, gamma: [0.5, 2], e: floor },
      ...{ efficiencyN: [0.2, 1.2], efficiencyD: [0.2, 1.2] },
    },
    formula: '(a / (efficiencyN parameters)^alpha + b / (efficiencyD tokens)^beta)^gamma + e',
    value: ({ a, alpha, b, beta, gamma, e, efficiencyN, efficiencyD }, { parameters, tokens }) =>
      (a! / (efficiencyN! * parameters!) ** alpha! + b! / (efficiencyD! * tokens!) ** beta!) ** gamma! + e!,
  },
  /** The joint law of `floatingPointLaw`, arXiv 2501.02423. */
  'floating-point': {
    variables: ['parameters', 'tokens', 'exponentBits', 'mantissaBits', 'block'],
    zeros: ['exponentBits', 'mantissaBits'],
    parameters: {
      ...{ n: scale, alpha: exponent, d: scale, beta: exponent, epsilon: floor },
      ...{ gamma: [10, 1e5], delta: [1, 5], nu: [1, 5] },
    },
    formula:
      'n / parameters^alpha + d / tokens^beta + epsilon + tokens^beta / parameters^alpha log2(block) / (gamma (exponentBits + 1/2)^delta (mantissaBits + 1/2)^nu)',
    value: (
      { n, alpha, d, beta, epsilon, gamma, delta, nu },
      { parameters, tokens, exponentBits, mantissaBits, block },
    ) => {
      const [sizes, seen] = [parameters! ** alpha!, tokens! ** beta!];
      const resolution = gamma! * (exponentBits! + 0.5) ** delta! * (mantissaBits! + 0.5) ** nu!;
      return n! / sizes + d! / seen + epsilon! + ((seen / sizes) * Math.log2(block!)) / resolution;
    },
  },
  /** The law of `quantizationLaw`, arXiv 2505.14302; fitted to what quantisation adds to the loss. */
  quantization: {
    variables: ['parameters', 'tokens', 'group'],
    isDifference: true,
    parameters: { k: [1e-3, 10], gammaN: [0.05, 0.5], gammaD: [0.01, 0.5], gammaG: [0.1, 1.5] },
    formula: 'k tokens^gammaD log2(group)^gammaG / parameters^gammaN',
    value: ({ k, gammaN, gammaD, gammaG }, { parameters, tokens, group }) =>
      (k! * tokens! ** gammaD! * Math.log2(group!) ** gammaG!) / parameters! ** gammaN!,
  },
} satisfies Record<LawFormName, LawForm>);
