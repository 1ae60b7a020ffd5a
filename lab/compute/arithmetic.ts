/** What the page of arithmetic asks for: one operation, or sums, by what is looked at. */
import { type OperationInput, type OperationSheet, operationSheet } from './operation.ts';
import { wordFrom } from './read.ts';
import { type SumsInput, type SumsSheet, sumsSheet } from './sums.ts';

export type ArithmeticSheet =
  | ({ readonly view: 'operation' } & OperationSheet)
  | ({ readonly view: 'sums' } & SumsSheet);

/** The sheet of what is looked at. */
export function arithmeticSheet(
  given: OperationInput & SumsInput & { readonly view: string },
): ArithmeticSheet {
  const view = wordFrom('view', given.view, ['operation', 'sums']);
  return view === 'sums' ? { view, ...sumsSheet(given) } : { view, ...operationSheet(given) };
}
