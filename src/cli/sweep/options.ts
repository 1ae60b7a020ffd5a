/** The options of `halfulp sweep` as values, and which of them have no meaning together. */
import { checkAbsent } from '../../check.ts';
import type { NamePattern } from '../../train/name-pattern.ts';
import type { DataOptions } from '../data-options.ts';

export interface SweepOptions extends DataOptions {
  readonly workers: number;
  readonly out: string;
  readonly json?: boolean;
  readonly estimate?: boolean;
  readonly report?: boolean;
  readonly seeds?: string;
  readonly arms: NamePattern;
  readonly queue?: string;
  readonly store?: string;
  readonly shard?: string | true;
  readonly merge?: string[];
}

/** Options that say the opposite of others: what each may not stand beside. */
const opposites = {
  queue: ['workers', 'shard', 'merge', 'report', 'estimate'],
  shard: ['merge', 'report'],
  merge: ['estimate', 'workers'],
  report: ['estimate', 'workers'],
} as const;

/** Throws ArgumentError naming the first option that has no meaning beside another. */
export function checkTogether(given: SweepOptions, isGiven: (option: keyof SweepOptions) => boolean): void {
  for (const [option, others] of Object.entries(opposites) as [
    keyof SweepOptions,
    readonly (keyof SweepOptions)[],
  ][])
    for (const other of others)
      if (isGiven(option) && isGiven(other))
        checkAbsent(`--${other}`, given[other], `no --${other} beside --${option}`);
  // Where nothing is trained, arms are those that seeds are given to.
  for (const option of ['merge', 'report'] as const)
    if (isGiven(option) && isGiven('arms') && !isGiven('seeds'))
      checkAbsent('--arms', given.arms.source, `--arms beside --${option} only with --seeds for them`);
  if (!isGiven('queue')) checkAbsent('--store', given.store, '--store beside --queue');
}
