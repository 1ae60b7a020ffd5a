/** What a merge of results says of what it leaves out, and why. */
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { readSweep, sweepRuns } from '../../src/cli/sweep/definition.ts';
import { mergeRuns } from '../../src/cli/sweep/merge.ts';
import { basis, withFolder } from './cli-world.ts';

const sweep = readSweep({
  ...{ name: 'parts', steps: 10, seeds: [1, 2, 3, 4] },
  arms: [{ name: 'float32', recipe: { recipe: 'float32' } }],
});
const runs = sweepRuns(sweep, basis);
const ids = runs.map(({ id }) => id) as [string, string, string, string];

const result = {
  ...{ steps: 10, trainLoss: 2, validationLoss: 2, bitsPerWeight: 32, seconds: 1, spike: null },
  ...{ inference: [], memory: { bytesPerParameter: 16 } },
};
const step = '{"type":"step","step":1,"loss":2}\n';
const whole = `${step}{"type":"result","steps":10}\n`;

function finish(folder: string, id: string, metrics: string | null = whole): void {
  mkdirSync(join(folder, id), { recursive: true });
  if (metrics !== null) writeFileSync(join(folder, id, 'metrics.jsonl'), metrics);
  writeFileSync(join(folder, id, 'result.json'), JSON.stringify(result));
}

/** Merges into `out` of a folder; how many runs came and what was said, without the folder's name. */
function merge(folder: string, ...from: string[]): [number, string[]] {
  const notes: string[] = [];
  const count = mergeRuns(
    from.map((name) => join(folder, name)),
    runs,
    join(folder, 'out'),
    (text) => notes.push(text.replaceAll(`${folder}/`, '')),
  );
  return [count, notes];
}

it('leaves out a run without the end of its records, and lets a whole one take its place', async () => {
  await withFolder((folder) => {
    const [a, out] = [join(folder, 'a'), join(folder, 'out')];
    finish(a, ids[0], step);
    finish(a, ids[1], null);
    finish(a, ids[2], `${whole.trimEnd().slice(0, -9)}`);
    finish(a, ids[3], whole.replace('"steps":10', '"steps":5,"interrupted":true'));
    const cut = ids.map((id) => `a/${id}: left out, without the end of its records`);
    expect(merge(folder, 'a')).toEqual([0, [...cut, 'a: 4 without the end of its records']]);
    for (const id of ids) finish(out, id, step);
    writeFileSync(join(out, ids[1], 'metrics.jsonl'), 'no JSON\n{}\n');
    rmSync(join(out, ids[2], 'metrics.jsonl'));
    for (const id of ids) finish(join(folder, 'b'), id);
    expect(merge(folder, 'a', 'b')[0]).toBe(4);
    for (const id of ids) expect(readFileSync(join(out, id, 'metrics.jsonl'), 'utf8')).toBe(whole);
    expect(merge(folder, 'a', 'b')).toEqual([0, ['a: 4 here already', 'b: 4 here already']]);
  });
});

it('says of each folder what it did not take, and why', async () => {
  await withFolder((folder) => {
    const a = join(folder, 'a', 'trained');
    finish(a, ids[0]);
    finish(a, ids[1]);
    writeFileSync(join(a, ids[1], 'result.json'), '{');
    mkdirSync(join(a, ids[2]));
    const then = { ...basis, data: '0000000000000000' };
    const stale = sweepRuns(sweep, then)[3]!;
    finish(a, stale.id);
    writeFileSync(join(a, stale.id, 'basis.json'), JSON.stringify({ key: stale.key, ...then }));
    mkdirSync(join(folder, 'b', 'trained'), { recursive: true });
    const damaged = 'with a result.json that is damaged or cannot be read';
    expect(merge(folder, 'a', 'b')).toEqual([
      1,
      [
        `a/trained/${ids[1]}: left out, ${damaged}`,
        `a/trained: 1 taken, 1 ${damaged}, 1 unfinished, 1 not there, 1 of other settings, data or versions`,
        'b/trained: 4 not there',
        `a/trained: 1 run has a result that does not count: it is of data 0000000000000000; now ${basis.data}.`,
      ],
    ]);
  });
});

it('refuses a folder that holds no runs, nor the place for them', async () => {
  await withFolder((folder) => {
    mkdirSync(join(folder, 'a', 'other'), { recursive: true });
    expect(() => merge(folder, 'a')).toThrow(/^--merge: got '.*'; accepted: a folder with run folders/);
  });
});
