/**
 * Claims on a run folder: the process that trains in it leaves a file there that says so, so that no other one trains
 * in it at the same time. A claim whose process has ended, however it ended, holds nobody up. For processes of one
 * machine; it knows nothing of those of another that share the folder.
 */
import { randomUUID } from 'node:crypto';
import { readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

const pattern = /^claim-(\d+)-[\w-]+\.json$/;

/** When a process began and whether it is there, as Linux tells; null elsewhere. */
function processFacts(pid: number): { readonly began: string; readonly ended: boolean } | null {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, 'latin1');
    // The name in parentheses may hold anything. After it: field 3, the state, to field 22, the start.
    const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
    return { began: fields[19]!, ended: fields[0] === 'Z' || fields[0] === 'X' };
  } catch {
    return null;
  }
}

/** Whether the process that left a claim still runs; `began` tells it from a later one of the same number. */
function isRunning(pid: number, began: string | null): boolean {
  try {
    process.kill(pid, 0);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ESRCH') return false;
  }
  const facts = processFacts(pid);
  return facts === null || (!facts.ended && (began === null || facts.began === began));
}

function beganOf(path: string): string | null {
  try {
    const { began } = JSON.parse(readFileSync(path, 'utf8')) as { began?: unknown };
    return typeof began === 'string' ? began : null;
  } catch {
    return null;
  }
}

/** Number of the running process that has claimed a run folder, or null. `own` is a claim that does not count. */
export function claimantOf(folder: string, own?: string): number | null {
  if (!statSync(folder, { throwIfNoEntry: false })?.isDirectory()) return null;
  for (const file of readdirSync(folder)) {
    const pid = Number(pattern.exec(file)?.[1] ?? Number.NaN);
    if (Number.isNaN(pid) || file === own) continue;
    if (isRunning(pid, beganOf(join(folder, file)))) return pid;
  }
  return null;
}

/** A folder that this process has for itself until it lets go of it or ends. */
interface Claim {
  release(): void;
}

/**
 * Claims an existing run folder. Of several processes that claim it at once, at most one gets it: each leaves its file
 * before it looks for others.
 *
 * @throws Error naming the process that has it
 */
export function claimFolder(folder: string): Claim {
  const file = `claim-${process.pid}-${randomUUID()}.json`;
  const path = join(folder, file);
  writeFileSync(path, `${JSON.stringify({ began: processFacts(process.pid)?.began ?? null })}\n`, {
    flag: 'wx',
  });
  const release = (): void => {
    process.off('exit', release);
    rmSync(path, { force: true });
  };
  process.on('exit', release);
  const other = claimantOf(folder, file);
  if (other !== null) {
    release();
    throw new Error(`process ${other} is training in ${folder}`);
  }
  for (const left of readdirSync(folder))
    if (pattern.test(left) && left !== file) rmSync(join(folder, left), { force: true });
  return { release };
}
