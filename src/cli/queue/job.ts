/**
 * A run as a job: plain data that says what to train, by which versions, on which data. Jobs are read as if anybody had
 * written them, as recipes and sweep files are: nothing in them is executed, and no path is in them.
 */
import { checkObject, within } from '../../check.ts';
import { ArgumentError } from '../../errors.ts';
import {
  anything,
  checkSchema,
  fields,
  fileName,
  integer,
  line,
  maybe,
  number,
  record,
  word,
} from '../../schema.ts';
import { models, recipeFrom } from '../../train/index.ts';
import { describeEnvironment } from '../environment.ts';
import { ownNumerics } from '../sweep/basis.ts';
import { type RunSettings, runId } from '../sweep/definition.ts';
import type { RunBasis } from '../sweep/sweep-run.ts';

/** One run that a worker may train. */
export interface RunJob {
  /** Version of this package. */
  readonly halfulp: string;
  readonly basis: RunBasis;
  /** SHA-256 of the data as the store has them. */
  readonly data: string;
  /** Of a run that is given a teacher: SHA-256 of that, as the store has it. */
  readonly teacher?: string;
  readonly sweep: string;
  readonly arm: string;
  readonly run: RunSettings;
  readonly checkpointEvery: number;
  /** Name of the run, which all the above decides. */
  readonly id: string;
}

const hexadecimal = (digits: number) => line(digits, digits);

const schema = fields({
  halfulp: line(100),
  basis: fields({ numerics: line(), data: hexadecimal(16), teacher: maybe(hexadecimal(16)) }),
  data: hexadecimal(64),
  teacher: maybe(hexadecimal(64)),
  sweep: fileName,
  arm: fileName,
  run: fields({
    recipe: record(anything),
    learningRate: number({ above: 0, to: 1 }),
    seed: integer(0, 2 ** 48),
    model: word(Object.keys(models)),
    steps: integer(1, 2_000_000),
    evaluateEvery: maybe(integer(1, 10_000_000)),
    probeEvery: integer(0, 10_000_000),
    gradientDraws: maybe(integer(1, 65536)),
  }),
  checkpointEvery: integer(0, 10_000_000),
  id: hexadecimal(16),
});

/** The job of data. Throws ArgumentError naming the field, also where the run's name is not its own. */
export function readJob(given: unknown): RunJob {
  const job = checkSchema('job', checkObject('job', given, 'a run as a sweep puts it'), schema);
  for (const [name, hash] of [
    ['basis.data', job.basis.data],
    ['data', job.data],
    ['id', job.id],
    ['basis.teacher', job.basis.teacher ?? '0'],
    ['teacher', job.teacher ?? '0'],
  ] as const)
    if (!/^[\da-f]+$/.test(hash)) throw new ArgumentError(`job.${name}`, hash, 'hexadecimal digits');
  const { teacher, basis: sent, ...rest } = job;
  const { teacher: taughtBy, ...others } = sent;
  const isTaught = taughtBy !== undefined;
  if (isTaught !== (teacher !== undefined))
    throw new ArgumentError('job.teacher', teacher, isTaught ? 'the hash of its teacher' : 'nothing');
  const basis: RunBasis = { ...others, ...(isTaught && { teacher: taughtBy }) };
  const recipe = within('job.run', () => recipeFrom(job.run.recipe));
  const run: RunSettings = { ...job.run, recipe, evaluateEvery: job.run.evaluateEvery };
  const id = runId(run, basis);
  if (id !== job.id) throw new ArgumentError('job.id', job.id, `the hash of the run, ${id}`);
  return { ...rest, ...(teacher !== undefined && { teacher }), basis, run };
}

/** Version of this package. */
export const ownVersion = (): string => describeEnvironment([]).packages['halfulp']!;

/** Throws ArgumentError unless a job is of this worker's versions: its results would be others'. */
export function checkVersions({ halfulp, basis }: RunJob): void {
  const [version, numerics] = [ownVersion(), ownNumerics()];
  if (halfulp !== version)
    throw new ArgumentError('job.halfulp', halfulp, `a run of this version, ${version}`);
  if (basis.numerics !== numerics)
    throw new ArgumentError('job.basis.numerics', basis.numerics, `a run of this worker's ${numerics}`);
}
