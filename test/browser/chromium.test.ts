/** Chromium gives the bits that Node gives: the same workload in both, compared outcome by outcome. */
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import * as halfulp from '../../src/index.ts';
import { findChromium, launch } from './chromium.ts';
import { serve } from './server.ts';
import { type Outcome, workloads } from './workload.ts';

const executable = findChromium();
if (executable === undefined)
  console.info('no Chromium at hand, browser tests skipped (set HALFULP_CHROMIUM to its path)');

describe.runIf(executable !== undefined)('Chromium and Node agree on every bit', () => {
  let browser: Browser;
  let page: Page;
  let server: Awaited<ReturnType<typeof serve>>;

  beforeAll(async () => {
    server = await serve();
    browser = await launch(executable!);
    page = await browser.newPage();
    await page.goto(server.origin);
  });

  afterAll(async () => {
    await browser?.close();
    await server?.close();
  });

  it('the page is isolated and may share memory', async () => {
    // As text, since the code is for the page and not for this program's types.
    expect(await page.evaluate('crossOriginIsolated && typeof SharedArrayBuffer')).toBe('function');
  });

  it.each(Object.keys(workloads) as (keyof typeof workloads)[])('%s', async (name) => {
    const script = `(async () => {
      const library = await import('/src/index.ts');
      const { workloads } = await import('/test/browser/workload.ts');
      return await workloads['${name}'](library);
    })()`;
    const inChromium = await page.evaluate<Outcome[]>(script);
    const inNode = await workloads[name](halfulp);
    expect(inChromium.length).toBeGreaterThan(0);
    expect(inChromium).toEqual(inNode);
    // However an array was cut, stored or shared among threads: one label, one hash.
    const hashes = new Map(inNode.map(({ label, hash }) => [label, hash]));
    expect(inNode.map(({ label }) => hashes.get(label))).toEqual(inNode.map(({ hash }) => hash));
  });
});
