/** The module of convolutions and of what turns matrices. */
import bytes from './generated/convolutions.ts';
import { type KernelModule, kernelModule } from './module.ts';

/** A depthwise convolution or a gradient of one. Pointers are byte offsets; `zeros` are as many as `a` has channels. */
type DepthwiseKernel = (
  a: number,
  b: number,
  out: number,
  zeros: number,
  sources: number,
  batch: number,
  positions: number,
  taps: number,
  places: number,
  channels: number,
  multiplier: number,
) => void;

/** The exports of `assembly/convolutions/index.ts`. */
export interface ConvolutionsModuleExports {
  patches(
    from: number,
    to: number,
    sources: number,
    positions: number,
    taps: number,
    places: number,
    channels: number,
    groups: number,
    firstRow: number,
    rows: number,
    firstTap: number,
    count: number,
  ): void;
  /** to[matrix][column][row] = from[matrix][row][column], in words. */
  transpose(from: number, to: number, count: number, rows: number, columns: number): void;
  readonly depthwise: DepthwiseKernel;
  readonly depthwiseBack: DepthwiseKernel;
  readonly depthwiseFilter: DepthwiseKernel;
}

export const convolutionsModule: KernelModule<ConvolutionsModuleExports> = kernelModule(bytes);
