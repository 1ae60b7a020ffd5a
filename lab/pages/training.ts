/** The page of training: recipes side by side on one network; live curves, pictures, and the commands that give the same losses. */
import { Asker, type Fault } from '../client.ts';
import type { NamedRecipe } from '../compute/training-settings.ts';
import { el, keepingFocus } from '../view/dom.ts';
import { type FileField, type Form, form as makeForm } from '../view/fields.ts';
import { type Mounted, onNewWidth, type Place } from '../view/page.ts';
import { part } from '../view/table.ts';
import { recipeFields } from '../words.ts';
import { command, recipeFile } from './training-command.ts';
import { tidy, trainingFields } from './training-fields.ts';
import { Runs } from './training-runs.ts';
import { curves, pictures, runState, type ShownRun, transitions } from './training-view.ts';

function download(name: string, content: string): void {
  const url = URL.createObjectURL(new Blob([content], { type: 'application/octet-stream' }));
  el('a', { href: url, download: name }).click();
  URL.revokeObjectURL(url);
}

const button = (name: string, click: () => unknown, kind = ''): HTMLButtonElement =>
  el('button', { type: 'button', class: kind, click }, name);

/** Milliseconds that fields must last before they are checked, and between two drawings. */
const [settleTime, drawTime] = [200, 120];

class TrainingPage implements Mounted {
  readonly #root: HTMLElement;
  readonly #place: Place;
  readonly #checker: Asker;
  readonly #data: FileField;
  readonly #open: FileField;
  readonly #form: Form;
  readonly #runs: Runs;
  #recorded: ShownRun[] = [];
  /** What the fields ask to train; none where something is wrong. */
  #recipes: readonly NamedRecipe[] = [];
  #isRefused = false;
  #isBeginning = false;
  /** Of the files that are being opened. */
  #opening: symbol | undefined;
  #isClosed = false;
  /** Number of the latest question, and of the latest that was answered: others are out of date. */
  #asked = 0;
  #answered = 0;
  #checking: ReturnType<typeof setTimeout> | undefined;
  #drawing: ReturnType<typeof setTimeout> | undefined;
  readonly #stopFitting: () => void;

  readonly #states = el('div', { class: 'pair' });
  readonly #drawings = el('div', { class: 'sheet' });
  readonly #commands = el('div', { class: 'commands' });
  readonly #pause = button('pause', () => this.#tell(this.#runs.isPaused ? 'go' : 'pause'));
  readonly #stop = button('stop', () => this.#runs.tell('stop'));
  readonly #spirals = button('spirals.csv', async () =>
    download('spirals.csv', await this.#checker.ask('spirals', undefined as never)),
  );

  constructor(root: HTMLElement, place: Place) {
    const { data, open, groups } = trainingFields();
    this.#root = root;
    this.#place = place;
    this.#checker = new Asker(place.base);
    this.#data = data;
    this.#open = open;
    this.#runs = new Runs(place.base, () => {
      this.#drawing ??= setTimeout(() => this.#show(), drawTime);
    });
    this.#form = makeForm(groups, () => this.#changed());
    this.#form.field('data').onChange(() => this.#fitModel());
    open.onChange(() => this.#openFiles());
    this.#form.watch((form) => {
      tidy(form);
      this.#spirals.hidden = form.state['data'] !== 'spirals';
    });
    root.replaceChildren(this.#form.element, this.#sheet());
    this.#stopFitting = onNewWidth(this.#drawings, () => this.#show());
    void this.#check();
  }

  close(): void {
    this.#isClosed = true;
    this.#stopFitting();
    this.#settle();
    clearTimeout(this.#drawing);
    this.#checker.close();
    this.#runs.close();
  }

  #sheet(): HTMLElement {
    const train = button('train', () => void this.#begin(false), 'main');
    const step = button('step', () => (this.#runs.isRunning ? this.#tell('step') : void this.#begin(true)));
    return el(
      'div',
      { class: 'sheet' },
      part(
        'Run',
        el('div', { class: 'buttons' }, train, this.#pause, step, this.#stop),
        this.#states,
        el(
          'p',
          { class: 'note' },
          'The same losses, bit for bit, from the command line, with the file of each recipe:',
        ),
        this.#commands,
        el('div', { class: 'buttons' }, this.#spirals),
      ),
      this.#drawings,
    );
  }

  #setState(): void {
    const isAsking = this.#asked !== this.#answered || this.#checking !== undefined;
    const isBusy = isAsking || this.#opening !== undefined || this.#isBeginning || this.#runs.isRunning;
    this.#root.dataset['state'] = isBusy ? 'busy' : this.#isRefused ? 'refused' : 'ready';
  }

  #setButtons(): void {
    this.#pause.textContent = this.#runs.isPaused ? 'go on' : 'pause';
    for (const each of [this.#pause, this.#stop]) each.disabled = !this.#runs.isRunning;
  }

  /** Shows what the runs have come to. */
  #show(): void {
    clearTimeout(this.#drawing);
    this.#drawing = undefined;
    const all = [...this.#runs.shown, ...this.#recorded];
    this.#states.replaceChildren(...all.map((run) => runState(run, all)));
    const parts = all.length === 0 ? [] : [curves(all), transitions(all), pictures(all)];
    const drawn = parts.filter((one) => one !== null);
    keepingFocus(this.#drawings, () => this.#drawings.replaceChildren(...drawn));
    this.#setButtons();
    this.#setState();
  }

  #showCommands(): void {
    const lines = this.#recipes.map(({ field, json }) =>
      el(
        'div',
        { class: 'taken' },
        el('code', { class: 'code command' }, command(this.#form.state, field, this.#data.names)),
        button(recipeFile(field), () => download(recipeFile(field), json)),
      ),
    );
    keepingFocus(this.#commands, () => this.#commands.replaceChildren(...lines));
  }

  #changed(): void {
    this.#form.remember();
    clearTimeout(this.#checking);
    this.#checking = setTimeout(() => this.#check(), settleTime);
    this.#setState();
  }

  /** No check is to come. */
  #settle(): void {
    clearTimeout(this.#checking);
    this.#checking = undefined;
  }

  /** Asks what is wrong with the fields, and which recipes they hold. False where another question has come since. */
  async #check(): Promise<boolean> {
    this.#settle();
    const mine = ++this.#asked;
    this.#setState();
    let fault: Fault | undefined;
    let read: readonly NamedRecipe[] = [];
    try {
      const files = this.#data.names.map((name) => ({ name, bytes: new ArrayBuffer(0) }));
      const given = { ...this.#form.state, files, absent: this.#place.absent };
      read = await this.#checker.ask('trainingCheck', given as never);
    } catch (error) {
      fault = error as Fault;
    }
    if (mine !== this.#asked) return false;
    this.#answered = mine;
    this.#recipes = read;
    this.#refuse(fault);
    return true;
  }

  #refuse(fault: Fault | undefined): void {
    this.#isRefused = fault !== undefined;
    this.#form.fault(fault);
    this.#showCommands();
    this.#setButtons();
    this.#setState();
  }

  /** The files of the field, once what all fields say is right and is what was checked; null where something is wrong. */
  async #ready(): Promise<Awaited<ReturnType<FileField['read']>> | null> {
    for (;;) {
      const isLatest = await this.#check();
      if (isLatest && this.#isRefused) return null;
      const checked = this.#asked;
      try {
        const files = await this.#data.read();
        if (this.#isClosed) return null;
        if (isLatest && checked === this.#asked && this.#checking === undefined) return files;
      } catch (error) {
        this.#refuse({ argument: 'file', message: (error as Error).message });
        return null;
      }
    }
  }

  async #begin(paused: boolean): Promise<void> {
    if (this.#isBeginning) return;
    this.#isBeginning = true;
    const files = await this.#ready();
    this.#isBeginning = false;
    if (files === null) return this.#setState();
    const { state } = this.#form;
    const ended = this.#runs.begin(
      this.#recipes.map(({ field, title }) => ({
        ...{ key: field, title, colour: recipeFields.indexOf(field as 'recipe') },
        input: { ...state, files, field, recipe: state[field]!, paused } as never,
      })),
    );
    this.#show();
    const faults = await ended;
    if (faults === undefined) return;
    if (faults.length > 0) this.#refuse(faults[0]);
    this.#show();
  }

  #tell(what: 'pause' | 'go' | 'step'): void {
    this.#runs.tell(what);
    this.#setButtons();
  }

  /** Another kind of data needs another model: the one that the command line takes. */
  #fitModel(): void {
    const { data } = this.#form.state;
    const isText = data === 'text';
    if (data !== 'file' && this.#form.field('model').value.startsWith('llama') !== isText)
      this.#form.set({ model: isText ? 'llama-tiny' : 'mlp' });
  }

  /** Opens files of the command line: their settings in the fields, their runs beside those of the page. */
  async #openFiles(): Promise<void> {
    if (this.#open.names.length === 0) return;
    const mine = Symbol('opening');
    this.#opening = mine;
    this.#setState();
    try {
      const opened = await this.#checker.ask('runFiles', { files: await this.#open.read() });
      if (mine !== this.#opening) return;
      this.#opening = undefined;
      const first = recipeFields.length;
      this.#recorded = opened.runs.map((run, i) => ({
        ...run,
        ...{ key: `recorded-${i + 1}`, colour: first + i, isRecorded: true },
      }));
      this.#form.set(opened.fields);
      this.#show();
    } catch (error) {
      if (mine !== this.#opening) return;
      this.#opening = undefined;
      this.#settle();
      this.#answered = ++this.#asked;
      this.#refuse(error as Fault);
    }
  }
}

export const mount = (root: HTMLElement, place: Place): Mounted => new TrainingPage(root, place);
