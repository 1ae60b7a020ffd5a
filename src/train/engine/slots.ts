/**
 * The slots of a layer at work: each quantiser of a recipe becomes an instance that belongs to one layer and slot (slot-quantizer.ts),
 * with draws and memory of its own. Which layer has which is settled elsewhere (rules.ts), what a specification means in slot-spec.ts;
 * how products reach them is `src/tfjs/product-calls.ts`.
 */
import type { Tensor } from '@tensorflow/tfjs';
import { within } from '../../check.ts';
import type { Gradients } from '../../quantizers/gradients/index.ts';
import type { Explained, Quantizer } from '../../quantizers/index.ts';
import type { QuantizerState } from '../../quantizers/tracking.ts';
import { transform } from '../../quantizers/transforms/index.ts';
import { noResidue } from '../../quantizers/transforms/transform.ts';
import { fakeQuantize, type QuantizerCall } from '../../tfjs/fake-quantize.ts';
import type { TensorFlow } from '../../tfjs/index.ts';
import type { SlotOperand, SlotOutput } from '../../tfjs/product-slots.ts';
import { hashData } from '../hash.ts';
import type { InputGradientSpec, LearnScale, OperandSpec } from '../linear-slots.ts';
import { fnv1a32 } from '../random.ts';
import { keepsRowsTurned } from '../recipe-slots.ts';
import type { EarlierMemory, SlotMemory } from './learned-bits.ts';
import { SlotDraws } from './slot-draws.ts';
import { SlotForm } from './slot-form.ts';
import {
  fixedCodeGradients,
  GradientSums,
  type LearnedGradients,
  settledLevels,
  settledParameters,
  valuesUnder,
} from './slot-gradients.ts';
import { countImage } from './slot-log.ts';
import { type Reading, SlotQuantizer } from './slot-quantizer.ts';
import { isRandom, learnsLevels, type Pass, type SlotName } from './slot-spec.ts';

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

/** How the quantiser of a slot reads a weight. */
export interface WeightReading {
  readonly state: QuantizerState;
  /** Numbers of bits that are learned, one a group. */
  readonly bits: readonly number[] | undefined;
  /** What it is given of the weight, outputs as rows: the weight in its form. */
  formed(values: Float32Array, shape: readonly number[]): Float32Array;
}

/** An operand of one call that a quantiser reads. */
interface Call {
  readonly pass: Pass;
  readonly strength: number;
  readonly made: Quantizer;
  /** Whether its image stays turned. */
  readonly stays: boolean;
  readonly options: (size: number) => QuantizerCall;
  /** What was remembered when the image was made; undefined of an image that was kept. */
  before: QuantizerState | undefined;
}

/** One quantiser of one slot of one layer. */
export class Slot {
  readonly #tf: TensorFlow;
  readonly layer: string;
  readonly #name: SlotName;
  readonly spec: OperandSpec;
  readonly #quantizer: SlotQuantizer;
  readonly #form: SlotForm | undefined;
  /** What the quantiser remembered when the codes were made that stay as they are; undefined: none do. */
  #fixed: QuantizerState | undefined;
  /** What the quantiser remembered when the latest image of a training pass was made. */
  #before: QuantizerState = {};
  /** Of the step of a weight's latest image in training. */
  #earlier: EarlierMemory | undefined;
  readonly #gradients = new GradientSums();
  #key: string | undefined;
  readonly #draws = new SlotDraws();

  constructor(tf: TensorFlow, layer: string, name: SlotName, spec: OperandSpec) {
    this.#tf = tf;
    this.layer = layer;
    this.#name = name;
    this.spec = spec;
    this.#quantizer = new SlotQuantizer(tf, layer, name, spec);
    this.#form = spec.form && new SlotForm(tf, spec.form, `${layer}/${name}`);
  }

  /** Which slot of which layer, and which of the quantisers that it has in the course of a run. */
  get key(): string {
    this.#key ??= `${this.layer}/${this.#name}/${hashData(this.spec)}`;
    return this.#key;
  }

  get hasMemory(): boolean {
    return this.#quantizer.hasMemory;
  }

  /** What the quantiser remembers; {} before it has read anything. */
  get memory(): SlotMemory {
    const numbers = this.#form?.numbers;
    const { made, trained } = this.#quantizer;
    return {
      ...made?.state(),
      ...(trained.bits === undefined ? {} : { bits: trained.bits }),
      ...(numbers === undefined ? {} : { form: numbers }),
      ...(learnsLevels(this.spec) && made ? { levels: made.format.values() } : {}),
      ...(this.#fixed?.scales && { fixedScales: this.#fixed.scales }),
      ...(this.#fixed?.zeroPoints && { fixedZeroPoints: this.#fixed.zeroPoints }),
      ...(this.#earlier && { earlier: this.#earlier }),
    };
  }

  /** What the quantiser itself remembers of a weight, and what it is given of one. */
  get weightReading(): WeightReading {
    const form = this.#form;
    return {
      state: this.#quantizer.made?.state() ?? {},
      bits: this.#quantizer.learnedBits,
      formed: (values, shape) => form?.before(values, shape) ?? values,
    };
  }

  /** Gives the quantiser what it is to remember. `pass`: any of the run. */
  remember(
    { bits, form, levels, fixedScales: scales, fixedZeroPoints: zeroPoints, earlier, ...state }: SlotMemory,
    pass: Pick<Pass, 'seed' | 'step'>,
  ): void {
    this.#earlier = earlier;
    this.#fixed = scales && { scales, ...(zeroPoints && { zeroPoints }) };
    if (this.#form !== undefined) this.#form.numbers = form;
    this.#quantizer.remember({ levels, bits }, state, pass);
  }

  /** What is remembered after a step of training, in the ranges that it has. */
  settled(memory: SlotMemory): SlotMemory {
    const { levels } = memory;
    const learned = this.spec.learn?.find((one): one is LearnScale => one.of === 'scale');
    const all = {
      ...memory,
      ...settledParameters(memory, learned?.within),
      ...(levels && { levels: settledLevels(levels) }),
    };
    return this.#form === undefined || all.form === undefined
      ? all
      : { ...all, ...this.#form.settled(all.form, all.scales) };
  }

  /** The gradients since the last call, summed over the calls of the layer; undefined: there are none. */
  takeGradients(): LearnedGradients | undefined {
    const gradients = this.#gradients.take();
    const form = this.#form?.takeGradients();
    return form === undefined ? gradients : { ...gradients, form };
  }

  /** The quantiser that a matrix is to be read through; scales that are learned begin here. */
  #begun(made: Quantizer, matrix: Tensor, call: QuantizerCall): void {
    if (this.spec.scale?.from !== 'learned' || made.state().scales !== undefined) return;
    made.explain(matrix.dataSync() as Float32Array, matrix.shape, { ...call, update: true });
    const { form: _, ...begun } = this.settled({
      ...made.state(),
      ...(this.#form?.numbers && { form: this.#form.numbers }),
    });
    made.restore(begun);
  }

  /** The operand of one call. `strength` takes the place of the specification's. */
  operand(pass: Pass, strength: number): SlotOperand {
    const quantised = this.#quantised(pass, strength);
    return (
      this.#form?.operand(quantised, pass, (operand) => {
        const values = operand.dataSync() as Float32Array;
        const made = this.#quantizer.at(pass);
        return (made?.explain(values, operand.shape, { update: false }).values ?? values) as Float32Array;
      }) ?? quantised
    );
  }

  /** The operand of a call without the slot's form. */
  #quantised(pass: Pass, strength: number): SlotOperand {
    const { spec } = this;
    const { made, rounded }: Reading = strength === 0 ? { made: undefined } : this.#quantizer.reading(pass);
    const random = made !== undefined && isRandom(spec);
    const suffix = pass.purpose?.(this.#name) ?? '';
    // Whoever looks on sees an image made, not one that is kept.
    const seen = pass.tap === undefined ? '' : ' seen';
    const operand = {
      key: `${this.key} ${strength}${random || this.hasMemory ? ` ${pass.step}${suffix}` : ''}${seen}${rounded ? ' rounded' : ''}`,
      blocks: spec.scale?.per === 'block' || (made?.transform ?? rounded) !== undefined,
      stored: spec.scale?.per === 'block' && spec.scale.axis !== undefined,
      of: spec.of ?? 'operand',
      norm: spec.norm,
      stays: made?.transform !== undefined && spec.invert === false,
    };
    if (made === undefined)
      return { ...operand, image: (matrix) => matrix, grid: () => undefined, pullback: undefined };
    const call: Call = {
      ...{ pass, strength, made, stays: operand.stays, before: undefined },
      options: this.#callOptions(pass, random, suffix),
    };
    const hasRule = made.gradient.name !== 'straight-through';
    const areFixed = this.#areFixed(pass);
    if (!areFixed && pass.isTraining) this.#fixed = undefined;
    return {
      ...operand,
      image: (matrix) =>
        this.#image(call, matrix, areFixed ? this.#fixedMatrix(call, matrix) : rounded?.(matrix)),
      grid: (matrix) => (rounded ? undefined : this.#grid(call, matrix)),
      pullback:
        hasRule || call.stays || this.#quantizer.learning !== undefined
          ? (matrix, gradient, isTurned) =>
              call.stays && !isTurned && !hasRule
                ? gradient
                : this.#pulledBack(
                    call,
                    areFixed ? this.#fixedMatrix(call, matrix) : matrix,
                    gradient,
                    isTurned,
                  )
          : undefined,
    };
  }

  /** The options of what one call quantises; its draws are taken when they are first wanted. */
  #callOptions(pass: Pass, random: boolean, suffix: string): (size: number) => QuantizerCall {
    const stream = (BigInt(fnv1a32(`${this.layer}/${this.#name}${suffix}`)) << 32n) | BigInt(pass.step);
    let at: number | undefined;
    return (size) => {
      if (random) at ??= this.#take(pass, size);
      return {
        ...(random ? { seed: pass.seed, stream, offset: at! } : {}),
        ...(this.hasMemory && (pass.isEvaluation ? { training: false } : { update: pass.isTraining })),
      };
    };
  }

  /** An operand and its image, by the strength that the quantiser has. */
  #blended(x: Tensor, y: Tensor, strength: number): Tensor {
    const tf = this.#tf;
    return strength === 1 ? y : tf.add(x, tf.mul(tf.sub(y, x), strength));
  }

  /** Whether the codes of the weight are those that they were before learned scales moved. */
  #areFixed({ fixedCodes }: Pass): boolean {
    return fixedCodes === true && this.#name === 'forward.w' && this.spec.scale?.from === 'learned';
  }

  /** What has the codes that a matrix had when they were fixed, under the scales that there are by now. */
  #fixedMatrix({ pass, made, options }: Call, matrix: Tensor): Tensor {
    const call = options(matrix.size);
    if (pass.isTraining) {
      this.#begun(made, matrix, call);
      this.#fixed ??= made.state();
    }
    const now = made.state();
    const [then, present] = [this.#fixed ?? now, now].map((state) =>
      this.#quantizer.explained(made, matrix, call, state),
    );
    return this.#tf.tensor(valuesUnder(then!, present!), matrix.shape);
  }

  /** @param matrix what is quantised of an operand */
  #image(call: Call, operand: Tensor, matrix = operand): Tensor {
    const tf = this.#tf;
    const { pass, strength, made, stays } = call;
    const options = call.options(matrix.size);
    const again = this.#madeAgain(pass);
    if (this.hasMemory) {
      if (pass.isTraining) this.#begun(made, matrix, options);
      call.before = again ?? made.state();
      if (pass.isTraining) this.#before = call.before;
      if (pass.isTraining && this.#tracksWeight) this.#earlier = { step: pass.step, ...call.before };
    }
    const before = call.before ?? {};
    // Rows of a batch are turned as the rows of one matrix: those of the result are.
    const whole = keepsRowsTurned(this.spec) ? tf.reshape(matrix, [-1, matrix.shape.at(-1)!]) : matrix;
    const quantise = (): Tensor =>
      fakeQuantize(tf, whole, made, again === undefined ? options : { ...options, update: false });
    const quantised = within(`${this.layer}.${this.#name}`, () =>
      again === undefined ? quantise() : this.#quantizer.as(made, again, quantise),
    );
    const image = this.#blended(operand, tf.reshape(quantised, matrix.shape), strength);
    this.#count(pass, () => this.#quantizer.explained(made, matrix, options, before), made);
    const { tap } = pass;
    if (tap !== undefined)
      this.#quantizer.as(made, before, () => tap(this.#name, operand, image, made, stays));
    return image;
  }

  /** Whether it is a weight's quantiser whose statistics are of earlier images too. */
  get #tracksWeight(): boolean {
    const { decay, history } = this.spec.scale ?? {};
    return this.#isKept && (decay !== undefined || history !== undefined);
  }

  /** What was remembered before the image of a weight that a step has already had and makes again; undefined: it has none yet. */
  #madeAgain({ step, isTraining }: Pass): QuantizerState | undefined {
    if (!isTraining || this.#earlier?.step !== step) return undefined;
    const { step: _, ...before } = this.#earlier;
    return before;
  }

  /** What an image was made of. */
  #explainedCall({ made, options, before = this.#before }: Call, matrix: Tensor): Explained {
    return this.#quantizer.explained(made, matrix, options(matrix.size), before);
  }

  #grid(call: Call, matrix: Tensor): ReturnType<SlotOperand['grid']> {
    const { made, strength } = call;
    if (strength !== 1 || made.transform !== undefined) return undefined;
    if (made.scale.grouping.per !== 'tensor' || made.scale.hasZeroPoint) return undefined;
    return { format: made.format, unit: this.#explainedCall(call, matrix).scales[0]! };
  }

  #pulledBack(call: Call, matrix: Tensor, gradient: Tensor, isTurned: boolean): Tensor {
    const { pass, strength, made, stays } = call;
    const explained = this.#explainedCall(call, matrix);
    const given = gradient.dataSync() as Float32Array;
    const ruled: Gradients<Float32Array> = stays
      ? { x: pulledBackTurned(made, explained, given, isTurned) }
      : this.#areFixed(pass)
        ? fixedCodeGradients(explained, given, made.gradient)
        : made.pullback(explained, given);
    if (pass.isTraining) {
      const factor = strength / pass.gradientScale;
      const { levels, ...others } = ruled;
      this.#gradients.add(learnsLevels(this.spec) && levels ? { ...others, levels } : others, factor);
      if (this.#quantizer.learning !== undefined) this.#gradients.addBits(made, explained, given, factor);
    }
    return this.#blended(gradient, this.#tf.tensor(ruled.x, [...matrix.shape]), strength);
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

  /** Whether the image is kept, as a weight's is: whenever a step has to make it again, it is the same one. */
  get #isKept(): boolean {
    return this.#name === 'forward.w' && !this.layer.endsWith('/product');
  }

  /** The step that was drawn for last, and how many integers. */
  get draws(): readonly [step: number, drawn: number] {
    return this.#draws.sofar;
  }

  /** Goes on in a step after so many draws. */
  resume(step: number, drawn: number): void {
    this.#draws.sofar = [step, drawn];
  }

  /** The index of the first of so many draws. */
  #take({ step, isTraining }: Pass, size: number): number {
    return !isTraining || this.#isKept ? 0 : this.#draws.take(step, size);
  }
}
