/**
 * Probes: what quantisers and stores do to a step's operands and weights. They look and change nothing; what they say
 * goes into the step's record.
 */
import type { Tensor } from '@tensorflow/tfjs';
import { log } from '../approximate.ts';
import { groupsOf } from '../quantizers/elements.ts';
import { type Explained, type Quantizer, quantizer } from '../quantizers/index.ts';
import { sizeOf } from '../shape.ts';
import { type SlotName, settledOptions } from './engine/slot-spec.ts';
import type { WeightReading } from './engine/slots.ts';
import type { LinearSlots } from './linear-slots.ts';
import type { Model } from './model.ts';
import { isSlotted } from './parameter-role.ts';
import {
  countCodes,
  entropyOf,
  joinWrites,
  stepOf,
  stepRatioOf,
  type WriteMeasure,
  WriteTally,
} from './stores/index.ts';
import { weightMatrixShape, weightMatrixValues } from './weight-matrix.ts';

/** What the quantiser of one slot did, over all layers of a step. */
export interface OperandProbe {
  /** 10 log10 of the sum of squares over the sum of squared errors, in dB; null without an error. */
  readonly sqnr: number | null;
  /** Part of the elements at an end of the format's range. */
  readonly saturation: number;
  /** Part of the elements that are zero in the image only. */
  readonly underflow: number;
  /** Information of a code as often as it is used, in bits. */
  readonly entropy: number;
}

/** Of the weights that a store holds or whose forward image is quantised: over all of them, and one by one. */
export interface WeightProbes extends WriteMeasure {
  readonly layers: Readonly<Record<string, WriteMeasure>>;
}

export interface StepProbes {
  readonly operands: Readonly<Partial<Record<SlotName, OperandProbe>>>;
  /** Null where weights are neither held in a low precision nor read through a quantiser. */
  readonly weights: WeightProbes | null;
  /**
   * Of each parameter, the root mean square of g / max(sqrt(v), 1e-8) with the optimiser's second moment v, this step's included:
   * StableAdamW's RMS, which is far above 1 where v is too small for the gradients that come. Optimisers with a second moment only.
   */
  readonly rms?: Readonly<Record<string, number>>;
  readonly gradient?: GradientProbe;
  /** Of the loss in the logits of the batch, at every prediction of it (`logitSharpness`); NaN where logits are no finite numbers. */
  readonly sharpness?: number;
  /** Of each parameter, the norm of the weight over that of the gradient that the optimiser was given. */
  readonly weightOverGradient?: Readonly<Record<string, number>>;
  /**
   * What holding the optimiser's moments loses, over all that are not held in float32: 10 log10 of the sum of squares over that of
   * squared errors, of the first moment and of the root of the second.
   */
  readonly states?: StateProbe;
  /** The mean of the learned numbers of bits, over groups, for the next step; of recipes with some. */
  readonly bits?: number;
  /** Formats that the recipe's controller decided for the next step, by parameter; of recipes with one. */
  readonly formats?: Readonly<Record<string, string>>;
}

/** In dB; null without an error, absent where none is held in few bits. */
export interface StateProbe {
  readonly first?: number | null;
  readonly second?: number | null;
}

/** How gradients of the linear weights compare with those of a backward pass whose own operands are not quantised. */
export interface GradientProbe {
  /** Draws of stochastic rounding over which the mean was taken. */
  readonly draws: number;
  /** |mean - g| / |g|. */
  readonly bias: number;
  /** Mean cosine of one draw and g. */
  readonly cosine: number;
  /** Mean of (draw . g) / (g . g). */
  readonly alignment: number;
}

const LN_10 = log(10);

/** Gathers what the taps of a step see. */
export class OperandProbes {
  readonly #sums = new Map<
    SlotName,
    {
      signal: number;
      noise: number;
      count: number;
      ends: number;
      vanished: number;
      readonly codes: Map<number, number>;
    }
  >();

  /**
   * One operand and its image, by the quantiser that made it.
   * @param isTurned whether the image stays transformed: then the transformed operand is what it is compared with
   */
  add(slot: SlotName, operand: Tensor, image: Tensor, made: Quantizer, isTurned = false): void {
    const { low, high } = made;
    const given = operand.dataSync<'float32'>();
    const explained = made.explain(given, operand.shape, { update: false });
    const x = isTurned ? explained.x : given;
    const y = image.dataSync<'float32'>();
    const zero = { signal: 0, noise: 0, count: 0, ends: 0, vanished: 0 };
    const sums = this.#sums.get(slot) ?? { ...zero, codes: new Map<number, number>() };
    this.#sums.set(slot, sums);
    for (let i = 0; i < x.length; i++) {
      const error = y[i]! - x[i]!;
      sums.signal += x[i]! * x[i]!;
      sums.noise += error * error;
      if (y[i] === 0 && x[i] !== 0) sums.vanished++;
    }
    const { elements } = explained;
    for (const element of elements) if (element === low || element === high) sums.ends++;
    countCodes(elements, sums.codes);
    sums.count += x.length;
  }

  result(): StepProbes['operands'] {
    return Object.fromEntries(
      [...this.#sums].map(([slot, { signal, noise, count, ends, vanished, codes }]) => [
        slot,
        {
          sqnr: noise === 0 || signal === 0 ? null : (10 * log(signal / noise)) / LN_10,
          saturation: ends / count,
          underflow: vanished / count,
          entropy: entropyOf(codes.values()),
        },
      ]),
    );
  }
}

/** Elements of the weights that forward products read through a quantiser: the codes that flips are counted of. */
interface WeightImage {
  readonly explained: Explained;
  /** What the quantiser is given of the weight, by the trained numbers that there are. */
  readonly formed: (values: Float32Array) => Float32Array;
  readonly made: Quantizer;
  /** The weight's as the quantiser sees it. */
  readonly shape: readonly number[];
}

type WeightImages = ReadonlyMap<string, WeightImage>;

/**
 * Takes the images before an update.
 * @param readingOf how the quantiser of a layer's weight reads it
 */
export function weightImages(
  model: Model,
  slots: (name: string) => LinearSlots,
  readingOf: (name: string) => WeightReading | undefined,
): WeightImages {
  const images = new Map<string, WeightImage>();
  for (const one of model.parameters) {
    const { name, role, variable } = one;
    const spec = isSlotted(role) ? slots(name).forward.w : null;
    const options = spec === null ? undefined : settledOptions(spec);
    if (options === undefined) continue;
    const made = quantizer({ ...options, rounding: 'nearest-even' });
    const reading = readingOf(name);
    if (reading !== undefined) made.restore(reading.state);
    const shape = weightMatrixShape(one, spec);
    const formed = (values: Float32Array): Float32Array => reading?.formed(values, shape) ?? values;
    const values = formed(weightMatrixValues(one, variable.dataSync() as Float32Array));
    const explained = made.explain(values, shape, { update: false });
    images.set(name, { explained, formed, made, shape });
  }
  return images;
}

/** What an update did to the images. */
export function compareImages(model: Model, before: WeightImages): Map<string, WriteMeasure> {
  const measures = new Map<string, WriteMeasure>();
  for (const one of model.parameters) {
    const { name, variable } = one;
    const image = before.get(name);
    if (image === undefined) continue;
    const { made, formed, shape, explained: old } = image;
    const values = formed(weightMatrixValues(one, variable.dataSync() as Float32Array));
    const { x, elements, scales } = made.explain(values, shape, { update: false });
    const tally = new WriteTally();
    const step = stepOf(old.format);
    const groups = groupsOf(old, x.length);
    for (let i = 0; i < x.length; i++) {
      const element = elements[i]!;
      const before = old.elements[i]!;
      // Zeros have no scale before they move.
      const scale = old.scales[groups[i]!]! || scales[groups[i]!]!;
      const ratio = stepRatioOf(x[i]!, old.x[i]!, scale * step(before));
      tally.add(ratio, element !== before, element === 0, element === made.low || element === made.high);
    }
    measures.set(name, tally.result(elements));
  }
  return measures;
}

/** Joins the measures of layers; null if there are none. */
export function joinMeasures(model: Model, layers: ReadonlyMap<string, WriteMeasure>): WeightProbes | null {
  if (layers.size === 0) return null;
  const measured = model.parameters.flatMap(({ name, shape }) => {
    const measure = layers.get(name);
    return measure === undefined ? [] : [{ size: sizeOf(shape), measure }];
  });
  return { ...joinWrites(measured), layers: Object.fromEntries(layers) };
}
