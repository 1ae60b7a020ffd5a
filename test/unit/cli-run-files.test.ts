/** What a run folder holds when it is read again, and where commands may write: damaged, in the way, not to be written. */
import { existsSync, mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it, test } from 'vitest';
import { run } from '../../src/cli/main.ts';
import { hasResult, readConfig, readPointer, readRecords } from '../../src/cli/run-files.ts';
import { makeRunFolder } from '../../src/cli/run-folder.ts';
import { readSweep, sweepRuns } from '../../src/cli/sweep/definition.ts';
import { sweepFigures } from '../../src/cli/sweep/figures.ts';
import { sweepPage } from '../../src/cli/sweep/page.ts';
import { sweepResults } from '../../src/cli/sweep/results.ts';
import { sweepCsv } from '../../src/cli/sweep/tables.ts';
import { readCheckpoint } from '../../src/cli/train/checkpoint-files.ts';
import { makeFolders, prepareFolder, writeWholeFile } from '../../src/files/write.ts';
import { jsonText } from '../../src/json.ts';
import { checkPage, preparePage, studyPage } from '../../src/studies/study-page.ts';
import { basis, testWorld, withFolder } from './cli-world.ts';

const refusal = (message: RegExp) =>
  expect.objectContaining({ name: 'ArgumentError', message: expect.stringMatching(message) });

const result = {
  ...{
    steps: 10,
    trainLoss: 2,
    validationLoss: 2,
    bitsPerWeight: 32,
    seconds: 1,
    spike: null,
    inference: [],
  },
  memory: { bytesPerParameter: 16 },
};

/** Everything that is no result in some way. */
const noResults: readonly (readonly [string, string])[] = [
  ['empty', ''],
  ['half', JSON.stringify(result).slice(0, 40)],
  ['an empty object', '{}'],
  ['a list', '[]'],
  ['null', 'null'],
  ['deep', '['.repeat(1e5)],
  ['a loss in words', JSON.stringify({ ...result, validationLoss: 'x' })],
  ['seconds in words', JSON.stringify({ ...result, seconds: 'x' })],
  ['no memory', JSON.stringify({ ...result, memory: null })],
  ['inference of null', JSON.stringify({ ...result, inference: [null] })],
  ['a spike that is a number', JSON.stringify({ ...result, spike: 5 })],
  ['a number with methods', JSON.stringify({ ...result, trainLoss: { toString: 1 } })],
];

describe('result.json', () => {
  it.each(noResults)('does not count: %s', async (_, text) => {
    await withFolder((folder) => {
      writeFileSync(join(folder, 'result.json'), text);
      expect(hasResult(folder)).toBe(false);
      const sweep = readSweep({ name: 'a', steps: 10, arms: [{ name: 'b', recipe: { recipe: 'float32' } }] });
      const runs = sweepRuns(sweep, basis);
      mkdirSync(join(folder, runs[0]!.id));
      writeFileSync(join(folder, runs[0]!.id, 'result.json'), text);
      expect(sweepResults(sweep, runs, folder, new Map()).finished).toEqual([]);
    });
  });

  it('counts where it is whole, also of a run that diverged', async () => {
    await withFolder((folder) => {
      expect(hasResult(folder)).toBe(false);
      for (const validationLoss of [2, null, 'NaN']) {
        writeFileSync(join(folder, 'result.json'), JSON.stringify({ ...result, validationLoss }));
        expect(hasResult(folder)).toBe(true);
      }
    });
  });
});

describe('metrics.jsonl', () => {
  const step = '{"type":"step","step":1,"loss":2}\n';
  it.each([
    ['half a line before others', `{"type":"st\n${step}`, /metrics is damaged: line 1 is not JSON/],
    ['null', `${step}null\n`, /line 2 is no record/],
    ['a number', `5\n${step}`, /line 1 is no record/],
    ['an unknown type', '{"type":"toString"}\n', /line 1 is no record/],
    ['a step in words', '{"type":"step","step":"1","loss":2}\n', /line 1\.step: got '1'/],
    ['a loss with methods', '{"type":"step","step":1,"loss":{"toString":1}}\n', /line 1\.loss/],
    ['probes of null', '{"type":"step","step":1,"loss":2,"probes":null}\n', /line 1\.probes/],
    [
      'a probe in words',
      '{"type":"step","step":1,"loss":2,"probes":{"weights":{"flipRate":"x"}}}\n',
      /line 1\.probes\.weights\.flipRate/,
    ],
  ])('is damaged by %s', async (_, text, message) => {
    await withFolder((folder) => {
      writeFileSync(join(folder, 'metrics'), text);
      expect(() => readRecords(join(folder, 'metrics'))).toThrow(refusal(message));
    });
  });

  it('may end in half a line, and is read whole otherwise', async () => {
    await withFolder((folder) => {
      const path = join(folder, 'metrics');
      expect(readRecords(path)).toEqual([]);
      writeFileSync(path, `${step}\n${step}{"type":"step","ste`);
      expect(readRecords(path)).toHaveLength(2);
      writeFileSync(path, step.trimEnd());
      expect(readRecords(path)).toEqual([{ type: 'step', step: 1, loss: 2 }]);
    });
  });
});

describe('checkpoint.json', () => {
  it.each([
    ['leads out of the folder', { file: 'checkpoint-00000004.safetensors/../../x', step: 4 }],
    ['names another step', { file: 'checkpoint-00000004.safetensors', step: 5 }],
    ['names no checkpoint', { file: 'config.json', step: 4 }],
    ['has more after the name', { file: 'checkpoint-00000004.safetensors.tmp-1', step: 4 }],
    ['has a zero character', { file: 'checkpoint-00000004.safetensors\0', step: 4 }],
    ['is a list', []],
    ['has half a step', { file: 'checkpoint-00000001.5.safetensors', step: 1.5 }],
  ])('is damaged where it %s', async (_, pointer) => {
    await withFolder((folder) => {
      const path = join(folder, 'checkpoint.json');
      writeFileSync(path, JSON.stringify(pointer));
      expect(() => readPointer(path)).toThrow(refusal(/checkpoint\.json is damaged: checkpoint/));
    });
  });

  it('is as it was written, but its file is gone', async () => {
    await withFolder((out) => {
      const folder = makeRunFolder(out, 'a');
      expect(readCheckpoint(folder)).toBeNull();
      folder.write('checkpoint.json', '{"file":"checkpoint-00000004.safetensors","step":4}');
      expect(() => readCheckpoint(folder)).toThrow(
        refusal(/00004\.safetensors cannot be read: there is no such file/),
      );
    });
  });
});

it('config.json is damaged where a field is not what runs write', async () => {
  const environment = { cpu: 'EPYC', cores: 2, memoryGiB: 24, node: '20.1.0', packages: {} };
  const text = { name: 'Moby-Dick', trainingCharacters: 10, validationCharacters: 1, vocabulary: 8 };
  await withFolder((folder) => {
    const read = (config: unknown) => {
      writeFileSync(join(folder, 'config.json'), JSON.stringify(config));
      return readConfig(folder);
    };
    expect(read({ text, environment, training: {} })).toMatchObject({ text: { vocabulary: 8 } });
    for (const config of [
      ...[null, [], {}, { environment }, { text: null, environment }, { text, environment: null }],
      ...[
        { text: { ...text, vocabulary: '8' }, environment },
        { samples: { classes: 5 }, environment },
      ],
      ...[{ text, environment: { ...environment, packages: { a: 1 } } }],
    ])
      expect(() => read(config)).toThrow(refusal(/config\.json is damaged: config/));
  });
});

describe('a place to write', () => {
  it('is made, or nothing is', async () => {
    await withFolder((folder) => {
      makeFolders(join(folder, 'a', 'b', '..', 'c'));
      expect(readdirSync(join(folder, 'a'))).toEqual(['c']);
      expect(() => makeFolders(join(folder, 'd', 'e', 'x'.repeat(300)))).toThrow(/ENAMETOOLONG/);
      expect(existsSync(join(folder, 'd'))).toBe(false);
      symlinkSync('nowhere', join(folder, 'link'));
      expect(() => makeFolders(join(folder, 'link'))).toThrow(/EEXIST/);
      expect(() => makeFolders(`${'x/'.repeat(30_000)}x`)).toThrow(/ENAMETOOLONG/);
    });
  });

  it('is tried: a file in its place, /proc, a disk that is full', async () => {
    await withFolder((folder) => {
      prepareFolder(join(folder, 'a'), '--out');
      expect(readdirSync(join(folder, 'a'))).toEqual([]);
      writeFileSync(join(folder, 'file'), '');
      expect(() => prepareFolder(join(folder, 'file'), '--out')).toThrow(refusal(/^--out: .*ENOTDIR/));
      expect(() => prepareFolder(join(folder, 'file', 'x'), '--out')).toThrow(refusal(/^--out: .*ENOTDIR/));
      if (process.platform !== 'linux') return;
      expect(() => prepareFolder('/proc/x', '--out')).toThrow(refusal(/^--out: got '\/proc\/x'.*ENOENT/));
      expect(() => prepareFolder('/proc', '--page')).toThrow(refusal(/^--page: /));
    });
  });

  it('is never a device in whose place a file would be put', async () => {
    if (process.platform !== 'linux') return;
    writeWholeFile('/dev/null', 'x');
    expect(() => writeWholeFile('/dev/full', 'x')).toThrow('cannot write /dev/full: ENOSPC');
    expect(readdirSync('/dev').filter((name) => name.includes('tmp-'))).toEqual([]);
  });

  it('has a page only by a name that is one', async () => {
    await withFolder((folder) => {
      for (const name of [
        'page',
        'a b.md',
        '.md',
        '-.md',
        'con.md',
        'a\u001b.md',
        'a.md/',
        `${'x'.repeat(101)}.md`,
      ])
        expect(() => checkPage(`${join(folder, 'new')}/${name}`)).toThrow(refusal(/^--page: .*NAME\.md/));
      mkdirSync(join(folder, 'folder.md'));
      expect(() => checkPage(join(folder, 'folder.md'))).toThrow(refusal(/^--page: .*this is a folder/));
      writeFileSync(join(folder, 'other.md'), 'mine');
      expect(() => checkPage(join(folder, 'other.md'))).toThrow(refusal(/^--page: /));
      writeFileSync(join(folder, 'data'), '');
      expect(() => preparePage(join(folder, 'page.md'))).toThrow(refusal(/^--page: .*ENOTDIR/));
    });
  });
});

test.runIf(process.platform === 'linux')(
  'a sweep is refused at once where nothing can be written',
  async () => {
    await withFolder(async (folder) => {
      const path = join(folder, 'sweep.json');
      const arms = [{ name: 'a', recipe: { recipe: 'float32' } }];
      writeFileSync(path, JSON.stringify({ name: 'b', steps: 1e6, arms }));
      for (const [argument, ...more] of [
        ['--out', '--out', '/proc/x'],
        ['--out', '--out', path],
      ]) {
        const world = testWorld();
        expect(await run(['sweep', path, ...more], world.io)).toBe(2);
        expect(world.stderr().split('\n').at(-2)).toContain(`halfulp: ${argument}: `);
      }
    });
  },
);

describe('what a page shows', () => {
  const sweep = {
    ...readSweep({
      name: 'a',
      title: '<img src=x onerror=alert(1)> [x](javascript:alert(1)) `a` *b*',
      claim: '</p><script>alert(1)</script> a|b',
      steps: 10,
      arms: [
        { name: 'b', recipe: { recipe: 'float32' } },
        { name: 'c', recipe: { recipe: 'bitnet' } },
      ],
      contrasts: [{ name: '<b>|x|</b>', arm: 'b', against: 'c' }],
    }),
  };
  const results = sweepResults(
    sweep,
    sweepRuns(sweep, basis),
    '/nowhere',
    new Map([[sweepRuns(sweep, basis)[0]!.id, '<u>\u001b[31m']]),
  );

  it('is text, whatever it looks like', () => {
    const options = { name: 'a', folder: '/nowhere', command: 'halfulp `x` <y>', verdict: 'None yet.' };
    const { markdown } = studyPage(results, options);
    expect(markdown).toContain(
      '# &lt;img src=x onerror=alert(1)&gt; \\[x\\](javascript:alert(1)) \\`a\\` \\*b\\*',
    );
    expect(markdown).toContain('&lt;/p&gt;&lt;script&gt;alert(1)&lt;/script&gt; a\\|b');
    expect(markdown).toContain('| &lt;b&gt;\\|x\\|&lt;/b&gt; |');
    expect(markdown).toContain('Command: `` halfulp `x` <y> ``;');
    expect(markdown.replaceAll(/<!--[^>]*-->/g, '').replace('halfulp `x` <y>', '')).not.toMatch(/<\w/);
    expect(sweepPage(results, sweepFigures(results))).not.toMatch(/<script|<img|<b>|<u>/);
  });

  it('is text in pictures too', async () => {
    await withFolder((folder) => {
      for (const { id } of sweepRuns(sweep, basis)) {
        mkdirSync(join(folder, id));
        writeFileSync(join(folder, id, 'result.json'), JSON.stringify(result));
      }
      const figures = sweepFigures(sweepResults(sweep, sweepRuns(sweep, basis), folder, new Map()));
      expect(figures.map(({ name }) => name)).toContain('contrast-validationLoss-difference');
      for (const { svg } of figures) expect(svg).not.toMatch(/<script|<img|<b>/);
    });
  });

  it('is no formula in a table of a spreadsheet', () => {
    const named = (name: string): string => {
      const arms = sweep.arms.map((arm) => ({ ...arm, name: arm.name === 'b' ? name : arm.name }));
      const rows = results.rows.map((row, i) => ({ ...row, arm: arms[i]! }));
      return sweepCsv({ ...results, rows }).split('\n')[1]!;
    };
    expect(named('=1+1')).toMatch(/^'=1\+1,/);
    expect(named('+1')).toMatch(/^'\+1,/);
    expect(named('-1')).toMatch(/^'-1,/);
    expect(named('@x,"y"')).toMatch(/^"'@x,""y""",/);
    expect(named('b')).toMatch(/^b,/);
  });

  it('has no control characters as JSON', () => {
    expect(jsonText({ a: '\u009b31m\u202e\n' })).toBe('{"a":"\\u009b31m\\u202e\\n"}');
  });
});

it('a finished run is shown, not trained again; a damaged one is no finished one', async () => {
  await withFolder(async (out) => {
    mkdirSync(join(out, 'a'));
    writeFileSync(join(out, 'r.json'), '{"recipe":"float32"}');
    writeFileSync(join(out, 'book.txt'), 'Call me Ishmael. '.repeat(200));
    const argv = [
      ...[
        'train',
        join(out, 'r.json'),
        '--text',
        join(out, 'book.txt'),
        '--out',
        out,
        '--name',
        'a',
        '--resume',
      ],
      ...['--steps', '1', '--batch', '1', '--backend', 'cpu', '--kernels', 'stock', '--quiet'],
    ];
    writeFileSync(join(out, 'a', 'result.json'), JSON.stringify(result));
    const first = testWorld();
    expect(await run(argv, first.io)).toBe(0);
    expect(first.stdout()).toContain('is finished');
    writeFileSync(join(out, 'a', 'result.json'), '');
    const second = testWorld();
    expect(await run(argv, second.io)).toBe(0);
    expect(second.stdout()).toContain('validation');
    expect(JSON.parse(readFileSync(join(out, 'a', 'result.json'), 'utf8'))).toMatchObject({ steps: 1 });
  });
}, 60_000);
