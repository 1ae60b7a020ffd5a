/**
 * Chooses how progress is shown: a bar on terminals, lines elsewhere, nothing where asked for. The displays are
 * progress.ts and progress-bar.ts.
 */
import { isNotFound } from '../optional.ts';
import type { Io } from './io.ts';
import { lineProgress, type Part, type Progress, quietProgress } from './progress.ts';

export type OpenProgress = (parts: readonly Part[]) => Progress;

const bars = (): Promise<typeof import('./progress-bar.ts')> => import('./progress-bar.ts');

/**
 * Loads the display that suits stderr; calling the result opens it. A terminal has lines too where the package for bars is not
 * installed. `now`: a clock in seconds.
 */
export async function loadProgress(
  quiet: boolean,
  io: Io,
  now: () => number,
  load: typeof bars = bars,
): Promise<OpenProgress> {
  const { stderr, environment } = io;
  if (quiet) return () => quietProgress(stderr);
  const lines: OpenProgress = (parts) => lineProgress(stderr, parts, now);
  if (stderr.isTTY !== true || environment['TERM'] === 'dumb') return lines;
  try {
    const { barProgress } = await load();
    return (parts) => barProgress(stderr.device ?? stderr, parts, now);
  } catch (error) {
    if (!isNotFound(error)) throw error;
    return lines;
  }
}
