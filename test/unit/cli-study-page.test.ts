/** The page of a study: what is on it, and that a person's verdict stays. */
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { readSweep, type Sweep, sweepRuns } from '../../src/cli/sweep/definition.ts';
import { sweepFigures } from '../../src/cli/sweep/figures.ts';
import { looksOfSweep } from '../../src/cli/sweep/looks.ts';
import { type SweepResults, sweepResults } from '../../src/cli/sweep/results.ts';
import type { SweepArm } from '../../src/cli/sweep/sweep-run.ts';
import { writeStudyPage } from '../../src/studies/study-page.ts';
import { basis, withFolder } from './cli-world.ts';

const sweep = readSweep({
  name: 'when',
  title: 'When to switch',
  claim: 'Later | better.',
  steps: 60,
  seeds: [1, 2],
  arms: [
    { name: 'float32', recipe: { recipe: 'float32' } },
    { name: 'bitnet', recipe: { recipe: 'bitnet' } },
    { name: 'at50', recipe: { recipe: 'bitnetTransition', at: 0.5 } },
  ],
  contrasts: [
    { name: 'at50 − bitnet', arm: 'at50', against: 'bitnet' },
    { name: 'bitnet / float32', arm: 'bitnet', against: 'float32', as: 'ratio' },
  ],
});

/** Run folders as training leaves them, of the arms and seeds that `which` takes. */
function trained(folder: string, which: (arm: string, seed: number) => boolean): SweepResults {
  const runs = sweepRuns(sweep, basis);
  for (const { arm, seed, id } of runs) {
    if (!which(arm.name, seed)) continue;
    const path = join(folder, id);
    mkdirSync(path, { recursive: true });
    const loss = 1.5 + arm.name.length / 100 + seed / 64;
    const result = {
      ...{ steps: 60, seconds: 36, validationLoss: loss, trainLoss: loss, validationPredictions: 94912 },
      bitsPerWeight: arm.name === 'float32' ? 32 : 1.58,
      memory: { weights: 1, optimizerState: 2, gradients: 1, bytesPerParameter: 16 },
      inference: [],
      spike:
        arm.name === 'at50'
          ? { step: 30, height: 0.5, excess10: 0.25, excess50: 0.1, recoverySteps: null }
          : null,
    };
    writeFileSync(join(path, 'result.json'), JSON.stringify(result));
    const config = {
      training: {},
      text: { name: 'Moby-Dick', trainingCharacters: 1091828, validationCharacters: 94942, vocabulary: 81 },
      environment: { cpu: 'EPYC', cores: 2, memoryGiB: 24, node: '20.1.0', packages: {} },
    };
    writeFileSync(join(path, 'config.json'), JSON.stringify(config));
    const steps = Array.from({ length: 60 }, (_, i) => ({
      type: 'step',
      step: i + 1,
      loss: 4 - i / 30 + (arm.name === 'at50' && i >= 30 ? 0.5 / (i - 29) : 0),
    }));
    const evaluations = [20, 40, 60].map((step) => ({ type: 'evaluation', step, loss: 4 - step / 30 }));
    writeFileSync(
      join(path, 'metrics.jsonl'),
      [...steps, ...evaluations].map((record) => JSON.stringify(record)).join('\n'),
    );
  }
  return sweepResults(sweep, runs, folder, new Map());
}

const command = 'halfulp sweep when.json';

it('says what arms have of their own, and speaks of the data of the sweep', async () => {
  await withFolder((folder) => {
    const runs = join(folder, 'trained');
    trained(runs, () => true);
    const [first, second, third] = sweep.arms as [SweepArm, SweepArm, SweepArm];
    const mixed: Sweep = {
      ...sweep,
      arms: [{ ...first, data: { text: 'b|k.txt', validation: 0.1 } }, { ...second, steps: 9 }, third],
    };
    const others = new Map([['float32', { ...basis, data: '0000000000000000' }]]);
    const planned = sweepRuns(mixed, basis, others);
    const path = join(folder, 'when.md');
    writeStudyPage(sweepResults(mixed, planned, runs, new Map()), path, runs, command);
    const page = readFileSync(path, 'utf8');
    expect(page).toContain(
      'Arms of their own: `float32` --text b\\|k.txt --validation 0.1; `bitnet` 9 steps.',
    );
    expect(page).toContain('Data: Moby-Dick');
    const { arms: written } = JSON.parse(readFileSync(join(folder, 'data/when.json'), 'utf8'));
    expect(written[0].data).toEqual({ text: 'b|k.txt', validation: 0.1 });
    expect(written[1]).toMatchObject({ steps: 9 });
    expect(Object.hasOwn(written[2], 'data')).toBe(false);
  });
});

describe('the page of a study', () => {
  it('has set-up, tables, pictures and data, and keeps its verdict', async () => {
    await withFolder((folder) => {
      const runs = join(folder, 'trained');
      const path = join(folder, 'when.md');
      writeStudyPage(
        trained(runs, (_, seed) => seed === 1),
        path,
        runs,
        command,
      );
      const before = readFileSync(path, 'utf8');
      expect(before).toContain('**Status: UNFINISHED: 3 of 6 runs.**');
      expect(before).toContain('None yet.');
      writeFileSync(path, before.replace('None yet.', 'It is **so**.\n\nNo doubt.'));
      writeStudyPage(
        trained(runs, () => true),
        path,
        runs,
        command,
      );
      const page = readFileSync(path, 'utf8');
      expect(page).toContain('**Status: finished: all 6 runs.**');
      expect(page).toContain('It is **so**.\n\nNo doubt.');
      expect(page).toContain('validation on 94 912');
      expect(page).toContain(command);
      expect(page).toContain('237 216 parameters');
      expect(page).toMatch(/\| at50 − bitnet \| .* \| -0\.0200 \| -0\.0200 to -0\.0200 \| below 0 \|/);
      const files = [...page.matchAll(/\]\(((?:figures|data)\/[^)]+)\)/g)].map(([, file]) => file!);
      expect(files).toEqual([
        'data/when.json',
        'data/when.csv',
        'figures/when-final.svg',
        'figures/when-contrast-validationLoss-difference.svg',
        'figures/when-contrast-validationLoss-ratio.svg',
        'figures/when-curves.svg',
        'figures/when-spike.svg',
        'figures/when-bits.svg',
      ]);
      for (const file of files) expect(existsSync(join(folder, file))).toBe(true);
      const { runs: data } = JSON.parse(readFileSync(join(folder, 'data/when.json'), 'utf8'));
      expect(data).toHaveLength(6);
    });
  });

  it('is not written over another file', async () => {
    await withFolder((folder) => {
      const path = join(folder, 'notes.md');
      writeFileSync(path, 'My notes.');
      expect(() =>
        writeStudyPage(
          trained(folder, () => false),
          path,
          folder,
          command,
        ),
      ).toThrow(expect.objectContaining({ argument: '--page' }));
      expect(readFileSync(path, 'utf8')).toBe('My notes.');
    });
  });

  it('has no picture without a run', async () => {
    await withFolder((folder) => {
      expect(sweepFigures(trained(folder, () => false))).toEqual([]);
    });
  });
});

describe('many arms', () => {
  it('are drawn in panels, one colour for one variant, the baseline in all', () => {
    const many: Sweep = readSweep({
      name: 'many',
      steps: 1,
      arms: [
        { name: 'float32', recipe: { recipe: 'float32' } },
        {
          name: 'dqt{bits}-{rate}',
          grid: { bits: [8, 4, 2], rate: [0.1, 0.2, 0.3] },
          recipe: { recipe: 'dqt', bits: '{bits}' },
          learningRate: '{rate}',
        },
      ],
    });
    const { panels, places, legend } = looksOfSweep(many);
    expect(panels).toEqual(['dqt8', 'dqt4', 'dqt2']);
    expect(places[0]).toMatchObject({ arm: 'float32', panel: null, look: { colour: 'ink' } });
    const colours = places.slice(1).map(({ look }) => look.colour);
    expect(new Set(colours.slice(0, 3)).size).toBe(3);
    expect(colours.slice(3, 6)).toEqual(colours.slice(0, 3));
    expect(legend.map(({ text }) => text)).toEqual(['float32', '0.1', '0.2', '0.3']);
  });
});
