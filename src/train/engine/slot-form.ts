/**
 * The form of one slot at work: its numbers, their gradients, and the operand that stands behind it. What forms compute is form.ts and
 * the files that it names.
 */
import type { Tensor } from '@tensorflow/tfjs';
import type { TensorFlow } from '../../tfjs/index.ts';
import type { SlotOperand } from '../../tfjs/product-slots.ts';
import type { OperandForm } from '../linear-slots.ts';
import type { Form, FormedMatrix, SettledForm } from './form.ts';
import { complexForm } from './form-complex.ts';
import { lowRankForm } from './form-low-rank.ts';
import { powerForm } from './form-power.ts';

/** What a form has to know of a pass. */
interface FormPass {
  readonly seed: number;
  readonly step: number;
  readonly steps: number;
  readonly isTraining: boolean;
  readonly gradientScale: number;
}

/** The form of an operand's specification. */
function formOf(spec: OperandForm): Form {
  switch (spec.kind) {
    case 'power':
      return powerForm(spec);
    case 'low-rank':
      return lowRankForm(spec);
    case 'complex':
      return complexForm(spec);
  }
}

/** A matrix, the numbers that its form has, and what the quantiser is given. */
interface Formed {
  readonly given: FormedMatrix;
  readonly numbers: readonly number[];
  readonly tensor: Tensor;
}

export class SlotForm {
  readonly #tf: TensorFlow;
  readonly #form: Form;
  readonly #key: string;
  /** Undefined: they have not begun. */
  numbers: readonly number[] | undefined;
  #gradients: Float64Array | undefined;

  /** @param key whose draws are those of the numbers to begin with */
  constructor(tf: TensorFlow, spec: OperandForm, key: string) {
    this.#tf = tf;
    this.#form = formOf(spec);
    this.#key = key;
  }

  settled(numbers: readonly number[], scales?: readonly number[]): SettledForm {
    return this.#form.settled(numbers, scales);
  }

  /** The gradients since the last call, summed over the calls of the layer. */
  takeGradients(): Float64Array | undefined {
    const gradients = this.#gradients;
    this.#gradients = undefined;
    return gradients;
  }

  #formed(operand: Tensor, pass: FormPass, quantised: (operand: Tensor) => Float32Array): Formed {
    const columns = operand.shape.at(-1) ?? 1;
    const values = operand.dataSync() as Float32Array;
    const rows = this.#form.staysInTap ? operand.shape.at(-2)! : operand.size / columns;
    const given = { values, rows, columns };
    const beginning = { seed: pass.seed, key: this.#key, quantised: () => quantised(operand) };
    const numbers = this.numbers ?? this.#form.initial(given, beginning);
    if (pass.isTraining) this.numbers = numbers;
    const before = this.#form.before?.(given, numbers);
    return { given, numbers, tensor: before === undefined ? operand : this.#like(operand, before) };
  }

  /** What the quantiser is given of a matrix, by the numbers there are. */
  before(values: Float32Array, shape: readonly number[]): Float32Array | undefined {
    const columns = shape.at(-1)!;
    const given = { values, rows: values.length / columns, columns };
    return this.numbers && this.#form.before?.(given, this.numbers);
  }

  #like({ shape }: Tensor, values: Float32Array): Tensor {
    return this.#tf.tensor(values, [...shape]);
  }

  /**
   * The operand of a call whose quantiser reads the form.
   * @param inner the quantiser's
   * @param quantised what the quantiser makes of a matrix, with nothing remembered
   */
  operand(inner: SlotOperand, pass: FormPass, quantised: (operand: Tensor) => Float32Array): SlotOperand {
    const form = this.#form;
    return {
      ...inner,
      byTap: form.staysInTap,
      image: (operand) => {
        const { given, numbers, tensor } = this.#formed(operand, pass, quantised);
        const image = inner.image(tensor);
        if (form.after === undefined) return image;
        const values = image.dataSync() as Float32Array;
        return this.#like(operand, form.after({ ...given, values }, numbers, pass));
      },
      grid: () => undefined,
      pullback: (operand, gradient, isTurned) => {
        const { given, numbers, tensor } = this.#formed(operand, pass, quantised);
        const back = inner.pullback?.(tensor, gradient, isTurned) ?? gradient;
        const [outer, within] = [gradient, back].map((one) => one.dataSync() as Float32Array);
        if (pass.isTraining) {
          const own = form.trained?.(given, numbers, form.after === undefined ? within! : outer!, pass);
          this.#gradients = own?.map((g, i) => (this.#gradients?.[i] ?? 0) + g / pass.gradientScale);
        }
        return form.pullback === undefined
          ? back
          : this.#like(operand, form.pullback(given, numbers, within!));
      },
    };
  }
}
