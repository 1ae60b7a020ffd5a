/**
 * Matrix products for the wasm backend: `BatchMatMul` and `_FusedMatMul` by the kernels of `src/kernels`, transposes and
 * broadcast batches at full speed. Each output is summed strictly in the order of k from +0, multiply then add, as tfjs'
 * own product without transposes is; a fused product then adds its bias and applies its activation, each in float32.
 */
import { kernelsOf, pointerOf } from './heap.ts';
import type { KernelArguments, KernelFunction, TensorInfo, WasmBackend } from './internals.ts';
import { batchRuns } from './matmul-batches.ts';

/** Finds a kernel of the same backend by name. */
export type KernelLookup = (name: string) => KernelFunction;

/** The shape that two batch shapes broadcast to. The op has checked that they do. */
function broadcastShape(a: readonly number[], b: readonly number[]): number[] {
  const rank = Math.max(a.length, b.length);
  return Array.from({ length: rank }, (_, i) => {
    const x = a[i - rank + a.length] ?? 1;
    const y = b[i - rank + b.length] ?? 1;
    return x === 1 ? y : x;
  });
}

/** `BatchMatMul` of float32 operands. */
export function multiply({ inputs, backend, attrs }: KernelArguments): TensorInfo {
  const { a, b } = inputs as { a: TensorInfo; b: TensorInfo };
  const transposeA = attrs?.['transposeA'] === true;
  const transposeB = attrs?.['transposeB'] === true;
  const wasm = backend as WasmBackend;
  const [rowsA, columnsA] = a.shape.slice(-2) as [number, number];
  const [rowsB, columnsB] = b.shape.slice(-2) as [number, number];
  const [m, k] = transposeA ? [columnsA, rowsA] : [rowsA, columnsA];
  const n = transposeB ? rowsB : columnsB;
  const batchA = a.shape.slice(0, -2);
  const batchB = b.shape.slice(0, -2);
  const batch = broadcastShape(batchA, batchB);
  const out = wasm.makeOutput([...batch, m, n], 'float32');
  if (m * n === 0) return out;
  const kernels = kernelsOf(wasm);
  for (const run of batchRuns(batchA, batchB, batch))
    kernels.matmulFloat32(
      pointerOf(wasm, a.dataId) + 4 * run.firstA * m * k,
      pointerOf(wasm, b.dataId) + 4 * run.firstB * k * n,
      pointerOf(wasm, out.dataId) + 4 * run.firstOut * m * n,
      {
        m,
        n,
        k,
        transposeA,
        transposeB,
        batch: run.count,
        batchStrideA: run.strideA * m * k,
        batchStrideB: run.strideB * k * n,
      },
    );
  return out;
}

/** Whether a product is one that we compute. */
export const bothFloat = ({ inputs }: KernelArguments): boolean => {
  const { a, b } = inputs as { a: TensorInfo; b: TensorInfo };
  return a.dtype === 'float32' && b.dtype === 'float32';
};

/** Kernels of tfjs that apply the activations a fused kernel can have. */
const activations: ReadonlyMap<string, string> = new Map([
  ['relu', 'Relu'],
  ['relu6', 'Relu6'],
  ['elu', 'Elu'],
  ['sigmoid', 'Sigmoid'],
  ['leakyrelu', 'LeakyRelu'],
  ['prelu', 'Prelu'],
]);

export function fusedMatMul(stock: KernelFunction, lookup: KernelLookup): KernelFunction {
  return (args) => {
    const { backend, attrs } = args;
    const { bias, preluActivationWeights: alpha } = args.inputs as Record<string, TensorInfo | undefined>;
    const activation = (attrs?.['activation'] ?? 'linear') as string;
    const activate = activations.get(activation);
    if (!bothFloat(args) || (activation !== 'linear' && activate === undefined)) return stock(args);
    let result = multiply(args);
    const follow = (name: string, inputs: Record<string, TensorInfo>): void => {
      const next = lookup(name)({ inputs, backend, attrs: { alpha: attrs?.['leakyreluAlpha'] } });
      backend.disposeData(result.dataId);
      result = next as TensorInfo;
    };
    if (bias !== undefined && bias !== null) follow('Add', { a: result, b: bias });
    if (activate !== undefined)
      follow(activate, activation === 'prelu' ? { x: result, alpha: alpha! } : { x: result });
    return result;
  };
}
