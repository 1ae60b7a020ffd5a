/** The pictures and the page: well-formed, self-contained, and right about what happened. */

import { parseHTML } from 'linkedom';
import { expect, test } from 'vitest';
import { parseArms } from '../../src/cli/compare/arms.ts';
import { runConfig } from '../../src/cli/compare/config.ts';
import type { CompareOptions } from '../../src/cli/compare/options.ts';
import { type Comparison, comparisonJson } from '../../src/cli/compare/outcome.ts';
import { planRuns, type RunObserver, trainRuns } from '../../src/cli/compare/runs.ts';
import { summarise } from '../../src/cli/compare/summary.ts';
import { armCurves, armLooks } from '../../src/cli/report/curves.ts';
import { lossPlot } from '../../src/cli/report/loss-plot.ts';
import { reportPage } from '../../src/cli/report/page.ts';
import { transitionPlot } from '../../src/cli/report/transition-plot.ts';
import { textData } from '../../src/train/text-data.ts';
import { type FakeTrainerOptions, fakeTrainer } from './cli-fake-trainer.ts';

const silent: RunObserver = {
  runStarted: () => {},
  step: () => {},
  evaluation: () => {},
  phase: () => {},
  runEnded: () => {},
};

async function comparison(
  change: Partial<CompareOptions> = {},
  trainerOptions: FakeTrainerOptions = {},
  signal: AbortSignal = new AbortController().signal,
): Promise<Comparison> {
  const options: CompareOptions = {
    steps: 100,
    seeds: 1,
    seed: 1,
    arms: parseArms('float32,bitnet,transition@20,bfloat16'),
    model: 'llama-tiny',
    batch: undefined,
    learningRate: undefined,
    evaluateEvery: 10,
    text: undefined,
    backend: 'wasm',
    kernels: 'own',
    out: 'runs',
    name: 'test',
    json: false,
    quiet: false,
    ...change,
  };
  const data = textData('Call me <Ishmael> & "co".'.repeat(10), { name: '<b>book</b>' });
  const trainer = await fakeTrainer(trainerOptions)({ ...options, evaluateEvery: 10, data });
  const runs = planRuns(options.arms, options.seed, options.seeds);
  await trainRuns(runs, trainer, signal, silent);
  return {
    name: 'test',
    steps: options.steps,
    runs,
    summaries: summarise(options.arms, runs),
    complete: runs.every(({ status }) => status === 'finished'),
    config: runConfig(options, trainer, data, new Date(0)),
  };
}

/** Opening and closing tags match; linkedom is lenient, so this counts. */
function expectWellFormed(svg: string): void {
  const open: string[] = [];
  for (const [, close, name, selfClosing] of svg.matchAll(/<(\/?)([a-zA-Z]+)(?:\s[^<>]*?)?(\/?)>/g)) {
    if (close) expect(open.pop()).toBe(name);
    else if (!selfClosing) open.push(name!);
  }
  expect(open).toEqual([]);
  expect(svg).not.toMatch(/NaN|undefined|Infinity/);
}

test('the loss plot is one well-formed SVG with every arm and transition', async () => {
  const svg = lossPlot(await comparison());
  expectWellFormed(svg);
  expect(svg.startsWith('<svg xmlns="http://www.w3.org/2000/svg"')).toBe(true);
  for (const text of [
    'float32: 1.',
    'bitnet: 1.',
    'transition@20: 1.',
    'bfloat16: 1.',
    'step 20',
    'to 1.58 bits',
  ]) {
    expect(svg).toContain(text);
  }
  expect(svg).toContain('loss in nats per character');
  expect(svg).toContain('training step');
  expect(svg).not.toContain('Stopped early');
});

test('several seeds have a band', async () => {
  const svg = lossPlot(await comparison({ seeds: 3 }));
  expectWellFormed(svg);
  expect(svg).toContain('Means over 3 seeds');
  expect(svg).toContain('aria-label="area"');
});

test('the transition plot has a panel for each transition and is absent without one', async () => {
  const svg = transitionPlot(await comparison({ arms: parseArms('transition@20,float32,transition@50') }));
  expectWellFormed(svg!);
  expect(svg).toContain('transition@20');
  expect(svg).toContain('transition@50');
  expect(transitionPlot(await comparison({ arms: parseArms('float32,bitnet') }))).toBeNull();
});

test('losses that are not finite leave gaps, not broken pictures', async () => {
  const outcome = await comparison();
  for (const [index, record] of outcome.runs[1]!.steps.entries()) {
    if (index > 50) outcome.runs[1]!.steps[index] = { ...record, loss: Number.NaN };
  }
  outcome.runs[1]!.result = { ...outcome.runs[1]!.result!, validationLoss: Number.NaN };
  const broken = {
    ...outcome,
    summaries: summarise(
      outcome.summaries.map(({ arm }) => arm),
      outcome.runs,
    ),
  };
  const svg = lossPlot(broken);
  expect(svg).toContain('bitnet: diverged at step 52');
  expectWellFormed(svg);
  const page = reportPage(broken);
  expect(page).toContain('distance to it: bfloat16');
  expect(page).toContain('bitnet: diverged at step 52.');
  expect(page).not.toContain('NaN');
});

test('an interrupted comparison says so everywhere', async () => {
  const stop = new AbortController();
  const outcome = await comparison(
    {},
    {
      beforeStep: ({ recipe }, step) => (recipe.name === 'bitnet' && step === 40 ? stop.abort() : undefined),
    },
    stop.signal,
  );
  expect(outcome.complete).toBe(false);
  expect(outcome.runs.map(({ status }) => status)).toEqual(['finished', 'interrupted', 'waiting', 'waiting']);
  const svg = lossPlot(outcome);
  expectWellFormed(svg);
  expect(svg).toContain('Stopped early');
  expect(svg).toContain('bitnet: 2.');
  expect(svg).toContain('(step 41)');
  expect(svg).toContain('bfloat16: not begun');
  const page = reportPage(outcome);
  expect(page).toContain('Stopped early');
  expect(page).toContain('bitnet: stopped at step 41 of 100, not comparable');
  const json = JSON.parse(JSON.stringify(comparisonJson(outcome)));
  expect(json.complete).toBe(false);
  expect(json.arms[1]).toMatchObject({ arm: 'bitnet', stoppedAt: 41, finished: 0 });
});

test('a comparison stopped before its first step still makes a report', async () => {
  const stopped = new AbortController();
  stopped.abort();
  const outcome = await comparison({}, {}, stopped.signal);
  expectWellFormed(lossPlot(outcome));
  expect(transitionPlot(outcome)).toBeNull();
  expect(reportPage(outcome)).toContain('No arm took all 100 steps.');
});

test('the page stands alone: no script, no network, no path of the machine, nothing unescaped', async () => {
  const page = reportPage(await comparison());
  const { document } = parseHTML(page);
  expect(document.querySelectorAll('script, link, img, iframe, object')).toHaveLength(0);
  expect(page.replaceAll('http://www.w3.org/2000/svg', '')).not.toMatch(/https?:|url\((?!#)|@import/);
  expect(page).not.toContain(process.cwd());
  expect(page).not.toContain('<b>book');
  expect(page).toContain('&#60;b&#62;book');
  expect(document.querySelectorAll('table.results tbody tr')).toHaveLength(4);
  expect(document.querySelectorAll('svg')).toHaveLength(2);
  expect(page).toContain('prefers-color-scheme: dark');
});

test('the headline orders the arms by their distance to float32', async () => {
  const page = reportPage(await comparison());
  expect(page).toMatch(
    /float32 reaches 1\.\d{3} nats .* distance to it: bfloat16 \+0\.\d{3}, (bitnet|transition)/,
  );
  expect(reportPage(await comparison({ arms: parseArms('bitnet') }))).toMatch(
    /Validation loss after 100 steps, in nats per character: bitnet 1\.\d{3}\./,
  );
});

test('training loss is not smoothed across a transition', async () => {
  const { summaries, steps } = await comparison({ steps: 1000, arms: parseArms('transition@20') });
  const { training, transition } = armCurves(summaries, steps)[0]!;
  expect(transition).toBe(200);
  const before = training.find(({ step }) => step === 200)!;
  const after = training.find(({ step }) => step === 201)!;
  expect(after.loss - before.loss).toBeGreaterThan(0.25);
});

test('arms look different, and the baseline has the colour of the text', () => {
  const looks = armLooks(['bitnet', 'float32', 'a', 'b', 'c', 'd']);
  expect(looks[1]).toEqual({ colour: 'ink', symbol: 'circle', dashed: false });
  expect(new Set(looks.map(({ colour, symbol }) => `${colour} ${symbol}`)).size).toBe(looks.length);
});
