/** Bit-level models of the matrix units of graphics processors. */

export type { MatrixUnitDescription, StepKind } from '../../products/matrix-units.ts';
export { type MatrixUnit, type MatrixUnitScales, matrixUnit, matrixUnitNames } from './matrix-unit.ts';
