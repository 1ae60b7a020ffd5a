/** Time left, durations and the plain lines of progress. */

import { expect, test } from 'vitest';
import { loadProgress } from '../../src/cli/open-progress.ts';
import { formatDuration, lineProgress, type Part, quietProgress, stopwatch } from '../../src/cli/progress.ts';
import { testWorld } from './cli-world.ts';

test.each([
  [0, '0:00'],
  [7.4, '0:07'],
  [59.6, '1:00'],
  [754, '12:34'],
  [3600, '1:00:00'],
  [36_061, '10:01:01'],
  [-1, '0:00'],
  [null, '--:--'],
  [Number.NaN, '--:--'],
])('%j seconds are %s', (seconds, text) => {
  expect(formatDuration(seconds)).toBe(text);
});

const parts: Part[] = [
  { label: 'float32', kind: 'float32', steps: 10, unit: 'characters' },
  { label: 'bitnet', kind: 'bitnet', steps: 10, unit: 'characters' },
  { label: 'float32 again', kind: 'float32', steps: 20, unit: 'characters' },
];

test('time left goes by the measured time of each kind of part', () => {
  let now = 100;
  const watch = stopwatch(parts, () => now);
  watch.partStarted(0);
  expect(watch.estimate(0)).toEqual({ elapsed: 0, partLeft: null, allLeft: null });
  now += 5;
  // One second for a step: 5 left here, 10 of a kind not seen yet, 20 of this kind.
  expect(watch.estimate(5)).toEqual({ elapsed: 5, partLeft: 5, allLeft: 35 });
  now += 5;
  watch.estimate(10);
  watch.partEnded();
  watch.partStarted(1);
  now += 6;
  // Three seconds for a step of bitnet; float32 still takes one.
  expect(watch.estimate(2)).toEqual({ elapsed: 16, partLeft: 24, allLeft: 44 });
});

test('lines come about ten times a part', () => {
  let written = '';
  let now = 0;
  const output = { write: (text: string): unknown => (written += text) };
  const progress = lineProgress(
    output,
    ['float32', 'bitnet'].map((kind) => ({ label: kind, kind, steps: 100, unit: 'characters' })),
    () => now,
  );
  progress.partStarted(1);
  for (let step = 1; step <= 100; step++) {
    now += 2;
    progress.step({ step, loss: 3 - step / 100, predictionsPerSecond: 512.4 });
  }
  progress.partEnded('validation 2.0000 nats/char');
  progress.stopping();
  progress.close();
  const lines = written.trimEnd().split('\n');
  expect(lines).toHaveLength(13);
  expect(lines[0]).toBe('[2/2] bitnet: 100 steps');
  expect(lines[3]).toBe(
    '[2/2] bitnet: step 30/100, loss 2.700, 512 characters/s, 1:00 elapsed, left 2:20 for this arm, 2:20 for all',
  );
  expect(lines[11]).toBe('[2/2] bitnet: validation 2.0000 nats/char');
  expect(lines[12]).toMatch(/^Stopping after this step/);
});

test('a part of three steps shows each step once', () => {
  const lines: string[] = [];
  const progress = lineProgress(
    { write: (text: string): unknown => lines.push(text) },
    [{ label: 'a', kind: 'a', steps: 3, unit: 'samples' }],
    () => 0,
  );
  progress.partStarted(0);
  for (const step of [1, 2, 3]) progress.step({ step, loss: 1, predictionsPerSecond: 1 });
  expect(lines[2]).toBe('a: step 2/3, loss 1.000, 1 samples/s, 0:00 elapsed, 0:00 left\n');
  expect(lines.map((line) => /step (\d)/.exec(line)?.[1])).toEqual([undefined, '1', '2', '3']);
});

test('quiet progress speaks only when asked to stop', () => {
  let written = '';
  const progress = quietProgress({ write: (text: string): unknown => (written += text) });
  progress.partStarted(0);
  progress.step({ step: 1, loss: 1, predictionsPerSecond: 1 });
  progress.partEnded('done');
  expect(written).toBe('');
  progress.stopping();
  expect(written).toMatch(/^Stopping/);
});

test('a terminal has lines where the package for bars is not installed, and other failures are told', async () => {
  const { io, stderr } = testWorld(80);
  const terminal = { ...io, stderr: { ...io.stderr, isTTY: true } };
  const failing = (code: string) => () => Promise.reject(Object.assign(new Error('no'), { code }));
  const open = await loadProgress(false, terminal, () => 0, failing('ERR_MODULE_NOT_FOUND'));
  const progress = open(parts);
  progress.partStarted(0);
  progress.partEnded('done');
  expect(stderr()).toMatch(/float32/);
  await expect(loadProgress(false, terminal, () => 0, failing('ERR_OTHER'))).rejects.toThrow('no');
});
