/**
 * What a run's files hold, checked since anybody may have changed them: the records of its log, metrics.jsonl, one a line, and its
 * result. Whoever has the texts, from files or elsewhere, hands them over.
 */
import { refusedAs } from '../check.ts';
import { DamagedFileError } from '../errors.ts';
import { parseJson } from '../json.ts';
import {
  checkSchema,
  integer,
  line,
  list,
  maybe,
  number,
  orNull,
  type Schema,
  someFields,
  value,
  word,
} from '../schema.ts';

/** A number as `src/json.ts` writes it. */
const reading = value<number | string | null>(
  (given) =>
    given === null ||
    Number.isFinite(given) ||
    ['NaN', 'Infinity', '-Infinity', '-0'].includes(given as string),
  'a number',
);
const step = integer(0, 2 ** 31);

const weightProbes = someFields({
  flipRate: maybe(reading),
  stepRatio: maybe(reading),
  frozen: maybe(reading),
  entropy: maybe(reading),
  zeroFraction: maybe(reading),
  saturation: maybe(reading),
});

/** Records by their type. */
const recordSchemas = new Map<unknown, Schema>([
  [
    'step',
    someFields({
      step,
      loss: reading,
      gradientNorm: maybe(reading),
      probes: maybe(someFields({ weights: orNull(weightProbes) })),
    }),
  ],
  ['evaluation', someFields({ step, loss: reading, accuracy: maybe(reading) })],
  ['phase', someFields({ step, phase: integer(0, 100) })],
  ['result', someFields({})],
]);

const divergence = someFields({ step, of: line(), tensor: orNull(line()) });
const spike = someFields({
  height: reading,
  excess10: maybe(reading),
  excess50: maybe(reading),
  recoverySteps: maybe(reading),
});

/** A run's result.json. */
export const resultSchema: Schema<object> = someFields({
  steps: integer(1, 2 ** 31),
  trainLoss: reading,
  validationLoss: reading,
  validationAccuracy: maybe(reading),
  validationPredictions: maybe(step),
  perplexity: maybe(reading),
  bitsPerWeight: number({ from: 0 }),
  seconds: number({ from: 0 }),
  spike: orNull(spike),
  memory: someFields({ bytesPerParameter: number({ from: 0 }), total: maybe(number({ from: 0 })) }),
  inference: list(someFields({ name: line(), loss: reading, accuracy: maybe(reading) })),
  divergence: maybe(orNull(divergence)),
  peakMemory: maybe(number({ from: 0 })),
  teacher: maybe(word(['given', 'trained'])),
});

/** Runs a check of a file's content; what it refuses is damage of the file. */
export function ofFile<T>(path: string, check: () => T): T {
  return refusedAs(check, ({ message }) => new DamagedFileError(path, message, 'is damaged'));
}

/**
 * The records of a log's lines, without a last line that is not whole.
 *
 * @param path What messages call the file.
 * @throws DamagedFileError naming the line
 */
export function recordsOf(lines: Iterable<string>, path: string): object[] {
  const records: object[] = [];
  let torn: string | undefined;
  let index = 0;
  for (const text of lines) {
    index++;
    if (torn !== undefined) throw new DamagedFileError(path, torn, 'is damaged');
    if (text === '') continue;
    let data: unknown;
    try {
      data = parseJson(text);
    } catch {
      torn = `line ${index} is not JSON`;
      continue;
    }
    const type = typeof data === 'object' && data !== null ? (data as { type?: unknown }).type : undefined;
    const schema = recordSchemas.get(type);
    if (schema === undefined) throw new DamagedFileError(path, `line ${index} is no record`, 'is damaged');
    ofFile(path, () => checkSchema(`line ${index}`, data, schema));
    records.push(data as object);
  }
  return records;
}

/** Whether records are those of a run that came to its end: the last one is its result. */
export function isWholeLog(records: readonly object[]): boolean {
  const last = records.at(-1) as { readonly type?: unknown; readonly interrupted?: unknown } | undefined;
  return last?.type === 'result' && last.interrupted !== true;
}
