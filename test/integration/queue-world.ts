/** A world for queues under test: a Redis of its own with a password, workers and sweeps as processes, runs that take little. */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Redis } from 'ioredis';

export const script = fileURLToPath(new URL('../../dist/cli/main.js', import.meta.url));

/** Whether a Redis can be started here; tests that need one are skipped where not. */
export const hasRedis: boolean = spawnSync('redis-server', ['--version']).status === 0;

/** With what an address has to escape. */
export const password = 'se/cr@t:ét';

export const pause = (milliseconds: number): Promise<void> =>
  new Promise((resolve) => setTimeout(resolve, milliseconds));

export async function until(
  isSo: () => boolean | Promise<boolean>,
  what: string,
  seconds = 120,
): Promise<void> {
  const end = performance.now() + 1000 * seconds;
  while (!(await isSo())) {
    if (performance.now() > end) throw new Error(`waited ${seconds} s for ${what}`);
    await pause(50);
  }
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as { port: number };
  server.close();
  await once(server, 'close');
  return port;
}

export interface TestRedis {
  readonly port: number;
  /** With user and password. */
  readonly address: string;
  readonly client: Redis;
  stop(signal?: NodeJS.Signals): Promise<void>;
  start(): Promise<void>;
  end(): Promise<void>;
}

/** A Redis that takes TLS alone, and one user: where its authority's certificate is. */
export interface TlsRedis {
  readonly authority: string;
  readonly port: number;
  end(): Promise<void>;
}

/** Starts a Redis with TLS and the user `me`; null where there is no openssl to make certificates. */
export async function tlsRedis(folder: string): Promise<TlsRedis | null> {
  const at = (name: string): string => join(folder, name);
  const openssl = (...argv: string[]): boolean =>
    spawnSync('openssl', argv, { stdio: 'ignore' }).status === 0;
  const key = ['-newkey', 'rsa:2048', '-nodes', '-days', '2', '-subj', '/CN=test'];
  const names = ['-addext', 'subjectAltName=DNS:localhost,IP:127.0.0.1'];
  if (!openssl('req', '-x509', ...key, ...names, '-keyout', at('key.pem'), '-out', at('cert.pem')))
    return null;
  const port = await freePort();
  const settings = [
    ...['port 0', `tls-port ${port}`, 'bind 127.0.0.1', 'tls-auth-clients no', 'save ""'],
    ...[
      `tls-cert-file ${at('cert.pem')}`,
      `tls-key-file ${at('key.pem')}`,
      `tls-ca-cert-file ${at('cert.pem')}`,
    ],
    ...['user default off', `user me on >${password} ~* &* +@all`, ''],
  ];
  writeFileSync(at('tls.conf'), settings.join('\n'));
  const server = spawn('redis-server', [at('tls.conf')], { stdio: 'ignore' });
  const ca = readFileSync(at('cert.pem'));
  await until(async () => {
    const options = {
      port,
      username: 'me',
      password,
      tls: { ca },
      lazyConnect: true,
      retryStrategy: () => null,
    };
    const probe = new Redis(options);
    probe.on('error', () => {});
    try {
      await probe.connect();
      return true;
    } catch {
      return false;
    } finally {
      probe.disconnect();
    }
  }, 'Redis with TLS');
  return {
    authority: at('cert.pem'),
    port,
    async end() {
      const closed = once(server, 'close');
      server.kill('SIGKILL');
      await closed;
    },
  };
}

/** Starts a Redis in a folder, with an append-only file. */
export async function testRedis(folder: string): Promise<TestRedis> {
  const port = await freePort();
  const data = join(folder, 'redis');
  mkdirSync(data, { recursive: true });
  let server: ChildProcess | null = null;
  const client = new Redis({ port, password, lazyConnect: true, maxRetriesPerRequest: null });
  client.on('error', () => {});
  const start = async (): Promise<void> => {
    server = spawn(
      'redis-server',
      [
        ...['--port', `${port}`, '--bind', '127.0.0.1', '--requirepass', password, '--dir', data],
        ...['--appendonly', 'yes', '--appendfsync', 'everysec', '--save', ''],
      ],
      { stdio: 'ignore' },
    );
    await until(async () => {
      const probe = new Redis({ port, password, lazyConnect: true, retryStrategy: () => null });
      probe.on('error', () => {});
      try {
        await probe.connect();
        return (await probe.ping()) === 'PONG';
      } catch {
        return false;
      } finally {
        probe.disconnect();
      }
    }, 'Redis');
    if (client.status === 'wait') await client.connect();
  };
  const stop = async (signal: NodeJS.Signals = 'SIGTERM'): Promise<void> => {
    const own = server!;
    server = null;
    const closed = once(own, 'close');
    own.kill(signal);
    await closed;
  };
  await start();
  return {
    port,
    address: `redis://:${encodeURIComponent(password)}@127.0.0.1:${port}`,
    client,
    start,
    stop,
    async end() {
      client.disconnect();
      if (server !== null) await stop('SIGKILL');
    },
  };
}

export interface Running {
  readonly child: ChildProcess;
  readonly ended: Promise<{ code: number | null; signal: NodeJS.Signals | null }>;
  stdout(): string;
  stderr(): string;
}

/** Starts the command line as a process. */
export function startHalfulp(argv: readonly string[], environment: NodeJS.ProcessEnv = {}): Running {
  const child = spawn(process.execPath, [script, ...argv], {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, ...environment },
  });
  const written = { stdout: '', stderr: '' };
  for (const name of ['stdout', 'stderr'] as const)
    child[name].on('data', (chunk) => {
      written[name] += chunk;
    });
  const ended = new Promise<{ code: number | null; signal: NodeJS.Signals | null }>((resolve, reject) => {
    child.on('error', reject);
    child.on('close', (code, signal) => resolve({ code, signal }));
  });
  return { child, ended, stdout: () => written.stdout, stderr: () => written.stderr };
}

/** A mark by which the processes of a test are found, whoever started them. */
export const processMark = (): NodeJS.ProcessEnv => ({ HALFULP_TEST: randomUUID() });

/** Processes that have a mark. */
export function processesOf(mark: NodeJS.ProcessEnv): number[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .filter((pid) => {
      try {
        return readFileSync(`/proc/${pid}/environ`, 'latin1').includes(mark['HALFULP_TEST']!);
      } catch {
        return false;
      }
    })
    .map(Number);
}

/** Writes a sweep of so many short runs on a table, and gives its file. */
export function writeSweep(folder: string, runs: number, more: object = {}): string {
  const table = join(folder, 'table.csv');
  const rows = Array.from({ length: 120 }, (_, i) => {
    const x = [Math.sin(i), Math.cos(3 * i), (i * 7) % 11, i % 5];
    return `${x.join(',')},${'abc'[(i * i) % 3]}`;
  });
  writeFileSync(table, rows.join('\n'));
  const arms = [
    { name: 'float32', recipe: { recipe: 'float32' } },
    { name: 'bitnet', recipe: { recipe: 'bitnet' } },
    { name: 'turned', recipe: { recipe: 'bitnetTransition', at: 0.5 } },
    // The same table in another scaling is other data.
    { name: 'grid', recipe: { recipe: 'dqt', bits: 8 }, data: { csv: table, label: '5', scaling: 'range' } },
  ];
  const sweep = {
    ...{ name: 'short', model: 'mlp', steps: 24, evaluateEvery: 7, checkpointEvery: 4, baseline: 'float32' },
    seeds: Array.from({ length: Math.ceil(runs / arms.length) }, (_, i) => i + 1),
    data: { csv: table, label: '5' },
    arms,
    ...more,
  };
  const file = join(folder, 'sweep.json');
  writeFileSync(file, JSON.stringify(sweep));
  return file;
}

/** Fields that are the machine's and the hour's. */
const incidental = ['seconds', 'predictionsPerSecond', 'peakMemory'];

/** What runs of a folder came to, to the bit, by their names: result and every record. */
export function bitsOf(out: string): Map<string, unknown> {
  const plain = (text: string): unknown =>
    JSON.parse(text, (key, value) => (incidental.includes(key) ? undefined : value));
  const folder = join(out, 'trained');
  return new Map(
    readdirSync(folder)
      .filter((id) => existsSync(join(folder, id, 'result.json')))
      .sort()
      .map((id) => {
        const read = (file: string): string => readFileSync(join(folder, id, file), 'utf8');
        return [id, [plain(read('result.json')), read('metrics.jsonl').trimEnd().split('\n').map(plain)]];
      }),
  );
}

/** Bytes of memory of a process. */
export const memoryOf = (pid: number): number =>
  1024 * Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1] ?? Number.NaN);
