/**
 * The address of a queue: `redis://user:password@host:port/database`, or `rediss://` for TLS. The password is for the
 * connection alone: whatever is written, logged or sent calls the queue by `shown`.
 */
import { ArgumentError } from '../../errors.ts';

export interface QueueAddress {
  readonly host: string;
  readonly port: number;
  readonly database: number;
  readonly user: string | undefined;
  readonly password: string | undefined;
  readonly tls: boolean;
  /** Without user and password. */
  readonly shown: string;
}

/** The variable with the password where the address has none: arguments are for all of a machine to see. */
export const passwordVariable = 'HALFULP_QUEUE_PASSWORD';

const accepted = 'redis://[[user]:password@]host[:port][/database], or rediss:// for TLS';

const isHost = (name: string): boolean => /^([\w.-]+|\[[\da-f:.]+\])$/i.test(name);

/** What was given without what may be a password, which may be anywhere: scheme, host and port where they are sure, else the scheme. */
function hidden(text: string): string {
  const scheme = /^[a-z]+:\/\//i.exec(text)?.[0] ?? '';
  const url = URL.canParse(text) ? new URL(text) : null;
  // An @ behind the host: what looks like one is a piece of user or password.
  if (
    scheme === '' ||
    url === null ||
    !isHost(url.hostname) ||
    /@/.test(url.pathname + url.search + url.hash)
  )
    return `${scheme}...`;
  return `${scheme}${url.host}/...`;
}

/** Reads an address. Throws ArgumentError naming `--queue`, without the password. */
export function readAddress(
  text: string,
  environment: Readonly<Record<string, string | undefined>>,
): QueueAddress {
  const refuse = (): never => {
    throw new ArgumentError('--queue', hidden(text), accepted);
  };
  let url: URL;
  try {
    url = new URL(text);
  } catch {
    return refuse();
  }
  const [, database = '0'] = /^\/(\d{1,5})$/.exec(url.pathname) ?? [];
  const isPlain = ['redis:', 'rediss:'].includes(url.protocol) && url.search === '' && url.hash === '';
  if (
    !isPlain ||
    !isHost(url.hostname) ||
    (!['', '/'].includes(url.pathname) && url.pathname !== `/${database}`)
  )
    refuse();
  const port = url.port === '' ? 6379 : Number(url.port);
  if (port === 0) refuse();
  let [user, password] = ['', ''];
  try {
    [user, password] = [decodeURIComponent(url.username), decodeURIComponent(url.password)];
  } catch {
    refuse();
  }
  return {
    host: url.hostname.replace(/^\[|\]$/g, ''),
    port,
    database: Number(database),
    user: user || undefined,
    password: password || environment[passwordVariable] || undefined,
    tls: url.protocol === 'rediss:',
    shown: `${url.protocol}//${url.hostname}:${port}${database === '0' ? '' : `/${database}`}`,
  };
}
