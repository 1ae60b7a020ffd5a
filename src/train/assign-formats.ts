/**
 * Which layer reads its weights in which format, within a budget of bits: by what rounding each layer costs. No training and no recipe:
 * what comes out are formats by layers' names, which a recipe's rules take.
 *
 * The cost of a layer in a format is the sum of h (w' - w)^2 over its weights, w' being the images and h the weight's curvature, 1 where
 * none is given; squared gradients are an estimate of it. Beginning with the cheapest of the narrowest formats, the step to a wider one
 * that saves most for each bit that it adds is taken as long as the mean number of bits stays within the budget.
 * Source of the idea: Dong et al., "HAWQ-V2", arXiv 1911.03852 (costs by curvature); the greedy order is this project's.
 */
import { isFloat32Array } from '../array-kinds.ts';
import { checkLength, checkList, checkObject, checkSome, numberInRange, within } from '../check.ts';
import { ArgumentError } from '../errors.ts';
import type { FormatSpelling } from '../formats/index.ts';
import { type Quantizer, type QuantizerOptions, quantizer } from '../quantizers/index.ts';
import { checkSchema, list, maybe, someFields, value } from '../schema.ts';

/** A layer whose format is to be chosen. */
export interface SensitiveLayer {
  readonly name: string;
  readonly weights: Float32Array;
  /** Of each weight, not negative: squared gradients, say. Default: 1. */
  readonly curvature?: Float32Array;
}

/** A format that a layer may have, as a quantiser of its weights. */
export type Candidate<F extends FormatSpelling> = Pick<QuantizerOptions, 'scale'> & { readonly format: F };

export interface Assignment<F extends FormatSpelling> {
  readonly formats: Readonly<Record<string, F>>;
  /** Mean over the weights. */
  readonly bits: number;
  /** The sum of the layers' costs. */
  readonly cost: number;
}

const array = value<Float32Array>(isFloat32Array, 'a Float32Array');
const layerSchema = list(
  someFields({
    name: value<string>((given) => typeof given === 'string', 'a text'),
    weights: array,
    curvature: maybe(array),
  }),
  1,
);

/** What a quantiser costs a layer. */
function costOf({ weights, curvature }: SensitiveLayer, made: Quantizer): number {
  const images = made.fakeQuantize(weights);
  let sum = 0;
  for (let i = 0; i < weights.length; i++) sum += (curvature?.[i] ?? 1) * (images[i]! - weights[i]!) ** 2;
  return sum;
}

interface Choice<F> {
  readonly format: F;
  readonly bits: number;
  readonly cost: number;
}

/** A format with its quantiser and its bits. */
interface Made<F> {
  readonly format: F;
  readonly quantizer: Quantizer;
  readonly bits: number;
}

function madeOf<F extends FormatSpelling>(candidate: Candidate<F>): Made<F> {
  const made = quantizer(candidate as QuantizerOptions);
  const { format } = made;
  const bits = format.kind === 'codebook' ? format.entropyBits : format.bits;
  return { format: candidate.format, quantizer: made, bits };
}

/** The formats of a layer that are worth their bits: each wider one costs less than all before it. The narrowest come first. */
function choicesOf<F>(layer: SensitiveLayer, candidates: readonly Made<F>[]): Choice<F>[] {
  const all = candidates
    .map(({ format, quantizer: own, bits }) => ({ format, bits, cost: costOf(layer, own) }))
    .sort((a, b) => a.bits - b.bits || a.cost - b.cost);
  const worth: Choice<F>[] = [];
  for (const one of all) if (worth.length === 0 || one.cost < worth.at(-1)!.cost) worth.push(one);
  return worth;
}

/** The wider format that saves most for each bit it adds; undefined: there is none. */
function bestStep<F>(at: Choice<F>, choices: readonly Choice<F>[], room: number, size: number) {
  let best: { readonly to: Choice<F>; readonly gain: number } | undefined;
  for (const to of choices) {
    const added = (to.bits - at.bits) * size;
    if (added <= 0 || added > room) continue;
    const gain = (at.cost - to.cost) / added;
    if (best === undefined || gain > best.gain) best = { to, gain };
  }
  return best;
}

/**
 * A format for each layer.
 * @param bits the most that a weight may have, as a mean over all weights
 * @throws ArgumentError naming the argument that is wrong, or `bits` if the narrowest formats have more
 * @example
 * const { formats } = assignFormats(layers, ['e2m1', 'posit(8,0)'].map((format) => ({
 *   format, scale: { per: 'tensor', from: 'absmax' } })), 5);
 * recipes.xrNpe({ layers: formats });
 */
export function assignFormats<F extends FormatSpelling>(
  layers: readonly SensitiveLayer[],
  candidates: readonly Candidate<F>[],
  bits: number,
): Assignment<F> {
  checkSchema('layers', layers, layerSchema);
  checkList('candidates', candidates, 'a list of quantisers');
  checkSome('candidates', candidates, 'at least one quantiser');
  numberInRange('bits', bits, { above: 0, to: 64 });
  const made = Array.from(candidates, (one, i) => {
    const path = `candidates[${i}]`;
    checkObject(path, one, 'a quantiser, { format, scale }');
    return within(path, () => madeOf(one));
  });
  layers.forEach(({ name, weights, curvature }, i) => {
    if (layers.findIndex((other) => other.name === name) < i)
      throw new ArgumentError(`layers[${i}].name`, name, 'names that differ');
    if (curvature !== undefined)
      checkLength(
        `layers[${i}].curvature`,
        curvature,
        weights.length,
        `${weights.length} numbers, one a weight`,
      );
  });
  const places = layers.map((layer) => {
    const choices = choicesOf(layer, made);
    return { name: layer.name, size: layer.weights.length, choices, at: choices[0]! };
  });
  const total = places.reduce((sum, { size }) => sum + size, 0);
  const used = (): number => places.reduce((sum, { size, at }) => sum + size * at.bits, 0);
  if (used() > bits * total)
    throw new ArgumentError('bits', bits, `at least ${used() / total}, what the narrowest formats have`);
  for (;;) {
    const room = bits * total - used();
    let best:
      | { readonly place: (typeof places)[number]; readonly to: Choice<F>; readonly gain: number }
      | undefined;
    for (const place of places) {
      const step = bestStep(place.at, place.choices, room, place.size);
      if (step !== undefined && (best === undefined || step.gain > best.gain)) best = { place, ...step };
    }
    if (best === undefined) break;
    best.place.at = best.to;
  }
  return {
    formats: Object.fromEntries(places.map(({ name, at }) => [name, at.format])) as Record<string, F>,
    bits: used() / total,
    cost: places.reduce((sum, { at }) => sum + at.cost, 0),
  };
}
