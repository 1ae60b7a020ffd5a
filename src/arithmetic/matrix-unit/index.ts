/** Bit-level models of the matrix units of graphics processors. */
export { type MatrixUnit, type MatrixUnitScales, matrixUnit, matrixUnitNames } from './matrix-unit.ts';
export type { MatrixUnitDescription, StepKind } from './units.ts';
