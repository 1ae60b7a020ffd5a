/**
 * The WASM-SIMD hot loops, on pointers into a heap that may be somebody else's: fast twins of the reference functions of
 * `src/rounding` and `src/quantizers`, bit for bit. Arrays of JavaScript come in by the files named `*-arrays.ts`.
 */
import type { Format } from '../formats/format.ts';
import type { ProductModel } from '../products/model.ts';
import { type BatchShape, resolveProductShape } from '../products/shape.ts';
import { type ResolvedRounding, roundArrayReference } from '../rounding/index.ts';
import { type BlockCodec, blockCodesOn } from './block-codes.ts';
import { type ConvolutionsModuleExports, convolutionsModule } from './convolutions-module.ts';
import { type ErrorCounter, errorsOn } from './errors.ts';
import type { Heap } from './heap.ts';
import type { HeapArray } from './products/heap-arrays.ts';
import { productsOn } from './products/product-run.ts';
import { productsModule } from './products-module.ts';
import { type Magnitudes, magnitudesOn } from './quantizers/magnitudes.ts';
import { streamInPlace } from './quantizers/quantizer-arrays.ts';
import type { GroupLayout } from './quantizers/quantizer-pieces.ts';
import type { QuantizerPlan } from './quantizers/quantizer-plan.ts';
import { quantizersOn } from './quantizers/quantizer-run.ts';
import { quantizersModule } from './quantizers-module.ts';
import { type RangeCodec, rangesOn } from './ranges.ts';
import { rounderOn } from './rounder.ts';
import type { ElementType } from './rounding-plan.ts';
import { planRounding } from './rounding-planner.ts';
import { type HeapRotator, rotatesOn } from './transforms/hadamard-run.ts';

/** Pointers are byte offsets into `heap.memory`, 4-byte aligned; a source may be its own destination. */
export interface Kernels {
  readonly heap: Heap;
  /**
   * Rounds `length` elements to a format: the same bits as `roundArrayReference`. Where `roundingPath` says
   * 'reference' it is that loop, at its pace. `options` are those of `resolveRounding`; supplied random integers must be at
   * least as many as elements. Pointers are aligned to an element.
   */
  round(
    type: ElementType,
    source: number,
    destination: number,
    length: number,
    format: Format,
    options: ResolvedRounding,
  ): void;
  /**
   * Float32 matrix product. Each output is summed in order of k from +0, multiply and add each rounded to binary32.
   * `out` must not overlap an operand.
   */
  matmulFloat32(a: number, b: number, out: number, shape: BatchShape): void;
  /**
   * Matrix product with an accumulator model, as the reference of `src/arithmetic/accumulate` has it. Operands may be any
   * numbers; every result must be a number of the type of `out`, which must not overlap an operand. The draws are those of
   * `call`: its seed, stream and offset.
   *
   * @returns false, and nothing is written, where no kernel does it, or the random integers are supplied.
   */
  matmul(
    a: HeapArray,
    b: HeapArray,
    out: HeapArray,
    shape: BatchShape,
    model: ProductModel,
    call: ResolvedRounding,
  ): boolean;
  /**
   * Quantises and dequantises float32 numbers, layout.rows * layout.columns of them, by a plan of `planQuantizer`. `rounding` is the
   * plan's, or one that differs in its random numbers.
   */
  fakeQuantize(
    source: number,
    destination: number,
    layout: GroupLayout,
    plan: QuantizerPlan,
    rounding: ResolvedRounding,
  ): void;
  /** What a rounding did to float32 numbers. */
  readonly errors: Pick<ErrorCounter, 'keep' | 'count'>;
  /** Hadamard transforms of float32 rows. */
  readonly rotate: HeapRotator['rotate'];
  /** What functions of magnitudes that are constant between bounds need. */
  readonly magnitudes: Pick<Magnitudes, 'sums' | 'place'>;
  /** 8-bit codes between ranges of groups. */
  readonly ranges: Omit<RangeCodec, 'release'>;
  /** 8-bit codes of tables in blocks. */
  readonly blocks: Omit<BlockCodec, 'release'>;
  /** The copies and the loops that convolutions are made of. */
  readonly convolutions: ConvolutionsModuleExports;
  /** Frees the scratch memory; the kernels may be used again. */
  release(): void;
}

/** Links the kernels with a heap's memory, shared or not. Costs a few microseconds after the first time. */
export function kernelsOn(heap: Heap): Kernels {
  const rounder = rounderOn(heap);
  const products = productsOn(heap, productsModule.on(heap.memory), rounder);
  const quantizers = quantizersOn(heap, quantizersModule.on(heap.memory), rounder);
  const rotator = rotatesOn(heap);
  const errors = errorsOn(heap);
  const magnitudes = magnitudesOn(heap);
  const ranges = rangesOn(heap);
  const blocks = blockCodesOn(heap);
  return {
    heap,
    errors,
    magnitudes,
    ranges,
    blocks,
    rotate: rotator.rotate,
    convolutions: convolutionsModule.on(heap.memory),
    round(type, source, destination, length, format, options): void {
      const plan = planRounding(type, format, options);
      if (plan !== undefined) {
        rounder.round(plan, source, destination, length, options, 0);
        return;
      }
      const view = type === 'float32' ? Float32Array : Float64Array;
      const { buffer } = heap.memory;
      const from = new view(buffer, source, length);
      roundArrayReference(from, new view(buffer, destination, length), format, options);
    },
    matmulFloat32(a, b, out, shape): void {
      products.matmulFloat32(a, b, out, resolveProductShape(shape));
    },
    matmul(a, b, out, shape, model, call): boolean {
      return products.matmul(a, b, out, resolveProductShape(shape), model, call);
    },
    fakeQuantize(source, destination, layout, plan, rounding): void {
      quantizers.prepare(plan, layout);
      quantizers.run(plan, streamInPlace(source, destination), layout, rounding);
    },
    release(): void {
      products.release();
      quantizers.release();
      rotator.release();
      errors.release();
      magnitudes.release();
      ranges.release();
      blocks.release();
      rounder.release();
    },
  };
}
