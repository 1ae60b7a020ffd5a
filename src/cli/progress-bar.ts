/**
 * Progress for terminals: one bar for the running part and one for everything, redrawn in place by cli-progress, with
 * a line that stays for each part that is done. Loaded only when stderr is a terminal.
 */

import cliProgress from 'cli-progress';
import type { Output } from './io.ts';
import { formatDuration, type Part, type Progress, stoppingMessage, stopwatch } from './progress.ts';

/** Widths of what stands beside the bar, in characters. */
const labelWidth = 20;
const detailWidth = 52;
const barWidth = (columns: number): number => Math.max(5, Math.min(40, columns - labelWidth - detailWidth));

function openBars(output: Output): cliProgress.MultiBar {
  return new cliProgress.MultiBar({
    stream: output as NodeJS.WritableStream,
    format: `{label} {bar} {percentage} % {details}`,
    barsize: barWidth(output.columns ?? 80),
    barCompleteChar: '\u2588',
    barIncompleteChar: '\u2591',
    hideCursor: true,
    linewrap: false,
    gracefulExit: false,
    autopadding: true,
    emptyOnZero: true,
    clearOnComplete: true,
    stopOnComplete: false,
  });
}

const label = (text: string): string => text.slice(0, labelWidth).padEnd(labelWidth);

/** Progress bars on a terminal; `now` is a clock in seconds. */
export function barProgress(output: Output, parts: readonly Part[], now: () => number): Progress {
  const watch = stopwatch(parts, now);
  const bars = openBars(output);
  // The line replaces a bar, whose rest has to be erased.
  const log = (text: string): void => {
    pending.push(text);
    bars.log(`${text}\u001b[K\n`);
  };
  let pending: string[] = [];
  bars.on('redraw-post', () => {
    pending = [];
  });
  const total = parts.reduce((sum, { steps }) => sum + steps, 0);
  const partBar = bars.create(1, 0, { label: label(''), details: '' });
  const allBar =
    parts.length === 1
      ? null
      : bars.create(total, 0, { label: label(`all ${parts.length} runs`), details: '' });
  let index = 0;
  let stepsBefore = 0;
  let steps = 0;

  return {
    partStarted(started) {
      index = started;
      steps = 0;
      watch.partStarted(started);
      const part = parts[started]!;
      partBar.start(part.steps, 0, { label: label(part.label), details: `0/${part.steps}` });
    },
    step({ step, loss, predictionsPerSecond }) {
      const time = watch.estimate(step);
      steps = step;
      const rate =
        predictionsPerSecond >= 1000
          ? `${(predictionsPerSecond / 1000).toFixed(1)}k`
          : predictionsPerSecond.toFixed(0);
      const part = parts[index]!;
      // After the last step comes the validation on all that is kept for it.
      const left = step === part.steps ? 'validating' : `${formatDuration(time.partLeft)} left`;
      partBar.update(step, {
        details: `${step}/${part.steps}  ${left}  loss ${loss.toFixed(3)}  ${rate} ${part.unit === 'characters' ? 'char' : part.unit}/s`,
      });
      allBar?.update(stepsBefore + step, {
        details: `${formatDuration(time.elapsed)} gone  ${formatDuration(time.allLeft)} left`,
      });
    },
    partEnded(outcome) {
      watch.partEnded();
      stepsBefore += steps;
      log(`${label(parts[index]!.label)} ${outcome}`);
    },
    stopping: () => log(stoppingMessage),
    close() {
      bars.stop();
      // Lines that came since the last drawing are lost to cli-progress.
      for (const line of pending) output.write(`${line}\n`);
    },
  };
}
