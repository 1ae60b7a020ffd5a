/** Codebooks: an explicit ascending list of values, the code being the index. Ternary and binary weights are two. */
import { type Numbers, realArray } from '../array-kinds.ts';
import { checkFields, checkFormatName, type NumberRange, numberInRange, oneOf } from '../check.ts';
import { ArgumentError } from '../errors.ts';
import { asCode, checkCode, notInFormat } from './codes.ts';
import type { Code, CodebookFormat } from './format.ts';

export interface CodebookParameters {
  /** Canonical name; lists of the user's own get this name too. */
  readonly name: string;
  /** 2 to 65536 finite numbers, strictly ascending. */
  readonly values: Numbers;
  /**
   * Which neighbour a nearest-even tie takes: the one of even index (default), the even integer multiple of the step
   * (ternary), or the upper one (binary).
   */
  readonly ties?: 'even-index' | 'even-multiple' | 'upper';
}

const tieRules = ['even-index', 'even-multiple', 'upper'] as const;

const parameterNames: readonly (keyof CodebookParameters)[] = ['name', 'values', 'ties'];

/** The values, checked. */
function listOf(given: unknown): readonly number[] {
  const accepted = '2 to 65536 strictly ascending finite numbers';
  const values = realArray('values', given, accepted);
  if (values.length < 2 || values.length > 65536) throw new ArgumentError('values', given, accepted);
  const range = (i: number): NumberRange => (i === 0 ? {} : { above: values[i - 1]! });
  // Adding 0 turns -0 into +0: a codebook has one zero.
  return Object.freeze(Array.from(values, (value, i) => numberInRange(`values[${i}]`, value, range(i)) + 0));
}

/**
 * A codebook format.
 *
 * @example
 * codebook({ name: 'levels', values: [-2, -0.5, 0.5, 2] }).encode(0.5) // 2
 *
 * @throws ArgumentError if the list is too short, unsorted, has duplicates or non-finite entries.
 */
export function codebook(parameters: CodebookParameters): CodebookFormat {
  const given = checkFields('', parameters, parameterNames, 'parameters');
  const name = checkFormatName('name', given.name);
  const list = listOf(given.values);
  const bits = 32 - Math.clz32(list.length - 1);
  const gaps = list.slice(1).map((value, i) => value - list[i]!);
  const step = gaps.every((gap) => gap === gaps[0]) ? gaps[0]! : 0;
  const ties = oneOf('ties', given.ties, tieRules, 'even-index');
  if (ties === 'even-multiple' && !(step > 0 && list.every((value) => Number.isInteger(value / step))))
    throw new ArgumentError(
      'ties',
      ties,
      'even-index or upper, for values that are not multiples of one step',
    );
  const index = new Map(list.map((value, i) => [value, i]));
  const has = (value: number): boolean => index.has(value);

  function decode(code: Code): number {
    return list[Number(checkCode(code, bits, name))] ?? NaN;
  }

  function encode(value: number): Code {
    const code = index.get(value);
    if (code === undefined) throw notInFormat(value, name);
    return asCode(BigInt(code), bits);
  }

  return Object.freeze({
    kind: 'codebook',
    name,
    bits,
    min: list[0]!,
    max: list[list.length - 1]!,
    step,
    ties,
    entropyBits: Math.log2(list.length),
    isSigned: list[0]! < 0,
    hasInfinity: false,
    hasNaN: false,
    hasNegativeZero: false,
    decode,
    encode,
    has,
    values: (): number[] => [...list],
    toString: (): string => name,
    toJSON: (): string => name,
  } satisfies CodebookFormat);
}
