/**
 * Edges of functions of one operand: neighbouring codes between which the result changes its kind, from normal to subnormal, zero,
 * the largest number, an infinity or NaN. They are found by bisection between boundary codes, of the function itself.
 */
import type { Code } from '../../formats/format.ts';
import { codecOf, type Field } from '../fields.ts';
import type { TestOperation } from '../operation.ts';
import { carried } from './boundary.ts';

/** The kind of a result: what an implementation may treat apart. */
function kindOf(operation: TestOperation, code: Code): string {
  const answer = operation.answer([code]);
  const [field] = operation.results;
  if (answer === undefined || field?.format === undefined) return 'none';
  const { format } = field;
  const value = codecOf(format).decode(answer.results[0]!);
  if (Number.isNaN(value)) return 'NaN';
  const isEnd = value === format.max || value === format.min;
  const isSmall = format.kind === 'float' && Math.abs(value) < format.minNormal;
  const size =
    value === 0
      ? 'zero'
      : isEnd
        ? 'end'
        : isSmall
          ? 'subnormal'
          : Number.isFinite(value)
            ? 'normal'
            : 'infinite';
  return `${Math.sign(value)} ${size} ${value === 1 ? 'one' : ''} ${answer.flags}`;
}

/** Codes at the edges between ascending codes of one sign. */
function* between(operation: TestOperation, from: Code, to: Code, field: Field): Generator<Code> {
  let [low, high] = [BigInt(from), BigInt(to)];
  const kind = kindOf(operation, from);
  while (high - low > 1n) {
    const middle = (low + high) >> 1n;
    if (kindOf(operation, carried(middle, field)) === kind) low = middle;
    else high = middle;
  }
  for (const code of [low - 1n, low, high, high + 1n])
    if (code >= 0n && code >> BigInt(field.bits) === 0n) yield carried(code, field);
}

/** The codes at the edges of an operation of one operand; none for others. */
export function* edgesOf(operation: TestOperation, boundary: readonly Code[]): Generator<Code> {
  const [field, ...others] = operation.operands;
  if (field === undefined || others.length > 0 || field.count > 1) return;
  const codes = [...boundary].sort((a, b) => (a < b ? -1 : 1));
  for (let i = 1; i < codes.length; i++)
    if (kindOf(operation, codes[i - 1]!) !== kindOf(operation, codes[i]!))
      yield* between(operation, codes[i - 1]!, codes[i]!, field);
}
