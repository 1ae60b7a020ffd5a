/**
 * What the training loop asks of a model, whatever its layers are: named parameters as TensorFlow.js variables, and a
 * forward pass from rows of inputs to rows of logits whose linear layers read the slots that the caller names. The
 * models are language-model.ts, mlp.ts and conv-net.ts. No loss, no optimiser.
 */
import type { Scalar, Tensor2D, Variable } from '@tensorflow/tfjs';
import { sizeOf } from '../shape.ts';
import type { TensorFlow } from '../tfjs/index.ts';
import { layerNorm, rmsNorm } from './operations.ts';
import type { ParameterRole } from './parameter-role.ts';
import { gaussians, uniforms } from './random.ts';
import type { ExtraNorm } from './recipe.ts';

/** What norms add to a mean square before its root. */
export const normEpsilon = 1e-5;

/** One trained array. */
export interface Parameter {
  /** Such as `layers.0.mlp.down`. */
  readonly name: string;
  /** `linear`: the weight (outputs, inputs) of a layer with slots; `convolution`: its filter (height, width, inputs, outputs). */
  readonly role: ParameterRole;
  readonly shape: readonly number[];
  /** The values that a step reads and updates. Where a store holds the weight, it exists during a step only. */
  variable: Variable;
}

/** How batch norms compute. */
export interface BatchNormCall {
  /** Whether they are folded into the weights before them. */
  readonly folded: boolean;
  /** Whose mean and variance: the batch's, or averages over steps. */
  readonly statistics: 'batch' | 'moving';
  /** Whether the averages take the batch's in. Default false. */
  readonly updates?: boolean;
}

/** What a forward pass may say. */
export interface ForwardCall {
  /** Default: the model's. */
  readonly extraNorm?: ExtraNorm | null;
  /** Sees what each block gives, (rows, numbers), and says what the next one reads. */
  readonly onBlock?: (index: number, output: Tensor2D) => Tensor2D;
  /** Default: averages, not folded. */
  readonly batchNorm?: BatchNormCall;
  /** Gets terms of the loss that the model has by itself. */
  readonly onTerm?: (term: Scalar) => void;
}

/** The trained arrays of a model. */
interface Parameters {
  readonly parameters: readonly Parameter[];
  /** A parameter's variable is called this and its name. */
  readonly variablePrefix: string;
  /** Gives a parameter new values, and its variable again where `drop` took it. */
  load(parameter: Parameter, values: Float32Array): void;
  /** Frees a parameter's variable. */
  drop(parameter: Parameter): void;
  /** Frees every tensor of the model. */
  dispose(): void;
}

export interface Model extends Parameters {
  /** What training moves without gradients, by name: averages of batch norms. They are written over in place. */
  readonly averages?: ReadonlyMap<string, Float32Array>;
  /**
   * Logits, one row for each prediction.
   * @param inputs Rows as the task's batches make them.
   */
  forward(inputs: Tensor2D, call?: ForwardCall): Tensor2D;
}

/** A parameter before it is made. */
export interface ParameterShape {
  readonly name: string;
  readonly role: Parameter['role'];
  readonly shape: readonly number[];
  /** Standard deviation of Gaussian initial values, the limit of uniform ones to either side, or the one value that all have. */
  readonly initial: (
    | { readonly deviation: number }
    | { readonly limit: number }
    | { readonly constant: number }
  ) & {
    /** Places along the last axis where they are multiplied by a factor. */
    readonly scaled?: { readonly at: readonly number[]; readonly factor: number };
  };
}

/** The initial values of a parameter, which depend on nothing but (seed, name, sizes). */
function initialValues({ name, shape, initial }: ParameterShape, seed: number): Float32Array {
  const size = sizeOf(shape);
  const purpose = `${name}/initial`;
  let values: Float32Array;
  if ('constant' in initial) values = new Float32Array(size).fill(initial.constant);
  else if ('limit' in initial) values = uniforms(size, initial.limit, seed, purpose);
  else values = gaussians(size, initial.deviation, seed, purpose);
  const { at, factor } = initial.scaled ?? { at: [], factor: 1 };
  const columns = shape.at(-1) ?? 1;
  for (const place of at) for (let i = place; i < size; i += columns) values[i] = values[i]! * factor;
  return values;
}

/** Models made: TensorFlow.js wants the names of variables to be unique. */
let modelsMade = 0;

/** Makes parameters with initial values that depend on nothing but (seed, parameter name, sizes). */
export function createParameters(
  tf: TensorFlow,
  shapes: readonly ParameterShape[],
  seed: number,
): Parameters & { /** The variable of a name. */ readonly get: (name: string) => Variable } {
  const prefix = `halfulp${++modelsMade}/`;
  const parameters: Parameter[] = shapes.map((one) => {
    const { name, role, shape } = one;
    const tensor = tf.tensor(initialValues(one, seed), [...shape]);
    const variable = tf.variable(tensor, true, prefix + name);
    tensor.dispose();
    return { name, role, shape, variable };
  });
  const byName = new Map(parameters.map((parameter) => [parameter.name, parameter]));
  return {
    parameters,
    variablePrefix: prefix,
    get: (name) => byName.get(name)!.variable,
    load(parameter, values) {
      const fresh = tf.tensor(values, [...parameter.shape]);
      if (parameter.variable.isDisposed)
        parameter.variable = tf.variable(fresh, true, prefix + parameter.name);
      else parameter.variable.assign(fresh);
      fresh.dispose();
    },
    drop: ({ variable }) => variable.dispose(),
    dispose() {
      for (const { variable } of parameters) if (!variable.isDisposed) variable.dispose();
    },
  };
}

/** The parameter-free norm of a recipe over each row of `x`: (rows, columns). */
export function extraNormOf(tf: TensorFlow, x: Tensor2D, { kind }: ExtraNorm): Tensor2D {
  return kind === 'layer' ? layerNorm(tf, x, normEpsilon) : rmsNorm(tf, x, normEpsilon);
}
