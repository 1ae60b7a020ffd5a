/** The module of quantisers. */
import bytes from './generated/quantizers.ts';
import { type KernelModule, kernelModule, type PieceExports } from './module.ts';

/** The exports of `assembly/quantizers/index.ts`. Pointers are byte offsets. */
export interface QuantizersModuleExports extends PieceExports {
  placeGroups(
    kernel: number,
    source: number,
    destination: number,
    groups: number,
    size: number,
    columns: number,
    left: number,
    into: number,
    out: number,
    parameters: number,
  ): void;
  encodeScales(
    statistics: number,
    into: number,
    groups: number,
    target: number,
    least: number,
    reach: number,
  ): number;
  powerScales(
    statistics: number,
    into: number,
    out: number,
    groups: number,
    least: number,
    raisedFrom: number,
    emax: number,
    lowest: number,
    highest: number,
    reach: number,
  ): number;
  twoLevelScales(
    statistics: number,
    into: number,
    out: number,
    groups: number,
    least: number,
    unit: number,
    decode: number,
    most: number,
    floor: number,
    shift: number,
  ): void;
  absoluteMaxima(
    source: number,
    groups: number,
    size: number,
    columns: number,
    left: number,
    maxima: number,
    parameters: number,
  ): void;
  columnMaxima(
    source: number,
    rows: number,
    width: number,
    stride: number,
    maxima: number,
    parameters: number,
  ): void;
  spread(from: number, to: number, size: number, width: number): void;
  placeColumns(
    kernel: number,
    source: number,
    destination: number,
    rows: number,
    width: number,
    sourceStride: number,
    destinationStride: number,
    into: number,
    out: number,
    parameters: number,
  ): void;
  gatherGroups(
    source: number,
    destination: number,
    groups: number,
    size: number,
    left: number,
    rows: number,
    stride: number,
  ): void;
  addSums(
    kind: number,
    source: number,
    groups: number,
    size: number,
    columns: number,
    left: number,
    sums: number,
    means: number,
  ): void;
  takeMeans(sums: number, groups: number, size: number, columns: number, left: number, means: number): void;
  /** `isRoot`: 0 or 1. */
  meanStatistics(means: number, groups: number, isRoot: number, statistics: number): void;
  candidates(maxima: number, thresholds: number, groups: number, percent: number): void;
  squaredErrors(
    source: number,
    image: number,
    groups: number,
    size: number,
    columns: number,
    left: number,
    sums: number,
  ): void;
  keepBetter(sums: number, errors: number, thresholds: number, best: number, groups: number): void;
  chooseScales(
    error: number,
    source: number,
    groups: number,
    size: number,
    columns: number,
    left: number,
    lines: number,
    whole: number,
    maxima: number,
    into: number,
    out: number,
    sums: number,
    parameters: number,
  ): void;
  multiplyStatistics(statistics: number, groups: number, high: number, low: number): void;
  widenGroups(
    source: number,
    destination: number,
    groups: number,
    size: number,
    columns: number,
    left: number,
    into: number,
  ): void;
  narrowGroups(
    source: number,
    destination: number,
    groups: number,
    size: number,
    columns: number,
    left: number,
    out: number,
    low: number,
  ): void;
  wideFactors(
    powers: number,
    into: number,
    out: number,
    groups: number,
    prescale: number,
    gain: number,
  ): void;
  /** `divides`: 0 or 1. */
  outOfUnits(
    divides: number,
    elements: number,
    values: number,
    length: number,
    column: number,
    columns: number,
    size: number,
    terms: number,
    step: number,
    pitch: number,
    low: number,
    high: number,
  ): void;
  addRanges(
    source: number,
    length: number,
    column: number,
    columns: number,
    size: number,
    terms: number,
    step: number,
    pitch: number,
  ): void;
  /** `wide`, `divides`: 0 or 1. */
  intoUnits(
    wide: number,
    divides: number,
    source: number,
    destination: number,
    length: number,
    column: number,
    columns: number,
    size: number,
    terms: number,
    step: number,
    most: number,
    kept: number,
  ): void;
}

export const quantizersModule: KernelModule<QuantizersModuleExports> = kernelModule(bytes);
