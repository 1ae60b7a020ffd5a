/** The spike at the last change of phase of a run, from the losses so far. */
import { lossSpike, type Spike } from '../../src/train/index.ts';
import type { RunRecord } from './run-record.ts';

/** Null without a change, or where the record does not begin with the first step. */
export function spikeOf({ phases, steps, losses }: RunRecord): Spike | null {
  const at = phases.at(-1);
  return at === undefined || steps[0] !== 1 ? null : lossSpike(losses, at);
}
