/** `halfulp lab`: what it serves, and what it does not: nothing outside its folder, to no other host, by no other method. */
import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { request } from 'node:http';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { dataFiles } from '../../src/cli/lab/data.ts';
import { type Finder, pathOf, type Served, serve } from '../../src/cli/lab/serve.ts';
import { packageFinder, siteFinder } from '../../src/cli/lab/site.ts';
import { run } from '../../src/cli/main.ts';
import { mobyDick, textData } from '../../src/train/index.ts';
import { testWorld } from './cli-world.ts';

const folder = mkdtempSync(join(tmpdir(), 'halfulp-lab-'));
const site = join(folder, 'site');

beforeAll(() => {
  for (const path of ['laboratory', 'assets']) mkdirSync(join(site, path), { recursive: true });
  mkdirSync(join(folder, 'site-beside'));
  writeFileSync(join(folder, 'secret.txt'), 'secret');
  writeFileSync(join(folder, 'site-beside', 'secret.txt'), 'secret');
  writeFileSync(join(site, 'index.html'), 'home');
  writeFileSync(join(site, 'laboratory', 'format.html'), 'format');
  writeFileSync(join(site, 'assets', 'a b.js'), '1');
  symlinkSync(join(folder, 'secret.txt'), join(site, 'link.txt'));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

interface Answer {
  readonly status: number | undefined;
  readonly body: string;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
}

/** Asks with a path as it is: `fetch` would tidy it. */
function ask(
  { origin }: Served,
  path: string,
  options: { method?: string; host?: string } = {},
): Promise<Answer> {
  const { method = 'GET', host } = options;
  const { port } = new URL(origin);
  return new Promise((resolve, reject) => {
    const asked = request(
      { port, path, method, ...(host === undefined ? {} : { headers: { host } }), hostname: '127.0.0.1' },
      (response) => {
        let body = '';
        response.on('data', (piece) => {
          body += piece;
        });
        response.on('end', () => resolve({ status: response.statusCode, body, headers: response.headers }));
      },
    );
    asked.on('error', reject);
    asked.end();
  });
}

async function withServer<T>(find: Finder, use: (served: Served) => Promise<T>): Promise<T> {
  const served = await serve(find, 0);
  try {
    return await use(served);
  } finally {
    await served.close();
  }
}

describe('a path', () => {
  it.each([
    '/../secret.txt',
    '/..',
    '/a/../b',
    '/%2e%2e/secret.txt',
    '/..%2fsecret.txt',
    '/a%00b',
    '/..\\secret',
    '/%',
    'a',
    '',
    '//../x',
    '/./a',
  ])('%j is none', (path) => {
    expect(pathOf(path)).toBeUndefined();
  });

  it.each([
    ['/', '/'],
    ['/a%20b.js?x=1', '/a b.js'],
    ['/laboratory/format.html?format=e4m3fn#top', '/laboratory/format.html'],
    ['/a..b/c', '/a..b/c'],
  ])('%j is %j', (url, path) => {
    expect(pathOf(url)).toBe(path);
  });
});

it('serves what is in its folder, and nothing beside it', () =>
  withServer(siteFinder(site), async (served) => {
    expect((await ask(served, '/')).body).toBe('home');
    expect((await ask(served, '/laboratory/format')).body).toBe('format');
    expect((await ask(served, '/laboratory/format.html?code=0x38')).body).toBe('format');
    expect(await ask(served, '/assets/a%20b.js')).toMatchObject({ status: 200, body: '1' });
    for (const path of [
      '/../secret.txt',
      '/%2e%2e/secret.txt',
      '/link.txt',
      '/../site-beside/secret.txt',
      '/assets',
      '/nothing',
    ])
      expect(await ask(served, path), path).toMatchObject({ status: 404, body: 'no such page\n' });
  }));

it('makes pages isolated, and answers no other method or host', () =>
  withServer(siteFinder(site), async (served) => {
    const { headers } = await ask(served, '/');
    expect(headers['cross-origin-opener-policy']).toBe('same-origin');
    expect(headers['cross-origin-embedder-policy']).toBe('require-corp');
    expect(headers['content-security-policy']).toMatch(
      /^default-src 'self'; object-src 'none'; frame-src 'none'; script-src 'self' 'wasm-unsafe-eval';/,
    );
    expect(headers['content-type']).toBe('text/html; charset=utf-8');
    expect(await ask(served, '/', { method: 'HEAD' })).toMatchObject({ status: 200, body: '' });
    expect(await ask(served, '/', { method: 'POST' })).toMatchObject({ status: 405 });
    expect(await ask(served, '/', { host: 'example.com' })).toMatchObject({ status: 403 });
    expect(await ask(served, '/', { host: '127.0.0.1.example.com' })).toMatchObject({ status: 403 });
  }));

it('serves an installed package: pages, their code, and modules with packages where browsers find them', () => {
  const dist = join(folder, 'dist');
  mkdirSync(join(dist, 'laboratory'), { recursive: true });
  writeFileSync(
    join(dist, 'laboratory', 'worker.js'),
    'import(`@tensorflow/tfjs`);import "../index.js";import{a}from"re2js";ask("csv-parse/sync","valibot")',
  );
  writeFileSync(join(dist, 'laboratory', 'style.css'), 'body{}');
  writeFileSync(join(dist, 'index.js'), 'export const one="1";');
  writeFileSync(join(dist, 'index.d.ts'), 'export declare const one: string;');
  return withServer(packageFinder(dist), async (served) => {
    expect((await ask(served, '/')).body).toContain('data-page="format"');
    expect((await ask(served, '/laboratory/training.html')).body).toContain('data-page="training"');
    expect((await ask(served, '/modules/laboratory/worker.js')).body).toBe(
      'import(`/packages/tensorflow.js`);import "../index.js";import{a}from"/packages/re2js/build/index.js";ask("csv-parse/sync","valibot")',
    );
    expect((await ask(served, '/modules/laboratory/style.css')).body).toBe('body{}');
    expect((await ask(served, '/modules/index.js')).body).toBe('export const one="1";');
    const parser = readFileSync('node_modules/csv-parse/dist/esm/sync.js', 'utf8');
    expect((await ask(served, '/packages/csv-parse/dist/esm/sync.js')).body).toBe(parser);
    expect((await ask(served, '/laboratory/training')).body).toContain('data-absent=""');
    for (const path of [
      '/data/nothing.txt',
      '/data/toString',
      '/packages/mnist/package.json',
      '/packages/commander/index.js',
      '/modules/index.d.ts',
      '/laboratory/nothing',
      '/package.json',
    ])
      expect(await ask(served, path), path).toMatchObject({ status: 404 });
  });
});

it('serves the text of the command line', async () => {
  const text = dataFiles['moby-dick.txt']!.make(createRequire(import.meta.url)) as string;
  const [served, read] = [textData(text), await mobyDick()];
  expect(served.vocabulary).toEqual(read.vocabulary);
  for (const part of ['training', 'validation'] as const)
    expect(served[part].join() === read[part].join(), part).toBe(true);
});

describe('the command', () => {
  it('prints its address, and ends by a signal', async () => {
    const world = testWorld();
    const ended = run(['lab', '--no-open', '--site', site], world.io);
    while (!world.stdout().includes('\n')) await new Promise((resolve) => setTimeout(resolve, 5));
    const address = world.stdout().trim();
    expect(address).toMatch(/^http:\/\/127\.0\.0\.1:\d+\/laboratory\/format$/);
    expect(await (await fetch(address)).text()).toBe('format');
    world.send('SIGINT');
    expect(await ended).toBe(0);
    expect(world.listening()).toBe(0);
    await expect(fetch(address)).rejects.toThrow();
  });

  it.each([
    [
      ['--site', join(tmpdir(), 'nothing-here')],
      /^halfulp: --site: got .*; accepted: a folder with a built site/,
    ],
    [['--port', '70000'], /^halfulp: --port: got 70000; accepted: /],
  ])('refuses %j', async (argv, message) => {
    const world = testWorld();
    expect(await run(['lab', '--no-open', ...argv], world.io)).toBe(2);
    expect(world.stderr()).toMatch(message);
  });

  it('says so where the port is taken', () =>
    withServer(siteFinder(site), async ({ origin }) => {
      const world = testWorld();
      expect(await run(['lab', '--no-open', '--site', site, '--port', new URL(origin).port], world.io)).toBe(
        2,
      );
      expect(world.stderr()).toMatch(/--port: got \d+; accepted: a free port \(EADDRINUSE\)/);
    }));
});
