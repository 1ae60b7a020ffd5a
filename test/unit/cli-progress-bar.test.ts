/** The progress bars, on a terminal that remembers what was written. */

import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { barProgress } from '../../src/cli/progress-bar.ts';

const hideCursor = '\u001b[?25l';
const showCursor = '\u001b[?25h';

test('bars show the running part and everything, outcomes stay, the cursor comes back', async () => {
  let written = '';
  const terminal = {
    isTTY: true,
    columns: 100,
    write: (text: string): boolean => {
      written += text;
      return true;
    },
  };
  let now = 0;
  const parts = ['float32', 'bitnet'].map((kind) => ({
    ...{ label: kind, kind, steps: 10 },
    unit: 'characters' as const,
  }));
  const progress = barProgress(terminal, parts, () => now);
  progress.partStarted(0);
  now = 5;
  progress.step({ step: 5, loss: 2.5, predictionsPerSecond: 12_345 });
  await sleep(250);
  expect(written).toContain(hideCursor);
  expect(written).toMatch(/float32 +█+░+ +50 % 5\/10 {2}0:05 left {2}loss 2\.500 {2}12\.3k char\/s/);
  expect(written).toMatch(/all 2 runs +█+░+ +25 % 0:05 gone {2}0:15 left/);
  now = 10;
  progress.step({ step: 10, loss: 2.25, predictionsPerSecond: 999 });
  await sleep(250);
  expect(written).toContain('10/10  validating  loss 2.250  999 char/s');
  progress.partEnded('validation 2.3000 nats/char');
  progress.partStarted(1);
  progress.stopping();
  // At once, so that nothing was drawn since: the lines must not be lost.
  progress.close();
  const end = written.slice(written.lastIndexOf(showCursor));
  expect(written).toMatch(/float32 +validation 2\.3000 nats\/char/);
  expect(end).toContain('Stopping after this step');
  const length = written.length;
  await sleep(250);
  expect(written).toHaveLength(length);
});
