/** Bit-level models of the matrix units of graphics processors. */

export type { MatrixUnitDescription, StepKind } from '../../products/matrix-units.ts';
export type { ExplainedUnit, UnitStep, UnitTerm } from './explain-unit.ts';
export {
  findMatrixUnit,
  isMatrixUnit,
  type MatrixUnit,
  type MatrixUnitScales,
  matrixUnit,
  matrixUnitNames,
  withOperands,
} from './matrix-unit.ts';
export type { MatrixUnitParameters } from './own-unit.ts';
