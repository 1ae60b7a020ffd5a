/** Correctly rounded elementary functions of scalars, and tables of them for arrays in small formats. */
export {
  type ElementaryFunction,
  type ElementaryName,
  elementaryFunctions,
  type Outcome,
  type Special,
  type UnaryName,
} from './evaluate.ts';
export { elementaryTable } from './table.ts';
