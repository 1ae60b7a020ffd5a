/**
 * The documentation is true: its links and the files it names exist, its snippets type check, those that stand by themselves run and
 * give what their comments say, and its commands have the options and print what is shown.
 */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join, normalize, resolve } from 'node:path';
import ts from 'typescript';
import { describe, expect, it } from 'vitest';
import { run } from '../../src/cli/main.ts';
import { operands } from '../../src/cli/operation/names.ts';
import { testWorld } from '../unit/cli-world.ts';
import { anchorsOf, type Page, pages } from './docs-pages.ts';

const byPath = new Map(pages.map((page) => [page.path, page]));
const named = pages.map((page) => [page.path, page] as const);

/** Whether a file is there, or files that begin so, as the runner of tests is told. */
function isThere(file: string): boolean {
  const folder = dirname(file);
  if (existsSync(file)) return true;
  return existsSync(folder) && readdirSync(folder).some((name) => join(folder, name).startsWith(`${file}-`));
}

describe('links and names', () => {
  it.each(named)('%s: every link leads somewhere', (path, { prose }) => {
    for (const [, target] of prose.matchAll(/\]\(([^)\s]+)\)/g)) {
      if (/^(https?|mailto):/.test(target!)) continue;
      const [file, anchor] = target!.split('#') as [string, string?];
      const to = file === '' ? path : normalize(join(dirname(path), file));
      expect(existsSync(to), `${path}: ${target}`).toBe(true);
      if (anchor !== undefined) expect(anchorsOf(byPath.get(to)!), `${path}: ${target}`).toContain(anchor);
    }
  });

  it.each(named)('%s: every file of the project that it names is there', (path, { text }) => {
    // Placeholders are in capitals; globs and folders of runs are none of the project's.
    for (const [file] of text.matchAll(/(?<![\w/.-])(?:src|test|docs|bench|scripts|examples)\/[\w./*-]*\w/g))
      if (!/[A-Z*]{2}|\*|^examples\/out/.test(file)) expect(isThere(file), `${path}: ${file}`).toBe(true);
  });

  it.each(named)('%s: every script of npm that it names is there', (path, { text }) => {
    const { scripts } = JSON.parse(readFileSync('package.json', 'utf8')) as {
      scripts: Record<string, string>;
    };
    for (const [, script] of text.matchAll(/npm run ([\w:-]+)/g))
      expect(Object.keys(scripts), path).toContain(script);
  });
});

/** Files of other projects, which comments name as their source. */
const elsewhere = /tfjs-(core|layers|backend)|mathjs 15|decimal\.js|Benchmark\.js/;

it('every file that a comment in the sources names is there', () => {
  const folders = ['src', 'test', 'bench', 'scripts', 'examples'];
  const files = folders.flatMap((folder) =>
    readdirSync(folder, { recursive: true, encoding: 'utf8' }).map((file) => `${folder}/${file}`),
  );
  const missing: string[] = [];
  for (const file of files.filter((name) => /\.(ts|js)$/.test(name) && !name.includes('/generated/'))) {
    for (const [comment] of readFileSync(file, 'utf8').matchAll(/\/\*\*[\s\S]*?\*\/|^\s*\/\/.*$/gm)) {
      if (elsewhere.test(comment)) continue;
      for (const [name] of comment.matchAll(
        /(?<![\w/.*-])(?:\.\.?\/)*[a-z][\w-]*(?:\/[\w.-]+)*\.(?:ts|js)\b/g,
      )) {
        const path = name.replace(/^(\.\.?\/)+/, '');
        const isBuilt = /^(dist|build)\//.test(path);
        if (!isBuilt && !existsSync(path) && !files.some((other) => other.endsWith(`/${path}`)))
          missing.push(`${file}: ${name}`);
      }
    }
  }
  expect(missing).toEqual([]);
});

/** The entries of the package, by the names that they are imported by. */
const entries: Readonly<Record<string, string>> = {
  halfulp: 'src/index.ts',
  'halfulp/tfjs': 'src/tfjs/index.ts',
  'halfulp/train': 'src/train/index.ts',
  'halfulp/train/files': 'src/train/files.ts',
  'halfulp/model-files': 'src/model-files/index.ts',
  'halfulp/mathjs': 'src/mathjs/index.ts',
  'halfulp/testing': 'src/testing/index.ts',
  'halfulp/linalg': 'src/linalg/index.ts',
};

/** What snippets use and readers have: arrays, lengths, a model in TensorFlow.js. */
const given = `
import type { Optimizer, Scalar, Sequential, Tensor } from '@tensorflow/tfjs';
declare const x: Float32Array, w: Float32Array, g: Float32Array, a: Float32Array, b: Float32Array, c: Float32Array;
declare const m: number, k: number, n: number, scalesA: Float32Array, scalesB: Float32Array;
declare const model: Sequential, xs: Tensor, ys: Tensor, optimizer: Optimizer, loss: () => Scalar;
`;

const importLine = /^import .*;$/gm;
const snippetsOf = ({ fences }: Page): Page['fences'] => fences.filter(({ language }) => language === 'ts');

/** The names that a page's snippets import, each from where it is imported first. */
function importsOf(snippets: Page['fences']): string {
  const lines = new Set(snippets.flatMap(({ text }) => text.match(importLine) ?? []));
  const whole: string[] = [];
  const names = new Map<string, string>();
  for (const line of lines) {
    const list = /^import \{(.*)\} from '(.*)';$/.exec(line);
    if (list === null) whole.push(line);
    else for (const name of list[1]!.split(',')) names.set(name.trim(), list[2]!);
  }
  return [...whole, ...[...names].map(([name, from]) => `import { ${name} } from '${from}';`)].join('\n');
}

/** A page's snippets as one module: each within the one before, so that it sees what that declares and may declare it anew. */
function moduleOf(page: Page): string {
  const snippets = snippetsOf(page);
  const bodies = snippets.map(({ text }) => `{\n${text.replace(importLine, '')}\n`);
  return `${importsOf(snippets)}\n${given}\n${bodies.join('')}${'}'.repeat(bodies.length)}\nexport {};\n`;
}

const withSnippets = pages.filter((page) => snippetsOf(page).length > 0);

it('every snippet type checks against what the package exports', () => {
  const { config } = ts.readConfigFile('tsconfig.json', (path) => readFileSync(path, 'utf8'));
  const { options } = ts.parseJsonConfigFileContent(config, ts.sys, process.cwd());
  const settings: ts.CompilerOptions = {
    ...options,
    incremental: false,
    noUnusedLocals: false,
    noUnusedParameters: false,
    verbatimModuleSyntax: false,
    paths: Object.fromEntries(Object.entries(entries).map(([name, file]) => [name, [resolve(file)]])),
  };
  delete settings.tsBuildInfoFile;
  const host = ts.createCompilerHost(settings);
  const texts = new Map(
    withSnippets.map((page) => [resolve(`${page.path.replace(/\W/g, '-')}.ts`), moduleOf(page)]),
  );
  const { fileExists, readFile, getSourceFile } = host;
  host.fileExists = (file) => texts.has(file) || fileExists(file);
  host.readFile = (file) => texts.get(file) ?? readFile(file);
  host.getSourceFile = (file, language, ...rest) => {
    const text = texts.get(file);
    return text === undefined
      ? getSourceFile(file, language, ...rest)
      : ts.createSourceFile(file, text, language);
  };
  const program = ts.createProgram({ rootNames: [...texts.keys()], options: settings, host });
  const problems = [...texts.keys()].flatMap((file) => {
    const source = program.getSourceFile(file)!;
    const found = [...program.getSyntacticDiagnostics(source), ...program.getSemanticDiagnostics(source)];
    return found.map(({ start, messageText }) => {
      const line = source.text.slice(0, start).split('\n').length - 1;
      return `${file}: ${source.text.split('\n')[line]!.trim()}: ${ts.flattenDiagnosticMessageText(messageText, ' ')}`;
    });
  });
  expect(problems).toEqual([]);
});

/** Snippets that need a model, workers or time: they are type checked only. */
const needsMore = /\btf\b|\bmodel\b|\bThreads\b|startThreads|fc\.assert|mobyDick|\blossScaling\b/;

/** An expression with what it gives. */
const commentedLine = /^(?!const |let |import |\/\/|\s|await |\})(.+); +\/\/ (.*)$/gm;

/** What a comment says that an expression gives; undefined where it speaks of something else. */
function saidBy(comment: string): { readonly value: unknown } | { readonly error: string } | undefined {
  const error = /^(\w*Error): (.*)$/.exec(comment);
  if (error !== null) return { error: error[2]! };
  const literal =
    /^(?:\w+Array )?(\[.*\]|\{[^.]*?\}|'[^']*'|-?(?:Infinity|NaN|true|false|0x[\da-f]+|[\d.]+(?:e-?\d+)?)(?: \+ \d+)*)(?=$|[:,;] | with |\.$)/.exec(
      comment,
    );
  if (literal === null) return undefined;
  return { value: new Function(`return (${literal[1]})`)() };
}

/** A number to the digits that the page prints; arrays of any kind by their elements. */
function toDigits(actual: unknown, said: unknown): unknown {
  if (ArrayBuffer.isView(actual)) return toDigits(Array.from(actual as unknown as ArrayLike<number>), said);
  if (Array.isArray(actual) && Array.isArray(said)) return actual.map((item, i) => toDigits(item, said[i]));
  if (typeof actual !== 'number' || typeof said !== 'number') return actual;
  if (actual === Math.fround(said)) return said;
  const [, digits = ''] = /\.(\d+)$/.exec(String(said)) ?? [];
  const decimals = digits.length;
  return decimals > 2 && decimals < 6 ? Number(actual.toFixed(decimals)) : actual;
}

const runnable = withSnippets.filter((page) => snippetsOf(page).some(({ text }) => !needsMore.test(text)));

it.each(runnable.map((page) => [page.path, page] as const))(
  '%s: snippets give what their comments say',
  async (path, page) => {
    const snippets = snippetsOf(page).filter(({ text }) => !needsMore.test(text));
    const modules = Object.fromEntries(
      await Promise.all(
        Object.entries(entries).map(async ([name, file]) => [name, await import(resolve(file))]),
      ),
    );
    const checks: string[] = [];
    const check = async (line: string, comment: string, expression: () => unknown): Promise<void> => {
      checks.push(line);
      const said = saidBy(comment);
      if (said === undefined) return void (await expression());
      if ('error' in said) expect(expression, `${path}: ${line}`).toThrow(said.error);
      else expect(toDigits(await expression(), said.value), `${path}: ${line}`).toEqual(said.value);
    };
    const imports = importsOf(snippets).replace(
      /import \{ (\w+) \} from '(.*)';/g,
      (_, name: string, from: string) => `const { ${name} } = modules['${from}'];`,
    );
    let commented = 0;
    const bodies = snippets.map(({ text }) => {
      const body = text
        .replace(importLine, '')
        .replace(/^.*\bscales[AB]\b.*$/gm, '')
        .replace(commentedLine, (_, expression: string, comment: string) => {
          commented++;
          return `await check(${JSON.stringify(expression)}, ${JSON.stringify(comment)}, () => (${expression}));`;
        });
      return `{\n${body}\n`;
    });
    const values = `
    const x = Float32Array.from({ length: 65536 }, (_, i) => ((i * 5) % 7 - 3) / 2), w = x.slice(), g = x.slice();
    const [m, k, n] = [4, 64, 4], a = x.slice(0, 256), b = x.slice(0, 256), c = new Float32Array(16);
  `;
    const source = `return (async () => {\n${imports}\n{${values}\n${bodies.join('')}${'}'.repeat(bodies.length + 1)}\n})()`;
    const { outputText } = ts.transpileModule(source, {
      compilerOptions: { target: ts.ScriptTarget.ES2022, module: ts.ModuleKind.ESNext },
    });
    await new Function('modules', 'check', outputText)(modules, check);
    expect(checks).toHaveLength(commented);
  },
);

/** What a command prints. */
async function halfulp(argv: readonly string[]): Promise<string> {
  const world = testWorld();
  await run(argv, world.io);
  return world.stdout();
}

describe('commands', () => {
  const commands = [
    'compare',
    'train',
    'sweep',
    'worker',
    'queue',
    'formats',
    'format',
    'round',
    'vectors',
    'verify',
    'assign',
    'analyze',
    'quantize',
    'dequantize',
    'calibrate',
    'evaluate',
    'inspect',
    'lab',
    'law',
  ];

  it('every command is on the page of the command line', async () => {
    const help = await halfulp(['--help']);
    const there = [...help.matchAll(/^ {2}([a-z]+) /gm)]
      .map(([, name]) => name!)
      .filter((name) => name !== 'help');
    expect(there.sort()).toEqual([...commands].sort());
    for (const name of there)
      expect(byPath.get('docs/command-line.md')!.text).toContain(`| \`halfulp ${name}`);
  });

  it.each(named)('%s: every command has the options that it is shown with', async (path, { text }) => {
    const calls = [...text.matchAll(/(?:halfulp|npm start --) ([^`\n|#]*)/g)].map(([call, rest]) =>
      (call.startsWith('npm') ? `compare ${rest}` : rest!).split(/\s+/),
    );
    for (const [command, ...words] of calls) {
      const options = words
        .filter((word) => /^--[a-z]/.test(word))
        .map((word) => word.replace(/[^\w-].*$/, ''));
      // Such as `halfulp COMMAND --help`.
      if (command === 'COMMAND') continue;
      if (command === undefined || !(commands.includes(command) || operands.has(command as 'add'))) {
        expect(options, `${path}: halfulp ${command}`).toEqual([]);
        continue;
      }
      const part = command === 'law' ? words.slice(0, 1) : [];
      const help = await halfulp([command, ...part, '--help']);
      for (const option of options)
        expect(help, `${path}: halfulp ${command} ${option}`).toContain(`${option} `.trimEnd());
    }
  });

  const shown = ['docs/command-line.md', 'docs/scaling-laws.md'].flatMap((path) =>
    byPath
      .get(path)!
      .fences.filter(({ text }) => /^\$ halfulp (formats|format|round|fma|analyze|law)/.test(text)),
  );

  it.each(shown.map(({ text }) => [text.split('\n')[0]!.slice(2), text] as const))(
    '%s prints what is shown',
    async (call, text) => {
      const argv = call
        .replace(/ --plot \S+/, '')
        .split(' ')
        .slice(1);
      const printed = (await halfulp(argv))
        .trimEnd()
        .split('\n')
        .map((line) => line.trimEnd());
      const lines = text.split('\n').slice(1);
      let at = 0;
      for (const [i, line] of lines.entries()) {
        if (line === '...') {
          const next = lines[i + 1];
          at = next === undefined ? printed.length : printed.indexOf(next, at);
          expect(at, next).toBeGreaterThanOrEqual(0);
        } else expect(printed[at++]).toBe(line);
      }
      expect(at).toBe(printed.length);
    },
  );
});
