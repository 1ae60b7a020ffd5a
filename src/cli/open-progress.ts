/**
 * Chooses how progress is shown: a bar on terminals, lines elsewhere, nothing where asked for. The displays are
 * progress.ts and progress-bar.ts.
 */
import type { Io } from './io.ts';
import { lineProgress, type Part, type Progress, quietProgress } from './progress.ts';

export type OpenProgress = (parts: readonly Part[]) => Progress;

/** Loads the display that suits stderr; calling the result opens it. `now`: a clock in seconds. */
export async function loadProgress(quiet: boolean, io: Io, now: () => number): Promise<OpenProgress> {
  const { stderr, environment } = io;
  if (quiet) return () => quietProgress(stderr);
  if (stderr.isTTY !== true || environment['TERM'] === 'dumb')
    return (parts) => lineProgress(stderr, parts, now);
  const { barProgress } = await import('./progress-bar.ts');
  return (parts) => barProgress(stderr.device ?? stderr, parts, now);
}
