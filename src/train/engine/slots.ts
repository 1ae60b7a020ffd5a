/**
 * The slots of a layer at work: each quantiser of a recipe becomes an instance that belongs to one layer and slot, with draws
 * and memory of its own. Which layer has which is settled elsewhere (rules.ts); how products reach them is
 * `src/tfjs/product-calls.ts`.
 */
import type { Tensor } from '@tensorflow/tfjs';
import { within } from '../../check.ts';
import { codebook, nextUp } from '../../formats/index.ts';
import type { Gradients } from '../../quantizers/gradients/index.ts';
import { type Explained, type Quantizer, type QuantizerOptions, quantizer } from '../../quantizers/index.ts';
import type { QuantizerState } from '../../quantizers/tracking.ts';
import { type NoiseTransform, type TransformData, transform } from '../../quantizers/transforms/index.ts';
import { noResidue } from '../../quantizers/transforms/transform.ts';
import { fakeQuantize, type QuantizerCall } from '../../tfjs/fake-quantize.ts';
import type { TensorFlow } from '../../tfjs/index.ts';
import type { EmulationLog } from '../../tfjs/log.ts';
import type { SlotOperand, SlotOutput } from '../../tfjs/product-slots.ts';
import { hashData } from '../hash.ts';
import { fnv1a32 } from '../random.ts';
import { type InputGradientSpec, keepsRowsTurned, type OperandSpec } from '../recipe.ts';
import {
  type BitGradients,
  type BitLearning,
  bitLearning,
  bitsOf,
  initialParameter,
  type SlotMemory,
} from './learned-bits.ts';
import { SlotForm } from './slot-form.ts';
import { countImage } from './slot-log.ts';

/** The operands of a layer's products, as `forward.x`: product, then operand. */
export type SlotName =
  | 'forward.x'
  | 'forward.w'
  | 'forward.y'
  | 'inputGradient.g'
  | 'inputGradient.w'
  | 'inputGradient.dx'
  | 'weightGradient.g'
  | 'weightGradient.x'
  | 'weightGradient.dw';

/** What a pass through the model is for, as far as slots look. */
export interface Pass {
  readonly seed: number;
  /** The step whose random integers are drawn. */
  readonly step: number;
  /** Of the whole run. */
  readonly steps: number;
  /** Whether draws go on from call to call and memories remember: in training, not in evaluations and probes. */
  readonly isTraining: boolean;
  /** What the gradients of the pass are multiplied by. */
  readonly gradientScale: number;
  /** Gives a slot random integers of its own, where a pass is not the step's: of an evaluation, of a probe. */
  purpose?(slot: SlotName): string;
  /** Logs that count what quantisers do. */
  readonly logs?: readonly EmulationLog[];
  /** Sees every operand that a quantiser changes, its image, which may stay turned, and the quantiser without its strength. */
  tap?(slot: SlotName, operand: Tensor, image: Tensor, made: Quantizer, isTurned: boolean): void;
}

/** Stands in the options of a transform for a seed of the run's, with signs that differ from step to step. */
const eachStep = 'step';

interface Signs {
  readonly name: string;
  readonly seed?: unknown;
}

function drawsSigns(spec: OperandSpec): boolean {
  return (spec.transform as Signs | undefined)?.seed === eachStep;
}

/** Whether an image depends on random integers. */
function isRandom(spec: OperandSpec): boolean {
  const { rounding, transform } = spec;
  return (
    rounding?.startsWith('stochastic') === true ||
    (transform as Signs | undefined)?.name === 'noise' ||
    drawsSigns(spec)
  );
}

/** Whether the values of its format are trained. */
const learnsLevels = ({ learn }: OperandSpec): boolean => learn?.some(({ of }) => of === 'levels') === true;

/** Whether it depends on what was seen before. */
export function hasMemory(spec: OperandSpec): boolean {
  const { scale, form } = spec;
  return (
    bitLearning(spec) !== undefined ||
    (form !== undefined && form.kind !== 'complex') ||
    learnsLevels(spec) ||
    (scale !== undefined &&
      (scale.decay !== undefined || scale.history !== undefined || scale.from === 'learned'))
  );
}

/** Rounding without a scale: a scale that is 1. */
const unscaled = { per: 'tensor', from: 'constant', value: 1 } as const;

/** The quantiser of an operand without its strength; undefined: values stay as they are. */
function quantizerOptions({
  format,
  strength: _strength,
  norm: _norm,
  of: _of,
  learn: _learn,
  form: _form,
  turn: _turn,
  scale = unscaled,
  ...options
}: OperandSpec & InputGradientSpec): QuantizerOptions | undefined {
  return format === undefined ? undefined : { format, scale, ...options };
}

/** The same options with signs that are drawn, as some step would have them: for checks and descriptions. */
export function settledOptions(spec: OperandSpec): QuantizerOptions | undefined {
  const options = quantizerOptions(spec);
  if (options === undefined || !drawsSigns(spec)) return options;
  return { ...options, transform: { ...(options.transform as TransformData), seed: 0 } };
}

/** Through a quantiser whose values stay transformed: its rule sees the transformed gradient, which is then turned back. */
function pulledBackTurned(
  { transform, gradient }: Quantizer,
  explained: Explained,
  given: Float32Array,
  isTurned: boolean,
): Float32Array {
  const { shape, residue, context } = explained;
  const outer = isTurned ? given : transform!.forward(given, shape, context).values;
  return transform!.inverse(gradient.pullback(explained, outer).x, shape, residue, context);
}

/** Gradients of the parameters of a quantiser, one a group. */
export interface LearnedGradients {
  readonly scales?: Float64Array;
  readonly zeroPoints?: Float64Array;
  readonly bits?: BitGradients;
  readonly form?: Float64Array;
  readonly levels?: Float64Array;
}

/** Learned scales are binary32 numbers, as what trains them is, and at least the least normal one: 0 is no scale. */
const leastScale = 2 ** -126;

/** Learned scales and zero points as binary32 has them. */
function settledParameters({ scales, zeroPoints }: QuantizerState): QuantizerState {
  return {
    ...(scales === undefined
      ? {}
      : { scales: scales.map((scale) => Math.max(Math.fround(scale), leastScale)) }),
    ...(zeroPoints === undefined ? {} : { zeroPoints: zeroPoints.map(Math.fround) }),
  };
}

/** Trained values as binary32 has them, ascending; of equal ones all but the first are the next above. */
function settledLevels(levels: readonly number[]): number[] {
  const sorted = levels.map(Math.fround).sort((a, b) => a - b);
  const settled: number[] = [];
  for (const level of sorted) {
    const last = settled.at(-1);
    settled.push(last !== undefined && level <= last ? nextUp(last, 'binary32') : level);
  }
  return settled;
}

function added(sum: Float64Array | undefined, part: Float64Array, factor: number): Float64Array {
  return part.map((gradient, i) => (sum?.[i] ?? 0) + factor * gradient);
}

/** How the quantiser of a slot reads a weight. */
export interface WeightReading {
  readonly state: QuantizerState;
  /** What it is given of the weight, outputs as rows: the weight in its form. */
  formed(values: Float32Array, shape: readonly number[]): Float32Array;
}

/** One quantiser of one slot of one layer. */
export class Slot {
  readonly #tf: TensorFlow;
  readonly layer: string;
  readonly #name: SlotName;
  readonly spec: OperandSpec;
  readonly #learning: BitLearning | undefined;
  /** What is trained of the noise; undefined: it is as it began. */
  #bits: readonly number[] | undefined;
  readonly #form: SlotForm | undefined;
  /** The trained values of the format; undefined: they are as they began. */
  #levels: readonly number[] | undefined;
  #made: Quantizer | undefined;
  #madeFor = -1;
  /** What the quantiser remembered when the latest image of a training pass was made. */
  #before: QuantizerState = {};
  #gradients: LearnedGradients | undefined;
  #key: string | undefined;
  /** Draws of the step so far. */
  #step = -1;
  #drawn = 0;

  constructor(tf: TensorFlow, layer: string, name: SlotName, spec: OperandSpec) {
    this.#tf = tf;
    this.layer = layer;
    this.#name = name;
    this.spec = spec;
    this.#learning = bitLearning(spec);
    this.#form = spec.form && new SlotForm(tf, spec.form, `${layer}/${name}`);
  }

  /** The quantiser, whose memory lasts as long as the slot; undefined: values stay as they are. */
  quantizer({ seed, step }: Pick<Pass, 'seed' | 'step'>): Quantizer | undefined {
    const options = quantizerOptions(this.spec);
    if (options === undefined) return undefined;
    const signs = drawsSigns(this.spec);
    if (this.#made !== undefined && (!signs || this.#madeFor === step)) return this.#made;
    // Operands of one product share their signs, else a rotation would not cancel.
    const product = this.#name.slice(0, this.#name.indexOf('.'));
    const stream = (BigInt(fnv1a32(`${this.layer}/${product}/signs`)) << 32n) | BigInt(step);
    const transform = { ...(options.transform as TransformData), seed, stream: String(stream) };
    const made = quantizer(signs ? { ...options, transform } : this.#trained(options));
    if (this.#made !== undefined && this.hasMemory) made.restore(this.#made.state());
    this.#made = made;
    this.#madeFor = step;
    return made;
  }

  /** Options with the values and bits that are trained. */
  #trained(options: QuantizerOptions): QuantizerOptions {
    if (this.#levels !== undefined)
      return { ...options, format: codebook({ name: 'levels', values: this.#levels }) };
    const learning = this.#learning;
    if (learning === undefined) return options;
    const bits = this.#bits?.map((p) => bitsOf(learning, p)) ?? bitsOf(learning, initialParameter(learning));
    return { ...options, transform: { ...(options.transform as TransformData), bits } };
  }

  /** Which slot of which layer, and which of the quantisers that it has in the course of a run. */
  get key(): string {
    this.#key ??= `${this.layer}/${this.#name}/${hashData(this.spec)}`;
    return this.#key;
  }

  get hasMemory(): boolean {
    return hasMemory(this.spec);
  }

  /** What the quantiser remembers; {} before it has read anything. */
  get memory(): SlotMemory {
    const numbers = this.#form?.numbers;
    return {
      ...this.#made?.state(),
      ...(this.#bits === undefined ? {} : { bits: this.#bits }),
      ...(numbers === undefined ? {} : { form: numbers }),
      ...(learnsLevels(this.spec) && this.#made ? { levels: this.#made.format.values() } : {}),
    };
  }

  /** What the quantiser itself remembers of a weight, and what it is given of one. */
  get weightReading(): WeightReading {
    const form = this.#form;
    return {
      state: this.#made?.state() ?? {},
      formed: (values, shape) => form?.before(values, shape) ?? values,
    };
  }

  /** Gives the quantiser what it is to remember. `pass`: any of the run. */
  remember({ bits, form, levels, ...state }: SlotMemory, pass: Pick<Pass, 'seed' | 'step'>): void {
    if (this.#learning !== undefined || levels !== undefined) this.#made = undefined;
    this.#levels = levels;
    this.#bits = bits;
    if (this.#form !== undefined) this.#form.numbers = form;
    this.quantizer(pass)?.restore(state);
  }

  /** What is remembered after a step of training, in the ranges that it has. */
  settled(memory: SlotMemory): SlotMemory {
    const { levels } = memory;
    const all = { ...memory, ...settledParameters(memory), ...(levels && { levels: settledLevels(levels) }) };
    return this.#form === undefined || all.form === undefined
      ? all
      : { ...all, ...this.#form.settled(all.form, all.scales) };
  }

  /** The gradients since the last call, summed over the calls of the layer; undefined: there are none. */
  takeGradients(): LearnedGradients | undefined {
    const gradients = this.#gradients;
    this.#gradients = undefined;
    const form = this.#form?.takeGradients();
    return form === undefined ? gradients : { ...gradients, form };
  }

  /** The quantiser that a matrix is to be read through; scales that are learned begin here. */
  #begun(made: Quantizer, matrix: Tensor, call: QuantizerCall): void {
    if (this.spec.scale?.from !== 'learned' || made.state().scales !== undefined) return;
    made.explain(matrix.dataSync() as Float32Array, matrix.shape, { ...call, update: true });
    made.restore(settledParameters(made.state()));
  }

  /** Lets a quantiser remember what it did before, for a while. */
  #as<T>(made: Quantizer, before: QuantizerState, fn: () => T): T {
    if (!this.hasMemory) return fn();
    const now = made.state();
    made.restore(before);
    try {
      return fn();
    } finally {
      made.restore(now);
    }
  }

  /** The quantised matrix taken apart, with the memory that its image was made with. */
  #explained(made: Quantizer, matrix: Tensor, call: QuantizerCall, before: QuantizerState): Explained {
    const x = matrix.dataSync() as Float32Array;
    return this.#as(made, before, () => made.explain(x, matrix.shape, { ...call, update: false }));
  }

  #addGradients({ scales, zeroPoints, levels }: Gradients<Float32Array>, factor: number): void {
    if (levels !== undefined && learnsLevels(this.spec))
      this.#gradients = { ...this.#gradients, levels: added(this.#gradients?.levels, levels, factor) };
    if (scales === undefined) return;
    this.#gradients = {
      ...this.#gradients,
      scales: added(this.#gradients?.scales, scales, factor),
      ...(zeroPoints && { zeroPoints: added(this.#gradients?.zeroPoints, zeroPoints, factor) }),
    };
  }

  #addBitGradients(made: Quantizer, explained: Explained, given: Float32Array, factor: number): void {
    const noise = made.transform as NoiseTransform;
    const { shape, residue, context } = explained;
    // Noise stays in, so that the rule's gradient is that of the noisy weight.
    const ofNoisy = made.gradient.pullback(explained, given).x;
    const { grouping } = noise.toJSON() as unknown as BitGradients;
    const bits = added(
      this.#gradients?.bits?.bits,
      noise.bitGradient(ofNoisy, shape, residue, context),
      factor,
    );
    this.#gradients = { ...this.#gradients, bits: { bits, grouping, shape } };
  }

  /** The operand of one call. `strength` takes the place of the specification's. */
  operand(pass: Pass, strength: number): SlotOperand {
    const quantised = this.#quantised(pass, strength);
    return (
      this.#form?.operand(quantised, pass, (operand) => {
        const values = operand.dataSync() as Float32Array;
        const made = this.quantizer(pass);
        return (made?.explain(values, operand.shape, { update: false }).values ?? values) as Float32Array;
      }) ?? quantised
    );
  }

  /** The operand of a call without the slot's form. */
  #quantised(pass: Pass, strength: number): SlotOperand {
    const tf = this.#tf;
    const { spec } = this;
    const made = strength === 0 ? undefined : this.quantizer(pass);
    const random = made !== undefined && isRandom(spec);
    const suffix = pass.purpose?.(this.#name) ?? '';
    // Whoever looks on sees an image made, not one that is kept.
    const seen = pass.tap === undefined ? '' : ' seen';
    const stream = (BigInt(fnv1a32(`${this.layer}/${this.#name}${suffix}`)) << 32n) | BigInt(pass.step);
    let at: number | undefined;
    const callFor = (size: number) => {
      if (random) at ??= this.#take(pass, size);
      return {
        ...(random ? { seed: pass.seed, stream, offset: at! } : {}),
        ...(this.hasMemory ? { update: pass.isTraining } : {}),
      };
    };
    /** What was remembered when the image was made; of an image that was kept, see `#before`. */
    let before: QuantizerState | undefined;
    const blended = (x: Tensor, y: Tensor): Tensor =>
      strength === 1 ? y : tf.add(x, tf.mul(tf.sub(y, x), strength));
    const stays = made?.transform !== undefined && spec.invert === false;
    const hasRule = made !== undefined && made.gradient.name !== 'straight-through';
    return {
      key: `${this.key} ${strength}${random || this.hasMemory ? ` ${pass.step}${suffix}` : ''}${seen}`,
      blocks: spec.scale?.per === 'block' || made?.transform !== undefined,
      stored: spec.scale?.per === 'block' && spec.scale.axis !== undefined,
      of: spec.of ?? 'operand',
      norm: spec.norm,
      stays,
      image: (matrix) => {
        if (made === undefined) return matrix;
        const call = callFor(matrix.size);
        if (this.hasMemory) {
          if (pass.isTraining) this.#begun(made, matrix, call);
          before = made.state();
          if (pass.isTraining) this.#before = before;
        }
        // Rows of a batch are turned as the rows of one matrix: those of the result are.
        const whole = keepsRowsTurned(spec) ? tf.reshape(matrix, [-1, matrix.shape.at(-1)!]) : matrix;
        const quantised = within(`${this.layer}.${this.#name}`, () => fakeQuantize(tf, whole, made, call));
        const image = blended(matrix, tf.reshape(quantised, matrix.shape));
        this.#count(pass, () => this.#explained(made, matrix, call, before ?? {}), made);
        const { tap } = pass;
        if (tap !== undefined)
          this.#as(made, before ?? {}, () => tap(this.#name, matrix, image, made, stays));
        return image;
      },
      grid: (matrix) => {
        if (made === undefined || strength !== 1 || made.transform !== undefined) return undefined;
        if (made.scale.grouping.per !== 'tensor' || made.scale.hasZeroPoint) return undefined;
        const { scales } = this.#explained(made, matrix, callFor(matrix.size), before ?? this.#before);
        return { format: made.format, unit: scales[0]! };
      },
      pullback:
        made === undefined || !(hasRule || stays || this.#learning !== undefined)
          ? undefined
          : (matrix, gradient, isTurned) => {
              if (stays && !isTurned && !hasRule) return gradient;
              const explained = this.#explained(made, matrix, callFor(matrix.size), before ?? this.#before);
              const given = gradient.dataSync() as Float32Array;
              const ruled: Gradients<Float32Array> = stays
                ? { x: pulledBackTurned(made, explained, given, isTurned) }
                : made.pullback(explained, given);
              if (pass.isTraining) {
                const factor = strength / pass.gradientScale;
                this.#addGradients(ruled, factor);
                if (this.#learning !== undefined) this.#addBitGradients(made, explained, given, factor);
              }
              return blended(gradient, tf.tensor(ruled.x, [...matrix.shape]));
            },
    };
  }

  #count({ logs = [], isTraining }: Pass, explain: () => Explained, { low, high }: Quantizer): void {
    if (logs.length === 0) return;
    const place = { slot: this.#name, parameter: this.layer, isTraining };
    const explained = explain();
    for (const log of logs) countImage(log, place, explained, { low, high });
  }

  /** What rounds or quantises a result. */
  output(pass: Pass): SlotOutput {
    const { turn, strength = 1 } = this.spec as InputGradientSpec;
    const operand = this.operand(pass, strength);
    if (turn === undefined) return (result) => operand.image(result);
    return (result) => {
      const rows = result.dataSync() as Float32Array;
      const back = transform(turn).inverse(rows, result.shape, noResidue);
      return operand.image(this.#tf.tensor(back, result.shape));
    };
  }

  /** The step that was drawn for last, and how many integers. */
  get draws(): readonly [step: number, drawn: number] {
    return [this.#step, this.#drawn];
  }

  /** Goes on in a step after so many draws. */
  resume(step: number, drawn: number): void {
    this.#step = step;
    this.#drawn = drawn;
  }

  /** The index of the first of so many draws. */
  #take({ step, isTraining }: Pass, size: number): number {
    // The image of a weight is kept: whenever a step has to make it again, it is the same one.
    const isKept = this.#name === 'forward.w' && !this.layer.endsWith('/product');
    if (!isTraining || isKept) return 0;
    if (this.#step !== step) {
      this.#step = step;
      this.#drawn = 0;
    }
    const first = this.#drawn;
    this.#drawn += size;
    return first;
  }
}
