/**
 * Cases aimed at a result: random operands, but for one that is computed so that the result comes next to a target: a value of the
 * result's format, the middle between two (a tie) or just beside it, with weight on subnormals and on the overflow edge. What
 * binary64 cannot compute exactly comes near it, which serves as well.
 */
import type { Code, Format } from '../../formats/format.ts';
import { resolveRounding, roundScalar } from '../../rounding/index.ts';
import { codecOf, columnsOf, type Field } from '../fields.ts';
import type { TestOperation } from '../operation.ts';
import { carried } from './boundary.ts';
import type { Draws } from './draws.ts';
import { weightedCodes } from './weighted.ts';

/** The codes from which a target is taken: the smallest and largest numbers weigh more than others. */
function edgeCodes(field: Field): Code[] {
  const format = field.format!;
  const { encode, decode } = codecOf(format);
  const near = (value: number): Code[] => {
    if (!format.has(value)) return [];
    const code = BigInt(encode(value));
    const around = [-2n, -1n, 0n, 1n, 2n].map((step) => code + step);
    const inRange = around.filter((other) => other >= 0n && other >> BigInt(format.bits) === 0n);
    return inRange.map((other) => carried(other, field));
  };
  const small =
    format.kind === 'float'
      ? [format.minNormal, format.minSubnormal]
      : format.kind === 'posit' || format.kind === 'logarithmic'
        ? [format.minPositive]
        : [];
  const ends = [format.max, format.min, 0, 1, ...small, ...small.map((x) => -x)].flatMap(near);
  return ends.filter((code) => Number.isFinite(decode(code)));
}

/** A source of targets: values, middles between neighbours, and what lies just beside those. */
function targetsOf(field: Field, draws: Draws): () => number {
  const { decode } = codecOf(field.format!);
  const edges = edgeCodes(field);
  const any = weightedCodes(field, draws);
  const pick = (): Code =>
    draws.below(3) === 0 && edges.length > 0 ? edges[draws.below(edges.length)]! : any();
  return () => {
    for (let tries = 0; tries < 8; tries++) {
      const code = pick();
      const value = decode(code);
      if (!Number.isFinite(value)) continue;
      const next = BigInt(code) + 1n;
      const other = next >> BigInt(field.bits) === 0n ? decode(carried(next, field)) : NaN;
      // Beyond the largest number the middle is half a step out, as the last step was.
      const step = Number.isFinite(other)
        ? other - value
        : value - decode(carried(BigInt(code) - (code > 0 ? 1n : 0n), field));
      const part = [0.5, 0.5, 0.5, 0, 0.25, 0.75, 0.5 + 2 ** -20, 0.5 - 2 ** -20][draws.below(8)]!;
      const target = value + step * part;
      if (Number.isFinite(target)) return target;
    }
    return 1;
  };
}

/** The value of the format next to a number, or one a code or two beside it. */
function codeNear(x: number, field: Field, draws: Draws): Code | undefined {
  const format = field.format as Format;
  const options = resolveRounding(format, { saturation: 'finite' });
  const value = roundScalar(x, format, options, 0);
  if (!format.has(value)) return undefined;
  const offset = [0n, 0n, 0n, 1n, -1n][draws.below(5)]!;
  const code = BigInt(codecOf(format).encode(value)) + offset;
  const isInside = code >= 0n && code >> BigInt(field.bits) === 0n;
  const carriedCode = carried(isInside ? code : code - offset, field);
  return codecOf(format).has(carriedCode) ? carriedCode : undefined;
}

/** A float's code with so many significant bits at most, the last of them 1; other codes as they are. */
function shortened(code: Code, field: Field, bits: number): Code {
  const { format } = field;
  if (format?.kind !== 'float' || !Number.isFinite(codecOf(format).decode(code))) return code;
  const dropped = BigInt(Math.max(0, format.mantissaBits + 1 - bits));
  const kept = BigInt(code) >> dropped;
  const short = carried((bits > 1 ? kept | 1n : kept) << dropped, field);
  return codecOf(format).has(short) ? short : code;
}

/**
 * A source of aimed cases; undefined for operations that cannot be aimed. The other operands are often short, so that the exact result
 * is a tie; two short factors of p + 1 bits together give one by themselves.
 */
export function aimedCases(
  operation: TestOperation,
  draws: Draws,
  sources: readonly (() => Code)[],
): (() => Code[]) | undefined {
  const { aim, name } = operation;
  const [result] = operation.results;
  if (aim === undefined || result?.format === undefined) return undefined;
  const columns = columnsOf(operation.operands);
  const precision = result.format.kind === 'float' ? result.format.precision : result.bits;
  const target = targetsOf(result, draws);
  return () => {
    const codes = sources.map((source) => source());
    const length = 1 + draws.below(precision);
    const isShort = draws.below(2) === 0;
    if (isShort)
      columns.forEach((field, i) => {
        codes[i] = shortened(codes[i]!, field, i === 1 ? precision + 1 - length : length);
      });
    if (isShort && name === 'mul') return codes;
    const values = codes.map((code, i) => {
      const { format } = columns[i]!;
      return format === undefined ? Number(code) : codecOf(format).decode(code);
    });
    const { place, value } = aim(target(), values);
    const code = Number.isFinite(value) ? codeNear(value, columns[place]!, draws) : undefined;
    if (code !== undefined) codes[place] = code;
    return codes;
  };
}
