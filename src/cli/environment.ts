/**
 * What a run depends on besides its options: versions of the software and the kind of machine, for `config.json` and
 * the report. No host name, user or path: a run folder can be published as it is.
 */

import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { availableParallelism, cpus, totalmem } from 'node:os';
import { packageVersion } from './own-package.ts';

/** Machine and software of a run. */
export interface Environment {
  readonly cpu: string;
  /** Cores that this process may use. */
  readonly cores: number;
  /** Memory in GiB, rounded. */
  readonly memoryGiB: number;
  readonly platform: string;
  readonly architecture: string;
  readonly node: string;
  /** Versions by package name; packages that are not installed are absent. */
  readonly packages: Readonly<Record<string, string>>;
}

/** Version of an installed package, or null. Reads its package.json, which need not be among its exports. */
function installedVersion(name: string): string | null {
  const require = createRequire(import.meta.url);
  for (const folder of require.resolve.paths(name) ?? []) {
    try {
      const text = readFileSync(`${folder}/${name}/package.json`, 'utf8');
      return (JSON.parse(text) as { version: string }).version;
    } catch {
      // Not in this folder; look in the next one up.
    }
  }
  return null;
}

/** Describes this machine and the versions of the named packages beside halfulp's own. */
export function describeEnvironment(packageNames: readonly string[]): Environment {
  const packages: Record<string, string> = { halfulp: packageVersion() };
  for (const name of packageNames) {
    const version = installedVersion(name);
    if (version !== null) packages[name] = version;
  }
  return {
    cpu: cpus()[0]?.model.trim() || 'unknown',
    cores: availableParallelism(),
    memoryGiB: Math.round(totalmem() / 2 ** 30),
    platform: process.platform,
    architecture: process.arch,
    node: process.versions.node,
    packages,
  };
}
