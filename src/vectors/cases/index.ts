/**
 * The cases of an operation: operand codes, one tuple after the other, made as they are asked for. First the tuples of boundary codes,
 * then weighted random ones and ones aimed at ties and edges; or every tuple there is.
 */
import { checkFields, integerInRange, oneOf } from '../../check.ts';
import { ArgumentError } from '../../errors.ts';
import type { Code } from '../../formats/format.ts';
import { integerOf64Bits } from '../../rounding/options.ts';
import { columnsOf, type Field, usedBits } from '../fields.ts';
import type { TestOperation } from '../operation.ts';
import { operandBits } from '../resolve.ts';
import { aimedCases } from './aimed.ts';
import { boundaryCodes, isCode, type Richness } from './boundary.ts';
import { type Draws, drawsFrom } from './draws.ts';
import { edgesOf } from './edges.ts';
import { weightedCodes } from './weighted.ts';

export const levels = [1, 2, 'exhaustive'] as const;
export type Level = (typeof levels)[number];

/** Which cases are made. */
export interface CaseOptions {
  /**
   * 1 (default): tuples of some boundary codes, and about as many random ones. 2: of many boundary codes. `'exhaustive'`: every case, where
   * operands and random integers have at most 32 bits together.
   */
  readonly level?: Level;
  /** How many cases, in place of the level's own number: a sample of the boundary cases, or more random ones after them. */
  readonly count?: number;
  /** Key of the random cases. Default 0. */
  readonly seed?: number | bigint;
}

export const caseNames: readonly (keyof CaseOptions)[] = ['level', 'count', 'seed'];

const mostBits = 32;
/** Random cases of a level that has few boundary cases. */
const leastRandom = 1000;

export interface ResolvedCases {
  readonly level: Level;
  readonly count: number | undefined;
  readonly seed: number | bigint;
}

/** Checks the options against the operation. Throws ArgumentError. */
export function resolveCases(operation: TestOperation, options: CaseOptions): ResolvedCases {
  const given = checkFields('', options, caseNames);
  const level = oneOf('level', given.level, levels, 1);
  const bits = operandBits(operation);
  if (level === 'exhaustive' && bits > mostBits)
    throw new ArgumentError(
      'level',
      level,
      `1 or 2: the operands of this operation have ${bits} bits, more than ${mostBits}`,
    );
  const { count } = given;
  return {
    level,
    count: count === undefined ? undefined : integerInRange('count', count, 1, Number.MAX_SAFE_INTEGER),
    seed: integerOf64Bits('seed', given.seed),
  };
}

/** Every tuple of codes; the last operand goes fastest. */
function* everyCase(columns: readonly Field[]): Generator<Code[]> {
  const bits = columns.map(usedBits);
  const total = bits.reduce((sum, width) => sum + width, 0);
  for (let index = 0; index < 2 ** total; index++) {
    let rest = index;
    const codes = new Array<Code>(columns.length);
    let isWhole = true;
    for (let i = columns.length - 1; i >= 0; i--) {
      const size = 2 ** bits[i]!;
      const code = rest % size;
      rest = (rest - code) / size;
      codes[i] = columns[i]!.bits <= 32 ? code : BigInt(code);
      isWhole &&= isCode(codes[i]!, columns[i]!);
    }
    if (isWhole) yield codes;
  }
}

/** Tuples of boundary codes by number, so that a sample of them costs no more than itself. */
interface Tuples {
  readonly count: number;
  at(index: number): Code[];
}

/** Every combination of a list for each operand. */
function combinations(lists: readonly (readonly Code[])[]): Tuples {
  return {
    count: lists.reduce((product, list) => product * list.length, 1),
    at: (index) => {
      let rest = index;
      const codes = new Array<Code>(lists.length);
      for (let i = lists.length - 1; i >= 0; i--) {
        const list = lists[i]!;
        codes[i] = list[rest % list.length]!;
        rest = Math.floor(rest / list.length);
      }
      return codes;
    },
  };
}

/**
 * For operations of many operands: pairs of boundary codes, the first in one place, the second in the next ones, and the first code of
 * each list (zero) elsewhere; the places go round.
 */
function scattered(lists: readonly (readonly Code[])[]): Tuples {
  const longest = Math.max(...lists.map((list) => list.length));
  const n = lists.length;
  return {
    count: longest * longest,
    at: (index) => {
      const first = Math.floor(index / longest);
      const second = index % longest;
      const place = index % n;
      const length = 1 + (Math.floor(index / n) % 3 === 0 ? n : Math.floor(index / n) % n);
      return lists.map((list, i) => {
        if (i === place) return list[first % list.length]!;
        return list[(i - place + n) % n < length ? second % list.length : 0]!;
      });
    },
  };
}

const richnessOf: Readonly<Record<1 | 2, readonly Richness[]>> = {
  1: ['many', 'some', 'few'],
  2: ['many', 'many', 'some'],
};

function boundaryTuples(operation: TestOperation, columns: readonly Field[], level: 1 | 2): Tuples {
  const coded = columns.filter(({ format }) => format !== undefined).length;
  const richness = richnessOf[level][Math.min(coded, 3) - 1] ?? 'few';
  const listOf = (field: Field): readonly Code[] =>
    boundaryCodes(field, field.format === undefined ? 'few' : richness);
  const lists = columns.map(listOf);
  if (columns.length > 4) return scattered(lists);
  if (columns.length === 1)
    return combinations([
      [...new Set([...lists[0]!, ...edgesOf(operation, lists[0]!)])].filter((code) =>
        isCode(code, columns[0]!),
      ),
    ]);
  return combinations(lists);
}

function randomCases(operation: TestOperation, columns: readonly Field[], draws: Draws): () => Code[] {
  const sources = columns.map((field) => weightedCodes(field, draws));
  const weighted = (): Code[] => sources.map((source) => source());
  const aimed = aimedCases(operation, draws, sources);
  if (aimed === undefined) return weighted;
  return () => (draws.below(2) === 0 ? aimed() : weighted());
}

/** The cases, lazily. Tuples are new arrays. */
export function* casesOf(operation: TestOperation, { level, count, seed }: ResolvedCases): Generator<Code[]> {
  const columns = columnsOf(operation.operands);
  if (level === 'exhaustive') {
    const every = everyCase(columns);
    for (let i = 0; count === undefined || i < count; i++) {
      const next = every.next();
      if (next.done) return;
      yield next.value;
    }
    return;
  }
  const tuples = boundaryTuples(operation, columns, level);
  const draws = drawsFrom(seed, 0);
  if (count !== undefined && count < tuples.count) {
    // A stratified sample: one of each of as many stretches.
    for (let i = 0; i < count; i++) {
      const from = Math.floor((i * tuples.count) / count);
      const to = Math.floor(((i + 1) * tuples.count) / count);
      yield tuples.at(from + draws.below(Math.max(1, to - from)));
    }
    return;
  }
  for (let index = 0; index < tuples.count; index++) yield tuples.at(index);
  const random = randomCases(operation, columns, draws);
  const more = count === undefined ? Math.max(tuples.count, leastRandom) : count - tuples.count;
  for (let i = 0; i < more; i++) yield random();
}
