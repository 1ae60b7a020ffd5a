/**
 * The quantiser of a slot: made of the slot's specification, with the values and bits that are trained, signs that are drawn for each
 * step, and what it remembers.
 */
import type { Tensor } from '@tensorflow/tfjs';
import { codebook } from '../../formats/index.ts';
import { type Explained, type Quantizer, type QuantizerOptions, quantizer } from '../../quantizers/index.ts';
import type { QuantizerState } from '../../quantizers/tracking.ts';
import type { NoiseTransform, TransformData } from '../../quantizers/transforms/index.ts';
import type { QuantizerCall } from '../../tfjs/fake-quantize.ts';
import type { TensorFlow } from '../../tfjs/index.ts';
import type { OperandSpec } from '../linear-slots.ts';
import { fnv1a32 } from '../random.ts';
import { type BitLearning, bitLearning, bitsOf, initialParameter } from './learned-bits.ts';
import { drawsSigns, hasMemory, type Pass, quantizerOptions, type SlotName } from './slot-spec.ts';

/** How an operand is read: through which quantiser, and what it is rounded to before. */
export interface Reading {
  readonly made: Quantizer | undefined;
  readonly rounded?: (x: Tensor) => Tensor;
}

/** What is trained of a quantiser; undefined: it is as it began. */
interface Trained {
  /** The values of its format. */
  readonly levels: readonly number[] | undefined;
  /** What its bits come from, one a group. */
  readonly bits: readonly number[] | undefined;
}

/** Whether a quantiser's noise takes the place of rounding. */
const standsForRounding = ({ transform }: Quantizer): boolean =>
  transform?.name === 'noise' && transform.toJSON()['inverse'] === 'keep';

export class SlotQuantizer {
  readonly #tf: TensorFlow;
  readonly #layer: string;
  readonly #name: SlotName;
  readonly #spec: OperandSpec;
  readonly learning: BitLearning | undefined;
  #trained: Trained = { levels: undefined, bits: undefined };
  #made: Quantizer | undefined;
  #madeFor = -1;

  constructor(tf: TensorFlow, layer: string, name: SlotName, spec: OperandSpec) {
    this.#tf = tf;
    this.#layer = layer;
    this.#name = name;
    this.#spec = spec;
    this.learning = bitLearning(spec);
  }

  /** The quantiser, whose memory lasts as long as the slot; undefined: values stay as they are. */
  at({ seed, step }: Pick<Pass, 'seed' | 'step'>): Quantizer | undefined {
    const options = quantizerOptions(this.#spec);
    if (options === undefined) return undefined;
    const signs = drawsSigns(this.#spec);
    if (this.#made !== undefined && (!signs || this.#madeFor === step)) return this.#made;
    // Operands of one product share their signs, else a rotation would not cancel.
    const product = this.#name.slice(0, this.#name.indexOf('.'));
    const stream = (BigInt(fnv1a32(`${this.#layer}/${product}/signs`)) << 32n) | BigInt(step);
    const transform = { ...(options.transform as TransformData), seed, stream: String(stream) };
    const made = quantizer(signs ? { ...options, transform } : this.#withTrained(options));
    if (this.#made !== undefined && this.hasMemory) made.restore(this.#made.state());
    this.#made = made;
    this.#madeFor = step;
    return made;
  }

  /** Options with the values and bits that are trained. */
  #withTrained(options: QuantizerOptions): QuantizerOptions {
    const { levels } = this.#trained;
    if (levels !== undefined) return { ...options, format: codebook({ name: 'levels', values: levels }) };
    const { learning } = this;
    if (learning === undefined) return options;
    const bits = this.learnedBits ?? bitsOf(learning, initialParameter(learning));
    return { ...options, transform: { ...(options.transform as TransformData), bits } };
  }

  get trained(): Trained {
    return this.#trained;
  }

  /** Numbers of bits that are learned, one a group. */
  get learnedBits(): number[] | undefined {
    return this.#trained.bits?.map((p) => bitsOf(this.learning!, p));
  }

  get hasMemory(): boolean {
    return hasMemory(this.#spec);
  }

  /** The quantiser as it was made last; undefined before anything is read. */
  get made(): Quantizer | undefined {
    return this.#made;
  }

  /** Gives the quantiser what it is to remember. `pass`: any of the run. */
  remember(trained: Trained, state: QuantizerState, pass: Pick<Pass, 'seed' | 'step'>): void {
    if (this.learning !== undefined || trained.levels !== undefined) this.#made = undefined;
    this.#trained = trained;
    this.at(pass)?.restore(state);
  }

  /**
   * How an operand is read: through its quantiser or, where nothing is trained, on the grids that its noise stands for, through what
   * the quantiser does beside.
   */
  reading(pass: Pass): Reading {
    const made = this.at(pass);
    if (made === undefined || pass.isTraining || !standsForRounding(made)) return { made };
    const { transform: noise, ...beside } = quantizerOptions(this.#spec)!;
    const cast = quantizer(beside);
    if (this.hasMemory) cast.restore(made.state());
    const { rounded } = made.transform as NoiseTransform;
    return {
      made: cast,
      rounded: (x) => this.#tf.tensor(rounded(x.dataSync() as Float32Array, x.shape), x.shape),
    };
  }

  /** Lets a quantiser of the slot remember what it did before, for a while. */
  as<T>(made: Quantizer, before: QuantizerState, fn: () => T): T {
    if (!this.hasMemory) return fn();
    const now = made.state();
    made.restore(before);
    try {
      return fn();
    } finally {
      made.restore(now);
    }
  }

  /** A quantised matrix taken apart, with the memory that its image was made with. */
  explained(made: Quantizer, matrix: Tensor, call: QuantizerCall, before: QuantizerState): Explained {
    const x = matrix.dataSync() as Float32Array;
    return this.as(made, before, () => made.explain(x, matrix.shape, { ...call, update: false }));
  }
}
