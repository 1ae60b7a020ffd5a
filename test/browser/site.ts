/** The built site under a sub-path, and browsers on it: Chromium and Firefox behind the few methods that tests need. */
import { existsSync, readFileSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import type { Browser as Chromium } from 'playwright-core';
import puppeteer, { type Browser as Firefox, type KeyInput } from 'puppeteer-core';
import { type Finder, type Served, serve } from '../../src/cli/lab/serve.ts';
import { siteFinder } from '../../src/cli/lab/site.ts';
import { everyCase } from '../every-case.ts';
import { findChromium, launch } from './chromium.ts';

/** The folder that `npm run site` builds. */
export const siteFolder = 'site/dist';

export const isSiteBuilt: boolean = existsSync(join(siteFolder, 'index.html'));

/** Which code blocks of each page of the documentation can be run there. */
export const examplesByPage = (): Readonly<Record<string, readonly number[]>> =>
  JSON.parse(readFileSync(join(siteFolder, 'examples/manifest.json'), 'utf8')) as Record<string, number[]>;

/** Where the site is put, to see that it does not mind. */
export const subPath = '/some/where/';

/** Serves the site under the sub-path, and nothing else. */
export function serveSite(): Promise<Served> {
  const find = siteFinder(siteFolder);
  const below: Finder = (path) =>
    path.startsWith(subPath) ? find(`/${path.slice(subPath.length)}`) : undefined;
  return serve(below, 0);
}

/** A page of either browser. */
export interface AnyPage {
  goto(address: string): Promise<unknown>;
  evaluate<T>(code: string): Promise<T>;
  resize(width: number, height: number): Promise<unknown>;
  /** Presses a key, as a keyboard does. */
  press(key: string): Promise<unknown>;
  /** Requests that left the origin, and errors of the page and its policy. */
  readonly faults: string[];
  close(): Promise<unknown>;
}

export interface AnyBrowser {
  open(origin: string): Promise<AnyPage>;
  close(): Promise<void>;
}

/** An installed Firefox: HALFULP_FIREFOX, or where systems put it. Nothing is downloaded. */
function findFirefox(): string | undefined {
  const named = process.env['HALFULP_FIREFOX'];
  if (named !== undefined) return named;
  const folders = ['/usr/bin', ...(process.env['PATH'] ?? '').split(delimiter)];
  return folders
    .flatMap((folder) => ['firefox-esr', 'firefox'].map((name) => join(folder, name)))
    .find(existsSync);
}

const isForeign = (url: string, origin: string): boolean =>
  /^https?:/.test(url) && !url.startsWith(`${origin}/`);

function ofChromium(browser: Chromium): AnyBrowser {
  return {
    async open(origin) {
      const page = await browser.newPage();
      const faults: string[] = [];
      page.on('request', (request) => isForeign(request.url(), origin) && faults.push(request.url()));
      page.on('pageerror', ({ message }) => faults.push(message));
      page.on('console', (message) => message.type() === 'error' && faults.push(message.text()));
      return {
        faults,
        goto: (address) => page.goto(address),
        evaluate: <T>(code: string) => page.evaluate<T>(code),
        resize: (width, height) => page.setViewportSize({ width, height }),
        press: (key) => page.keyboard.press(key),
        close: () => page.close(),
      };
    },
    close: () => browser.close(),
  };
}

function ofFirefox(browser: Firefox): AnyBrowser {
  return {
    async open(origin) {
      const page = await browser.newPage();
      const faults: string[] = [];
      page.on('request', (request) => void (isForeign(request.url(), origin) && faults.push(request.url())));
      page.on('pageerror', (error) => void faults.push(String((error as Error).message)));
      page.on('console', (message) => void (message.type() === 'error' && faults.push(message.text())));
      return {
        faults,
        goto: (address) => page.goto(address),
        evaluate: <T>(code: string) => page.evaluate(code) as Promise<T>,
        resize: (width, height) => page.setViewport({ width, height }),
        press: (key) => page.keyboard.press(key as KeyInput),
        close: () => page.close(),
      };
    },
    close: () => browser.close(),
  };
}

const [chromiumPath, firefoxPath] = [findChromium(), findFirefox()];

/** The browsers at hand, by name. */
export const browsers: readonly (readonly [name: string, start: () => Promise<AnyBrowser>])[] = [
  ...(chromiumPath === undefined
    ? []
    : [['Chromium', async () => ofChromium(await launch(chromiumPath))] as const]),
  ...(firefoxPath === undefined
    ? []
    : [
        [
          'Firefox',
          async () =>
            ofFirefox(
              await puppeteer.launch({ browser: 'firefox', executablePath: firefoxPath, headless: true }),
            ),
        ] as const,
      ]),
];

/** Code that waits until the instrument of a page has answered, or refused, and says which. */
export const settled = `(async () => {
  const instrument = () => document.querySelector('.instrument')?.dataset.state;
  for (let i = 0; i < 18000; i++) {
    const state = instrument();
    if (state === 'ready' || state === 'refused') return state;
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  return 'nothing';
})()`;

/** Code that puts the texts of `values` into the fields of those names, as a user does. */
const enter = `for (const [name, value] of Object.entries(values)) {
  const input = document.querySelector('form.fields [name="' + name + '"]');
  input.value = value;
  for (const type of ['input', 'change']) input.dispatchEvent(new Event(type, { bubbles: true }));
}`;

type Values = Readonly<Record<string, string>>;

/** Code that fills fields as a user does, and waits for the answer. */
export const fill = (values: Values): string => `(async () => {
  await ${settled};
  const values = ${JSON.stringify(values)};
  ${enter}
  return await ${settled};
})()`;

/** Code that fills fields time after time; gives what the page answers each time and what `read`, code itself, finds there. */
export const fillEach = (cases: readonly Values[], read: string): string => `(async () => {
  await ${settled};
  const found = [];
  for (const values of ${JSON.stringify(cases)}) {
    ${enter}
    found.push([await ${settled}, ${read}]);
  }
  return found;
})()`;

/** Code that names texts of drawings that cover each other or leave their drawing, and a page that is wider than the window. */
export const covered = `(() => {
  const found = [];
  for (const drawing of document.querySelectorAll('.sheet svg')) {
    const frame = drawing.getBoundingClientRect();
    const texts = [...drawing.querySelectorAll('text')].map((one) => ({ text: one.textContent, box: one.getBoundingClientRect() }));
    for (const [i, { text, box }] of texts.entries()) {
      if (box.left < frame.left - 2 || box.right > frame.right + 2 || box.top < frame.top - 2 || box.bottom > frame.bottom + 2) found.push(text + ' leaves ' + drawing.getAttribute('aria-label'));
      for (const other of texts.slice(i + 1))
        if (box.left < other.box.right - 1 && other.box.left < box.right - 1 && box.top < other.box.bottom - 3 && other.box.top < box.bottom - 3) found.push(text + ' covers ' + other.text);
    }
  }
  const { scrollWidth, clientWidth } = document.documentElement;
  if (scrollWidth > clientWidth) found.push('the page is ' + scrollWidth + ' wide');
  return found;
})()`;

/** Code that puts files into a field as a user does who chooses them. Contents are texts, or bytes in base64. */
export const choose = (field: string, files: Readonly<Record<string, string | Uint8Array>>): string => {
  const list = Object.entries(files).map(([name, content]) => [
    name,
    Buffer.from(content).toString('base64'),
  ]);
  return `(async () => {
  await ${settled};
  const chosen = new DataTransfer();
  for (const [name, content] of ${JSON.stringify(list)})
    chosen.items.add(new File([Uint8Array.from(atob(content), (unit) => unit.charCodeAt(0))], name));
  const input = document.querySelector('form.fields [name="${field}"]');
  input.files = chosen.files;
  input.dispatchEvent(new Event('change', { bubbles: true }));
  await new Promise((resolve) => setTimeout(resolve, 50));
  return await ${settled};
})()`;
};

/** Code that gives the message beside a field. */
export const messageOf = (field: string): string =>
  `document.querySelector('.field-${field} .message').textContent`;

/**
 * Whether a browser is asked what depends on the page more than on the browser, and takes long: the first at hand, every one in the slow
 * suite.
 */
export const isAskedAll = (browser: string): boolean => everyCase || browser === browsers[0]?.[0];
