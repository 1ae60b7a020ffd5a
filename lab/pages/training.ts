/** The page of training: recipes side by side on one network; live curves, pictures, and the commands that give the same losses. */
import { Asker, type Fault } from '../client.ts';
import type { NamedRecipe } from '../compute/training-settings.ts';
import { el, keepingFocus } from '../view/dom.ts';
import { choice, type Form, file, lines, form as makeForm, text } from '../view/fields.ts';
import { type Mounted, onNewWidth, type Place } from '../view/page.ts';
import { part } from '../view/table.ts';
import { dataNames, modelNames, recipeFields } from '../words.ts';
import { command, recipeFile } from './training-command.ts';
import { Runs } from './training-runs.ts';
import { curves, pictures, runState, type ShownRun, transitions } from './training-view.ts';

function download(name: string, content: string): void {
  const url = URL.createObjectURL(new Blob([content], { type: 'application/octet-stream' }));
  el('a', { href: url, download: name }).click();
  URL.revokeObjectURL(url);
}

const button = (name: string, click: () => unknown, kind = ''): HTMLButtonElement =>
  el('button', { type: 'button', class: kind, click }, name);

function fieldsOf() {
  const data = file({
    name: 'file',
    label: 'file',
    value: '',
    multiple: true,
    hint: 'a text, a table .csv, or IDX files of images and labels together; they stay in this browser',
  });
  const open = file({
    name: 'open',
    label: 'open files of the command line',
    value: '',
    multiple: true,
    hint: 'a recipe; or config.json, metrics.jsonl, result.json, checkpoint-*.safetensors of a run, one or all at once',
  });
  const network = [
    choice({ name: 'data', label: 'data', options: dataNames, value: 'spirals' }),
    data,
    text({ name: 'label', label: 'column of the class', value: '', hint: 'empty for the first' }),
    choice({ name: 'model', label: 'model', options: modelNames, value: 'mlp' }),
    text({ name: 'steps', label: 'steps', value: '200' }),
    text({ name: 'seed', label: 'seed', value: '1' }),
    text({ name: 'probes', label: 'steps between probes', value: '10', hint: '0 for none' }),
    text({ name: 'evaluate', label: 'steps between validations', value: '', hint: 'empty: a twentieth' }),
    text({ name: 'batch', label: 'batch', value: '', hint: "empty: the model's" }),
    text({ name: 'rate', label: 'learning rate', value: '', hint: "empty: the model's" }),
    choice({
      name: 'backend',
      label: 'backend',
      options: [
        ['wasm', 'wasm'],
        ['cpu', 'cpu (slow)'],
      ],
      value: 'wasm',
    }),
    choice({ name: 'kernels', label: 'matrix products', options: ['own', 'stock'], value: 'own' }),
  ];
  const labels = ['one recipe', 'another', 'a third', 'a fourth'];
  const given = ['float32', '{ "recipe": "bitnetTransition", "at": 0.4 }', '', ''];
  const recipes = recipeFields.map((name, i) =>
    lines({
      name,
      label: labels[i]!,
      value: given[i]!,
      rows: 3,
      hint: i === 0 ? 'JSON, or the name of a published recipe: bitnet, dqt, nvfp4' : 'empty for none',
    }),
  );
  return {
    data,
    open,
    groups: [
      { title: 'Recipes', fields: [...recipes, open] },
      { title: 'Network', fields: network },
    ],
  };
}

/** Puts fields away that are not read, and a fourth recipe while there is no third. */
function tidy({ state, field }: Form): void {
  for (const name of ['file', 'label']) field(name).element.hidden = state['data'] !== 'file';
  for (const [i, name] of recipeFields.entries())
    field(name).element.hidden =
      i > 1 && state[recipeFields[i - 1]!]!.trim() === '' && state[name]!.trim() === '';
}

/** Milliseconds that fields must last before they are checked, and between two drawings. */
const [settleTime, drawTime] = [200, 120];

export function mount(root: HTMLElement, place: Place): Mounted {
  const { data, open, groups } = fieldsOf();
  const checker = new Asker(place.base);
  const states = el('div', { class: 'pair' });
  const drawings = el('div', { class: 'sheet' });
  const commands = el('div', { class: 'commands' });
  let recorded: ShownRun[] = [];
  let recipes: readonly NamedRecipe[] = [];
  let isRefused = false;
  let isBeginning = false;
  let checks = 0;
  let settled = 0;
  let checking: ReturnType<typeof setTimeout> | undefined;
  let drawing: ReturnType<typeof setTimeout> | undefined;

  const setState = (): void => {
    const isBusy = checks !== settled || isBeginning || runs.isRunning;
    root.dataset['state'] = isBusy ? 'busy' : isRefused ? 'refused' : 'ready';
  };
  const show = (): void => {
    clearTimeout(drawing);
    drawing = undefined;
    const all = [...runs.shown, ...recorded];
    states.replaceChildren(...all.map((run) => runState(run, all)));
    const parts = all.length === 0 ? [] : [curves(all), transitions(all), pictures(all)];
    keepingFocus(drawings, () => drawings.replaceChildren(...parts.filter((one) => one !== null)));
    setButtons();
    setState();
  };
  const runs = new Runs(place.base, () => {
    drawing ??= setTimeout(show, drawTime);
  });

  const check = async (): Promise<void> => {
    const mine = ++checks;
    setState();
    let fault: Fault | undefined;
    let read: readonly NamedRecipe[] = [];
    try {
      const files = data.names.map((name) => ({ name, bytes: new ArrayBuffer(0) }));
      read = await checker.ask('trainingCheck', { ...form.state, files, absent: place.absent } as never);
    } catch (error) {
      fault = error as Fault;
    }
    if (mine !== checks) return;
    settled = mine;
    recipes = read;
    refuse(fault);
  };
  const refuse = (fault: Fault | undefined): void => {
    isRefused = fault !== undefined;
    form.fault(fault);
    showCommands();
    setButtons();
    setState();
  };
  const changed = (): void => {
    form.remember();
    root.dataset['state'] = 'busy';
    clearTimeout(checking);
    checking = setTimeout(check, settleTime);
  };
  const showCommands = (): void => {
    const lines = recipes.map(({ field, json }) =>
      el(
        'div',
        { class: 'taken' },
        el('code', { class: 'code command' }, command(form.state, field, data.names)),
        button(recipeFile(field), () => download(recipeFile(field), json)),
      ),
    );
    keepingFocus(commands, () => commands.replaceChildren(...lines));
  };

  const begin = async (paused: boolean): Promise<void> => {
    clearTimeout(checking);
    isBeginning = true;
    await check();
    const files = await data.read();
    isBeginning = false;
    if (isRefused) return setState();
    const fields = { ...form.state, files };
    const ended = runs.begin(
      recipes.map(({ field, title }) => ({
        ...{ key: field, title, colour: recipeFields.indexOf(field as 'recipe') },
        input: { ...fields, field, recipe: form.state[field]!, paused } as never,
      })),
    );
    show();
    const faults = await ended;
    if (faults === undefined) return;
    if (faults.length > 0) refuse(faults[0]);
    show();
  };
  const start = button('train', () => void begin(false), 'main');
  const pause = button('pause', () => {
    runs.tell(runs.isPaused ? 'go' : 'pause');
    setButtons();
  });
  const step = button('step', () => {
    if (!runs.isRunning) return void begin(true);
    runs.tell('step');
    setButtons();
  });
  const stop = button('stop', () => runs.tell('stop'));
  const spirals = button('spirals.csv', async () =>
    download('spirals.csv', await checker.ask('spirals', undefined as never)),
  );
  const setButtons = (): void => {
    pause.textContent = runs.isPaused ? 'go on' : 'pause';
    for (const each of [pause, stop]) each.disabled = !runs.isRunning;
  };

  const form = makeForm(groups, changed);
  const model = form.field('model');
  form.field('data').onChange(() => {
    // Another kind of data needs another model: the one that the command line takes.
    const isText = form.state['data'] === 'text';
    if (form.state['data'] !== 'file' && model.value.startsWith('llama') !== isText)
      form.set({ model: isText ? 'llama-tiny' : 'mlp' });
  });
  open.onChange(async () => {
    if (open.names.length === 0) return;
    checks++;
    setState();
    try {
      const opened = await checker.ask('runFiles', { files: await open.read() });
      const first = recipeFields.length;
      recorded = opened.runs.map((run, i) => ({
        ...run,
        ...{ key: `recorded-${i + 1}`, colour: first + i, isRecorded: true },
      }));
      form.set(opened.fields);
      show();
    } catch (error) {
      clearTimeout(checking);
      settled = ++checks;
      refuse(error as Fault);
    }
  });
  form.watch((one) => {
    tidy(one);
    spirals.hidden = one.state['data'] !== 'spirals';
  });
  root.replaceChildren(
    form.element,
    el(
      'div',
      { class: 'sheet' },
      part(
        'Run',
        el('div', { class: 'buttons' }, start, pause, step, stop),
        states,
        el(
          'p',
          { class: 'note' },
          'The same losses, bit for bit, from the command line, with the file of each recipe:',
        ),
        commands,
        el('div', { class: 'buttons' }, spirals),
      ),
      drawings,
    ),
  );
  const stopFitting = onNewWidth(drawings, show);
  void check();
  return {
    close() {
      stopFitting();
      clearTimeout(checking);
      clearTimeout(drawing);
      checker.close();
      runs.close();
    },
  };
}
