/**
 * Which layer reads its weights in which format, within a budget of bits: by what rounding each layer costs. No training and no recipe:
 * what comes out are formats by layers' names, which a recipe's rules take.
 *
 * The cost of a layer in a format is the sum of h (w' - w)^2 over its weights, w' being the images and h the weight's curvature, 1 where
 * none is given; squared gradients and second derivatives are estimates of it; or what was measured. How assignments are found is
 * assign-front.ts.
 * Source of the idea: Dong et al., "HAWQ-V2", arXiv 1911.03852 (costs by curvature, a Pareto front).
 */
import { isFloat32Array } from '../array-kinds.ts';
import {
  checkFields,
  checkLength,
  checkList,
  checkObject,
  checkSome,
  numberInRange,
  oneOf,
  within,
} from '../check.ts';
import { ArgumentError } from '../errors.ts';
import type { FormatSpelling } from '../formats/index.ts';
import { namedQuantizer, type Quantizer, type QuantizerOptions, quantizer } from '../quantizers/index.ts';
import { checkSchema, integer, list, maybe, number, someFields, value } from '../schema.ts';
import { sizeOf } from '../shape.ts';
import { type Chosen, exactFront, greedyFront, type Place, worthChoices } from './assign-front.ts';
import { bitsOfImage } from './bits-per-weight.ts';

/** A layer whose format is to be chosen. */
export interface SensitiveLayer {
  readonly name: string;
  readonly weights: Float32Array;
  /** Of the weights: rows along what a product sums over, or outputs, taps and inputs of a filter. Default: one row. */
  readonly shape?: readonly number[];
  /** Of each weight, not negative: squared gradients, say. Default: 1. */
  readonly curvature?: Float32Array | Float64Array;
  /** What each candidate costs, where that was measured: nothing is computed from the weights then. */
  readonly costs?: readonly number[];
}

/** A format that a layer may have, as a quantiser of its weights: options, or a name such as `'int4/block:128'`. */
export type Candidate<F extends FormatSpelling> =
  | (Pick<QuantizerOptions, 'scale' | 'range' | 'saturation'> & { readonly format: F })
  | (F & string);

export interface Assignment<F extends FormatSpelling> {
  readonly formats: Readonly<Record<string, F>>;
  /** Mean over the weights, with the scales of groups. */
  readonly bits: number;
  /** Of all weights, with those scales. */
  readonly bytes: number;
  /** The sum of the layers' costs. */
  readonly cost: number;
}

export interface AssignOptions {
  /** `'exact'` (default): no assignment within the bits costs less; `'greedy'`: by what each step saves for each bit. */
  readonly by?: 'exact' | 'greedy';
}

const array = value<Float32Array>(isFloat32Array, 'a Float32Array');
const curvatureArray = value<Float32Array | Float64Array>(
  (given) => isFloat32Array(given) || given instanceof Float64Array,
  'a Float32Array or Float64Array',
);
const layerSchema = list(
  someFields({
    name: value<string>((given) => typeof given === 'string', 'a text'),
    weights: array,
    shape: maybe(list(integer(1, 2 ** 40), 1, 8)),
    curvature: maybe(curvatureArray),
    costs: maybe(list(number())),
  }),
  1,
);

/** A format with its quantiser. */
interface Made<F> {
  readonly format: F;
  readonly quantizer: Quantizer;
}

function madeOf<F extends FormatSpelling>(candidate: Candidate<F>): Made<F> {
  return typeof candidate === 'string'
    ? { format: candidate, quantizer: namedQuantizer(candidate as string) }
    : { format: candidate.format, quantizer: quantizer(candidate as QuantizerOptions) };
}

/** A layer's weights as a quantiser sees them: blocks of a filter stay within a tap. */
function matrixShape({ weights, shape }: SensitiveLayer, { scale }: Quantizer): readonly number[] {
  if (shape === undefined) return [1, weights.length];
  if (shape.length !== 3) return shape;
  const [outputs, taps, inputs] = shape as [number, number, number];
  return scale.grouping.per === 'block' ? [outputs * taps, inputs] : [outputs, taps * inputs];
}

/** What a layer reads in place of its weights. */
export const imageOf = (layer: SensitiveLayer, made: Quantizer): Float32Array =>
  made.fakeQuantize(layer.weights, matrixShape(layer, made));

/** A layer whose error counts beside the size of its weights. */
export function relativeLayer(layer: SensitiveLayer): SensitiveLayer {
  const power = layer.weights.reduce((sum, w) => sum + w * w, 0);
  return { ...layer, curvature: new Float64Array(layer.weights.length).fill(power === 0 ? 0 : 1 / power) };
}

/** What a quantiser costs a layer. */
function costOf(layer: SensitiveLayer, made: Quantizer): number {
  const { weights, curvature } = layer;
  const images = imageOf(layer, made);
  let sum = 0;
  for (let i = 0; i < weights.length; i++) sum += (curvature?.[i] ?? 1) * (images[i]! - weights[i]!) ** 2;
  return sum;
}

/** The quantisers of candidates. Throws ArgumentError below `candidates`. */
export function madeCandidates<F extends FormatSpelling>(candidates: readonly Candidate<F>[]): Made<F>[] {
  checkList('candidates', candidates, 'a list of quantisers');
  checkSome('candidates', candidates, 'at least one quantiser');
  return Array.from(candidates, (one, i) => {
    const path = `candidates[${i}]`;
    if (typeof one !== 'string')
      checkObject(path, one, "a quantiser, { format, scale }, or a quantiser's name");
    return within(path, () => madeOf(one));
  });
}

/** Layers with what each candidate costs them, in the order of the candidates. Throws ArgumentError. */
export function placesOf<F extends FormatSpelling>(
  layers: readonly SensitiveLayer[],
  candidates: readonly Candidate<F>[],
): Place<F>[] {
  checkSchema('layers', layers, layerSchema);
  const made = madeCandidates(candidates);
  return layers.map((layer, i) => {
    const { name, weights, shape, curvature, costs } = layer;
    const path = `layers[${i}]`;
    const size = weights.length;
    if (layers.findIndex((other) => other.name === name) < i)
      throw new ArgumentError(`${path}.name`, name, 'names that differ');
    if (curvature !== undefined)
      checkLength(`${path}.curvature`, curvature, size, `${size} numbers, one a weight`);
    if (costs !== undefined)
      checkLength(`${path}.costs`, costs, made.length, `${made.length} numbers, one a candidate`);
    if (shape !== undefined && sizeOf(shape) !== size)
      throw new ArgumentError(`${path}.shape`, shape, `a shape of ${size} weights`);
    const choices = made.map(({ format, quantizer: own }, j) => ({
      format,
      bits: size * bitsOfImage(own, matrixShape(layer, own)),
      cost: costs?.[j] ?? costOf(layer, own),
    }));
    return { name, size, choices };
  });
}

/** Places with the formats that are worth their bits. */
export const worthPlaces = <F>(places: readonly Place<F>[]): Place<F>[] =>
  places.map((place) => ({ ...place, choices: worthChoices(place.choices) }));

function assignmentOf<F extends FormatSpelling>(
  places: readonly Place<F>[],
  chosen: Chosen<F>,
): Assignment<F> {
  const bits = bitsOf(chosen);
  const size = places.reduce((sum, place) => sum + place.size, 0);
  return {
    formats: Object.fromEntries(places.map(({ name }, i) => [name, chosen[i]!.format])) as Record<string, F>,
    bits: bits / size,
    bytes: Math.ceil(bits / 8),
    cost: chosen.reduce((sum, { cost }) => sum + cost, 0),
  };
}

const bitsOf = <F>(chosen: Chosen<F>): number => chosen.reduce((sum, choice) => sum + choice.bits, 0);

const byOf = (options?: AssignOptions): 'exact' | 'greedy' =>
  oneOf('by', checkFields('', options, ['by']).by, ['exact', 'greedy'], 'exact');

/** The best assignment of places within a mean number of bits. */
export function assignPlaces<F extends FormatSpelling>(
  places: readonly Place<F>[],
  bits: number,
  by: 'exact' | 'greedy',
): Assignment<F> {
  const size = places.reduce((sum, place) => sum + place.size, 0);
  const front = by === 'exact' ? exactFront(places) : greedyFront(places, bits * size);
  const best = front.findLast((chosen) => bitsOf(chosen) <= bits * size);
  if (best === undefined)
    throw new ArgumentError(
      'bits',
      bits,
      `at least ${bitsOf(front[0]!) / size}, what the narrowest formats have`,
    );
  return assignmentOf(places, best);
}

/** All assignments of places that are worth their bits. */
export function frontOfPlaces<F extends FormatSpelling>(
  places: readonly Place<F>[],
  by: 'exact' | 'greedy',
): Assignment<F>[] {
  const front = by === 'exact' ? exactFront(places) : greedyFront(places);
  return front.map((chosen) => assignmentOf(places, chosen));
}

/** All layers in one format, for each: what it has in bits and costs. Places have all of them. */
export const uniformAssignments = <F extends FormatSpelling>(
  places: readonly Place<F>[],
  formats: readonly F[],
): (Omit<Assignment<F>, 'formats'> & { readonly format: F })[] =>
  formats.map((format, i) => {
    const { formats: _, ...rest } = assignmentOf(
      places,
      places.map(({ choices }) => choices[i]!),
    );
    return { format, ...rest };
  });

/**
 * A format for each layer.
 * @param bits the most that a weight may have, as a mean over all weights
 * @throws ArgumentError naming the argument that is wrong, or `bits` if the narrowest formats have more
 * @example
 * const { formats } = assignFormats(layers, ['int2/block:128', 'int4/block:128', 'int8/row'], 4.5);
 */
export function assignFormats<F extends FormatSpelling>(
  layers: readonly SensitiveLayer[],
  candidates: readonly Candidate<F>[],
  bits: number,
  options?: AssignOptions,
): Assignment<F> {
  const places = worthPlaces(placesOf(layers, candidates));
  return assignPlaces(places, numberInRange('bits', bits, { above: 0, to: 64 }), byOf(options));
}

/**
 * The assignments that are worth their bits, fewest bits first: no other one found has fewer bits and costs no more.
 * @throws ArgumentError naming the argument that is wrong
 * @example
 * for (const { bytes, cost } of formatFront(layers, ['int2/row', 'int3/row', 'int4/row', 'int8/row'])) console.log(bytes, cost);
 */
export function formatFront<F extends FormatSpelling>(
  layers: readonly SensitiveLayer[],
  candidates: readonly Candidate<F>[],
  options?: AssignOptions,
): Assignment<F>[] {
  return frontOfPlaces(worthPlaces(placesOf(layers, candidates)), byOf(options));
}
