/**
 * The scaling law of training in floating point: the loss by parameters, tokens, and the bits of what products read, and what
 * follows from it. Products read weights, activations and gradients in the format, with scales in binary32 over blocks.
 *
 * Source: "Scaling laws for floating point quantization training", arXiv 2501.02423, equations of the joint law, of the best split
 * of bits and of the critical number of tokens.
 */
import { checkAbsent, checkFields, integerInRange, numberInRange, pathOf } from '../check.ts';
import { ArgumentError } from '../errors.ts';
import { type FormatSpelling, toFormat } from '../formats/names.ts';

/** The coefficients of the law, in the names of the paper. Parameters N and tokens D are plain counts. */
export interface FloatingPointCoefficients {
  readonly n: number;
  readonly alpha: number;
  readonly d: number;
  readonly beta: number;
  readonly epsilon: number;
  readonly gamma: number;
  readonly delta: number;
  readonly nu: number;
}

/** Fitted by the paper to language models of up to 679 million parameters. */
export const floatingPointCoefficients: FloatingPointCoefficients = Object.freeze({
  n: 69.2343,
  alpha: 0.2368,
  d: 68973.0621,
  beta: 0.5162,
  epsilon: 1.9061,
  gamma: 11334.5197,
  delta: 3.1926,
  nu: 2.9543,
});

/** log2 of the block that stands for scales over channels, by the paper's fit. */
const channelLog = 13.1567;

/** The bits of a floating-point number besides its sign, or a format that has them. */
export type ExponentAndMantissa =
  | { readonly format: FormatSpelling }
  | {
      /** From 0 to 11. */
      readonly exponentBits: number;
      /** From 0 to 52. */
      readonly mantissaBits: number;
    };

/** Elements that share a scale. */
export interface ScaleBlock {
  /** An integer from 2, or `'channel'`. Default 128. */
  readonly block?: number | 'channel';
  readonly coefficients?: Partial<FloatingPointCoefficients>;
}

export type FloatingPointLawOptions = ExponentAndMantissa &
  ScaleBlock & {
    /** Parameters of the model, above 0. */
    readonly parameters: number;
    /** Tokens it is trained on, above 0. */
    readonly tokens: number;
  };

/** A loss in nats a token, and the terms that it is the sum of. */
export interface FloatingPointLoss {
  readonly loss: number;
  /** n / N^alpha. */
  readonly ofParameters: number;
  /** d / D^beta. */
  readonly ofTokens: number;
  /** What the format costs: D^beta / N^alpha * log2 B / (gamma (E + 1/2)^delta (M + 1/2)^nu). */
  readonly ofFormat: number;
  readonly irreducible: number;
}

const coefficientNames = Object.keys(floatingPointCoefficients) as (keyof FloatingPointCoefficients)[];

function coefficientsOf(given: unknown): FloatingPointCoefficients {
  const fields = checkFields('coefficients', given as object | undefined, coefficientNames);
  const pairs = Object.entries(fields).filter(([, value]) => value !== undefined);
  for (const [name, value] of pairs) numberInRange(pathOf('coefficients', name), value, { above: 0 });
  return { ...floatingPointCoefficients, ...Object.fromEntries(pairs) };
}

function bitsOf(given: object): { readonly exponentBits: number; readonly mantissaBits: number } {
  const { format, exponentBits, mantissaBits } = given as Readonly<Record<string, unknown>>;
  if (format === undefined)
    return {
      exponentBits: integerInRange('exponentBits', exponentBits, 0, 11),
      mantissaBits: integerInRange('mantissaBits', mantissaBits, 0, 52),
    };
  for (const [name, value] of Object.entries({ exponentBits, mantissaBits }))
    checkAbsent(name, value, 'nothing beside a format');
  const found = toFormat(format as FormatSpelling);
  if (found.kind !== 'float') throw new ArgumentError('format', format, 'a floating-point format');
  return found;
}

function blockLog(block: unknown = 128): number {
  if (block === 'channel') return channelLog;
  if (!Number.isSafeInteger(block) || (block as number) < 2)
    throw new ArgumentError('block', block, "an integer from 2, or 'channel'");
  return Math.log2(block as number);
}

const countAt = (path: string, given: unknown): number => numberInRange(path, given, { above: 0 });

/** gamma (E + 1/2)^delta (M + 1/2)^nu: how much a format resolves. */
function resolution(
  { exponentBits, mantissaBits }: { readonly exponentBits: number; readonly mantissaBits: number },
  { gamma, delta, nu }: FloatingPointCoefficients,
): number {
  return gamma * (exponentBits + 0.5) ** delta * (mantissaBits + 0.5) ** nu;
}

const formatFields = ['format', 'exponentBits', 'mantissaBits', 'block', 'coefficients'];

/**
 * The loss that the law foretells.
 *
 * @throws ArgumentError naming the option.
 */
export function floatingPointLaw(options: FloatingPointLawOptions): FloatingPointLoss {
  checkFields('', options, ['parameters', 'tokens', ...formatFields]);
  const coefficients = coefficientsOf(options.coefficients);
  const { n, alpha, d, beta, epsilon } = coefficients;
  const sizes = countAt('parameters', options.parameters) ** alpha;
  const seen = countAt('tokens', options.tokens) ** beta;
  const ofParameters = n / sizes;
  const ofTokens = d / seen;
  const ofFormat = ((seen / sizes) * blockLog(options.block)) / resolution(bitsOf(options), coefficients);
  return {
    loss: ofParameters + ofTokens + ofFormat + epsilon,
    ...{ ofParameters, ofTokens, ofFormat, irreducible: epsilon },
  };
}

/**
 * The tokens beyond which more of them raise the loss, as what the format costs grows with them.
 *
 * @throws ArgumentError naming the option.
 */
export function criticalTokens(
  options: ExponentAndMantissa & ScaleBlock & { readonly parameters: number },
): number {
  checkFields('', options, ['parameters', ...formatFields]);
  const coefficients = coefficientsOf(options.coefficients);
  const { alpha, d, beta } = coefficients;
  const sizes = countAt('parameters', options.parameters) ** alpha;
  return (
    ((d * sizes * resolution(bitsOf(options), coefficients)) / blockLog(options.block)) ** (1 / (2 * beta))
  );
}

/** How the bits of a format are best shared out. */
export interface BitSplit {
  /** The whole numbers of bits that cost least, besides the sign. */
  readonly exponentBits: number;
  readonly mantissaBits: number;
  /** Where the cost is least over the reals: nu P / (delta + nu) - 1/2 bits of mantissa, delta P / (delta + nu) - 1/2 of exponent. */
  readonly exact: { readonly exponentBits: number; readonly mantissaBits: number };
}

/**
 * The best split of `bits` bits, one of them the sign, into exponent and mantissa.
 *
 * @param bits From 2 to 32.
 * @throws ArgumentError naming `bits` or `coefficients`.
 */
export function bestSplit(
  bits: number,
  options: { readonly coefficients?: Partial<FloatingPointCoefficients> } = {},
): BitSplit {
  integerInRange('bits', bits, 2, 32);
  const coefficients = coefficientsOf(checkFields('options', options, ['coefficients']).coefficients);
  const { delta, nu } = coefficients;
  const splits = Array.from({ length: bits }, (_, exponentBits) => ({
    exponentBits,
    mantissaBits: bits - 1 - exponentBits,
  }));
  const best = splits.reduce((one, other) =>
    resolution(other, coefficients) > resolution(one, coefficients) ? other : one,
  );
  return {
    ...best,
    exact: {
      exponentBits: (delta * bits) / (delta + nu) - 0.5,
      mantissaBits: (nu * bits) / (delta + nu) - 0.5,
    },
  };
}
