/** Sweep files, their runs, and what comes out of runs that are there. */
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it, vi } from 'vitest';
import { run } from '../../src/cli/main.ts';
import { halfInterval } from '../../src/cli/statistics.ts';
import { basisOf, staleResults } from '../../src/cli/sweep/basis.ts';
import {
  estimatedHours,
  readSweep,
  settingsOfRun,
  sweepRuns,
  withSeeds,
} from '../../src/cli/sweep/definition.ts';
import { sweepFigures } from '../../src/cli/sweep/figures.ts';
import { looksOfSweep } from '../../src/cli/sweep/looks.ts';
import { openData } from '../../src/cli/sweep/open-data.ts';
import { sweepPage } from '../../src/cli/sweep/page.ts';
import { liveTable, writeData, writePage } from '../../src/cli/sweep/report.ts';
import { isComplete, sweepResults } from '../../src/cli/sweep/results.ts';
import type { SweepRun } from '../../src/cli/sweep/sweep-run.ts';
import { contrastTable, notesOf, sweepCsv, sweepJson, sweepTable } from '../../src/cli/sweep/tables.ts';
import { loadData } from '../../src/cli/training-data.ts';
import { plainSlots } from '../../src/train/linear-slots.ts';
import { modelConfig } from '../../src/train/model-config.ts';
import { float32 } from '../../src/train/recipes/index.ts';
import { taskOf } from '../../src/train/tasks.ts';
import { basis, testWorld, withFolder } from './cli-world.ts';

const file = {
  name: 'bits',
  steps: 10,
  seeds: [1, 2],
  baseline: 'float32',
  arms: [
    { name: 'float32', recipe: { recipe: 'float32' } },
    {
      name: 'dqt{bits}-{rate}',
      grid: { bits: [8, 1.58], rate: [0.001, 0.0005] },
      recipe: { recipe: 'dqt', bits: '{bits}' },
      learningRate: '{rate}',
    },
  ],
};

describe('a sweep file', () => {
  it('becomes arms and runs, seeds outside', () => {
    const sweep = readSweep(file);
    expect(sweep.arms.map(({ name, learningRate }) => [name, learningRate])).toEqual([
      ['float32', undefined],
      ['dqt8-0.001', 0.001],
      ['dqt8-0.0005', 0.0005],
      ['dqt1.58-0.001', 0.001],
      ['dqt1.58-0.0005', 0.0005],
    ]);
    const runs = sweepRuns(sweep, basis);
    expect(runs.map(({ seed }) => seed)).toEqual([1, 1, 1, 1, 1, 2, 2, 2, 2, 2]);
    expect(new Set(runs.map(({ id }) => id)).size).toBe(10);
    // Ids go by what a run is, not by the sweep's name or its other arms.
    const other = readSweep({ ...file, name: 'other', arms: file.arms.slice(1), baseline: 'dqt8-0.001' });
    expect(sweepRuns(other, basis)[0]!.id).toBe(runs[1]!.id);
    expect(sweepRuns(readSweep({ ...file, steps: 11 }), basis)[0]!.id).not.toBe(runs[0]!.id);
    // The model's own rate, given or not, is one run.
    const given = { ...file, arms: [{ ...file.arms[0], learningRate: 0.002 }] };
    expect(sweepRuns(readSweep(given), basis)[0]!.id).toBe(runs[0]!.id);
  });

  it('may have a model and steps of their own for some arms, and counts them in the estimate', () => {
    const [first] = file.arms;
    const sweep = readSweep({
      ...file,
      arms: [
        first,
        { ...first, name: 'longer', steps: 40 },
        { ...first, name: 'small', model: 'llama-small' },
      ],
    });
    const settings = sweepRuns(sweep, basis).map((each) => settingsOfRun(sweep, each));
    expect(
      settings.slice(0, 3).map(({ model, steps, learningRate }) => [model, steps, learningRate]),
    ).toEqual([
      ['llama-tiny', 10, 0.002],
      ['llama-tiny', 40, 0.002],
      ['llama-small', 10, 0.0015],
    ]);
    // What says the same is one run, wherever it says it.
    const said = readSweep({ ...file, arms: [{ ...first, model: 'llama-tiny', steps: 10 }] });
    expect(sweepRuns(said, basis)[0]!.id).toBe(sweepRuns(sweep, basis)[0]!.id);
    const perStep = { ...sweep, secondsPerStep: 3600 };
    expect(estimatedHours(perStep, sweep.arms, 1)).toBe(60);
    expect(estimatedHours(perStep, sweep.arms, 3)).toBe(20);
    expect(estimatedHours(perStep, [], 2)).toBe(0);
    expect(() => readSweep({ ...file, arms: [{ ...first, model: 'mlp' }] })).toThrow(
      /float32\)\.model: got 'mlp'/,
    );
    expect(() => readSweep({ ...file, arms: [{ ...first, steps: 0 }] })).toThrow(/steps: got 0/);
  });

  it('may have data of their own for some arms, whose content names their runs', () => {
    const [first] = file.arms;
    const sweep = readSweep({
      ...file,
      arms: [
        first,
        { ...first, name: 'on-{book}', grid: { book: ['a', 'b'] }, data: { text: '{book}.txt' } },
      ],
    });
    expect(sweep.arms.map(({ data }) => data)).toEqual([undefined, { text: 'a.txt' }, { text: 'b.txt' }]);
    const other = { ...basis, data: '0000000000000000' };
    const runs = sweepRuns(sweep, basis, new Map([['on-b', other]]));
    expect(runs.slice(0, 3).map((each) => each.basis)).toEqual([basis, basis, other]);
    // What has the content of the sweep's data is the same run; what has another is another, of the same settings.
    expect(runs[1]!.id).toBe(runs[0]!.id);
    expect(runs[2]!.id).toBe(sweepRuns(sweep, other)[0]!.id);
    expect(runs[2]!.id).not.toBe(runs[0]!.id);
    expect(new Set(runs.map(({ key }) => key)).size).toBe(2);
  });

  it('reads the data of arms once each, and names the arm whose data it cannot read', async () => {
    await withFolder(async (folder) => {
      const text = 'Call me Ishmael. Some years ago - never mind how long precisely.\n'.repeat(40);
      const [a, b, c] = ['a.txt', 'b.txt', 'c.txt'].map((name) => join(folder, name)) as [
        string,
        string,
        string,
      ];
      writeFileSync(a, text);
      writeFileSync(b, text.replaceAll('Ishmael', 'Ahab'));
      const [first] = file.arms;
      const arm = (name: string, data: object) => ({ ...first, name, data });
      const given = {
        ...file,
        data: { text: a },
        arms: [first, arm('b', { text: b }), arm('c', { text: b })],
      };
      const sweep = readSweep(given);
      const opened = await openData(sweep);
      const [own, one, same] = sweep.arms.map((each) => opened.dataOf(each));
      expect(same).toBe(one);
      expect(one).not.toBe(own);
      expect([...opened.own.keys()]).toEqual(['b', 'c']);
      expect(opened.own.get('b')!.data).not.toBe(opened.basis.data);
      expect(opened.taskOf(sweep.arms[1]!).dataHash()).toBe(opened.own.get('b')!.data);
      for (const [data, field] of [
        [{ text: c }, 'data.text'],
        [{ text: b, validation: 0.0001 }, 'data'],
      ] as const)
        await expect(openData(readSweep({ ...given, arms: [first, arm('lost', data)] }))).rejects.toThrow(
          expect.objectContaining({ argument: `sweep.arms (lost).${field}` }),
        );
    });
  });

  it('probes gradients where it says so, which makes other runs of it', () => {
    const probing = readSweep({ ...file, probeEvery: 5, gradientDraws: 4 });
    const [plain, drawn] = [readSweep({ ...file, probeEvery: 5 }), probing].map((sweep) => {
      const [first] = sweepRuns(sweep, basis);
      return { settings: settingsOfRun(sweep, first!), id: first!.id };
    });
    expect(drawn!.settings.gradientDraws).toBe(4);
    expect(Object.hasOwn(plain!.settings, 'gradientDraws')).toBe(false);
    expect(drawn!.id).not.toBe(plain!.id);
  });

  it('may have other seeds for some arms, by the file or by an option', () => {
    const [first, second] = file.arms;
    const own = readSweep({ ...file, arms: [{ ...first, seeds: [2, 5] }, second] });
    expect(own.arms.map(({ seeds }) => seeds)).toEqual([[2, 5], ...Array(4).fill([1, 2])]);
    expect(sweepRuns(own, basis).map(({ arm, seed }) => `${arm.name} ${seed}`)[8]).toBe('dqt1.58-0.0005 2');
    const more = withSeeds(own, [7], /^dqt8/);
    expect(more.arms.map(({ seeds }) => seeds.join())).toEqual(['2,5', '7', '7', '1,2', '1,2']);
    expect(() => withSeeds(own, [7], /bitnet/)).toThrow(expect.objectContaining({ argument: '--arms' }));
  });

  it('names runs by the numerics and the data that they rest on', () => {
    const sweep = readSweep(file);
    const runs = sweepRuns(sweep, basis);
    const others = [
      { ...basis, numerics: '2-0123456789abcdef' },
      { ...basis, data: '0000000000000000' },
    ].map((other) => sweepRuns(sweep, other));
    expect(new Set([runs, ...others].map(([run]) => run!.id)).size).toBe(3);
    for (const [run] of others) expect(run!.key).toBe(runs[0]!.key);
    // Where the data lie is nothing of a run's: their content is.
    const moved = { ...sweep, data: { text: 'elsewhere.txt' } };
    expect(sweepRuns(moved, basis)[0]!.id).toBe(runs[0]!.id);
  });

  // Results of versions that looked at neither are known by these names.
  it('knows the former names of runs', () => {
    const studies = join(import.meta.dirname, '../../docs/studies');
    const ids = (name: string): Map<string, string> =>
      new Map(
        sweepRuns(readSweep(JSON.parse(readFileSync(join(studies, name), 'utf8'))), basis).map(
          ({ arm, seed, formerId }) => [`${arm.name} ${seed}`, formerId],
        ),
      );
    const transition = ids('x1-transition.json');
    expect(transition.get('bitnet 1')).toBe('0bd1b2867879f2c0');
    expect(ids('x2-spike.json').get('40-keep 2')).toBe(transition.get('transition@40 2'));
    expect(ids('x3-dqt.json').get('float32-0.002 3')).toBe(transition.get('float32 3'));
  });

  it.each<[object, string]>([
    [{ stpes: 3 }, 'sweep.stpes'],
    [{ name: 'a/b' }, 'sweep.name'],
    [{ steps: 0 }, 'sweep.steps'],
    [{ seeds: [] }, 'sweep.seeds'],
    [{ model: 'llama' }, 'sweep.model'],
    [{ arms: [] }, 'sweep.arms'],
    [{ arms: [file.arms[0], file.arms[0]] }, 'sweep.arms'],
    [{ baseline: 'bitnet' }, 'sweep.baseline'],
    [{ baseline: [] }, 'sweep.baseline'],
    [{ baseline: ['float32', 'bitnet'] }, 'sweep.baseline'],
    [{ baseline: ['float32', 'dqt8-0.001'] }, 'sweep.baseline'],
    [{ arms: [{ name: 'a', recipe: { recipe: 'dqt', bits: 99 } }] }, 'sweep.arms[0].recipe.bits'],
    [{ arms: [{ name: 'a', recipe: { recipe: 'dqt', bit: 8 } }] }, 'sweep.arms[0].recipe.bit'],
    [{ arms: [{ name: 'a', recipe: { recipe: 'dqn' } }] }, 'sweep.arms[0].recipe.recipe'],
    [{ arms: [{ name: 'a', grid: { bits: 8 }, recipe: {} }] }, 'sweep.arms[0].grid'],
    [{ arms: [{ name: 'a', recipe: { recipe: 'bitnet' }, seeds: [1, 1] }] }, 'sweep.arms[0].seeds'],
    [{ seeds: [1, 1] }, 'sweep.seeds'],
    [{ name: 'trained' }, 'sweep.name'],
    [{ contrasts: {} }, 'sweep.contrasts'],
    [{ contrasts: [{ name: 'a', arm: 'float32', against: 'float64' }] }, 'sweep.contrasts[0].against'],
    [{ contrasts: [{ name: 'a', arm: [], against: 'float32' }] }, 'sweep.contrasts[0].arm'],
    [{ contrasts: [{ name: 'a', arm: 'float32', against: 'float32', of: 'los' }] }, 'sweep.contrasts[0].of'],
    [{ contrasts: [{ name: 'a', arm: 'float32', against: 'float32', as: 'sum' }] }, 'sweep.contrasts[0].as'],
    [{ contrasts: [{ name: 'a', arm: 'float32', versus: 'float32' }] }, 'sweep.contrasts[0].versus'],
  ])('is refused by name: %j', (change, argument) => {
    expect(() => readSweep({ ...file, ...change })).toThrow(
      expect.objectContaining({ name: 'ArgumentError', argument }),
    );
  });
});

function finish(folder: string, { id, seed }: SweepRun, loss: number): void {
  mkdirSync(join(folder, id));
  const memory = { weights: 1, optimizerState: 2, gradients: 1, bytesPerParameter: 13 };
  const result = {
    trainLoss: loss,
    validationLoss: loss + seed / 8,
    bitsPerWeight: 8,
    memory,
    inference: [],
    spike: null,
    seconds: 5,
    steps: 10,
  };
  writeFileSync(join(folder, id, 'result.json'), JSON.stringify(result));
  const records = [
    {
      type: 'step',
      step: 1,
      loss: 3,
      probes: { weights: { flipRate: 0.5, stepRatio: 2, zeroFraction: 0.25 } },
    },
    { type: 'evaluation', step: 5, loss: loss + 0.5 },
    { type: 'evaluation', step: 10, loss },
  ];
  writeFileSync(
    join(folder, id, 'metrics.jsonl'),
    records.map((record) => JSON.stringify(record)).join('\n'),
  );
}

describe('results', () => {
  it('are means, paired differences and intervals over the runs that finished', async () => {
    await withFolder(async (folder) => {
      const sweep = readSweep(file);
      const runs = sweepRuns(sweep, basis);
      for (const run of runs)
        if (run.arm.name === 'float32') finish(folder, run, 2);
        else if (run.arm.name === 'dqt8-0.001') finish(folder, run, run.seed === 1 ? 2.25 : 2.75);
      const failed = runs.find(({ arm }) => arm.name === 'dqt1.58-0.001')!;
      const results = sweepResults(sweep, runs, folder, new Map([[failed.id, 'out of memory']]));
      const { rows } = results;
      expect(rows[0]).toMatchObject({
        seeds: [1, 2],
        difference: null,
        measures: { validationLoss: { mean: 2.1875 } },
      });
      expect(rows[1]!.difference).toMatchObject({ mean: 0.5, count: 2 });
      // t(0.975, 1) = 12.7062; the deviation is sqrt(2) / 4.
      expect(Math.abs(rows[1]!.interval! - 12.7062 / 4)).toBeLessThan(1e-12);
      expect(rows[1]!.measures.flipRate!.mean).toBe(0.5);
      expect(rows[3]).toMatchObject({ seeds: [], failures: [{ seed: 1, reason: 'out of memory' }] });
      const { columns, rows: cells } = sweepTable(results);
      expect(columns.map(({ name }) => name)).not.toContain('spike nats');
      expect(cells[1]).toContain('+0.5000 ± 0.3536');
      expect(cells.map(([, seeds]) => seeds)).toEqual(['2', '2', '0 of 2', '0 of 2', '0 of 2']);
      expect(sweepCsv(results).split('\n')[2]).toContain('dqt8-0.001,2,2,8,0.5,0.3535533905932738,2,3.1765');
      expect(isComplete(results)).toBe(false);
      expect(sweepJson(results)).toMatchObject({ complete: false, finishedRuns: 4, plannedRuns: 10 });
      const page = sweepPage(results, sweepFigures(results));
      expect(page).toContain('out of memory');
      expect(page).toContain('UNFINISHED: 4 of 10 runs');
    });
  });

  it('compare arms to the baseline of their own model, data and steps, or to none', async () => {
    await withFolder(async (folder) => {
      const recipe = { recipe: 'float32' };
      const sweep = readSweep({
        ...{ name: 'models', model: 'mlp', steps: 10, baseline: ['mlp', 'conv'] },
        arms: [
          { name: 'mlp', recipe },
          { name: 'conv', recipe, model: 'conv' },
          { name: 'mlp-other', recipe: { recipe: 'bfloat16' } },
          { name: 'conv-other', recipe: { recipe: 'bfloat16' }, model: 'conv', steps: 10 },
          { name: 'conv-longer', recipe, model: 'conv', steps: 20 },
          { name: 'mlp-data', recipe: { recipe: 'mesa' }, data: { csv: 'a.csv', label: '1' } },
        ],
      });
      const runs = sweepRuns(sweep, basis);
      const losses = [1, 3, 1.5, 2, 0, 0];
      for (const [index, run] of runs.entries()) finish(folder, run, losses[index]!);
      const results = sweepResults(sweep, runs, folder, new Map());
      expect(results.rows.map(({ difference }) => difference?.mean)).toEqual([
        ...[undefined, undefined, 0.5, -1, undefined, undefined],
      ]);
      expect(notesOf(results)[0]).toContain(
        'the one of mlp, conv that has the model, data and steps of the arm',
      );
      expect(
        looksOfSweep(sweep)
          .places.map(({ look }) => `${look.colour} ${look.dashed}`)
          .slice(0, 2),
      ).toEqual([...['ink false', 'ink true']]);
    });
  });

  it('are read once, and stay where the packages for pictures are not installed', async () => {
    await withFolder(async (folder) => {
      const sweep = readSweep(file);
      const runs = sweepRuns(sweep, basis);
      finish(folder, runs[0]!, 2);
      const known = new Map();
      const first = sweepResults(sweep, runs, folder, new Map(), [], known);
      writeFileSync(join(folder, runs[0]!.id, 'metrics.jsonl'), 'no JSON\n{}\n');
      expect(sweepResults(sweep, runs, folder, new Map(), [], known)).toEqual(first);
      mkdirSync(join(folder, 'bits'));
      const { io, stderr } = testWorld();
      await writeData(first, folder);
      await writePage(first, folder, io, () =>
        Promise.reject(Object.assign(new Error('none'), { code: 'ERR_MODULE_NOT_FOUND' })),
      );
      expect(stderr()).toContain('npm install @observablehq/plot linkedom\nReport: ');
      expect(readFileSync(join(folder, 'bits/report.html'), 'utf8')).not.toContain('<svg');
      await writePage(first, folder, io);
      expect(readFileSync(join(folder, 'bits/report.html'), 'utf8')).toContain('<svg');
      expect(existsSync(join(folder, 'bits/results.csv'))).toBe(true);
    });
  });

  it('that cannot be read while others come are told of once', async () => {
    vi.useFakeTimers();
    try {
      const { io, stderr } = testWorld();
      const live = liveTable(io, () => {
        throw new Error('line 1 is damaged');
      });
      for (let i = 0; i < 2; i++) {
        live.changed(new Map());
        await vi.advanceTimersByTimeAsync(10_000);
      }
      live.close();
      expect(stderr()).toBe('No table while results come: line 1 is damaged\n');
    } finally {
      vi.useRealTimers();
    }
  });

  it('have a page before any run is finished', async () => {
    await withFolder(async (folder) => {
      const sweep = readSweep(file);
      const results = sweepResults(sweep, sweepRuns(sweep, basis), folder, new Map());
      expect(sweepPage(results, sweepFigures(results))).toContain('UNFINISHED: 0 of 10 runs');
      expect(sweepTable(results).rows[0]).toEqual(['float32', '0 of 2', '-']);
    });
  });

  it('compare arms of different seeds over those that both have, and say so', async () => {
    await withFolder(async (folder) => {
      const sweep = withSeeds(readSweep(file), [1, 2, 3], /^dqt8/);
      const runs = sweepRuns(sweep, basis);
      expect(runs).toHaveLength(12);
      for (const run of runs)
        if (run.arm.name === 'float32') finish(folder, run, 2);
        else if (run.arm.name === 'dqt8-0.001') finish(folder, run, run.seed === 3 ? 9 : 2 + run.seed / 4);
      const results = sweepResults(sweep, runs, folder, new Map());
      const [, row] = results.rows;
      expect(row).toMatchObject({ seeds: [1, 2, 3], difference: { mean: 0.375, count: 2 } });
      const { columns, rows } = sweepTable(results);
      expect(rows[1]![columns.findIndex(({ name }) => name === 'pairs')]).toBe('2');
      expect(notesOf(results).join()).toContain('different seeds');
    });
  });

  it.each([
    ['difference', undefined, 0.25, '+0.2500'],
    ['ratio', 'ratio', (2.375 / 2.125 + 2.5 / 2.25) / 2, '×1.1144'],
  ] as const)('have contrasts: %s', async (_, as, mean, shown) => {
    await withFolder(async (folder) => {
      const contrasts = [
        { name: 'eight − float', arm: 'dqt8-0.001', against: 'float32', ...(as && { as }) },
        {
          name: '{rate}: bits',
          grid: { rate: [0.001, 0.0005] },
          arm: ['dqt8-{rate}', 'float32'],
          against: 'dqt1.58-{rate}',
        },
      ];
      const sweep = readSweep({ ...file, contrasts });
      const runs = sweepRuns(sweep, basis);
      for (const run of runs)
        if (run.arm.name === 'float32') finish(folder, run, 2);
        else if (run.arm.name === 'dqt8-0.001') finish(folder, run, 2.25);
        else if (run.arm.name === 'dqt1.58-0.001' && run.seed === 2) finish(folder, run, 1);
      const results = sweepResults(sweep, runs, folder, new Map());
      const [one, two, three] = results.contrasts;
      expect(Math.abs(one!.value!.mean - mean)).toBeLessThan(1e-15);
      expect(one).toMatchObject({ seeds: [1, 2], planned: 2 });
      // (2.5 + 2.25) / 2 - 1.25, of seed 2 alone.
      expect(two).toMatchObject({ seeds: [2], planned: 2, interval: null, value: { mean: 1.125 } });
      expect(three).toMatchObject({ seeds: [], planned: 2, value: null });
      const { rows } = contrastTable(results);
      expect(rows.map((cells) => cells[2])).toEqual(['2', '1 of 2', '0 of 2']);
      expect(rows[0]![3]).toBe(shown);
      expect(rows[0]![5]).toBe(as === 'ratio' ? 'above 1' : 'above 0');
    });
  });

  it('have no interval of one seed', () => {
    expect(halfInterval({ mean: 1, deviation: null, count: 1 })).toBeNull();
  });
});

describe('a result that does not count', () => {
  const numerics = '2-0123456789abcdef';

  it('is not taken for one that does, and is said to be there and why', async () => {
    await withFolder(async (folder) => {
      const sweep = readSweep(file);
      const now = sweepRuns(sweep, basis);
      expect(staleResults(join(folder, 'nowhere'), now)).toEqual([]);
      expect(staleResults(folder, now)).toEqual([]);
      const then = { ...basis, numerics };
      for (const run of sweepRuns(sweep, then).slice(0, 2)) {
        finish(folder, run, 2);
        writeFileSync(join(folder, run.id, 'basis.json'), JSON.stringify({ key: run.key, ...then }));
      }
      const elsewhere = { numerics, data: '0000000000000000' };
      const third = sweepRuns(sweep, elsewhere)[2]!;
      finish(folder, third, 2);
      writeFileSync(join(folder, third.id, 'basis.json'), JSON.stringify({ key: third.key, ...elsewhere }));
      finish(folder, { ...now[3]!, id: now[3]!.formerId }, 2);
      const said = [
        `2 runs have results that do not count: they are of ${numerics}; now ${basis.numerics}.`,
        `1 run has a result that does not count: it is of ${numerics}; now ${basis.numerics}, and of data 0000000000000000; now ${basis.data}.`,
        '1 run has a result that does not count: it is of a version that did not record its numerics and data.',
      ];
      expect(staleResults(folder, now)).toEqual(said);
      const results = sweepResults(sweep, now, folder, new Map(), said);
      expect(results.finished).toEqual([]);
      expect(notesOf(results)).toEqual(expect.arrayContaining(said));
      expect(sweepJson(results)).toMatchObject({ stale: said });
      // One that is trained anew has a result that counts.
      finish(folder, now[0]!, 2);
      expect(staleResults(folder, now)[0]).toMatch(/^1 run has/);
      // Damaged or half written, it says nothing.
      writeFileSync(join(folder, third.id, 'basis.json'), '{');
      expect(staleResults(folder, now)).toHaveLength(2);
    });
  });
});

it('a result on data of one arm is not said to be a stale one of another arm', async () => {
  await withFolder((folder) => {
    const [first] = file.arms;
    const sweep = readSweep({ ...file, arms: [first, { ...first, name: 'own', data: { text: 'own.txt' } }] });
    const other = { ...basis, data: '0000000000000000' };
    const runs = sweepRuns(sweep, basis, new Map([['own', other]]));
    const write = (run: SweepRun) =>
      writeFileSync(join(folder, run.id, 'basis.json'), JSON.stringify({ key: run.key, ...run.basis }));
    finish(folder, runs[0]!, 2);
    write(runs[0]!);
    expect(staleResults(folder, runs)).toEqual([]);
    // Nor to whoever trains only the other arm.
    expect(staleResults(folder, [runs[1]!], runs)).toEqual([]);
    const before = sweepRuns(sweep, basis, new Map([['own', { ...other, data: '1111111111111111' }]]));
    finish(folder, before[1]!, 2);
    write(before[1]!);
    expect(staleResults(folder, runs)).toHaveLength(1);
    expect(staleResults(folder, runs)[0]).toMatch(/of data 1{16}; now 0{16}/);
  });
});

describe('halfulp sweep', () => {
  async function sweepIn(folder: string, ...more: string[]) {
    const path = join(folder, 'bits.json');
    writeFileSync(path, JSON.stringify(file));
    const world = testWorld();
    const code = await run(['sweep', path, '--out', join(folder, 'out'), ...more], world.io);
    return { code, world };
  }

  it('reports without training, by the seeds and arms that it is told', async () => {
    await withFolder(async (folder) => {
      const options = ['--report', '--json', '--seeds', '1,2,3', '--arms', '^dqt8'];
      const { code, world } = await sweepIn(folder, ...options);
      expect(code).toBe(0);
      const { plannedRuns, finishedRuns, complete, arms } = JSON.parse(world.stdout());
      expect([plannedRuns, finishedRuns, complete]).toEqual([12, 0, false]);
      expect(arms.map(({ plannedSeeds }: { plannedSeeds: number[] }) => plannedSeeds.length)).toEqual([
        2, 3, 3, 2, 2,
      ]);
      expect(readFileSync(join(folder, 'out/bits/report.html'), 'utf8')).toContain('UNFINISHED');
    });
  });

  it('parts the runs that are asked for, and calls a part no whole', async () => {
    await withFolder(async (folder) => {
      const left: number[] = [];
      for (const part of ['1/5', '2/5', '3/5']) {
        const asked = ['--estimate', '--json', '--arms', '^dqt8-0.001$', '--shard', part];
        left.push(JSON.parse((await sweepIn(folder, ...asked)).world.stdout()).left);
      }
      expect(left).toEqual([1, 1, 0]);
      const nothing = await sweepIn(folder, '--json', '--arms', '^dqt8-0.001$', '--shard', '3/5');
      expect(nothing.code).toBe(0);
      expect(JSON.parse(nothing.world.stdout())).toMatchObject({
        ...{ shard: '3/5', complete: false, plannedRuns: 0, finishedRuns: 0 },
      });
    });
  });

  it('prints an estimate where results go, and of what it does not train what is missing', async () => {
    await withFolder(async (folder) => {
      const { world } = await sweepIn(folder, '--estimate', '--workers', '2');
      expect(world.stdout()).toMatch(/^bits: 10 runs, 10 to do, about \d+\.\d h on 2 cores\n$/);
      expect(world.stderr()).toBe('');
      const reported = await sweepIn(folder, '--report');
      expect(reported.world.stderr()).toMatch(/^bits: 10 runs, 10 without a result\n/);
    });
  });

  it('knows runs by the content of the data, wherever it lies, and refuses recipes that do not fit', async () => {
    await withFolder(async (folder) => {
      const text = 'Call me Ishmael. Some years ago - never mind how long precisely.\n'.repeat(40);
      const paths = ['a.txt', 'b.txt', 'c.txt'].map((name) => join(folder, name));
      for (const [i, path] of paths.entries()) writeFileSync(path, i < 2 ? text : text.replace('me', 'ne'));
      const sweep = readSweep(file);
      const basesOf = async (path: string) => {
        const task = taskOf(modelConfig(sweep.model), await loadData(sweep.model, { text: path }));
        return basisOf(task);
      };
      const [a, b, c] = await Promise.all(paths.map(basesOf));
      expect(b).toEqual(a);
      expect(c!.data).not.toBe(a!.data);
      expect(a!.numerics).toMatch(/^numerics \d+-[0-9a-f]{16}, halfulp \S+, @tensorflow\/tfjs \S+, /);

      const layers = [{ match: 'sideways', linear: plainSlots }];
      const recipe = { ...float32(), phases: float32().phases.map((phase) => ({ ...phase, layers })) };
      const path = join(folder, 'unfit.json');
      writeFileSync(path, JSON.stringify({ ...file, arms: [{ name: 'unfit', recipe }], baseline: 'unfit' }));
      const world = testWorld();
      const code = await run(['sweep', path, '--out', join(folder, 'out'), '--text', paths[0]!], world.io);
      expect(code).toBe(2);
      expect(world.stderr()).toContain('unfit.recipe.phases[0].layers[0].match');
      expect(existsSync(join(folder, 'out'))).toBe(false);
    });
  });

  it.each([
    ['--seeds', '1,x'],
    ['--seeds', '1,1'],
    ['--arms', '('],
    ['--arms', 'bitnet'],
  ])('refuses %s %s before anything is written', async (option, value) => {
    await withFolder(async (folder) => {
      const { code, world } = await sweepIn(folder, '--report', option, value);
      expect(code).toBe(2);
      expect(world.stderr()).toContain(option);
      expect(existsSync(join(folder, 'out'))).toBe(false);
    });
  });
});
