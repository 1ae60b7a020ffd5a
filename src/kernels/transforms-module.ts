/** The module of transforms. */
import bytes from './generated/transforms.ts';
import { type KernelModule, kernelModule, type PieceExports } from './module.ts';

/** The exports of `assembly/transforms/index.ts`; the pieces are those of `transforms/hadamard-run.ts`. Pointers are byte offsets. */
interface TransformsModuleExports extends PieceExports {
  logarithmSums(source: number, length: number, state: number, products: number): number;
  placeSteps(
    source: number,
    destination: number,
    length: number,
    bounds: number,
    images: number,
    places: number,
    shift: number,
  ): void;
  /** `inverts`: 0 or 1. */
  shiftMagnitudes(
    source: number,
    destination: number,
    length: number,
    power: number,
    shift: number,
    inverts: number,
  ): void;
  scaleBySlopes(
    gradient: number,
    scaled: number,
    elements: number,
    destination: number,
    length: number,
    values: number,
    count: number,
    low: number,
    high: number,
    exponent: number,
    sharpness: number,
    clip: number,
  ): void;
  /** `wide`: 0 or 1. */
  maskWithin(
    wide: number,
    gradient: number,
    source: number,
    destination: number,
    length: number,
    low: number,
    high: number,
  ): void;
  addSquares(
    source: number,
    length: number,
    column: number,
    columns: number,
    size: number,
    terms: number,
    step: number,
  ): void;
  maskErrors(
    gradient: number,
    source: number,
    values: number,
    destination: number,
    length: number,
    column: number,
    columns: number,
    size: number,
    terms: number,
    step: number,
  ): void;
  /** `wide`: 0 or 1. */
  maskShifted(
    wide: number,
    gradient: number,
    source: number,
    destination: number,
    length: number,
    column: number,
    columns: number,
    size: number,
    terms: number,
    step: number,
    low: number,
    high: number,
  ): void;
  countFinite(source: number, length: number, counts: number): number;
  countBucket(source: number, length: number, bucket: number, counts: number): void;
  bucketOf(counts: number, rank: number, rest: number): number;
  clampBeyond(
    source: number,
    destination: number,
    length: number,
    low: number,
    high: number,
    first: number,
    indices: number,
  ): number;
}

export const transformsModule: KernelModule<TransformsModuleExports> = kernelModule(bytes);
