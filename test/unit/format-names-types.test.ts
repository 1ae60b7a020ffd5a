/** What an editor offers where a format's name is typed, asked of TypeScript's own language service. */
import { resolve } from 'node:path';
import ts from 'typescript';
import { describe, expect, it } from 'vitest';

const file = resolve('test/unit/typed-in-an-editor.ts');
const source = `
import { arithmetic, parseFormat, quantize, round } from '../../src/index.ts';
import type { Policy } from '../../src/tfjs/policy.ts';
round(0.1, '/*round*/');
arithmetic('/*arithmetic*/');
quantize(new Float32Array(32), '/*quantize*/');
parseFormat('/*parseFormat*/');
const policy: Policy = { format: '/*policy*/', roles: { backward: '/*role*/' } };
const name: string = 'float(5,2)';
export const free = [policy, round(0.1, name), round(0.1, 'float(3,4)'), round(0.1, 'fp16'), parseFormat('MXFP8').bitsPerElement];
`;

function service(): ts.LanguageService {
  const { config } = ts.readConfigFile('tsconfig.json', ts.sys.readFile) as {
    config: { compilerOptions: object };
  };
  const { options } = ts.convertCompilerOptionsFromJson(config.compilerOptions, process.cwd());
  const read = (path: string): string | undefined => (path === file ? source : ts.sys.readFile(path));
  return ts.createLanguageService({
    getCompilationSettings: () => options,
    getScriptFileNames: () => [file],
    getScriptVersion: () => '1',
    getScriptSnapshot: (path) => {
      const text = read(path);
      return text === undefined ? undefined : ts.ScriptSnapshot.fromString(text);
    },
    getCurrentDirectory: () => process.cwd(),
    getDefaultLibFileName: ts.getDefaultLibFilePath,
    fileExists: (path) => path === file || ts.sys.fileExists(path),
    readFile: read,
  });
}

describe('an editor', () => {
  const editor = service();
  it.each([
    ['round', 'bfloat16'],
    ['arithmetic', 'e4m3fn'],
    ['quantize', 'mxfp4'],
    ['parseFormat', 'nvfp4'],
    ['policy', 'binary16'],
    ['role', 'e5m2'],
  ])('offers %s the catalogue', (place, name) => {
    const at = source.indexOf(`/*${place}*/`);
    const offered = editor.getCompletionsAtPosition(file, at, {})?.entries.map((entry) => entry.name);
    expect(offered).toContain(name);
  });

  it('takes names that are made by rule or in a variable', () => {
    const problems = editor.getSemanticDiagnostics(file);
    expect(problems.map(({ messageText }) => messageText)).toEqual([]);
  });
});
