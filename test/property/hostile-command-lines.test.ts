/**
 * Command lines put together at random, most of their words right and some hostile: each does what it says, which is held
 * against the library's own answer, or is refused in one line; in bounded time and memory, and writes only where it was told
 * to. Models are trained by a stand-in: real training is for the integration tests. HALFULP_HOSTILE sets the number of cases.
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import { run } from '../../src/cli/main.ts';
import { type AnyFormat, canonicalName, formats, parseFormat, toFormat } from '../../src/formats/index.ts';
import * as laws from '../../src/laws/index.ts';
import { quantizeModel } from '../../src/model-files/index.ts';
import { isStochastic, resolveRounding } from '../../src/rounding/index.ts';
import { drawIntegers } from '../../src/rounding/philox.ts';
import { expectBoundedMemory, expectDoneOrRefused, inTime, treeOf } from '../hostile.ts';
import { safetensors } from '../model-file-makers.ts';
import { oracleRound, oracleRoundRatio } from '../oracles/index.ts';
import { type Ratio, unitExponent } from '../oracles/units.ts';
import { testWorld } from '../unit/cli-world.ts';

vi.mock('../../src/cli/compare/tfjs-trainer.ts', async () => {
  const { fakeTrainer } = await import('../unit/cli-fake-trainer.ts');
  return { openTrainer: fakeTrainer() };
});

const runs = Number(process.env['HALFULP_HOSTILE'] ?? 500);
const seed = 24;
let folder: string;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'halfulp-hostile-'));
  writeFileSync(join(folder, 'recipe.json'), '{"recipe":"dqt","bits":8}');
  writeFileSync(join(folder, 'book'), 'Call me Ishmael. Some years ago - never mind how long. '.repeat(60));
  writeFileSync(
    join(folder, 'table'),
    Array.from({ length: 30 }, (_, i) => `${'abc'[i % 3]},${i},${-i}`).join('\n'),
  );
  writeFileSync(join(folder, 'x.json'), '[[1, -2.5, 0, 1e-40], [3, 1e9, -0, 0.1]]');
  const half = {
    name: 'w',
    dtype: 'F16',
    shape: [4, 8],
    bytes: Uint8Array.from({ length: 64 }, (_, i) => (i * 37) % 60),
  };
  const others = [
    { name: 'b', dtype: 'F32', shape: [4], bytes: new Uint8Array(Float32Array.of(1, -2, 0, 1e-40).buffer) },
    { name: 'n', dtype: 'I32', shape: [2], bytes: new Uint8Array(Int32Array.of(-7, 2 ** 30).buffer) },
  ];
  const model = join(folder, 'model.safetensors');
  writeFileSync(model, safetensors([half, ...others]));
  await quantizeModel(model, { to: 'mxfp4', out: join(folder, 'codes.safetensors') });
  writeFileSync(
    join(folder, 'rules.json'),
    '[{ "match": "w", "to": "int8/row" }, { "match": "b", "to": "nf4" }]',
  );
  const arms = ['float32', 'bitnet', 'bfloat16'].map((name) => ({ name, recipe: { recipe: name } }));
  const sweep = { name: 'bits', steps: 10, seeds: [1, 2], arms, data: { text: join(folder, 'book') } };
  writeFileSync(join(folder, 'sweep.json'), JSON.stringify(sweep));
});
afterAll(() => {
  rmSync(folder, { recursive: true, force: true });
  expectBoundedMemory();
});

/** Words that are right somewhere, or nowhere. `FILE:` stands for the folder of the test. */
const hostile: readonly string[] = [
  ...'- -- -1 0 1 2 8 1e3 1e400 0.5 -0 NaN inf 0x1.8p-3 2^-9 0x1p99999999 2^9999999999999'.split(' '),
  ...'é \u001b[31m a\u009bb \u202e .. ../x a/b /proc/x /dev/null {} [] =1+1 CON'.split(' '),
  ...'constructor __proto__ toString float(1000000000,1) posit(8,99999) int99999999999'.split(' '),
  ...'logarithmic(99,99) int4/block:0 int4/tile:1x99999999 e2m1/scale:e2m1 int8,,int8 int8/row/row'.split(
    ' ',
  ),
  ...'1,1,1,1 65536,65536 0,4 4, (a+)+$ (?=a) [ transition@1e9 hadamard:3 {"name":5} {broken'.split(' '),
  ...'FILE:none FILE:. FILE:none.npy FILE:none.json FILE:recipe.json FILE:book'.split(' '),
  '',
  ' ',
  '1'.repeat(3000),
  'x'.repeat(100_000),
];

const counts = '1 2 7 100'.split(' ');
const seeds = '0 1 7 281474976710656'.split(' ');
const formatNames = [
  ...'e4m3fn e5m2 e2m1 bf16 binary16 binary32 binary64 tf32 e8m0 int4 int8 uint8 nf4 ternary posit8 posit(16,1)'.split(
    ' ',
  ),
  ...'float(5,6) float(4,3,fn) fixed(4,4) logarithmic(4,3) binary8p3se binary6p1ue int(5) E4M3FN'.split(' '),
];
const roundings =
  'nearest-even nearest-away nearest-down toward-zero toward-positive toward-negative away-from-zero to-odd'
    .concat(' stochastic')
    .split(' ');
const numbers = [
  ...'0 -0 1 0.1 -3.7 448 464 1e-45 2^-9 -0x1.8p-3 0x1p-1074 inf -inf nan 1e300 65519.999'.split(' '),
  ...'6.25e-2 2^-149 3.4028235677973366e38 .5 -1e-320'.split(' '),
];
const dataOptions = {
  '--text': ['FILE:book'],
  '--csv': ['FILE:table'],
  '--label': counts,
  '--scaling': ['standard', 'range', 'none'],
  '--validation': ['0.1', '0.5'],
};
const trainingOptions = {
  '--steps': counts,
  '--seed': seeds,
  '--batch': counts,
  '--learning-rate': ['1e-3', '0.5'],
  '--evaluate-every': counts,
  '--backend': ['wasm', 'cpu'],
  '--kernels': ['own', 'stock'],
};
const analysed = [
  ...'int4 int8 ternary nf4 e4m3fn e5m2/row e2m1/block:4 int4/block:4/mse mxfp4 nvfp4 bfp(7,16)'.split(' '),
  ...'int4/tile:2x4 int8/column/rms e2m1/block:4/scale:e8m0 int4,mxfp4 ternary/absmean,float(5,6) mxint8'.split(
    ' ',
  ),
];

interface Command {
  /** Options with a value, and what is right for them. */
  readonly values: Readonly<Record<string, readonly string[]>>;
  readonly flags: readonly string[];
  /** Words between options that are right, and how many there are. */
  readonly operands?: readonly string[];
  readonly most?: number;
  /** What every line of it has. */
  readonly always: readonly string[];
  /** Whether every line of it is refused. */
  readonly isRefused?: boolean;
  /** Its part of the cases, where they take long. Default 1. */
  readonly share?: number;
  /** Holds what an accepted line printed against what is right. */
  readonly check?: (line: readonly string[], printed: string) => void | Promise<void>;
}

/** The last value of an option in a line. */
function optionOf(line: readonly string[], option: string): string | undefined {
  const at = Math.max(
    line.lastIndexOf(option),
    line.findLastIndex((word) => word.startsWith(`${option}=`)),
  );
  if (at < 0) return undefined;
  return line[at] === option ? line[at + 1] : line[at]!.slice(option.length + 1);
}

// biome-ignore lint/suspicious/noExplicitAny: parsed JSON
const parsed = (text: string): any =>
  JSON.parse(text, (_, value) => (numberWords.has(value) ? Number(value) : value));
const numberWords: ReadonlySet<unknown> = new Set(['NaN', 'Infinity', '-Infinity', '-0']);

/** Exponents beyond all formats are alike. */
const boundedExponent = (text: string): number => Math.max(-6000, Math.min(6000, Number(text)));

/** A number that no binary64 number is, a decimal or a power of two beyond all, without its sign, as the oracles take it. */
function exactRatio(text: string): Ratio {
  const power = /^[+-]?(?:2\^|0x1(?:\.8)?p)([+-]?\d+)$/i.exec(text);
  const [, whole = '', part = '', exponent = '0'] =
    power === null ? /^[+-]?(\d*)\.?(\d*)(?:e([+-]?\d+))?$/i.exec(text)! : [text, '1', '', power[1]!];
  const scale = boundedExponent(exponent) - part.length;
  const factor = (power === null ? 10n : 2n) ** BigInt(Math.abs(scale));
  const digits = BigInt(`${whole}${part}`) << unitExponent;
  return scale < 0
    ? { numerator: digits, denominator: factor }
    : { numerator: digits * factor, denominator: 1n };
}

/** Each record of `round` against exact rounding, of what was written where that is no binary64 number. */
function checkRounded(line: readonly string[], printed: string): void {
  if (!line.includes('--json')) return;
  const format = toFormat(optionOf(line, '--format')!);
  const number = (option: string): number | bigint => BigInt(optionOf(line, option) ?? 0);
  const records = printed.trimEnd().split('\n').map(parsed);
  for (const [i, { given, input, result, options }] of records.entries()) {
    const resolved = resolveRounding(format, {
      ...options,
      ...(options.seed !== undefined && { seed: number('--seed'), stream: number('--stream') }),
    });
    const offset = Number(optionOf(line, '--offset') ?? 0) + i;
    const random = isStochastic(resolved.rounding) ? drawIntegers(1, { ...resolved, offset })[0]! : 0;
    const right = input.isExactlyGiven
      ? oracleRound(input.value, format, resolved, random)
      : oracleRoundRatio(exactRatio(given), given.startsWith('-'), format, resolved, random);
    expect(result.value).toBe(right);
    if (!Number.isNaN(result.value) && result.code !== undefined)
      expect(format.decode(BigInt(result.code))).toBe(result.value);
  }
}

/** What is written for an operation is what is right of it: `verify` with the same options says so. */
async function verifies([, ...words]: readonly string[], printed: string): Promise<void> {
  const ofVectors = /^--(count|level|seed)(=|$)/;
  const own = words.filter(
    (word, i) =>
      !ofVectors.test(word) && !(ofVectors.test(words[i - 1] ?? '') && !words[i - 1]!.includes('=')),
  );
  const world = testWorld(undefined, [printed]);
  const code = await run(['verify', ...own], world.io);
  expect([world.stderr(), code]).toEqual([expect.any(String), 0]);
}

/** Of queues where nobody answers: with a server, lines are tested elsewhere. */
const addresses = ['redis://127.0.0.1:1', 'rediss://me:secret@[::1]:1/3', 'redis://:p%40ss@localhost:1/0'];

const commands: Readonly<Record<string, Command>> = {
  // Without a site there is nothing to serve, and no server stays behind.
  lab: {
    values: { '--port': ['0', '8080'] },
    flags: ['--no-open'],
    always: ['--no-open', '--site', 'nowhere'],
    isRefused: true,
  },
  formats: {
    values: {
      '--kind': 'float int fixed posit logarithmic codebook block complex'.split(' '),
      '--bits': '4 8 16 32'.split(' '),
    },
    flags: ['--json'],
    always: [],
    check: (line, printed) => {
      if (!line.includes('--json')) return;
      const [kind, bits] = [optionOf(line, '--kind'), optionOf(line, '--bits')];
      const isChosen = (format: AnyFormat): boolean =>
        (kind === undefined || format.kind === kind) &&
        (bits === undefined || ('bits' in format && format.bits === Number(bits)));
      const names = (Object.values(formats) as AnyFormat[]).filter(isChosen).map(({ name }) => name);
      expect(parsed(printed).map(({ name }: { name: string }) => name)).toEqual(names);
    },
  },
  format: {
    values: {},
    flags: ['--json', '--json', '--table'],
    // All codes of a format of 16 bits take 0.2 s.
    operands: [...formatNames.filter((name) => !/16$|posit\(/.test(name)), 'mxfp4', 'bfp(7,16)'],
    most: 1,
    always: [],
    check: ([, ...words], printed) => {
      if (!words.includes('--json')) return;
      const format = parseFormat(words.find((word) => !word.startsWith('--'))!);
      const { name, max, min, landmarks } = parsed(printed);
      expect(name).toBe(format.name);
      if (!('max' in format)) return;
      expect([max, min]).toEqual([format.max, format.min]);
      for (const { value, code } of landmarks) expect(format.decode(BigInt(code))).toBe(value);
    },
  },
  round: {
    values: {
      '--format': formatNames,
      '--rounding': [...roundings, 'stochastic'],
      '--saturation': 'none finite overflow wrap'.split(' '),
      '--subnormals': 'keep flush'.split(' '),
      '--seed': [...seeds, '18446744073709551615'],
      '--stream': [...seeds, '18446744073709551615'],
      '--offset': ['0', '5', '4503599627370496'],
      '--random-bits': '1 8 32'.split(' '),
      '--variant': 'A B C'.split(' '),
    },
    flags: ['--json', '--json', '-'],
    operands: numbers,
    most: 4,
    always: ['--json', '--format', 'e4m3fn'],
    check: checkRounded,
  },
  vectors: {
    values: {
      '--format': 'e4m3fn e5m2 e2m1 binary16 posit8 int4 binary8p3se'.split(' '),
      '--rounding': roundings,
      '--saturation': 'none finite'.split(' '),
      '--subnormals': 'keep flush'.split(' '),
      '--seed': seeds,
      '--random-bits': '1 8'.split(' '),
      '--variant': 'A B C'.split(' '),
      '--tininess': 'before after'.split(' '),
      '--missing-nan': 'skip zero max'.split(' '),
      '--as': 'testfloat csv jsonl'.split(' '),
      '--level': '1 2'.split(' '),
    },
    flags: ['--no-flags'],
    operands: 'add sub mul div sqrt fma exp compare min neg encode'.split(' '),
    most: 1,
    share: 0.3,
    always: ['--count', '20', '--format', 'e4m3fn'],
    check: verifies,
  },
  analyze: {
    values: {
      '--formats': analysed,
      '--data': ['gaussian', 'outliers', 'FILE:x.json'],
      '--shape': ['4,8', '16,64', '8', '2,4'],
      '--seed': seeds,
      '--rounding': roundings,
      '--transform': ['none', 'hadamard:4', 'hadamard', 'log-shift', '{"name":"hadamard","size":4}'],
      '--nan': ['zero', 'max', 'group', 'error'],
    },
    flags: ['--json', '--codes'],
    always: ['--shape', '4,8'],
    check: (line, printed) => {
      if (!line.includes('--json')) return;
      for (const { name, elements, bitsPerElement, lost, relativeError, sqnr } of parsed(printed).results) {
        const [first, ...parts] = name.split('/');
        expect([canonicalName(first), ...parts].join('/')).toBe(name);
        expect(bitsPerElement).toBeGreaterThan(0);
        expect(lost).toBeLessThanOrEqual(elements);
        // What is destroyed is never called perfect.
        if (lost > 0) expect([relativeError, sqnr]).toEqual([Infinity, -Infinity]);
      }
    },
  },
  train: {
    values: {
      ...dataOptions,
      ...trainingOptions,
      '--model': 'llama-tiny llama-small mlp'.split(' '),
      '--name': ['mine'],
      '--probe-every': ['0', '5'],
      '--gradient-draws': ['0', '2'],
      '--checkpoint-every': ['0', '5'],
    },
    flags: ['--resume', '--json', '--quiet', '--header', '--no-header'],
    operands: ['FILE:recipe.json', 'bitnet', '{"recipe":"dqt","bits":8}'],
    most: 1,
    always: ['--roles'],
    check: (line, printed) => {
      if (line.includes('--json')) {
        const { columns, phases } = parsed(printed);
        for (const { rows } of phases) for (const row of rows) expect(row).toHaveLength(columns.length);
      }
      expect(printed).toMatch(/int8/);
      expect(printed).not.toMatch(/undefined|NaN|null/);
    },
  },
  sweep: {
    values: {
      ...dataOptions,
      '--workers': counts,
      '--seeds': ['1', '1,2', '5,6,7'],
      '--arms': ['^', '^float', 'b.*t', '16$'],
      '--shard': ['1/1', '1/2', '16/16'],
    },
    flags: ['--json'],
    operands: ['FILE:sweep.json'],
    most: 1,
    always: ['--estimate', '--out', 'FILE:out'],
    check: (line, printed) => {
      if (!line.includes('--json'))
        return expect(printed).toMatch(/^.+: \d+ runs, \d+ to do, about \d+\.\d h on \d+ cores\n$/);
      const { runs: all, left, hours } = parsed(printed);
      const seedCount = optionOf(line, '--seeds')?.split(',').length ?? 2;
      const whole = optionOf(line, '--arms') === undefined && optionOf(line, '--shard') === undefined;
      if (whole) expect(all).toBe(3 * seedCount);
      expect(left).toBeLessThanOrEqual(all);
      expect(hours).toBeGreaterThanOrEqual(0);
    },
  },
  // Of runs that there are, lines are tested elsewhere.
  assign: {
    values: {
      '--bits': ['4', '6.5'],
      '--formats': ['e2m1', 'e2m1,posit(4,1)', 'posit(8,0),e2m1', 'int4/row,int8/block:32'],
      '--sensitivity': ['gradients', 'weights', 'sqnr', 'loss', 'hessian', 'eigenvalue'],
      '--by': ['exact', 'greedy'],
      '--batches': ['1', '3'],
      '--draws': ['2'],
      '--axis': ['0', '-1'],
      '--plot': ['FILE:plot.svg'],
      '--backend': ['wasm', 'cpu'],
      '--out': ['FILE:out'],
    },
    flags: ['--json'],
    operands: ['FILE:none', 'FILE:sweep.json', 'FILE:book'],
    most: 1,
    always: [],
    isRefused: true,
  },
  calibrate: {
    values: {
      ...dataOptions,
      '--of': ['inputs', 'gradients'],
      '--windows': counts,
      '--length': counts,
      '--seed': seeds,
      '--weights': ['FILE:weights'],
      '--backend': ['wasm', 'cpu'],
    },
    flags: ['--json'],
    operands: ['FILE:none', 'FILE:sweep.json', 'FILE:book'],
    most: 1,
    always: ['--out', 'FILE:out'],
    isRefused: true,
  },
  evaluate: {
    values: {
      ...dataOptions,
      '--weights': ['FILE:model.safetensors'],
      '--limit': counts,
      '--backend': ['wasm', 'cpu'],
    },
    flags: ['--json'],
    operands: ['FILE:none', 'FILE:sweep.json', 'FILE:book'],
    most: 1,
    always: [],
    isRefused: true,
  },
  quantize: {
    values: {
      '--to': [...analysed, 'keep'],
      '--rules': ['FILE:rules.json'],
      '--axis': ['0', '1', '-1'],
      '--rounding': roundings,
      '--seed': seeds,
      '--nan': ['zero', 'max', 'group', 'error'],
      '--after': ['nearest', 'mse', 'lowRankError', 'bitmask', 'secondOrder'],
      '--rank': ['1', '8'],
      '--calibration': ['FILE:model.safetensors'],
    },
    flags: ['--json', '--check', '--dequantized', '--dequantized', '--quiet'],
    operands: ['FILE:model.safetensors'],
    most: 1,
    always: ['--check', '--json', '--to', 'int4/block:4', '--out', 'FILE:out'],
    check: (_, printed) => {
      const { tensors, bytesAfter } = parsed(printed);
      expect(tensors.map(({ name }: { name: string }) => name)).toEqual(['w', 'b', 'n']);
      expect(bytesAfter).toBeGreaterThan(0);
    },
  },
  dequantize: {
    values: {},
    flags: ['--json', '--own-types', '--quiet'],
    operands: ['FILE:codes.safetensors'],
    most: 1,
    always: ['--json', '--out', 'FILE:out'],
    check: (line, printed) => {
      const type = line.includes('--own-types') ? 'F16' : 'F32';
      expect(parsed(printed).tensors[0]).toMatchObject({ name: 'w', dtype: type, wasQuantized: true });
    },
  },
  inspect: {
    values: {},
    flags: ['--json', '--quiet'],
    operands: ['FILE:model.safetensors', 'FILE:codes.safetensors'],
    most: 1,
    always: ['--json'],
    check: (_, printed) => {
      for (const { numbers } of parsed(printed).tensors)
        if (numbers !== undefined) expect(numbers.largest).toBeGreaterThanOrEqual(numbers.least);
    },
  },
  worker: {
    values: {
      '--queue': addresses,
      '--store': ['FILE:out'],
      '--concurrency': counts,
      '--lock': counts,
      '--idle': counts,
      '--name': ['mine'],
    },
    flags: ['--json'],
    always: ['--queue', addresses[0]!],
    isRefused: true,
  },
  queue: {
    values: { '--queue': addresses },
    flags: ['--json'],
    operands: 'retry pause resume drain'.split(' '),
    most: 1,
    always: ['--queue', addresses[0]!],
    isRefused: true,
  },
  law: {
    values: {
      '--formats': ['e4m3fn', 'e2m1,bf16', 'float(5,6),e5m2'],
      '--parameters': ['7B', '1e9', '300M', '.5k'],
      '--tokens': ['2T', '1e11', '40'],
      '--block': counts,
    },
    flags: ['--json'],
    always: ['formats', '--json'],
    check: (_, printed) => {
      const { formats: rows, parameters, tokens, block } = parsed(printed);
      for (const { format, loss } of rows)
        expect(loss).toBe(laws.floatingPointLaw({ format, parameters, tokens, block }).loss);
    },
  },
  compare: {
    values: {
      ...trainingOptions,
      '--seeds': ['1', '2'],
      '--arms': ['float32', 'float32,bitnet', 'transition@20,bfloat16', 'float32,transition@5%'],
      '--model': ['llama-tiny', 'llama-small'],
    },
    flags: ['--json', '--quiet'],
    share: 0.2,
    always: ['--out', 'FILE:out', '--text', 'FILE:book', '--steps', '20', '--json'],
    check: (line, printed) => {
      const { arms, complete } = parsed(printed);
      const names = optionOf(line, '--arms')?.replace('%', '').split(',') ?? [];
      expect(complete).toBe(true);
      if (names.length > 0) expect(arms.map(({ arm }: { arm: string }) => arm)).toEqual(names);
      for (const { runs: own } of arms) expect(own).toHaveLength(Number(optionOf(line, '--seeds') ?? 1));
    },
  },
};

/** The option that words give, without its value. */
const optionName = ([first]: readonly string[]): string => first!.split('=')[0]!;

/** Words as lists of an option with its value. */
function wordsOfOptions(words: readonly string[]): string[][] {
  const lists: string[][] = [];
  for (const word of words)
    if (word.startsWith('-') || lists.length === 0) lists.push([word]);
    else lists.at(-1)!.push(word);
  return lists;
}

/** A line of a command: most options have a value that is right for them, and few words are hostile. */
function lineOf(
  name: string,
  { values, flags, operands = [], most = 0, always }: Command,
): fc.Arbitrary<string[]> {
  const hostileWord = fc.constantFrom(...hostile);
  const option = fc
    .constantFrom(...(Object.keys(values).length > 0 ? Object.keys(values) : ['--json']))
    .chain((which) => {
      const right = fc.constantFrom(...(values[which] ?? ['']));
      const value = fc.oneof({ weight: 15, arbitrary: right }, { weight: 1, arbitrary: hostileWord });
      return fc.tuple(fc.constant(which), value, fc.boolean());
    })
    .map(([which, value, isJoined]) => (isJoined ? [`${which}=${value}`] : [which, value]));
  const pieces = fc.oneof(
    { weight: Object.keys(values).length > 0 ? 12 : 0, arbitrary: option },
    { weight: 6, arbitrary: fc.constantFrom(...flags).map((text) => [text]) },
    { weight: 1, arbitrary: hostileWord.map((text) => [text]) },
  );
  const operand = fc.oneof(
    { weight: 12, arbitrary: fc.constantFrom(...(operands.length > 0 ? operands : [''])) },
    { weight: 1, arbitrary: hostileWord },
  );
  const minLength = Math.min(1, most);
  // Few lines repeat an option, which is refused.
  const options = fc.oneof(
    { weight: 20, arbitrary: fc.uniqueArray(pieces, { maxLength: 5, selector: optionName }) },
    { weight: 1, arbitrary: fc.array(pieces, { maxLength: 5 }) },
  );
  return fc.tuple(fc.array(operand, { minLength, maxLength: most }), options).map(([begin, chosen]) => {
    const names = new Set(chosen.map(optionName));
    const rest = wordsOfOptions(always).filter((words) => !names.has(optionName(words)));
    return [name, ...rest.flat(), ...begin, ...chosen.flat()];
  });
}

/** Least part of the lines that must be accepted: the others are refused before they do anything. */
const leastAccepted = 0.4;

it('every command has its line', async () => {
  const world = testWorld();
  await run(['--help'], world.io);
  const [, list] = world.stdout().split('Commands:\n');
  const names = [...list!.matchAll(/^ {2}(\w+)/gm)].map(([, name]) => name!);
  expect(Object.keys(commands).sort()).toEqual(names.filter((name) => !/^(help|verify)$/.test(name)).sort());
});

it.each(Object.entries(commands))(
  '%s',
  async (name, command) => {
    const placed = (text: string): string => text.replace(/(^|=)FILE:/, `$1${folder}/`);
    await run([name, '--help'], testWorld().io); // loads its modules
    const before = treeOf(folder);
    const numRuns = Math.ceil(runs * (command.share ?? 1));
    let accepted = 0;
    await fc.assert(
      fc.asyncProperty(lineOf(name, command), async (words) => {
        const world = testWorld(undefined, ['0.1 2^-3\n', '1e5']);
        const line = words.map(placed);
        const code = await inTime(() => run(line, world.io));
        expectDoneOrRefused(code, world);
        rmSync(join(folder, 'out'), { recursive: true, force: true });
        if (code !== 0) return;
        accepted++;
        await command.check?.(line, world.stdout());
      }),
      { seed, numRuns },
    );
    if (command.isRefused) expect(accepted).toBe(0);
    else expect(accepted / numRuns).toBeGreaterThan(leastAccepted);
    expect(treeOf(folder)).toEqual(before);
  },
  3_600_000,
);
