/** Codebooks: an explicit ascending list of values, the code being the index. Ternary and binary weights are two. */
import { ArgumentError } from '../errors.ts';
import { asCode, checkCode, notInFormat } from './codes.ts';
import type { Code, CodebookFormat } from './format.ts';

export interface CodebookParameters {
  /** Canonical name; lists of the user's own get this name too. */
  readonly name: string;
  /** 2 to 65536 finite numbers, strictly ascending. */
  readonly values: readonly number[];
  /**
   * Which neighbour a nearest-even tie takes: the one of even index (default), the even integer multiple of the step
   * (ternary), or the upper one (binary).
   */
  readonly ties?: 'even-index' | 'even-multiple' | 'upper';
}

const tieRules = ['even-index', 'even-multiple', 'upper'] as const;

/**
 * A codebook format.
 *
 * @example
 * codebook({ name: 'levels', values: [-2, -0.5, 0.5, 2] }).encode(0.5) // 2
 *
 * @throws ArgumentError if the list is too short, unsorted, has duplicates or non-finite entries.
 */
export function codebook({ name, values, ties = 'even-index' }: CodebookParameters): CodebookFormat {
  if (typeof name !== 'string' || !/^[A-Za-z][A-Za-z0-9_-]*$/.test(name))
    throw new ArgumentError('name', name, 'a letter, then letters, digits, - or _');
  if (!Array.isArray(values) || values.length < 2 || values.length > 65536)
    throw new ArgumentError('values', values, '2 to 65536 strictly ascending finite numbers');
  // Adding 0 turns -0 into +0: a codebook has one zero.
  const list: readonly number[] = Object.freeze(values.map((value) => value + 0));
  list.forEach((value, i) => {
    if (!Number.isFinite(value) || (i > 0 && value <= list[i - 1]!))
      throw new ArgumentError(`values[${i}]`, value, 'a finite number above the one before it');
  });
  const bits = 32 - Math.clz32(list.length - 1);
  const gaps = list.slice(1).map((value, i) => value - list[i]!);
  const step = gaps.every((gap) => gap === gaps[0]) ? gaps[0]! : 0;
  if (!tieRules.includes(ties)) throw new ArgumentError('ties', ties, tieRules.join(', '));
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
