/** How a scale is chosen and stored: the options, as plain data. Their defaults and checks are in `resolve-scale.ts`. */
import type { FloatFormat } from '../formats/format.ts';
import type { FormatNameArgument, FormatSpelling } from '../formats/names.ts';
import type { Grouping } from './grouping.ts';
import type { Direction } from './power-of-two.ts';

export const statistics = [
  'absmax',
  'absmean',
  'absmedian',
  'rms',
  'std',
  'percentile',
  'minmax',
  'mse',
  'constant',
  'learned',
] as const;
export type Statistic = (typeof statistics)[number];

/** How `fourOverSix` measures the error of a block. */
export type BlockError = 'mae' | 'mse';

interface StatisticOptions<F extends string> {
  /** What the scale is taken from: see `docs/quantizers.md` for each. */
  readonly from: Statistic;
  /** Format in which the scale is stored: a float with a NaN whose values are binary32 numbers. Default `'binary32'`. */
  readonly format?: FloatFormat | FormatNameArgument<F>;
  /** Scale formats of powers of two (e8m0) only: which power. Default `'floor'`, as OCP MX. */
  readonly direction?: Direction;
  /** A second, binary32 scale of the whole tensor (true) or of each row, NVFP4's way. Default false. */
  readonly tensorScale?: boolean | 'row';
  /**
   * Which factor is stored: the encode factor target / threshold, by which elements are divided in the end, or the decode
   * scale threshold / target, by which they are multiplied. Default: 'encode' for binary32 scales from a magnitude (absmax,
   * absmean, absmedian, rms, std, percentile, mse), else 'decode'.
   */
  readonly stored?: 'encode' | 'decode';
  /**
   * The threshold is the statistic times this. Default 1; for rms and std 'gaussian', the published level that minimises the
   * squared error of normal data (int1 to int8, ternary, binary, e2m1; other formats need a number).
   */
  readonly multiplier?: number | 'gaussian';
  /** percentile only: above 0, at most 100. */
  readonly percentile?: number;
  /** constant: the scale as it is stored, one for all groups or one a group. */
  readonly value?: number | readonly number[];
  /** constant, integer elements: the element that stands for 0, one for all groups or one a group. Default: none. */
  readonly zeroPoint?: number | readonly number[];
  /** learned: where the scales begin. Default 'lsq', 2 mean|x| / sqrt(largest element); 'minmax' has zero points too. */
  readonly initial?: 'lsq' | 'absmax' | 'minmax';
  /**
   * The threshold is at least this. Default 1e-5 in binary32 for BitNet's scales (integer, ternary or binary elements, tensor or
   * row, from absmax, absmean or absmedian, stored as a binary32 encode factor), else 0.
   */
  readonly least?: number;
  /** The element that the threshold becomes; a binary32 number with `tensorScale`. Default: the format's largest. */
  readonly target?: number;
  /** 'least-squares': the codes stay, the stored decode scale becomes sum(x e) / sum(e e). Default 'statistic'. */
  readonly level?: 'statistic' | 'least-squares';
  /** Scales of powers of two only: elements are x times this over the scale (Quartet: 0.75). Above 0, at most 1. Default 1. */
  readonly prescale?: number;
  /** Scales of powers of two only: values are multiplied by this (Quartet's aligned rounding: 1.009276). Above 0. Default 1. */
  readonly gain?: number;
  /** Exponential moving average of the statistic, above 0 and below 1: new = decay old + (1 - decay) current. */
  readonly decay?: number;
  /** Delayed scaling: the statistic is taken of the last `length` calls before this one. `take` defaults to 'max'. */
  readonly history?: { readonly length: number; readonly take?: 'max' | 'latest' };
  /** NVFP4 only: each block takes the better of the scales that map its maximum to 6 and to 4. */
  readonly fourOverSix?: BlockError;
  /** With fourOverSix: the block scale that the largest block gets, 448 or 256. Default 448. */
  readonly scaleMax?: 448 | 256;
}

export type ScaleOptions<F extends string = FormatSpelling> = StatisticOptions<F> & Grouping;

/** `ScaleOptions` with every default filled in and checked against the element format. */
export interface ResolvedScale {
  readonly grouping: Grouping;
  readonly from: Statistic;
  readonly format: FloatFormat;
  readonly powerOfTwo: boolean;
  readonly direction: Direction;
  readonly tensorScale: false | 'tensor' | 'row';
  readonly stored: 'encode' | 'decode';
  readonly multiplier: number;
  readonly percentile: number;
  readonly value: number | readonly number[] | undefined;
  readonly zeroPoint: number | readonly number[] | undefined;
  readonly initial: 'lsq' | 'absmax' | 'minmax';
  readonly least: number;
  readonly target: number;
  readonly level: 'statistic' | 'least-squares';
  readonly prescale: number;
  readonly gain: number;
  readonly decay: number | undefined;
  readonly history: { readonly length: number; readonly take: 'max' | 'latest' } | undefined;
  readonly fourOverSix: BlockError | undefined;
  readonly scaleMax: number;
  readonly hasZeroPoint: boolean;
  /** Whether this is NVFP4's codec, in which a zero has no sign. */
  readonly isNvfp4: boolean;
}

/** The least statistic of BitNet's scales, binary32: a group of zeros gets a finite scale. */
export const leastStatistic: number = Math.fround(1e-5);
