/** From the name of an operation and its options to the operation, all settled. */
import { ArgumentError } from '../errors.ts';
import { blockOperation } from './blocks.ts';
import { usedBits } from './fields.ts';
import type { TestOperation } from './operation.ts';
import { operationNames, type VectorOperation } from './operation-names.ts';
import { scalarOperation } from './scalar.ts';
import { sumOperation, unitOperation } from './sums.ts';
import { checkOperation, checkOptions, type OperationOptions } from './vector-options.ts';

function operationFor(name: VectorOperation, options: Partial<OperationOptions>): TestOperation {
  switch (operationNames[name]) {
    case 'sum':
      return sumOperation(name, options);
    case 'unit':
      return unitOperation(name, options);
    case 'block':
      return blockOperation(options);
    default:
      return scalarOperation(name, options);
  }
}

/**
 * The operation of a name.
 *
 * @throws ArgumentError for a name that is none, an option that means nothing to it, and a format without codes.
 */
export function testOperation(name: VectorOperation, options: OperationOptions): TestOperation {
  const known = checkOperation(name);
  const operation = operationFor(known, checkOptions(known, options));
  for (const { format, bits } of [...operation.operands, ...operation.results])
    if (bits > 64) throw new ArgumentError('format', format?.name, 'a format with codes of at most 64 bits');
  return operation;
}

/** Bits of all operands together: 2^this cases there are. */
export function operandBits({ operands }: TestOperation): number {
  return operands.reduce((sum, field) => sum + usedBits(field) * field.count, 0);
}
