/**
 * The built laboratory in real browsers: every page opens under a sub-path, answers three inputs, says beside the field what is wrong, and
 * gives the library's bits. Training is training.test.ts.
 */
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { partialSums } from '../../lab/compute/partial-sums.ts';
import { distributions } from '../../src/cli/analyze/distributions.ts';
import type { Served } from '../../src/cli/lab/serve.ts';
import { hexFloat } from '../../src/explained/exact.ts';
import {
  analyze,
  arithmetic,
  decode,
  encode,
  type Format,
  formats,
  parseFormat,
  philox4x32,
  round,
  roundingModes,
  stochasticVariants,
} from '../../src/index.ts';
import {
  type AnyBrowser,
  type AnyPage,
  browsers,
  choose,
  covered,
  examplesByPage,
  fill,
  fillEach,
  isAskedAll,
  isSiteBuilt,
  messageOf,
  serveSite,
  settled,
  subPath,
} from './site.ts';

if (!isSiteBuilt) console.info('no built site, tests of the laboratory skipped (npm run site builds it)');
else if (browsers.length === 0) console.info('no browser at hand, tests of the laboratory skipped');

/** What is right in each page, and what is wrong in which field. */
const inputs = {
  format: {
    right: [
      { format: 'e4m3fn', code: '0x7e' },
      { format: 'posit(16,1)', with: 'binary16' },
      { format: 'float(5,6)', with: '' },
    ],
    wrong: { field: 'format', values: { format: 'e9m9' } },
  },
  rounding: {
    right: [{ value: '1/3' }, { value: '-0x1.8p-3', format: 'int8' }, { value: '1e6', saturation: 'finite' }],
    wrong: { field: 'value', values: { value: 'one third' } },
  },
  arithmetic: {
    right: [
      { operation: 'mul', a: '3' },
      { operation: 'exp', a: '0.5', format: 'bfloat16' },
      { view: 'sums', format: 'e4m3fn' },
    ],
    wrong: { field: 'count', values: { count: 'many' } },
  },
  quantisers: {
    right: [
      { rows: '8', columns: '64' },
      { source: 'pasted' },
      { quantisers: 'mxfp4 int4/block:32', look: 'mxfp4', hadamard: 'none' },
    ],
    wrong: { field: 'quantisers', values: { quantisers: 'mxfp5' } },
  },
} as const;

/** Draws that are the same in each run. */
function draws(seed: number): () => number {
  let counter = 0;
  return () => philox4x32([counter++, seed, 0, 0], [1, 2])[0]!;
}

const anyFormats = [
  'e4m3fn',
  'e5m2',
  'binary16',
  'bfloat16',
  'e2m1',
  'int8',
  'posit8',
  'nf4',
  'fixed(4,4)',
  'binary8p3se',
  'float(5,6)',
];

describe.runIf(isSiteBuilt).each(browsers)('%s', (name, start) => {
  let browser: AnyBrowser;
  let served: Served;
  const address = (path: string): string => `${served.origin}${subPath}${path}`;

  beforeAll(async () => {
    [browser, served] = await Promise.all([start(), serveSite()]);
  }, 120_000);
  afterAll(async () => {
    await browser?.close();
    await served?.close();
  });

  async function opened(path: string): Promise<AnyPage> {
    const page = await browser.open(served.origin);
    await page.goto(address(path));
    return page;
  }

  const shownBits = (page: AnyPage, selector: string): Promise<string> =>
    page.evaluate(`document.querySelector(${JSON.stringify(selector)})?.dataset.value`);

  it.each(Object.entries(inputs))('%s answers, and says what is wrong', async (path, { right, wrong }) => {
    const page = await opened(`laboratory/${path}.html`);
    expect(await page.evaluate(settled)).toBe('ready');
    for (const values of right)
      expect(await page.evaluate(fill(values)), JSON.stringify(values)).toBe('ready');
    expect(await page.evaluate('crossOriginIsolated')).toBe(true);
    expect(await page.evaluate(fill(wrong.values))).toBe('refused');
    const message = await page.evaluate<string>(
      `document.querySelector('.field-${wrong.field} .message').textContent`,
    );
    expect(message).toMatch(/accepted: /);
    expect(
      await page.evaluate(`document.querySelector('[name="${wrong.field}"]').getAttribute('aria-invalid')`),
    ).toBe('true');
    // The address holds the state: the same page again refuses the same.
    const search = await page.evaluate<string>('location.search');
    const again = await opened(`laboratory/${path}.html${search}`);
    expect(await again.evaluate(settled)).toBe('refused');
    expect([...page.faults, ...again.faults]).toEqual([]);
    await Promise.all([page.close(), again.close()]);
  });

  /** What a page shows for each of some fields' texts; all of them are answered. */
  async function shownFor<T>(
    page: AnyPage,
    cases: readonly Record<string, string>[],
    read: string,
  ): Promise<T[]> {
    const found = await page.evaluate<[string, T][]>(fillEach(cases, read));
    expect(found.map(([state]) => state)).toEqual(cases.map(() => 'ready'));
    return found.map(([, shown]) => shown);
  }
  const theValue = "document.querySelector('[data-result=value]').dataset.value";

  it.runIf(isAskedAll(name))(
    'formats: a hundred codes have the values that the library gives them',
    async () => {
      const page = await opened('laboratory/format.html');
      const next = draws(1);
      const drawn = Array.from({ length: 100 }, () => {
        const format = parseFormat(anyFormats[next() % anyFormats.length]!) as Format;
        return { format, code: next() % 2 ** format.bits };
      });
      const cases = drawn.map(({ format, code }) => ({ format: format.name, with: '', code: `${code}` }));
      expect(await shownFor(page, cases, theValue)).toEqual(
        drawn.map(({ format, code }) => hexFloat(format.decode(code))),
      );
      await page.close();
    },
  );

  it('rounding: a hundred numbers go where the library sends them, in every mode', async () => {
    const page = await opened('laboratory/rounding.html');
    const next = draws(2);
    const drawn = Array.from({ length: 100 }, (_, seed) => {
      const format = anyFormats[next() % anyFormats.length]! as 'e4m3fn';
      return { seed, format, value: ((next() / 2 ** 32) * 2 - 1) * 2 ** ((next() % 24) - 12) };
    });
    const shown = await shownFor(
      page,
      drawn.map(({ seed, format, value }) => ({
        value: hexFloat(value),
        format,
        draws: '10',
        seed: `${seed}`,
      })),
      "Object.fromEntries([...document.querySelectorAll('[data-mode]')].map((one) => [one.dataset.mode, one.dataset.value]))",
    );
    for (const [i, { seed, format, value }] of drawn.entries()) {
      const isPosit = format.startsWith('posit');
      const modes = roundingModes.filter(
        (mode) => !isPosit || mode === 'nearest-even' || mode === 'stochastic',
      );
      const wanted = modes.map((rounding) => [
        rounding,
        String(round(value, format, { rounding, randomBits: 4, seed })),
      ]);
      expect(shown[i], `${value} in ${format}`).toEqual(Object.fromEntries(wanted));
    }
    await page.close();
  });

  it('arithmetic: a hundred operations give what the library gives', async () => {
    const page = await opened('laboratory/arithmetic.html');
    const next = draws(3);
    const operations = ['add', 'sub', 'mul', 'div', 'pow', 'atan2'] as const;
    const number = (): number => ((next() / 2 ** 32) * 2 - 1) * 2 ** ((next() % 8) - 4);
    const drawn = Array.from({ length: 100 }, (_, seed) => {
      const format = anyFormats[next() % anyFormats.length]! as 'e4m3fn';
      const operation = operations[next() % operations.length]!;
      const rounding = format.startsWith('posit')
        ? 'nearest-even'
        : roundingModes[next() % roundingModes.length]!;
      return { seed, format, operation, rounding, a: number(), b: number() };
    });
    const shown = await shownFor(
      page,
      drawn.map(({ seed, a, b, ...given }) => ({
        ...given,
        a: hexFloat(a),
        b: hexFloat(b),
        seed: `${seed}`,
      })),
      theValue,
    );
    for (const [i, { seed, format, operation, rounding, a, b }] of drawn.entries()) {
      const plain = arithmetic(format);
      const wanted = arithmetic(format, { rounding, seed })[operation](plain.convert(a), plain.convert(b));
      expect(shown[i], `${operation} ${a} ${b} ${format} ${rounding}`).toBe(hexFloat(wanted));
    }
    await page.close();
  });

  it('sums: twenty-five of them, each under every accumulator, with every partial sum of one', async () => {
    const page = await opened('laboratory/arithmetic.html?view=sums');
    const next = draws(4);
    for (let i = 0; i < 25; i++) {
      const format = (['e4m3fn', 'binary16', 'bfloat16', 'e5m2'] as const)[next() % 4]!;
      const look = ['in order', 'in pairs', 'chunks of 16', 'exact products in binary32'][next() % 4]!;
      const x = Array.from({ length: 1 + (next() % 40) }, () => (next() / 2 ** 32) * 2 - 1);
      const written = x.map(hexFloat).join(' ');
      expect(await page.evaluate(fill({ terms: 'written', x: written, format, look }))).toBe('ready');
      const by = arithmetic(format);
      const terms = by.convert(Float64Array.from(x));
      const wanted = {
        'in order': by.sum(terms),
        'in pairs': by.sum(terms, { order: 'pairwise' }),
        'chunks of 16': by.sum(terms, { order: { chunk: 16 } }),
        'exact, rounded once': by.sum(terms, { accumulate: 'exact' }),
        'exact products in binary32': arithmetic(formats.binary32).sum(terms),
      };
      for (const [accumulator, value] of Object.entries(wanted))
        expect(await shownBits(page, `[data-accumulator="${accumulator}"]`), accumulator).toBe(
          hexFloat(value),
        );
      const shown = await page.evaluate<[string, string][]>(
        "[...document.querySelectorAll('[data-partial]')].map((one) => [one.dataset.partial, one.dataset.value])",
      );
      const isWide = look.includes('binary32');
      const { result, partials } = partialSums(
        terms,
        undefined,
        formats[isWide ? 'binary32' : format],
        {},
        isWide || look === 'in order' ? {} : { order: look === 'in pairs' ? 'pairwise' : { chunk: 16 } },
      );
      expect(result).toBe(wanted[look as keyof typeof wanted]);
      expect(shown).toEqual(
        partials.map(({ from, to, sum }) => [`${from} ${to}`, Object.is(sum, -0) ? '-0' : `${sum}`]),
      );
    }
    await page.close();
  });

  it("stochastic rounding: counts of draws and exact chances are the library's", async () => {
    const page = await opened('laboratory/rounding.html');
    const next = draws(6);
    for (let i = 0; i < 10; i++) {
      const format = anyFormats[next() % anyFormats.length]! as 'e4m3fn';
      const value = (next() / 2 ** 32) * 2 - 1;
      const bits = 1 + (next() % 8);
      const values = { value: hexFloat(value), format, bits: `${bits}`, draws: '300', seed: `${i}` };
      expect(await page.evaluate(fill(values))).toBe('ready');
      for (const variant of stochasticVariants) {
        const options = { rounding: 'stochastic', variant, randomBits: bits } as const;
        const count = (results: Float64Array): string[] =>
          [...new Set(every)]
            .sort((a, b) => a - b)
            .map((one) => `${results.filter((each) => each === one).length}`);
        const random = Uint32Array.from({ length: 2 ** bits }, (_, k) => k);
        const every = round(new Float64Array(2 ** bits).fill(value), format, { ...options, random });
        const drawn = round(new Float64Array(300).fill(value), format, { ...options, seed: i });
        const shown = (what: string): Promise<string[]> =>
          page.evaluate(
            `[...document.querySelectorAll('[data-${what}^="${variant} "]')].map((one) => one.dataset.value)`,
          );
        if (new Set(every).size < 2) continue;
        expect(await shown('chance'), JSON.stringify({ ...values, variant })).toEqual(count(every));
        expect(await shown('variant'), JSON.stringify({ ...values, variant })).toEqual(count(drawn));
      }
    }
    await page.close();
  });

  it('quantisers: a hundred analyses are those of the library', async () => {
    const page = await opened('laboratory/quantisers.html');
    const next = draws(5);
    const names = [
      'nvfp4',
      'mxfp4',
      'mxfp8e4m3',
      'int4/block:32',
      'int8/row',
      'ternary',
      'nf4/block:64',
      'e4m3fn',
      'mxint8',
      'bfp(7,16)',
    ];
    for (let i = 0; i < 10; i++) {
      const [rows, columns, seed] = [1 + (next() % 8), 64 * (1 + (next() % 4)), next() % 1000];
      const source = ['gaussian', 'uniform', 'laplace', 'outliers'][next() % 4]!;
      const values = {
        source,
        rows: `${rows}`,
        columns: `${columns}`,
        seed: `${seed}`,
        quantisers: names.join(' '),
        look: 'nvfp4',
      };
      expect(await page.evaluate(fill(values))).toBe('ready');
      const x = distributions[source]!(rows * columns, columns, seed);
      for (const quantiser of names)
        expect(await shownBits(page, `[data-quantiser="${quantiser}"]`), quantiser).toBe(
          String(analyze(x, quantiser, { shape: [rows, columns] }).sqnr),
        );
    }
    await page.close();
  });

  it('a tensor of 10^6 numbers is quantised while the page stays awake', async () => {
    const page = await opened('laboratory/quantisers.html');
    expect(await page.evaluate(settled)).toBe('ready');
    const watched = (seed: number): string => `(async () => {
      let [longest, last] = [0, performance.now()];
      let isWatching = true;
      const beat = () => { const now = performance.now(); longest = Math.max(longest, now - last); last = now; if (isWatching) setTimeout(beat, 0); };
      beat();
      await ${fill({ rows: '1000', columns: '1000', quantisers: 'nvfp4', hadamard: 'none', seed: `${seed}` })};
      isWatching = false;
      return longest;
    })()`;
    // What the page does by itself it does each time; what other work of the machine delays, it does not.
    let least = Infinity;
    for (let seed = 1; seed <= 5 && least >= 100; seed++)
      least = Math.min(least, await page.evaluate<number>(watched(seed)));
    expect(await page.evaluate("document.querySelector('.facts dd').textContent")).toContain(
      '1000000 numbers',
    );
    expect(least).toBeLessThan(100);
    await page.close();
  });

  const looked = [
    ...Object.keys(inputs),
    'training',
    '..',
    '../formats',
    '../studies/x1-transition',
    '../api/halfulp/mathjs',
  ];
  it.each(isAskedAll(name) ? looked : [])('%s: axe finds no violation, in either theme', async (path) => {
    const page = await opened(
      `laboratory/${path}${path === '..' ? '/index' : ''}.html`.replace('laboratory/../', ''),
    );
    if (!path.startsWith('..')) await page.evaluate(settled);
    await page.evaluate(readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8'));
    for (const theme of ['light', 'dark']) {
      await page.evaluate(`document.documentElement.classList.toggle('dark', ${theme === 'dark'})`);
      // Colours on their way from one theme to the other are those of neither.
      await page.evaluate(
        'new Promise(requestAnimationFrame).then(() => Promise.allSettled(document.getAnimations().map((one) => one.finished)))',
      );
      const found = await page.evaluate<string[]>(
        "axe.run().then(({ violations }) => violations.map(({ id, nodes }) => id + ': ' + nodes.slice(0, 3).map(({ html }) => html.slice(0, 160)).join(' | ')))",
      );
      expect(found, theme).toEqual([]);
    }
    expect(page.faults).toEqual([]);
    await page.close();
  });

  it('drawings of phones, tablets and desktops: no text covers another, nothing is cut off', async () => {
    const page = await opened('laboratory/format.html');
    for (const path of [
      'format.html?format=binary8p3se&with=float(5,2,fnuz)',
      'rounding.html?value=1/3&format=binary32',
      'rounding.html?value=-1e-9&format=e5m2',
      'arithmetic.html?a=1&b=3&format=binary32',
      'arithmetic.html?view=sums&look=in+pairs&count=12',
      'quantisers.html',
      'quantisers.html?quantisers=nvfp4+mxfp4+int4/block:32+int4/block:16+nf4/block:64+e2m1/block:16/scale:ue5m3+mxfp6e2m3+mxfp6e3m2+int6/row+bfp(3,16)+ternary+int2/row',
    ]) {
      await page.goto(address(`laboratory/${path}`));
      expect(await page.evaluate(settled), path).toBe('ready');
      for (const width of [360, 768, 1280]) {
        await page.resize(width, 800);
        // Drawings follow their sheet's width in the next frames.
        await page.evaluate(
          '(async () => { for (let i = 0; i < 4; i++) await new Promise(requestAnimationFrame); })()',
        );
        expect(await page.evaluate<string[]>(covered), `${path} at ${width}`).toEqual([]);
      }
    }
    await page.close();
  });

  it('reads files of numbers, and says what is wrong with others', async () => {
    const page = await opened(
      'laboratory/quantisers.html?source=file&hadamard=none&quantisers=int8/row+e4m3fn',
    );
    expect(await page.evaluate(settled)).toBe('refused');
    const numbers = Array.from({ length: 96 }, (_, i) => Math.sin(i) * 2 ** ((i % 5) - 2));
    const table = Array.from({ length: 6 }, (_, row) =>
      numbers.slice(16 * row, 16 * row + 16).join(','),
    ).join('\n');
    const stored = (values: readonly number[], bytes: 4 | 8, little: boolean): Uint8Array => {
      const view = new DataView(new ArrayBuffer(bytes * values.length));
      for (const [i, x] of values.entries())
        if (bytes === 4) view.setFloat32(4 * i, x, little);
        else view.setFloat64(8 * i, x, little);
      return new Uint8Array(view.buffer);
    };
    const npy = (descr: string, fortran: string, bytes: Uint8Array): Uint8Array => {
      const header = `{'descr': '${descr}', 'fortran_order': ${fortran}, 'shape': (6, 16), }`.padEnd(117);
      return Buffer.concat([
        Buffer.from('\x93NUMPY\x01\x00\x76\x00', 'latin1'),
        Buffer.from(`${header}\n`),
        bytes,
      ]);
    };
    const columns = numbers.map((_, i) => numbers[16 * (i % 6) + Math.floor(i / 6)]!);
    const brain = encode(Float32Array.from(numbers), formats.bfloat16) as Uint16Array;
    const header = JSON.stringify({ w: { dtype: 'BF16', shape: [6, 16], data_offsets: [0, 192] } });
    const tensors = Buffer.concat([
      Uint8Array.of(header.length, 0, 0, 0, 0, 0, 0, 0),
      Buffer.from(header),
      new Uint8Array(brain.buffer),
    ]);
    const files: Record<string, [string | Uint8Array, Float32Array | Float64Array]> = {
      'table.csv': [table, Float64Array.from(numbers)],
      'big.npy': [npy('>f8', 'False', stored(numbers, 8, false)), Float64Array.from(numbers)],
      'columns.npy': [npy('<f4', 'True', stored(columns, 4, true)), Float32Array.from(numbers)],
      'brain.safetensors': [tensors, decode(brain, formats.bfloat16) as Float32Array],
    };
    for (const [name, [content, values]] of Object.entries(files)) {
      expect(await page.evaluate(choose('file', { [name]: content })), name).toBe('ready');
      for (const quantiser of ['int8/row', 'e4m3fn'])
        expect(await shownBits(page, `[data-quantiser="${quantiser}"]`), name).toBe(
          String(analyze(values, quantiser, { shape: [6, 16] }).sqnr),
        );
    }
    const bad: Record<string, string | Uint8Array> = {
      'table.csv': '1,2\n3\n',
      'cut.npy': npy('<f8', 'False', stored(numbers, 4, true)),
      'other.npy': 'no array',
      'cut.safetensors': tensors.subarray(0, tensors.length - 1),
      'long.safetensors': Uint8Array.of(255, 255, 255, 255, 255, 255, 255, 127, 123),
      'empty.csv': '',
      'numbers.xlsx': 'PK',
    };
    for (const [name, content] of Object.entries(bad)) {
      expect(await page.evaluate(choose('file', { [name]: content })), name).toBe('refused');
      expect(await page.evaluate(messageOf('file')), name).toContain(`got '${name}'`);
    }
    expect(page.faults).toEqual([]);
    await page.close();
  });

  it.runIf(isAskedAll(name))(
    'takes what an address says for the fields alone, however hostile it is',
    async () => {
      const page = await opened('laboratory/format.html');
      const refused = {
        'format.html?format=%3Cimg+src=x+onerror=alert(1)%3E': 'format',
        'format.html?format=__proto__': 'format',
        'format.html?code=99999999999999999999999999': 'code',
        'rounding.html?draws=1e9': 'draws',
        'rounding.html?value=NaN(1)': 'value',
        'rounding.html?saturation=toString': 'saturation',
        'arithmetic.html?operation=constructor': 'operation',
        'arithmetic.html?view=sums&count=1e12': 'count',
        'arithmetic.html?view=sums&look=nothing': 'look',
        'quantisers.html?rows=4194304&columns=4194304': 'columns',
        'quantisers.html?quantisers=%F0%9F%92%A5': 'quantisers',
        'training.html?steps=-1': 'steps',
        'training.html?recipe=%7B%22__proto__%22%3A1%7D': 'recipe',
      };
      for (const [path, field] of Object.entries(refused)) {
        await page.goto(address(`laboratory/${path}`));
        expect(await page.evaluate(settled), path).toBe('refused');
        expect(await page.evaluate(messageOf(field)), path).toMatch(/accepted: /);
      }
      for (const path of [
        'format.html?unknown=1&format=',
        'rounding.html?value=nan',
        'rounding.html?value=-inf&format=posit8',
      ]) {
        await page.goto(address(`laboratory/${path}`));
        expect(await page.evaluate(settled), path).toMatch(/^(ready|refused)$/);
      }
      // A text too long for an address is not put into one.
      await page.goto(address('laboratory/quantisers.html'));
      expect(await page.evaluate(fill({ source: 'pasted', numbers: '\u00e4'.repeat(3000), rows: '7' }))).toBe(
        'refused',
      );
      expect(await page.evaluate<string>('location.search')).toMatch(
        /^\?(source=pasted&rows=7|rows=7&source=pasted)$/,
      );
      expect(page.faults).toEqual([]);
      await page.close();
    },
  );

  it('can be worked by the keyboard alone: bits, codes and tables are reached and pressed', async () => {
    const page = await opened('laboratory/format.html');
    expect(await page.evaluate(settled)).toBe('ready');
    const focused = 'document.activeElement';
    const until = async (code: string, most = 120): Promise<boolean> => {
      for (let i = 0; i < most; i++) {
        if (await page.evaluate<boolean>(code)) return true;
        await page.press('Tab');
      }
      return false;
    };
    expect(await until(`${focused}.name === 'format'`)).toBe(true);
    expect(await until(`${focused}.dataset?.bit === '0'`)).toBe(true);
    await page.press('Enter');
    expect(await page.evaluate(settled)).toBe('ready');
    expect(await shownBits(page, '[data-result=value]')).toBe('0x1.2p+0');
    // The bit that was flipped has the focus still.
    expect(await page.evaluate(`${focused}.dataset?.bit`)).toBe('0');
    expect(await page.evaluate(`getComputedStyle(${focused}).outlineStyle`)).not.toBe('none');
    expect(await until(`${focused}.textContent === '0x02'`)).toBe(true);
    await page.press('Enter');
    expect(await page.evaluate(settled)).toBe('ready');
    expect(await shownBits(page, '[data-result=value]')).toBe('0x1p-8');
    expect(page.faults).toEqual([]);
    await page.close();
  });

  it.runIf(isAskedAll(name))(
    'every example of the documentation that has a button runs to its end',
    async () => {
      const counts = examplesByPage();
      for (const name of ['expressions', 'linalg', 'mathjs', 'five-tasks', 'verification', 'experiments'])
        expect(counts[name]?.length, name).toBeGreaterThan(0);
      const page = await browser.open(served.origin);
      for (const [name, places] of Object.entries(counts)) {
        await page.goto(address(`${name}.html`));
        const { outcomes, plots } = await page.evaluate<{
          outcomes: string[];
          plots: boolean[];
        }>(`(async () => {
        const until = async (find) => { for (let i = 0; i < 2000; i++) { const found = find(); if (found) return found; await new Promise((resolve) => setTimeout(resolve, 10)); } };
        await until(() => document.querySelectorAll('.example button').length === ${places.length});
        const outcomes = [], plots = [];
        const examples = [...document.querySelectorAll('.example')];
        for (const example of examples) example.querySelector('button').click();
        for (const example of examples) {
          const lines = example.querySelector('.example-lines');
          await until(() => !['', 'running'].includes(lines.textContent));
          outcomes.push(lines.querySelector('.given') ? 'given' : lines.textContent);
          for (const image of lines.querySelectorAll('img')) {
            await image.decode();
            plots.push(image.naturalWidth > 0);
          }
        }
        return { outcomes, plots };
      })()`);
        expect(outcomes, name).toEqual(places.map(() => 'given'));
        expect(plots, name).toEqual(['experiments', 'cookbook'].includes(name) ? [true] : []);
      }
      expect(page.faults).toEqual([]);
      await page.close();
    },
  );

  it('an example of the documentation runs, and gives what the text says', async () => {
    const page = await opened('rounding.html');
    const lines = await page.evaluate<string[]>(`(async () => {
      const until = async (find) => { for (let i = 0; i < 3000; i++) { const found = find(); if (found) return found; await new Promise((resolve) => setTimeout(resolve, 10)); } };
      (await until(() => document.querySelector('.example button'))).click();
      await until(() => document.querySelector('.example .given'));
      return [...document.querySelectorAll('.example .given')].map((one) => one.textContent);
    })()`);
    expect(lines.slice(0, 2)).toEqual(['0.1015625', 'Float32Array [Infinity, 0.300048828125]']);
    expect(page.faults).toEqual([]);
    await page.close();
  });
});
