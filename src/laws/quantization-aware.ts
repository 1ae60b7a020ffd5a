/**
 * The scaling law of quantisation-aware training: what four-bit weights and activations add to the loss.
 *
 * Source: "Scaling law for quantization-aware training", arXiv 2505.14302: delta = k D^gammaD (log2 G)^gammaG / N^gammaN. The
 * error of what the second linear layer of a feed-forward block reads dominates it: that operand is best kept in 8 bits.
 */
import { checkFields, numberInRange, pathOf } from '../check.ts';

/** The coefficients of the law; parameters N and tokens D are plain counts, G is elements that share a scale. */
export interface QuantizationCoefficients {
  readonly k: number;
  readonly gammaN: number;
  readonly gammaD: number;
  readonly gammaG: number;
}

/** For weights and activations of 4 bits. */
export const quantizationCoefficients: QuantizationCoefficients = Object.freeze({
  k: 0.1582,
  gammaN: 0.2186,
  gammaD: 0.0745,
  gammaG: 0.7779,
});

export interface QuantizationLawOptions {
  /** Parameters of the model, above 0. */
  readonly parameters: number;
  /** Tokens it is trained on, above 0. */
  readonly tokens: number;
  /** Elements that share a scale, from 2. Default 128. */
  readonly group?: number;
  readonly coefficients?: Partial<QuantizationCoefficients>;
}

/**
 * What quantisation adds to the final loss, in nats a token.
 *
 * @throws ArgumentError naming the option.
 */
export function quantizationLaw(options: QuantizationLawOptions): number {
  checkFields('', options, ['parameters', 'tokens', 'group', 'coefficients']);
  const names = Object.keys(quantizationCoefficients) as (keyof QuantizationCoefficients)[];
  const given = checkFields('coefficients', options.coefficients, names);
  const { k, gammaN, gammaD, gammaG } = Object.fromEntries(
    names.map((name) => [
      name,
      numberInRange(pathOf('coefficients', name), given[name], { from: 0 }, quantizationCoefficients[name]),
    ]),
  ) as unknown as QuantizationCoefficients;
  const parameters = numberInRange('parameters', options.parameters, { above: 0 });
  const tokens = numberInRange('tokens', options.tokens, { above: 0 });
  const group = numberInRange('group', options.group, { from: 2 }, 128);
  return (k * tokens ** gammaD * Math.log2(group) ** gammaG) / parameters ** gammaN;
}
