/** The operations that vectors are made for, each with its kind. */
import { type ElementaryName, elementaryFunctions } from '../arithmetic/elementary/index.ts';
import { type OperationName, operationNames as roundedNames } from '../arithmetic/operations.ts';

/** What kinds of operations take options alike. */
export type OperationKind =
  | 'rounded'
  | 'sign'
  | 'order'
  | 'extremum'
  | 'conversion'
  | 'sum'
  | 'unit'
  | 'block';

type OtherOperation =
  | ('neg' | 'abs' | 'min' | 'max')
  | ('compare' | 'eq' | 'lt' | 'le')
  | ('convert' | 'round' | 'encode')
  | ('dot' | 'sum' | 'norm')
  | ('step' | 'mma' | 'quantize');

const others: Readonly<Record<OtherOperation, OperationKind>> = {
  neg: 'sign',
  abs: 'sign',
  min: 'extremum',
  max: 'extremum',
  compare: 'order',
  eq: 'order',
  lt: 'order',
  le: 'order',
  convert: 'conversion',
  round: 'conversion',
  encode: 'conversion',
  dot: 'sum',
  sum: 'sum',
  norm: 'sum',
  step: 'unit',
  mma: 'unit',
  quantize: 'block',
};

/** The name of an operation of which there are vectors. */
export type VectorOperation = OperationName | ElementaryName | OtherOperation;

const roundedKinds = [...roundedNames, ...(Object.keys(elementaryFunctions) as ElementaryName[])].map(
  (name) => [name, 'rounded'],
);

/** Every operation, with its kind. */
export const operationNames: Readonly<Record<VectorOperation, OperationKind>> = Object.freeze({
  ...Object.fromEntries(roundedKinds),
  ...others,
}) as Readonly<Record<VectorOperation, OperationKind>>;
