/** `halfulp law`: what it prints is what the library says; runs are read from CSV, JSON and sweeps; wrong lines are refused. */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { run } from '../../src/cli/main.ts';
import {
  bestSplit,
  criticalTokens,
  floatingPointLaw,
  lawForms,
  quantizationLaw,
} from '../../src/laws/index.ts';
import { testWorld, withFolder } from './cli-world.ts';

async function law(...argv: string[]): Promise<{ code: number; out: string; error: string }> {
  const world = testWorld();
  const code = await run(['law', ...argv], world.io);
  return { code, out: world.stdout(), error: world.stderr() };
}

const truth = { a: 40, alpha: 0.3, b: 200, beta: 0.35, e: 1.2 };
const runs = [1e5, 4e5, 1.6e6].flatMap((parameters) =>
  [1e6, 4e6, 1.6e7].map((tokens) => ({
    ...{ arm: 'plain', parameters, tokens },
    loss: lawForms.chinchilla.value(truth, { parameters, tokens }),
  })),
);

describe('calculators', () => {
  test('formats', async () => {
    const { out } = await law(
      'formats',
      '--formats',
      'fp8_e4m3fn,e2m1',
      '--parameters',
      '7B',
      '--tokens',
      '2e12',
      '--block',
      '32',
      '--json',
    );
    const options = { parameters: 7e9, block: 32 };
    expect(JSON.parse(out)).toEqual({
      ...{ parameters: 7e9, tokens: 2e12, block: 32 },
      formats: ['e4m3fn', 'e2m1'].map((format) => ({
        format,
        ...floatingPointLaw({ format, tokens: 2e12, ...options }),
        criticalTokens: criticalTokens({ format, ...options }),
      })),
    });
    expect((await law('formats')).out).toMatch(/e4m3fn +2\.5631 +0\.0004 +27\.3T/);
  });

  test('split and quantization', async () => {
    expect(JSON.parse((await law('split', '--bits', '8,4', '--json')).out)).toEqual({
      splits: [8, 4].map((bits) => ({ bits, ...bestSplit(bits) })),
    });
    const { groups } = JSON.parse(
      (await law('quantization', '--tokens', '300M', '--groups', '64', '--json')).out,
    );
    expect(groups).toEqual([
      { group: 64, loss: quantizationLaw({ parameters: 1e9, tokens: 3e8, group: 64 }) },
    ]);
  });
});

describe('fits', () => {
  test('read CSV, JSON and the results of a sweep alike; runs that diverged are counted', () =>
    withFolder(async (folder) => {
      const csv = join(folder, 'runs.csv');
      const lines = runs.map(({ arm, parameters, tokens, loss }) => [arm, parameters, tokens, loss].join());
      writeFileSync(csv, ['arm,parameters,tokens,loss', ...lines, 'plain,1e5,1e6,NaN'].join('\n'));
      writeFileSync(join(folder, 'list.json'), JSON.stringify([...runs, { ...runs[0], loss: null }]));
      const sweep = [
        ...runs.map(({ loss, ...rest }) => ({ ...rest, validationLoss: loss })),
        { ...runs[0], loss: 'NaN' },
        { arm: 'other', parameters: 1, tokens: 1, validationLoss: 77 },
      ];
      writeFileSync(join(folder, 'results.json'), JSON.stringify({ runs: sweep }));
      const at = ['--at', 'parameters=10M,tokens=1B', '--json'];
      const fits = [
        await law('fit', csv, ...at),
        await law('fit', join(folder, 'list.json'), ...at),
        await law('fit', folder, '--arms', 'plain', ...at),
      ];
      expect(fits[1]!.out).toBe(fits[0]!.out);
      expect(fits[2]!.out).toBe(fits[0]!.out);
      const { parameters, diverged, prediction, rows } = JSON.parse(fits[0]!.out);
      expect([diverged, rows]).toEqual([1, 9]);
      expect(parameters.alpha.value).toBeCloseTo(0.3, 6);
      expect(prediction.value).toBeCloseTo(
        lawForms.chinchilla.value(truth, { parameters: 1e7, tokens: 1e9 }),
        6,
      );
    }));

  test('fix parameters, write plots', () =>
    withFolder(async (folder) => {
      const file = join(folder, 'runs.json');
      writeFileSync(file, JSON.stringify(runs));
      const plot = join(folder, 'fit.svg');
      const { out, code } = await law('fit', file, '--fix', 'a=40,alpha=.3', '--plot', plot);
      expect(code).toBe(0);
      expect(out).toMatch(/alpha +0\.3 +fixed/);
      expect(readFileSync(plot, 'utf8')).toContain('</svg>');
      const formats = join(folder, 'formats.svg');
      await law('formats', '--plot', formats);
      expect(readFileSync(formats, 'utf8')).toContain('bfloat16');
    }));

  test('leave out empty losses, and tell an exact fit from a fixed parameter', () =>
    withFolder(async (folder) => {
      const file = join(folder, 'runs.csv');
      const rows = [1, 4, 16, 64].map((x) => `${x},${3 / Math.sqrt(x) + 0.25}`);
      writeFileSync(file, ['x,loss', ...rows, '2,', '8,-inf'].join('\n'));
      const { out } = await law('fit', file, '--form', 'power', '--fix', 'e=0.25', '--at', 'x=9');
      expect(out).toMatch(/a +3 +3 to 3\n/);
      expect(out).toMatch(/e +0\.25 +fixed/);
      expect(out).toContain('2 runs without a finite loss left out');
      expect(out).toContain('At x 9: loss 1.2500, 95 % 1.2500 to 1.2500');
      const one = [1e5, 2e5, 4e5, 8e5, 1.6e6, 3.2e6].map((n) => `${n},1e6,${2 + 1e3 / n ** 0.5}`);
      writeFileSync(file, ['parameters,tokens,loss', ...one].join('\n'));
      const open = await law('fit', file, '--starts', '8', '--at', 'parameters=1e6,tokens=1e9');
      expect(open.out).toContain('Not determined by these runs: b, beta, e');
      expect(open.out).toMatch(/tokens 1B: loss \d+\.\d{4}, 95 % 0\.0000 to inf/);
    }));

  test('refuse what they cannot read, in one line', () =>
    withFolder(async (folder) => {
      const file = (name: string, text: string): string => {
        writeFileSync(join(folder, name), text);
        return join(folder, name);
      };
      const good = file('good.json', JSON.stringify(runs));
      const cases: [string[], RegExp][] = [
        [['fit', join(folder, 'none.csv')], /^halfulp: runs: .*no such file/],
        [['fit', file('bad.json', '{')], /JSON/],
        [['fit', file('words.json', '"runs"')], /a list of runs/],
        [['fit', file('few.csv', 'parameters,tokens,loss\n1,2,3\n')], /more than 5 rows/],
        [
          ['fit', file('text.csv', `parameters,tokens,loss\n${'1,two,3\n'.repeat(7)}`)],
          /rows\[0\]\.tokens: got 'two'/,
        ],
        [['fit', file('lossless.csv', `parameters,tokens\n${'1,2\n'.repeat(7)}`)], /rows\[0\]\.loss/],
        [
          ['fit', file('loss.csv', `parameters,tokens,loss\n${'1,2,two\n'.repeat(7)}`)],
          /rows\[0\]\.loss: got 'two'/,
        ],
        [
          ['fit', file('below.csv', `parameters,tokens,loss\n${'1,2,-2\n'.repeat(7)}`)],
          /rows\[0\]\.loss: got -2; accepted: a finite number from 0/,
        ],
        [['fit', good, '--arms', 'plane'], /--arms: got 'plane'; accepted: plain/],
        [['fit', good, '--form', 'chinchila'], /--form/],
        [['fit', good, '--at', 'parameters=1B'], /variables\.tokens/],
        [['fit', good, '--at', 'parameters=1B,tokens=1B,x=3'], /--at\.x: got 3/],
        [['fit', good, '--at', 'parameters=1B,tokens=0'], /variables\.tokens: got 0/],
        [['fit', good, '--fix', 'alfa=1'], /--fix\.alfa: got 1; accepted: .*alpha/],
        [['fit', good, '--fix', 'a=1,a=2'], /--fix: got 'a=2'; accepted: a once/],
        [['fit', good, '--fix', 'a'], /--fix: got 'a'; accepted: name=number/],
        [['formats', '--formats', 'int8'], /--formats|format: got/],
        [['formats', '--tokens', '-1'], /--tokens: got '-1'/],
        [['split', '--bits', '1'], /--bits: got 1; accepted: an integer from 2 to 32/],
        [['quantization', '--groups', 'x'], /--groups/],
      ];
      for (const [argv, message] of cases) {
        const { code, error } = await law(...argv);
        expect([code, error.trim().split('\n').length, message.test(error) || error]).toEqual([2, 1, true]);
      }
    }));
});
