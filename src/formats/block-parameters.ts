/** Block formats of the user's own: their parameters, the formats among them by themselves or by name. */
import { checkFields, checkString, integerInRange } from '../check.ts';
import { ArgumentError } from '../errors.ts';
import { type BlockFormat, blockOf, type ElementFormat } from './block.ts';
import type { FloatFormat } from './format.ts';
import { type FormatSpelling, formatAt } from './names.ts';

export interface BlockParameters {
  /** Canonical name. */
  readonly name: string;
  /** A float, integer or fixed-point format of at most 32 bits, or its name. */
  readonly element: ElementFormat | FormatSpelling;
  /** Elements that share a scale: an integer from 1. */
  readonly size: number;
  /** A float format with codes, or its name. */
  readonly scale: FloatFormat | FormatSpelling;
  /** Format of the scale of the whole tensor, where there is one, or its name. */
  readonly tensorScale?: FloatFormat | FormatSpelling;
}

const parameterNames: readonly (keyof BlockParameters)[] = [
  ...(['name', 'element', 'size', 'scale', 'tensorScale'] as const),
];

function elementOf(given: BlockParameters['element'] | undefined): ElementFormat {
  const format = formatAt('element', given!);
  const isElement = format.kind === 'float' || format.kind === 'int' || format.kind === 'fixed';
  if (!isElement || format.bits > 32)
    throw new ArgumentError('element', format.name, 'a float, int or fixed-point format of at most 32 bits');
  return format;
}

function scaleOf(path: string, given: BlockParameters['scale'] | undefined): FloatFormat {
  const format = formatAt(path, given!);
  if (format.kind !== 'float' || format.bits === Infinity)
    throw new ArgumentError(path, format.name, 'a float format with codes');
  return format;
}

/**
 * A block format.
 *
 * @example
 * block({ name: 'mxfp4', element: formats.e2m1, size: 32, scale: 'e8m0' }).bitsPerElement // 4.25
 *
 * @throws ArgumentError if a parameter is not accepted.
 */
export function block(parameters: BlockParameters): BlockFormat {
  const given = checkFields('', parameters, parameterNames, 'parameters');
  return blockOf({
    name: checkString('name', given.name),
    element: elementOf(given.element),
    size: integerInRange('size', given.size, 1, Number.MAX_SAFE_INTEGER),
    scale: scaleOf('scale', given.scale),
    tensorScale: given.tensorScale === undefined ? undefined : scaleOf('tensorScale', given.tensorScale),
  });
}
