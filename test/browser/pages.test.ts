/** What each page of the laboratory shows beside its numbers: lines, tables, maps, bars, pictures, threads; and what a page loads. */

import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { distributions } from '../../src/cli/analyze/distributions.ts';
import type { Served } from '../../src/cli/lab/serve.ts';
import { siteFinder } from '../../src/cli/lab/site.ts';
import { analyze, formats, namedQuantizer } from '../../src/index.ts';
import {
  type AnyBrowser,
  type AnyPage,
  browsers,
  fill,
  isSiteBuilt,
  serveSite,
  settled,
  siteFolder,
  subPath,
} from './site.ts';

/** The site with nothing that isolates its pages. */
async function servePlainly(): Promise<Served> {
  const find = siteFinder(siteFolder);
  const server = createServer(({ url = '' }, response) => {
    const sent = find(url.replace(/[?#].*$/s, ''));
    response.writeHead(sent === undefined ? 404 : 200, { 'Content-Type': sent?.type ?? 'text/plain' });
    response.end(sent?.bytes);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    origin: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

/** Code that gives the texts of a table's cells, found by its caption. */
const tableOf = (caption: string): string =>
  `[...document.querySelectorAll('table')].filter((one) => one.caption.textContent.includes(${JSON.stringify(caption)})).flatMap((one) => [...one.rows].map((row) => [...row.cells].map((cell) => cell.textContent)))`;

/** Code that gives the colours of a picture, pixel by pixel, found by its caption. */
const pixelsOf = (caption: string): string =>
  `(() => { const canvas = [...document.querySelectorAll('canvas')].find((one) => one.getAttribute('aria-label').includes(${JSON.stringify(caption)}));
    const { width, height } = canvas; const { data } = canvas.getContext('2d').getImageData(0, 0, width, height);
    return Array.from({ length: width * height }, (_, i) => data.slice(4 * i, 4 * i + 3).join()); })()`;

describe.runIf(isSiteBuilt).each(browsers)('%s', (_, start) => {
  let browser: AnyBrowser;
  let served: Served;

  beforeAll(async () => {
    [browser, served] = await Promise.all([start(), serveSite()]);
  }, 120_000);
  afterAll(async () => {
    await browser?.close();
    await served?.close();
  });

  async function opened(path: string): Promise<AnyPage> {
    const page = await browser.open(served.origin);
    await page.goto(`${served.origin}${subPath}laboratory/${path}`);
    expect(await page.evaluate(settled)).toBe('ready');
    return page;
  }

  it('format: two formats on both lines and in the table of limits, all codes, sliders that make a name', async () => {
    const page = await opened('format.html?format=e2m1&with=e3m2&code=0x3');
    const lines = await page.evaluate<[string, number[]][]>(
      "[...document.querySelectorAll('svg[aria-label^=\"Values of\"], svg[aria-label^=\"Positive values\"]')].map((one) => [one.getAttribute('aria-label'), [...one.querySelectorAll('.ticks')].map((path) => path.getAttribute('d').split('M').length - 1)])",
    );
    const count = (name: 'e2m1' | 'e3m2', positive: boolean): number =>
      new Set(
        formats[name]
          .values()
          .filter((x) => !positive || x > 0)
          .map((x) => x + 0),
      ).size;
    expect(lines).toEqual([
      ['Values of e2m1 and e3m2 on a linear scale', [count('e2m1', false), count('e3m2', false)]],
      ['Positive values of e2m1 and e3m2 on a logarithmic scale', [count('e2m1', true), count('e3m2', true)]],
    ]);
    const limits = await page.evaluate<string[][]>(tableOf('Limits of e2m1 and e3m2'));
    expect(limits[0]).toEqual(['limit', 'e2m1', 'e3m2']);
    expect(limits).toContainEqual(['largest', '6', '28']);
    const codes = await page.evaluate<string[][]>(tableOf('Codes of e2m1'));
    expect(codes.slice(1).map(([code, , value]) => [code, value])).toEqual(
      Array.from({ length: 16 }, (_, code) => [
        `0x${code.toString(16)}`,
        Object.is(formats.e2m1.decode(code), -0) ? '-0' : `${formats.e2m1.decode(code)}`,
      ]),
    );
    expect(await page.evaluate("document.querySelector('tr.chosen th').textContent")).toBe('0x3');
    // The chosen row of a long table is in its frame.
    expect(await page.evaluate(fill({ format: 'e4m3fn', code: '0x80' }))).toBe('ready');
    expect(
      await page.evaluate(`(() => {
        const row = document.querySelector('tr.chosen').getBoundingClientRect();
        const frame = document.querySelector('tr.chosen').closest('.scroll').getBoundingClientRect();
        return row.top >= frame.top && row.bottom <= frame.bottom;
      })()`),
    ).toBe(true);
    expect(await page.evaluate(fill({ exponent: '5', mantissa: '6' }))).toBe('ready');
    expect(await page.evaluate("document.querySelector('[name=format]').value")).toBe('float(5,6,fn)');
    await page.close();
  });

  it('rounding: flags, and what saturation makes of a number beyond the range', async () => {
    const page = await opened('rounding.html?value=1e6&format=e4m3fn');
    const rows = async (): Promise<Record<string, string[]>> =>
      Object.fromEntries(
        (await page.evaluate<string[][]>(tableOf('What each mode makes'))).map(
          ([mode, , result, , , , flags]) => [mode!, [result!, flags!]],
        ),
      );
    expect((await rows())['nearest-even']).toEqual(['NaN', 'inexact, overflow']);
    expect((await rows())['toward-zero']).toEqual(['448', 'inexact, overflow']);
    expect(await page.evaluate(fill({ saturation: 'finite' }))).toBe('ready');
    expect((await rows())['nearest-even']).toEqual(['448', 'inexact, overflow']);
    expect(await page.evaluate(fill({ value: '0.0001' }))).toBe('ready');
    expect((await rows())['nearest-even']).toEqual(['0', 'inexact, underflow']);
    expect(await page.evaluate(fill({ value: '1' }))).toBe('ready');
    expect((await rows())['nearest-even']).toEqual(['1', '']);
    await page.close();
  });

  it('quantisers: the map of errors, the bars of codes, and what a Hadamard transform changes', async () => {
    const page = await opened(
      'quantisers.html?source=pasted&quantisers=e2m1%2Ftensor&hadamard=none&numbers=6+3+1%0A2+-6+1.25',
    );
    // Only 1.25 is no value of e2m1.
    const errors = await page.evaluate<string[]>(pixelsOf('errors of'));
    expect(errors.length).toBe(6);
    expect(errors.map((colour) => colour === errors[0])).toEqual([true, true, true, true, true, false]);
    const magnitudes = await page.evaluate<string[]>(pixelsOf('magnitudes'));
    expect([magnitudes[0], new Set(magnitudes).size]).toEqual([magnitudes[4], 5]);
    const bars = await page.evaluate<number[]>(
      "[...document.querySelectorAll('svg[aria-label^=\"How often\"] rect')].map((one) => Number(one.getAttribute('height')))",
    );
    // -6, 1 twice, 2, 3, 6.
    expect(bars.filter((height) => height > 0)).toEqual([75, 150, 75, 75, 75]);
    const names = ['nvfp4', 'mxfp4', 'int4/block:32'];
    const values = {
      source: 'outliers',
      rows: '8',
      columns: '128',
      quantisers: names.join(' '),
      hadamard: '32',
    };
    expect(await page.evaluate(fill(values))).toBe('ready');
    const x = distributions['outliers']!(1024, 128, 1);
    const table = await page.evaluate<string[][]>(tableOf('What each quantiser does'));
    const of = (name: string, transform?: { name: 'hadamard'; size: number }): string =>
      analyze(x, namedQuantizer(name, { nan: 'zero', ...(transform && { transform }) }), {
        shape: [8, 128],
      }).sqnr.toFixed(2);
    expect(table.slice(1).map(([name, , plain, transformed]) => [name, plain, transformed])).toEqual(
      names.map((name) => [name, of(name), of(name, { name: 'hadamard', size: 32 })]),
    );
    const dots = "svg[aria-label^='Signal to quantisation noise'] circle";
    expect(await page.evaluate(`document.querySelectorAll("${dots}").length`)).toBe(6);
    await page.close();
  });

  it('training: weights and their codes as pictures, flips, and the spike at the transition', async () => {
    const page = await opened('training.html?steps=30&probes=5&other=');
    expect(await page.evaluate(fill({ recipe: '{ "recipe": "bitnetTransition", "at": 0.5 }' }))).toBe(
      'ready',
    );
    await page.evaluate("document.querySelector('.buttons button.main').click()");
    await page.evaluate('new Promise((resolve) => setTimeout(resolve, 200))');
    expect(await page.evaluate(settled)).toBe('ready');
    expect(new Set(await page.evaluate<string[]>(pixelsOf('as the forward pass reads it'))).size).toBe(3);
    expect(new Set(await page.evaluate<string[]>(pixelsOf('weights after 30 steps'))).size).toBeGreaterThan(
      20,
    );
    expect(
      await page.evaluate('document.querySelectorAll(\'svg[aria-label^="Share of codes"] circle\').length'),
    ).toBeGreaterThan(1);
    const spike = await page.evaluate<string[][]>(tableOf('The loss after the change'));
    expect(spike[1]![1]).toBe('15');
    await page.close();
  });

  it('threads where the page is isolated, one otherwise', async () => {
    const threads =
      "[...document.querySelectorAll('.facts div')].find((one) => one.textContent.startsWith('threads')).lastChild.textContent";
    const page = await opened('quantisers.html');
    const cores = await page.evaluate<number>('navigator.hardwareConcurrency');
    expect(await page.evaluate(threads)).toBe(`${Math.min(4, cores)}`);
    const shown = "[...document.querySelectorAll('[data-quantiser]')].map((one) => one.dataset.value)";
    const isolated = await page.evaluate(shown);
    await page.close();
    const plain = await servePlainly();
    try {
      const other = await browser.open(plain.origin);
      await other.goto(`${plain.origin}/laboratory/quantisers.html`);
      expect(await other.evaluate(settled)).toBe('ready');
      expect(await other.evaluate('crossOriginIsolated')).toBe(false);
      expect(await other.evaluate(threads)).toBe('1');
      expect(await other.evaluate(shown)).toEqual(isolated);
      expect(other.faults).toEqual([]);
      await other.close();
    } finally {
      await plain.close();
    }
  });

  it.each(['format', 'rounding', 'arithmetic', 'quantisers', 'training'])(
    '%s needs at most 150 KB before anything is computed',
    async (name) => {
      const page = await opened(`${name}.html`);
      const urls = await page.evaluate<string[]>(
        "[location.href, ...performance.getEntriesByType('resource').map(({ name }) => name)]",
      );
      // The worker and what it loads compute.
      const files = new Set(
        urls.map((url) => new URL(url).pathname.slice(subPath.length)).filter((file) => !/worker/.test(file)),
      );
      const bytes = [...files].reduce(
        (sum, file) => sum + gzipSync(readFileSync(`${siteFolder}/${file}`)).length,
        0,
      );
      expect(bytes).toBeGreaterThan(10_000);
      expect(bytes).toBeLessThanOrEqual(150_000);
      await page.close();
    },
  );
});
