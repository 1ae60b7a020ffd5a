/** The runs of a page of training, each in a worker of its own: begun together, paused, stepped and stopped together. */
import { Asker, type Fault } from '../client.ts';
import { addRecord, emptyRecord } from '../compute/run-record.ts';
import type { TrainingInput, TrainingReport } from '../compute/training.ts';
import type { ShownRun } from './training-view.ts';

interface Live {
  readonly run: ShownRun;
  readonly asker: Asker;
}

/** A recipe to train. */
interface Begun {
  readonly key: string;
  readonly colour: number;
  readonly title: string;
  readonly input: TrainingInput;
}

function take(run: ShownRun, report: TrainingReport): void {
  if (report.type === 'picture') run.picture = report.picture;
  else if (report.type === 'begin') run.title = report.recipe.title;
  else if (report.type === 'teacher') run.before = `a float32 teacher learns first, ${report.steps} steps`;
  else addRecord(run, report);
}

export class Runs {
  readonly #base: string;
  /** Called whenever anything is new. */
  readonly #changed: () => void;
  #live: Live[] = [];
  isPaused = false;

  constructor(base: string, changed: () => void) {
    this.#base = base;
    this.#changed = changed;
  }

  get shown(): ShownRun[] {
    return this.#live.map(({ run }) => run);
  }

  get isRunning(): boolean {
    return this.#live.some(({ run }) => run.outcome === '');
  }

  /** Ends what runs, and begins anew. Answers when all have ended, with what was refused first; with nothing if they were replaced. */
  async begin(begun: readonly Begun[]): Promise<readonly Fault[] | undefined> {
    this.close();
    const live = begun.map(({ key, colour, title, input }) => ({
      run: { ...emptyRecord(title), key, colour, isRecorded: false },
      asker: new Asker(this.#base),
      input,
    }));
    this.#live = live;
    this.isPaused = begun.some(({ input }) => input.paused);
    const faults: Fault[] = [];
    await Promise.all(
      live.map(async ({ run, asker, input }) => {
        try {
          await asker.ask('training', input, (report: TrainingReport) => {
            take(run, report);
            this.#changed();
          });
        } catch (error) {
          faults.push(error as Fault);
          run.outcome = 'refused';
        }
        this.#changed();
      }),
    );
    return this.#live === live ? faults : undefined;
  }

  tell(command: 'pause' | 'go' | 'step' | 'stop'): void {
    this.isPaused = command === 'pause' || command === 'step';
    for (const { asker } of this.#live) void asker.ask('trainingControl', { command });
  }

  close(): void {
    for (const { asker } of this.#live) asker.close();
    this.#live = [];
  }
}
