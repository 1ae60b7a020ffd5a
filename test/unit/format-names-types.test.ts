/**
 * What an editor offers where a format's name is typed, and which names compile, asked of TypeScript's own language service. What
 * compiles is held to what the program reads when it runs.
 */
import { resolve } from 'node:path';
import ts from 'typescript';
import { describe, expect, it } from 'vitest';
import { aliases, ambiguousNames } from '../../src/formats/aliases.ts';
import { formats, namedQuantizerOptions, parseFormat } from '../../src/index.ts';

const file = resolve('test/unit/typed-in-an-editor.ts');
const imports = `
import * as tf from '@tensorflow/tfjs';
import {
  analyze, arithmetic, classify, codebook, decode, encode, errorAgainstBits, flipBits, namedQuantizer, nextDown, nextUp, pack,
  parseFormat, quantize, quantizer, registerFormat, round, ulp, unpack, type FormatName, type FormatSpelling,
  type HalfArray,
} from '../../src/index.ts';
import { createMath } from '../../src/mathjs/index.ts';
import { finite } from '../../src/testing/index.ts';
import { emulate } from '../../src/tfjs/index.ts';
const x = new Float32Array(32);
declare const half: HalfArray;
const name: string = 'float(5,2)';
`;

let source = '';
let version = 0;
const read = (path: string): string | undefined => (path === file ? source : ts.sys.readFile(path));
const { config } = ts.readConfigFile('tsconfig.json', ts.sys.readFile) as {
  config: { compilerOptions: object };
};
const { options } = ts.convertCompilerOptionsFromJson(config.compilerOptions, process.cwd());
const editor = ts.createLanguageService({
  getCompilationSettings: () => ({ ...options, noUnusedLocals: false }),
  getScriptFileNames: () => [file],
  getScriptVersion: (path) => (path === file ? String(version) : '0'),
  getScriptSnapshot: (path) => {
    const text = read(path);
    return text === undefined ? undefined : ts.ScriptSnapshot.fromString(text);
  },
  getCurrentDirectory: () => process.cwd(),
  getDefaultLibFileName: ts.getDefaultLibFilePath,
  fileExists: (path) => path === file || ts.sys.fileExists(path),
  readFile: read,
});

/** Writes the calls, one a line, into the file. */
function write(calls: readonly string[]): void {
  source = `${imports}${calls.join('\n')}\n`;
  version++;
}

/** Calls that take a format's name, with a place for it. */
const doors: readonly string[] = [
  ...['round(0.1, NAME)', 'round(x, NAME)', 'round([1], NAME)', 'round(half, NAME)'],
  ...['encode(1, NAME)', 'encode(x, NAME)', 'decode(1, NAME)', 'decode(new Uint8Array(1), NAME)'],
  ...['arithmetic(NAME)', 'arithmetic(NAME, { flags: true })', 'createMath(NAME)', 'parseFormat(NAME)'],
  ...[
    "arithmetic({ operands: [NAME, 'e5m2'], result: 'e4m3' })",
    "arithmetic({ operands: NAME, result: 'e4m3' })",
  ],
  ...[
    "arithmetic({ operands: 'e4m3', result: NAME })",
    "arithmetic({ operands: 'e4m3', result: NAME, flags: true })",
  ],
  ...['nextUp(1, NAME)', 'nextDown(1, NAME)', 'ulp(1, NAME)', 'classify(1, NAME)', 'finite(NAME)'],
  ...['pack(new Uint8Array(1), NAME)', 'unpack(new Uint8Array(1), NAME, 1)'],
  ...['flipBits(x, NAME, { probability: 0 })', 'flipBits(1, NAME, { probability: 0 })'],
  ...[
    'quantize(x, NAME)',
    'namedQuantizer(NAME)',
    'quantizer(NAME)',
    'analyze(x, NAME)',
    'errorAgainstBits(x, [NAME])',
  ],
  ...["quantizer({ format: NAME, scale: { per: 'tensor', from: 'absmax' } })"],
  ...["quantizer({ format: 'int4', scale: { per: 'row', from: 'absmax', format: NAME } })"],
  ...["arithmetic('e5m2').compile('a * b', { formats: { a: NAME, b: 'e4m3' } })"],
  ...["arithmetic('e5m2').compile('a * b', { operations: { mul: NAME } })"],
  ...['emulate(tf, { format: NAME })', 'emulate(tf, { roles: { forward: NAME } })'],
  ...['emulate(tf, { roles: { forward: { format: NAME } } })', "emulate(tf, { layers: { 'dense*': NAME } })"],
  ...['emulate.scope(tf, { format: NAME }, () => 1)', 'emulate(tf, { inputs: NAME })'],
];

/** The lines of a program, one a call, that do not compile. */
function refused(calls: readonly string[]): string[] {
  const before = imports.split('\n').length - 1;
  write(calls);
  const lines = ts.createSourceFile(file, source, ts.ScriptTarget.ES2022);
  const problems = [...editor.getSyntacticDiagnostics(file), ...editor.getSemanticDiagnostics(file)];
  const places = problems.map(({ start }) => lines.getLineAndCharacterOfPosition(start!).line - before);
  return [...new Set(places)].sort((a, b) => a - b).map((place) => calls[place] ?? `line ${place}`);
}

const of = (name: string, door: string): string => `${door.replaceAll('NAME', `'${name}'`)};`;
const scalars = Object.keys(formats).filter((name) => {
  const { kind } = parseFormat(name as string);
  return kind !== 'block' && kind !== 'complex';
});

describe('an editor', () => {
  it('offers the catalogue at every door', () => {
    write(doors.map((door, i) => of(`/*${i}.*/`, door)));
    const without = doors.filter((_, i) => {
      const at = source.indexOf(`/*${i}.*/`);
      const offered = editor.getCompletionsAtPosition(file, at, {})?.entries.map((entry) => entry.name);
      return !scalars.every((name) => offered?.includes(name));
    });
    expect(without).toEqual([]);
  }, 120_000);
});

describe('names that are written out', () => {
  it('compile at every door where there is such a format', () => {
    const names = [
      'e4m3fn',
      'FP16',
      'torch.float8_e4m3fn',
      'float(4,3)',
      'Fixed (4, 4)',
      'int12',
      'binary8p3se',
    ];
    expect(refused(names.flatMap((name) => doors.map((door) => of(name, door))))).toEqual([]);
  }, 120_000);

  it('do not compile at any door where there is none', () => {
    const calls = ['e4m3fnn', 'fp8', 'float(4)'].flatMap((name) => doors.map((door) => of(name, door)));
    expect(refused(calls)).toEqual(calls);
  }, 120_000);

  it('pass in variables, in wrappers and with as string', () => {
    const calls = doors.flatMap((door) => [
      `${door.replaceAll('NAME', 'name')};`,
      `${door.replaceAll('NAME', "'levels' as string")};`,
    ]);
    const wrappers = [
      'export const wide = (format: FormatSpelling): number => round(1, format);',
      `export const made = (bits: number): number => round(1, \`int\${bits}\`) + round(1, \`\${name}\`);`,
      `quantize(x, \`\${name}/tensor\`);`,
      'export const narrow = <F extends FormatName>(format: F): number => round(1, format);',
      "for (const one of ['e4m3fn', 'fp16'] as const) round(1, one);",
      "round(1, registerFormat(codebook({ name: 'levels', values: [1, 2] })));",
    ];
    expect(refused([...calls, ...wrappers])).toEqual([]);
  }, 120_000);

  it('are told apart from what is read when the program runs by nothing but numbers', () => {
    const words = [...scalars, ...Object.values(aliases).flat(), ...Object.keys(ambiguousNames)];
    const spelled = words.flatMap((word, i) => {
      const at = (7 * i) % (word.length + 1);
      const rest = word.slice(at + 1);
      return [
        ...[word, word.toUpperCase(), ` ${word}`, `torch.${word}`, `${word.slice(0, at)}-${word.slice(at)}`],
        ...[
          `${word.slice(0, at)}${rest}`,
          `${word.slice(0, at)}x${rest}`,
          `${word}n`,
          `${word.slice(0, at)}.${rest}`,
        ],
      ];
    });
    const called = [
      ...[
        'float(4,3)',
        'float(4,3,fn)',
        'FLOAT(4, 3, fnuz, bias = 8)',
        'float(infinity,3)',
        'float(4,3,unsigned)',
      ],
      ...[
        'float(5,2,domain=finite,p3109)',
        'float(4,3,subnormals=false)',
        'float(4,3,subnormals=normal)',
        'float(4)',
      ],
      ...[
        'float(4,3,fm)',
        'float(4,3,bias)',
        'float(4,3,emin=3)',
        'flaot(4,3)',
        'float(4,3',
        'float[4,3]',
        'float(a,b)',
      ],
      ...[
        'fixed(4,4)',
        'fixed(4,4,unsigned)',
        'fixed(4,4,signed)',
        'posit(16,1)',
        'posit(16)',
        'posit(16,1,2)',
      ],
      ...[
        'logarithmic(4,3)',
        'log(4,3)',
        'int12',
        'uint7',
        'int123',
        'int8symmetric',
        'int8symetric',
        'i8',
        's4',
        'u16',
        'x8',
      ],
      ...[
        'int3.5',
        'midrise4',
        'midrise9',
        'binary8p3se',
        'Binary8P3UF',
        'binary8p3xe',
        'binary8p3s',
        'binary8',
        '',
      ],
    ];
    const names = [...new Set([...spelled, ...called])];
    const isRead = (name: string): boolean => {
      try {
        const { kind } = parseFormat(name as string);
        return kind !== 'block' && kind !== 'complex';
      } catch {
        return false;
      }
    };
    const calls = names.map((name) => of(name, 'round(0.1, NAME)'));
    expect(refused(calls)).toEqual(calls.filter((_, i) => !isRead(names[i]!)));
  }, 120_000);

  it('of quantisers are told apart in the same way', () => {
    const texts = [
      'mxfp4',
      'nvfp4',
      'MXFP8',
      'bfp(7,16)',
      'bfp(7)',
      'mxfp5',
      'int4',
      'int4/row',
      'int4/ROW',
      'int4/rwo',
    ];
    const more = [
      'int8/block:32',
      'int8/block',
      'int8/tile:2x4/mse/scale:e8m0',
      'int8/scale:e8m9',
      'e2m1/block:16/scale:ue5m3',
    ];
    const rest = [
      'int4/unscaled',
      'int4/',
      'int9999/row',
      'int4/tile:4',
      'ternary/absmean',
      'ternary/constant',
      'mxfp4/row',
    ];
    const all = [...texts, ...more, ...rest];
    const isRead = (text: string): boolean => {
      try {
        return namedQuantizerOptions(text as string) !== undefined;
      } catch {
        return false;
      }
    };
    const calls = all.map((text) => of(text, 'quantize(x, NAME)'));
    expect(refused(calls)).toEqual(calls.filter((_, i) => !isRead(all[i]!)));
  }, 120_000);
});
