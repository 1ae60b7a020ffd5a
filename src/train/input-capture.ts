/** What products of a program read beside their weights, in the order of calls. Nothing that is read is changed. */
import type { Tensor, Variable } from '@tensorflow/tfjs';
import { ArgumentError } from '../errors.ts';
import { type Emulation, startEmulation } from '../tfjs/emulate.ts';
import type { TensorFlow } from '../tfjs/index.ts';
import { ProductCalls } from '../tfjs/product-calls.ts';
import type { ProductIdentity, ProductSlots, SlotOperand, SlotProvider } from '../tfjs/product-slots.ts';
import type { EngineParameter } from './engine/parameters.ts';
import { type WeightInputs, weightInputs } from './weight-inputs.ts';

const nothing: Pick<ProductSlots, 'inputGradient' | 'weightGradient'> = {
  inputGradient: { g: null, w: null, dx: null, accumulate: null },
  weightGradient: { g: null, x: null, dw: null, accumulate: null },
};

/** Takes what one call reads. */
type Take = (one: EngineParameter, product: ProductIdentity, x: Tensor) => void;

export class InputCapture implements SlotProvider {
  readonly codesSaved: boolean = false;
  readonly #parameters: readonly EngineParameter[];
  readonly #take: Take;
  readonly #calls: ProductCalls;
  readonly #emulation: Emulation;

  /** Begins at once, with this library's kernels, which every backend has. */
  constructor(tf: TensorFlow, parameters: readonly EngineParameter[], take: Take) {
    this.#parameters = parameters;
    this.#take = take;
    this.#calls = new ProductCalls(tf, this, tf.getBackend() === 'wasm');
    this.#emulation = startEmulation(tf, { kernels: 'own' }, this.#calls);
  }

  get variables(): Variable[] {
    return this.#parameters.map(({ variable }) => variable);
  }

  gradientBegins(): void {}

  savedOf(): null {
    return null;
  }

  slotsOf(product: ProductIdentity): ProductSlots | null {
    const one = this.#parameters.find(({ variable }) => variable === product.parameter);
    if (one === undefined) return null;
    const x: SlotOperand = {
      ...{ key: 'capture', blocks: false, stored: true, of: 'operand', norm: undefined },
      ...{ stays: false, pullback: undefined, grid: () => undefined },
      image: (operand) => {
        this.#take(one, product, operand);
        return operand.clone();
      },
    };
    return { forward: { x, w: null, y: null, accumulate: null }, ...nothing };
  }

  stop(): void {
    this.#emulation.stop();
    this.#calls.stop();
  }
}

/** Inputs of the calls of one parameter. */
export interface CapturedInputs extends Omit<WeightInputs, 'values'> {
  /** Of each call, group by group. */
  readonly parts: Float32Array[];
}

/** Collects inputs as weights see them, by the names of parameters; gives how many numbers it has taken of a call. */
export function collectInputs(
  tf: TensorFlow,
  into: Map<string, CapturedInputs>,
): (...call: Parameters<Take>) => number {
  return ({ name, shape }, product, x) => {
    const found = weightInputs(tf, product, x, shape);
    if (found === undefined) return 0;
    const { groups, columns, outputs, values } = found;
    const known = into.get(name) ?? { groups, columns, outputs, parts: [] };
    if (known.groups !== groups || known.columns !== columns || known.outputs.join() !== outputs.join())
      throw new ArgumentError('run', name, 'a program whose weights are each read in one way');
    into.set(name, known);
    known.parts.push(values);
    return values.length;
  };
}
