/** The page on recipes under any program: its snippets run one after the other, print what it shows, and leave nothing behind. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import * as tf from '@tensorflow/tfjs';
import ts from 'typescript';
import { afterAll, expect, it, vi } from 'vitest';
import { readState } from '../../src/train/files.ts';
import { pages } from './docs-pages.ts';

const folder = mkdtempSync(join(tmpdir(), 'halfulp-docs-'));
afterAll(() => rmSync(folder, { recursive: true }));

const entries: Readonly<Record<string, string>> = {
  'halfulp/tfjs': resolve('src/tfjs/index.ts'),
  'halfulp/train': resolve('src/train/index.ts'),
  'halfulp/train/files': resolve('src/train/files.ts'),
};
const load = (name: string): Promise<unknown> => import(entries[name] ?? name);

const page = pages.find(({ path }) => path === 'docs/any-program.md')!;

/** The snippets as one function, each within the block of those before it. */
function programOf(snippets: readonly string[]): string {
  const bodies = snippets.map((text) => {
    const body = text
      .replace(/^import \* as (\w+) from '(.*)';$/gm, "const $1 = await load('$2');")
      .replace(/^import \{(.*)\} from '(.*)';$/gm, "const {$1} = await load('$2');")
      .replace(/^import '(.*)';$/gm, "await load('$1');")
      .replaceAll("'run.safetensors'", JSON.stringify(join(folder, 'run.safetensors')));
    return `{\n${body}\n`;
  });
  return `return (async () => {\n${bodies.join('')}${'}'.repeat(bodies.length)}\n})()`;
}

it('its snippets run and print what it shows', async () => {
  const snippets = page.fences.filter(({ language }) => language === 'ts').map(({ text }) => text);
  expect(snippets.length).toBeGreaterThan(3);
  // The last one is run twice: the second time it finds the file.
  const { outputText } = ts.transpileModule(programOf([...snippets, snippets.at(-1)!]), {
    compilerOptions: { target: ts.ScriptTarget.ES2022, module: ts.ModuleKind.ESNext },
  });
  const printed: string[] = [];
  const spy = vi.spyOn(console, 'log').mockImplementation((text) => void printed.push(String(text)));
  try {
    await new Function('load', outputText)(load);
  } finally {
    spy.mockRestore();
  }
  const [roles, log, beside] = printed;
  const shown = page.fences.filter(({ language }) => language === 'text').map(({ text }) => text);
  expect([roles]).toEqual(shown);
  expect(log).toMatch(/^kernel .*underflow/);
  expect(log).toMatch(/^forward\.w +forward +second\/kernel +40 /m);
  expect(beside).toMatch(/^forward\.x +forward +second\/kernel /m);
  expect(beside).toMatch(/^_FusedMatMul +forward/m);
  const { state } = readState(join(folder, 'run.safetensors'));
  expect(state.clocks['second/kernel']).toBe(40);
  expect(state.program).toEqual({ epoch: 19, loss: expect.any(Number) });
  expect(tf.getBackend()).toBe('wasm');
});
