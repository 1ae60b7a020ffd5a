/**
 * A server of files on the loopback interface: what a page of the laboratory needs, and nothing outside its folder. Its answers make
 * pages cross-origin isolated, so that they may use threads. What files there are is the matter of whoever calls.
 */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

/** A file as it is sent. */
export interface Sent {
  readonly type: string;
  readonly bytes: Uint8Array | string;
}

/** Finds the file of a path such as `/laboratory/format.html`; undefined where there is none. */
export type Finder = (path: string) => Sent | undefined;

export interface Served {
  readonly origin: string;
  close(): Promise<void>;
}

const types: Readonly<Record<string, string>> = {
  html: 'text/html; charset=utf-8',
  js: 'text/javascript; charset=utf-8',
  mjs: 'text/javascript; charset=utf-8',
  css: 'text/css; charset=utf-8',
  json: 'application/json',
  svg: 'image/svg+xml',
  txt: 'text/plain; charset=utf-8',
  csv: 'text/csv; charset=utf-8',
  wasm: 'application/wasm',
};

/** The media type of a file by its name. */
export const typeOf = (name: string): string =>
  types[/\.(\w+)$/.exec(name)?.[1] ?? ''] ?? 'application/octet-stream';

const headers: Readonly<Record<string, string>> = {
  'Cross-Origin-Opener-Policy': 'same-origin',
  'Cross-Origin-Embedder-Policy': 'require-corp',
  'Cross-Origin-Resource-Policy': 'same-origin',
  'X-Content-Type-Options': 'nosniff',
  'Referrer-Policy': 'no-referrer',
  'Cache-Control': 'no-cache',
  'Content-Security-Policy':
    "default-src 'self'; object-src 'none'; frame-src 'none'; script-src 'self' 'wasm-unsafe-eval'; style-src 'self'; img-src 'self' data: blob:; " +
    "connect-src 'self'; worker-src 'self' blob:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
};

/** The path of a request, with no way out of it; undefined for what is no path. */
export function pathOf(url: string): string | undefined {
  let path: string;
  try {
    path = decodeURIComponent(url.replace(/[?#].*$/s, ''));
  } catch {
    return undefined;
  }
  const isPlain = path.startsWith('/') && !/[\0\\]/.test(path) && !/(^|\/)\.\.?(\/|$)/.test(path);
  return isPlain ? path : undefined;
}

interface Answer {
  readonly code: number;
  readonly sent: Sent;
}

function answerTo({ headers: { host = '' }, method, url = '' }: IncomingMessage, find: Finder): Answer {
  const refused = (code: number, why: string): Answer => ({
    code,
    sent: { type: typeOf('.txt'), bytes: `${why}\n` },
  });
  // Names that lead here from elsewhere are none of ours.
  if (!/^(127\.0\.0\.1|localhost)(:\d+)?$/.test(host)) return refused(403, 'not this host');
  if (method !== 'GET' && method !== 'HEAD') return refused(405, 'GET only');
  const path = pathOf(url);
  const sent = path === undefined ? undefined : find(path);
  return sent === undefined ? refused(404, 'no such page') : { code: 200, sent };
}

function answer(request: IncomingMessage, response: ServerResponse, find: Finder): void {
  const { code, sent } = answerTo(request, find);
  response.writeHead(code, { ...headers, 'Content-Type': sent.type });
  response.end(request.method === 'HEAD' ? undefined : sent.bytes);
}

/** Serves on 127.0.0.1. Port 0 is any free one. */
export async function serve(find: Finder, port: number): Promise<Served> {
  const server = createServer((request, response) => {
    try {
      answer(request, response, find);
    } catch {
      response.writeHead(500).end();
    }
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, '127.0.0.1', resolve);
  });
  return {
    origin: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}
