/**
 * What products of a program read beside their weights: of each trained variable the rows of its inputs, as they come, a column for each
 * number that an output sums over. Of a convolution these are the patches, taps by channels. Nothing that is read is changed.
 */
import type { Tensor, Variable } from '@tensorflow/tfjs';
import { geometryOf } from '../tfjs/convolution-geometry.ts';
import { type Emulation, startEmulation } from '../tfjs/emulate.ts';
import type { TensorFlow } from '../tfjs/index.ts';
import { layoutOf, writePatches } from '../tfjs/patches.ts';
import { ProductCalls } from '../tfjs/product-calls.ts';
import type { ProductIdentity, ProductSlots, SlotOperand, SlotProvider } from '../tfjs/product-slots.ts';
import type { EngineParameter } from './engine/parameters.ts';

/** Rows of inputs, one after the other. */
interface CapturedInputs {
  readonly columns: number;
  readonly rows: Float32Array[];
}

/** The patches that the outputs of a convolution are made from, as rows. */
function patchesOf(tf: TensorFlow, { kernel, attrs }: ProductIdentity, x: Tensor, filter: readonly number[]) {
  // A filter of one dimension runs as one of two.
  const shape = filter.length === 3 ? [1, ...filter] : filter;
  const { batch, spatial, channelsIn, groups } = geometryOf(tf, { attrs } as never, kernel, x.shape, shape);
  const layout = layoutOf(spatial);
  const count = batch * layout.positions;
  const rows = new Float32Array(count * layout.taps * channelsIn);
  writePatches(x.dataSync<'float32'>(), rows, layout, channelsIn, groups, [0, count], [0, layout.taps]);
  return { rows, columns: layout.taps * channelsIn };
}

const nothing: Pick<ProductSlots, 'inputGradient' | 'weightGradient'> = {
  inputGradient: { g: null, w: null, dx: null, accumulate: null },
  weightGradient: { g: null, x: null, dw: null, accumulate: null },
};

/** Kernels whose outputs each sum over all inputs of a row or of a patch. */
const summing: ReadonlySet<string> = new Set([
  'BatchMatMul',
  '_FusedMatMul',
  'Einsum',
  'Conv2D',
  'FusedConv2D',
  'Conv3D',
]);

export class InputCapture implements SlotProvider {
  /** By the names of parameters. */
  readonly inputs: Map<string, CapturedInputs> = new Map();
  readonly codesSaved: boolean = false;
  readonly #tf: TensorFlow;
  readonly #parameters: readonly EngineParameter[];
  readonly #calls: ProductCalls;
  readonly #emulation: Emulation;

  /** Begins at once, with this library's kernels, which every backend has. */
  constructor(tf: TensorFlow, parameters: readonly EngineParameter[]) {
    this.#tf = tf;
    this.#parameters = parameters;
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
    if (one === undefined || !summing.has(product.kernel)) return null;
    const isConvolution = product.kernel.includes('Conv');
    const x: SlotOperand = {
      ...{ key: 'capture', blocks: false, stored: isConvolution, of: 'operand', norm: undefined },
      ...{ stays: false, pullback: undefined, grid: () => undefined },
      image: (matrix) => {
        this.#take(
          one.name,
          isConvolution
            ? patchesOf(this.#tf, product, matrix, one.shape)
            : { rows: matrix.dataSync<'float32'>().slice(), columns: matrix.shape.at(-1)! },
        );
        return matrix.clone();
      },
    };
    return { forward: { x, w: null, y: null, accumulate: null }, ...nothing };
  }

  #take(name: string, { rows, columns }: { readonly rows: Float32Array; readonly columns: number }): void {
    const known = this.inputs.get(name) ?? { columns, rows: [] };
    this.inputs.set(name, known);
    known.rows.push(rows);
  }

  stop(): void {
    this.#emulation.stop();
    this.#calls.stop();
  }
}
