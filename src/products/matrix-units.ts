/**
 * The matrix units that are modelled, as plain data: shape of the instruction, operand formats, how many products one
 * step fuses, how many fraction bits the aligned terms keep, how a step rounds. No behaviour lives here.
 *
 * Sources: Fasi, Higham, Mikaitis, Pranesh, "Numerical behavior of NVIDIA tensor cores", PeerJ CS 2021 (Volta to Ampere);
 * Xie, Wang, Yang, Yang, "MMA-Sim: Bit-Accurate Reference Model of Tensor Cores and Matrix Cores", arXiv:2511.10909
 * (Volta to Blackwell, CDNA). The vendors publish no specification.
 */
import { scalarFormats } from '../formats/catalogue.ts';
import { float } from '../formats/float.ts';
import type { FloatFormat } from '../formats/format.ts';

/**
 * How one step adds a group of products to the accumulator.
 *
 * - `'aligned'`: products and accumulator truncated to the largest exponent, added exactly.
 * - `'aligned-blocks'`: as `'aligned'`, the terms being sums of 16 products with their scales.
 * - `'floored'`: products aligned and truncated, then sum and accumulator aligned again and floored.
 * - `'floored-halves'`: as `'floored'`, with even and odd products in two sums of their own.
 * - `'pairwise'`: binary32 operations, each rounded to nearest, on a tree over the group.
 */
export type StepKind = 'aligned' | 'aligned-blocks' | 'floored' | 'floored-halves' | 'pairwise';

/** What a matrix unit is. `matrixUnit(name)` adds behaviour to it. */
export interface MatrixUnitDescription {
  readonly kind: 'matrix-unit';
  /** Name of the instruction: family, architecture, shape, formats. */
  readonly name: string;
  readonly alias: string;
  /** Shape of one instruction: A is (m, k), B is (k, n), C and D are (m, n). */
  readonly m: number;
  readonly n: number;
  readonly k: number;
  /** Format of the elements of A and B. */
  readonly operands: FloatFormat;
  /** Format of C. */
  readonly addend: FloatFormat;
  /** Format of D: what a step rounds to. */
  readonly result: FloatFormat;
  readonly step: StepKind;
  /** Products that one step takes; k / group steps are chained. */
  readonly group: number;
  /** Fraction bits that aligned terms keep, below the largest exponent. Unused by `'pairwise'`. */
  readonly fractionBits: number;
  /** Rounding of a step's sum to `result`. */
  readonly rounding: 'toward-zero' | 'nearest-even';
  /** Scales of A along rows and of B along columns, one for each `size` elements along k. */
  readonly scales?: { readonly format: FloatFormat; readonly size: number };
  /** Subnormal operands and results count as zero. */
  readonly flushes: boolean;
  /** Whether vectors of an independent model of the instruction have been compared, bit for bit. */
  readonly verified: boolean;
}

const { binary16, binary32, bfloat16, tf32, e4m3fn, e5m2, e2m1, e8m0, ue4m3, e4m3fnuz, e5m2fnuz } =
  scalarFormats;

/** What FP8 instructions of Ada and Hopper deliver in a binary32 register: 13 fraction bits. */
const e8m13 = float({ exponentBits: 8, mantissaBits: 13 });

type Shape = readonly [m: number, n: number, k: number];

interface Choices {
  readonly addend?: FloatFormat;
  readonly result?: FloatFormat;
  readonly group?: number;
  readonly scales?: { readonly format: FloatFormat; readonly size: number };
  readonly step?: StepKind;
  readonly flushes?: boolean;
  readonly verified?: boolean;
}

/** A tensor core: aligned and truncated; binary32 results truncate, binary16 results round to nearest. */
function nvidia(
  name: string,
  alias: string,
  [m, n, k]: Shape,
  operands: FloatFormat,
  fractionBits: number,
  { addend, result = binary32, group = k, step = 'aligned', verified = true, ...rest }: Choices = {},
): MatrixUnitDescription {
  return Object.freeze({
    kind: 'matrix-unit',
    name,
    alias,
    m,
    n,
    k,
    operands,
    addend: addend ?? (result === binary16 ? binary16 : binary32),
    result,
    step,
    group,
    fractionBits,
    rounding: result === binary16 ? 'nearest-even' : 'toward-zero',
    flushes: false,
    verified,
    ...rest,
  });
}

/** A matrix core: binary32 accumulators, rounded to nearest. */
function amd(
  name: string,
  alias: string,
  [m, n, k]: Shape,
  operands: FloatFormat,
  group: number,
  { step = 'floored', flushes = false, verified = true }: Choices = {},
): MatrixUnitDescription {
  return Object.freeze({
    kind: 'matrix-unit',
    name,
    alias,
    m,
    n,
    k,
    operands,
    addend: binary32,
    result: binary32,
    step,
    group,
    fractionBits: 24,
    rounding: 'nearest-even',
    flushes,
    verified,
  });
}

const half = { result: binary16 };
const unverified = { verified: false };
const pairwise = { step: 'pairwise', verified: false } as const;
const pairwiseFlushing = { ...pairwise, flushes: true };
const mx = { scales: { format: e8m0, size: 32 } };
const nvfp4 = { step: 'aligned-blocks', scales: { format: ue4m3, size: 16 } } as const;

/** Every unit, by generation. */
export const matrixUnits: readonly MatrixUnitDescription[] = Object.freeze([
  nvidia('mma.Volta.m8n8k4.f32.f16.f16.f32', 'volta-fp16', [8, 8, 4], binary16, 23),
  nvidia('mma.Volta.m8n8k4.f16.f16.f16.f16', 'volta-fp16-fp16', [8, 8, 4], binary16, 23, half),
  nvidia('mma.Turing.m16n8k8.f32.f16.f16.f32', 'turing-fp16', [16, 8, 8], binary16, 24),
  nvidia('mma.Ampere.m16n8k16.f32.f16.f16.f32', 'ampere-fp16', [16, 8, 16], binary16, 24, { group: 8 }),
  nvidia('mma.Ampere.m16n8k16.f32.bf16.bf16.f32', 'ampere-bf16', [16, 8, 16], bfloat16, 24, { group: 8 }),
  nvidia('mma.Ampere.m16n8k8.f32.tf32.tf32.f32', 'ampere-tf32', [16, 8, 8], tf32, 24, { group: 4 }),
  nvidia('mma.Ampere.m16n8k16.f16.f16.f16.f16', 'ampere-fp16-fp16', [16, 8, 16], binary16, 24, {
    ...half,
    group: 8,
  }),
  nvidia('mma.AdaLovelace.m16n8k32.f32.e4m3.e4m3.f32', 'ada-fp8', [16, 8, 32], e4m3fn, 13, {
    result: e8m13,
    group: 16,
  }),
  nvidia('mma.AdaLovelace.m16n8k32.f16.e5m2.e5m2.f16', 'ada-fp8-fp16', [16, 8, 32], e5m2, 13, {
    ...half,
    group: 16,
  }),
  nvidia('mma.Hopper.m16n8k16.f32.f16.f16.f32', 'hopper-fp16', [16, 8, 16], binary16, 25),
  nvidia('mma.Hopper.m16n8k16.f32.bf16.bf16.f32', 'hopper-bf16', [16, 8, 16], bfloat16, 25),
  nvidia('mma.Hopper.m16n8k16.f16.f16.f16.f16', 'hopper-fp16-fp16', [16, 8, 16], binary16, 25, half),
  nvidia('wgmma.Hopper.m64n8k32.f32.e4m3.e4m3', 'hopper-fp8', [64, 8, 32], e4m3fn, 13, { result: e8m13 }),
  nvidia('wgmma.Hopper.m64n8k16.f32.bf16.bf16', 'hopper-wgmma-bf16', [64, 8, 16], bfloat16, 25),
  nvidia('mma.RTXBlackwell.m16n8k32.f32.e4m3.e4m3.f32', 'blackwell-fp8', [16, 8, 32], e4m3fn, 25),
  nvidia(
    'mma_block_scale.RTXBlackwell.m16n8k32.block32.e4m3.ue8m0',
    'blackwell-mxfp8',
    [16, 8, 32],
    e4m3fn,
    25,
    mx,
  ),
  nvidia(
    'mma_block_scale.RTXBlackwell.m16n8k64.block16.e2m1.ue4m3',
    'blackwell-nvfp4',
    [16, 8, 64],
    e2m1,
    35,
    nvfp4,
  ),
  nvidia('tcgen05.Blackwell.m64n8k16.f32.f16.f16', 'blackwell-fp16', [64, 8, 16], binary16, 25, unverified),
  nvidia('tcgen05.Blackwell.m64n8k16.f32.bf16.bf16', 'blackwell-bf16', [64, 8, 16], bfloat16, 25, unverified),
  amd('mfma.CDNA3.f32_16x16x16_f16', 'cdna3-fp16', [16, 16, 16], binary16, 8),
  amd('mfma.CDNA3.f32_16x16x32_fp8_fp8', 'cdna3-fp8', [16, 16, 32], e4m3fnuz, 16, { step: 'floored-halves' }),
  amd('mfma.CDNA3.f32_16x16x16_bf16', 'cdna3-bf16', [16, 16, 16], bfloat16, 8, unverified),
  amd('mfma.CDNA3.f32_16x16x32_bf8_bf8', 'cdna3-bf8', [16, 16, 32], e5m2fnuz, 16, {
    step: 'floored-halves',
    verified: false,
  }),
  amd('mfma.CDNA2.f32_16x16x16_f16', 'cdna2-fp16', [16, 16, 16], binary16, 4, pairwiseFlushing),
  amd('mfma.CDNA2.f32_16x16x8_bf16', 'cdna2-bf16', [16, 16, 8], bfloat16, 2, pairwiseFlushing),
  amd('mfma.CDNA1.f32_16x16x16_f16', 'cdna1-fp16', [16, 16, 16], binary16, 4, pairwise),
  amd('mfma.CDNA1.f32_16x16x8_bf16', 'cdna1-bf16', [16, 16, 8], bfloat16, 2, pairwise),
]);
