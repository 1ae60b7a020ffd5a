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
 * The part of a task of a Slurm job array: by its number, the first one and the step between two. Throws ArgumentError naming
 * the variable where the tasks are not evenly spaced, as after some of an array were sent again.
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
  const [id, of, first] = [number('ID'), number('COUNT'), number('MIN', 1)];
  const index = (id - first) / number('STEP', 1) + 1;
  if (!Number.isInteger(index) || index < 1 || index > of || of > mostShards)
    throw new ArgumentError(
      'SLURM_ARRAY_TASK_ID',
      id,
      `one of ${of} evenly spaced tasks from ${first}; after sending some again: --shard N/COUNT of the whole array`,
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
