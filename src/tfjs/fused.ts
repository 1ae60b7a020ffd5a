/**
 * Kernels that fuse a product with a bias and an activation, as the steps they stand for: the product, `Add`, the
 * activation's kernel. Whoever runs the steps decides whether each result is rounded or only the last.
 */
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

/**
 * Runs a fused call by its steps.
 *
 * @param product runs the product on the arguments without the rest
 * @param step runs a kernel by name; its result replaces the one before, which is disposed
 */
export function runSteps(
  args: KernelArguments,
  product: (args: KernelArguments) => TensorInfo,
  step: (name: string, args: KernelArguments) => TensorInfo,
): TensorInfo {
  const { backend, attrs } = args;
  const {
    bias,
    preluActivationWeights: alpha,
    ...inputs
  } = args.inputs as Record<string, TensorInfo | undefined>;
  let result = product({ ...args, inputs });
  const follow = (name: string, given: Record<string, TensorInfo>): void => {
    const next = step(name, { inputs: given, backend, attrs: { alpha: attrs?.['leakyreluAlpha'] } });
    if (next.dataId !== result.dataId) backend.disposeData(result.dataId);
    result = next;
  };
  if (bias !== undefined && bias !== null) follow('Add', { a: result, b: alongChannels(bias, args) });
  const activation = (attrs?.['activation'] ?? 'linear') as string;
  const activate = activations.get(activation);
  if (activate !== undefined)
    follow(
      activate,
      activation === 'prelu' ? { x: result, alpha: alongChannels(alpha!, args) } : { x: result },
    );
  return result;
}
