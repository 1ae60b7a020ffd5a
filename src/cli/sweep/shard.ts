/**
 * A part of a sweep's runs, for machines that share a folder and nothing else: every run is in exactly one of the parts.
 */
import { ArgumentError } from '../../errors.ts';
import type { SweepRun } from './sweep-run.ts';

interface Shard {
  /** From 1. */
  readonly index: number;
  readonly of: number;
}

const mostShards = 10_000;
const accepted = `which part of how many, as 3/16; at most ${mostShards}`;

function readShard(text: string): Shard {
  const [, index, of] = /^(\d{1,5})\/(\d{1,5})$/.exec(text.trim())?.map(Number) ?? [];
  if (index === undefined || of === undefined || index < 1 || index > of || of > mostShards)
    throw new ArgumentError('--shard', text, accepted);
  return { index, of };
}

/**
 * The part of a task of a Slurm job array: by its number and the step between two. Of a whole array only, which begins with 0, 1 or its
 * step: what Slurm says of tasks that were sent again, or of one by itself, says nothing of the array that they are of. Throws ArgumentError.
 */
function slurmShard(environment: Readonly<Record<string, string | undefined>>): Shard {
  const number = (name: string, fallback?: number): number => {
    const text = environment[`SLURM_ARRAY_TASK_${name}`];
    if (text === undefined && fallback !== undefined) return fallback;
    if (text === undefined || !/^\d{1,9}$/.test(text))
      throw new ArgumentError(
        `SLURM_ARRAY_TASK_${name}`,
        text,
        'a number from Slurm, or --shard with one, as 3/16',
      );
    return Number(text);
  };
  const [id, of, first, step] = [number('ID'), number('COUNT'), number('MIN', 1), number('STEP', 1)];
  const isWhole =
    of > 1 &&
    [0, 1, step].includes(first) &&
    number('MAX', first + step * (of - 1)) === first + step * (of - 1);
  const index = (id - first) / step + 1;
  if (!isWhole || !Number.isInteger(index) || index < 1 || index > of || of > mostShards)
    throw new ArgumentError(
      'SLURM_ARRAY_TASK_ID',
      id,
      'a task of a whole array of several, as --array=1-16; of others say which part, from 1, of how many: --shard "$SLURM_ARRAY_TASK_ID/16"',
    );
  return { index, of };
}

/** Reads `--shard 3/16`, or `--shard` alone: from Slurm. */
export const shardOf = (
  given: string | true,
  environment: Readonly<Record<string, string | undefined>>,
): Shard => (given === true ? slurmShard(environment) : readShard(given));

/** The runs of a part; runs that are equal are in the same one. */
export function runsOfShard(runs: readonly SweepRun[], { index, of }: Shard): SweepRun[] {
  const order = new Map([...new Set(runs.map(({ id }) => id))].map((id, place) => [id, place]));
  return runs.filter(({ id }) => order.get(id)! % of === index - 1);
}
