/**
 * A small server on the loopback interface for pages under test: one blank page, and the project's TypeScript modules,
 * each compiled when asked for with the options of the build. Sends the headers that make a page cross-origin isolated,
 * so that it may share memory.
 */
import { readFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { fileURLToPath } from 'node:url';
import ts from 'typescript';

const root = new URL('../../', import.meta.url);
const modules = /^\/(src|test\/browser)\/[\w/-]+\.ts$/;

function compile(path: string): string {
  const source = readFileSync(fileURLToPath(new URL(`.${path}`, root)), 'utf8');
  const { outputText } = ts.transpileModule(source, {
    fileName: path,
    compilerOptions: {
      target: ts.ScriptTarget.ES2022,
      module: ts.ModuleKind.ESNext,
      verbatimModuleSyntax: true,
      isolatedModules: true,
    },
  });
  return outputText;
}

function answer(path: string): { type: string; body: string } | undefined {
  if (path === '/') return { type: 'text/html', body: '<!doctype html><title>halfulp</title>' };
  if (!modules.test(path)) return undefined;
  return { type: 'text/javascript', body: compile(path) };
}

/** Starts the server on a free port. */
export async function serve(): Promise<{ origin: string; close(): Promise<void> }> {
  const server: Server = createServer((request, response) => {
    try {
      const found = answer(new URL(request.url ?? '/', 'http://localhost').pathname);
      response.writeHead(found === undefined ? 404 : 200, {
        'Content-Type': found?.type ?? 'text/plain',
        'Cross-Origin-Opener-Policy': 'same-origin',
        'Cross-Origin-Embedder-Policy': 'require-corp',
      });
      response.end(found?.body ?? 'not found');
    } catch (error) {
      response.writeHead(500, { 'Content-Type': 'text/plain' });
      response.end(String(error));
    }
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return {
    origin: `http://127.0.0.1:${port}`,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}
