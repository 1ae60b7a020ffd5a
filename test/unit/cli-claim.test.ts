/** Claims on run folders: one process at a time, and none that has ended. */
import { spawnSync } from 'node:child_process';
import { readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { claimantOf, claimFolder } from '../../src/cli/claim.ts';
import { withFolder } from './cli-world.ts';

test('a folder is claimed once, until it is released', async () => {
  await withFolder((folder) => {
    expect(claimantOf(folder)).toBeNull();
    const claim = claimFolder(folder);
    expect(claimantOf(folder)).toBe(process.pid);
    expect(() => claimFolder(folder)).toThrow(`process ${process.pid} is training in ${folder}`);
    // The one that was refused has taken its own file back, and the first one's stays.
    expect(readdirSync(folder)).toHaveLength(1);
    claim.release();
    expect(readdirSync(folder)).toEqual([]);
    claimFolder(folder).release();
  });
});

test('a claim of a process that has ended holds nobody up', async () => {
  await withFolder((folder) => {
    const { pid } = spawnSync(process.execPath, ['-e', '']);
    writeFileSync(join(folder, `claim-${pid}-a.json`), '{"began":null}');
    // The number of a running process, but left by an earlier one of that number.
    if (process.platform === 'linux')
      writeFileSync(join(folder, `claim-${process.pid}-b.json`), '{"began":"1"}');
    expect(claimantOf(folder)).toBeNull();
    const claim = claimFolder(folder);
    expect(readdirSync(folder)).toHaveLength(1);
    claim.release();
  });
});

test('a folder that is not there is claimed by nobody', () => {
  expect(claimantOf('/no/such/folder')).toBeNull();
});
