/** Linear algebra on shaped arrays, every operation rounded in their arithmetic: the algorithms of textbooks, with their measures of error. */
export { type CholeskyFactors, cholesky, NotPositiveDefiniteError } from './cholesky.ts';
export { eigSymmetric, type SymmetricEigen } from './eigen.ts';
export { conjugateGradients, gmres, type Iteration, type IterationOptions, type Operator } from './krylov.ts';
export { type LuFactors, type LuOptions, lu } from './lu.ts';
export { type QrFactors, type QrOptions, qr } from './qr.ts';
export { type Refinement, type RefineOptions, refine } from './refine.ts';
export { type JacobiOptions, type SingularValues, svd } from './svd.ts';
export { conditionEstimate, det, inverse, type NormName, norm, type Solution, solve } from './systems.ts';
export { type TriangularOptions, triangularSolve } from './triangular.ts';
