/**
 * Kernels that fuse a product with a bias and an activation, as the steps they stand for: the product, `Add`, the
 * activation's kernel. Whoever runs the steps decides whether each result is rounded or only the last.
 */
import { isWasmBackend } from './heap.ts';
import type { KernelArguments, TensorInfo } from './internals.ts';

/** Kernels of tfjs that apply the activations a fused kernel can have. */
const activations: ReadonlyMap<string, string> = new Map([
  ['relu', 'Relu'],
  ['relu6', 'Relu6'],
  ['elu', 'Elu'],
  ['sigmoid', 'Sigmoid'],
  ['leakyrelu', 'LeakyRelu'],
  ['prelu', 'Prelu'],
]);

/** Whether the steps of a call are known. */
export function hasSteps({ attrs }: KernelArguments): boolean {
  const activation = (attrs?.['activation'] ?? 'linear') as string;
  return activation === 'linear' || activations.has(activation);
}

/** A vector over channels in the shape that broadcasts over a result of the call: channels may come before positions. */
function alongChannels(info: TensorInfo, { attrs }: KernelArguments): TensorInfo {
  const isFirst = attrs?.['dataFormat'] === 'NCHW' && info.shape.length === 1 && info.shape[0] !== 1;
  return isFirst ? { ...info, shape: [info.shape[0]!, 1, 1] } : info;
}

/** Refuses a bias that the wasm backend's fused kernels refuse, or that would make the result larger. */
function checkBias(name: string, bias: readonly number[], result: readonly number[]): void {
  const columns = result[result.length - 1];
  if (bias.length !== 1) throw new Error(`${name} only supports rank-1 bias but got rank ${bias.length}.`);
  if (bias[0] !== columns && (name !== '_FusedMatMul' || bias[0] !== 1))
    throw new Error(`${name} bias shape (${bias}) does not match the number of output channels (${columns})`);
}

/** A kernel after the product, and its inputs. */
interface FollowingStep {
  readonly kernel: string;
  inputs(result: TensorInfo): Record<string, TensorInfo>;
  readonly attrs: { readonly alpha: unknown };
}

/** The steps of a fused call after its product. */
export function stepsAfterProduct(args: KernelArguments): FollowingStep[] {
  const { bias, preluActivationWeights: alpha } = args.inputs as Record<
    string,
    TensorInfo | null | undefined
  >;
  const { attrs } = args;
  const steps: FollowingStep[] = [];
  const own = { attrs: { alpha: attrs?.['leakyreluAlpha'] } };
  if (bias !== undefined && bias !== null)
    steps.push({ kernel: 'Add', inputs: (a) => ({ a, b: alongChannels(bias, args) }), ...own });
  const activation = (attrs?.['activation'] ?? 'linear') as string;
  const kernel = activations.get(activation);
  if (kernel !== undefined)
    steps.push({
      kernel,
      inputs: (x) => (activation === 'prelu' ? { x, alpha: alongChannels(alpha!, args) } : { x }),
      ...own,
    });
  return steps;
}

/** The same call without what follows its product. */
export function withoutSteps(args: KernelArguments): KernelArguments {
  const {
    bias: _bias,
    preluActivationWeights: _alpha,
    ...inputs
  } = args.inputs as Record<string, TensorInfo>;
  return { ...args, inputs, attrs: { ...args.attrs, activation: 'linear' } };
}

/**
 * Runs a fused call by its steps.
 *
 * @param name of the fused kernel
 * @param product runs the product on the arguments without the rest
 * @param step runs a kernel by name; its result replaces the one before, which is disposed
 */
export function runSteps(
  name: string,
  args: KernelArguments,
  product: (args: KernelArguments) => TensorInfo,
  step: (name: string, args: KernelArguments) => TensorInfo,
): TensorInfo {
  const { backend } = args;
  const {
    bias,
    preluActivationWeights: _,
    ...inputs
  } = args.inputs as Record<string, TensorInfo | undefined>;
  let result = product({ ...args, inputs });
  try {
    if (bias !== undefined && bias !== null && isWasmBackend(backend))
      checkBias(name, bias.shape, result.shape);
    for (const { kernel, inputs: inputsOf, attrs } of stepsAfterProduct(args)) {
      const next = step(kernel, { inputs: inputsOf(result), backend, attrs });
      if (next.dataId !== result.dataId) backend.disposeData(result.dataId);
      result = next;
    }
  } catch (error) {
    backend.disposeData(result.dataId);
    throw error;
  }
  return result;
}
