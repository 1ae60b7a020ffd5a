/** The page of training: two recipes side by side on one network, each in a worker of its own; live curves, pictures, and JSON to take away. */
import { Asker, type Fault } from '../client.ts';
import type { Picture, TrainingReport } from '../compute/training.ts';
import { csvOfSpirals } from '../spirals.ts';
import { chart, legend, type Series } from '../view/chart.ts';
import { el } from '../view/dom.ts';
import { choice, type Form, file, lines, form as makeForm, text } from '../view/fields.ts';
import type { Mounted, Place } from '../view/page.ts';
import { facts, part } from '../view/table.ts';
import { dataNames, modelNames } from '../words.ts';

/** One recipe's run as the page knows it. */
interface Run {
  readonly field: 'recipe' | 'other';
  readonly colour: number;
  readonly asker: Asker;
  title: string;
  json: string;
  losses: number[];
  seconds: number;
  evaluations: { step: number; loss: number; accuracy: number | undefined }[];
  flips: [number, number][];
  zeros: [number, number][];
  phases: number[];
  picture: Picture | undefined;
  outcome: string;
}

const newRun = (field: Run['field'], colour: number, base: string): Run => ({
  ...{ field, colour, asker: new Asker(base), title: '', json: '', losses: [], seconds: 0 },
  ...{ evaluations: [], flips: [], zeros: [], phases: [], picture: undefined, outcome: '' },
});

function take(run: Run, report: TrainingReport): void {
  if (report.kind === 'begin') {
    run.title = report.title;
    run.json = `${JSON.stringify(report.recipe, null, 2)}\n`;
  } else if (report.kind === 'step') {
    const { step, loss, probes, seconds } = report.record;
    run.losses.push(loss);
    run.seconds += seconds;
    if (probes?.weights) {
      run.flips.push([step, probes.weights.flipRate]);
      run.zeros.push([step, probes.weights.zeroFraction]);
    }
  } else if (report.kind === 'evaluation') {
    const { step, loss, accuracy } = report.record;
    run.evaluations.push({ step, loss, accuracy });
  } else if (report.kind === 'phase') {
    if (report.record.phase > 0) run.phases.push(report.record.step);
  } else run.picture = report.picture;
}

/** Weights from blue through the paper's colour to orange, by their share of the largest. */
function drawing({ rows, columns }: Picture, values: Float32Array, title: string): HTMLElement {
  const canvas = el('canvas', { width: columns, height: rows, role: 'img', 'aria-label': title });
  const context = canvas.getContext('2d')!;
  const image = context.createImageData(columns, rows);
  const largest = values.reduce((most, value) => Math.max(most, Math.abs(value)), 0) || 1;
  const [paper, low, high] = [
    [246, 246, 244],
    [29, 79, 145],
    [181, 82, 10],
  ] as const;
  for (const [i, value] of values.entries()) {
    const share = Math.min(1, Math.abs(value) / largest);
    const end = value < 0 ? low : high;
    image.data.set([...paper.map((from, channel) => from + share * (end[channel]! - from)), 255], 4 * i);
  }
  context.putImageData(image, 0, 0);
  return el('figure', {}, canvas, el('figcaption', {}, title));
}

const shownLoss = (loss: number | undefined): string => (loss === undefined ? '–' : loss.toFixed(4));

function state(run: Run): HTMLElement {
  const { losses, evaluations, seconds, flips, outcome } = run;
  const last = evaluations.at(-1);
  return el(
    'div',
    { class: `run c${run.colour}` },
    el('h3', { class: `c${run.colour}` }, run.title || '–'),
    facts([
      [
        'step',
        el(
          'output',
          { 'data-run': run.field, 'data-steps': losses.length, 'data-losses': losses.join(' ') },
          `${losses.length}`,
        ),
      ],
      ['loss', shownLoss(losses.at(-1))],
      [
        'validation',
        last === undefined
          ? '–'
          : `${shownLoss(last.loss)}${last.accuracy === undefined ? '' : `, ${(100 * last.accuracy).toFixed(2)} % right`}`,
      ],
      ['codes that flip in a step', flips.length === 0 ? '–' : flips.at(-1)![1].toExponential(2)],
      ['ms a step', losses.length === 0 ? '–' : ((1000 * seconds) / losses.length).toFixed(1)],
      ['outcome', outcome || '–'],
    ]),
  );
}

const mean = (values: readonly number[]): number => values.reduce((a, b) => a + b, 0) / values.length;

/** At most so many points, each the mean of its neighbours. */
function thinned(losses: readonly number[]): [number, number][] {
  const group = Math.ceil(losses.length / 600);
  const points: [number, number][] = [];
  for (let i = 0; i < losses.length; i += group) points.push([i + 1, mean(losses.slice(i, i + group))]);
  return points;
}

function curves(runs: readonly Run[]): HTMLElement {
  const training: Series[] = runs.map(({ title, colour, losses }) => ({
    name: title,
    colour,
    points: thinned(losses),
  }));
  const validation: Series[] = runs.map(({ title, colour, evaluations }) => ({
    name: title,
    colour,
    dots: true,
    line: false,
    points: evaluations.map(({ step, loss }) => [step, loss] as const),
  }));
  const marks = [...new Set(runs.flatMap(({ phases }) => phases))].map((x) => ({
    x,
    text: `phase changes after ${x}`,
  }));
  const hasAccuracy = runs.some(({ evaluations }) =>
    evaluations.some(({ accuracy }) => accuracy !== undefined),
  );
  const accuracy: Series[] = runs.map(({ title, colour, evaluations }) => ({
    name: title,
    colour,
    dots: true,
    points: evaluations.map(({ step, accuracy: right }) => [step, 100 * (right ?? Number.NaN)] as const),
  }));
  const flips: Series[] = runs.map(({ title, colour, flips: rates }) => ({
    name: title,
    colour,
    points: rates,
  }));
  return part(
    'Curves',
    legend(runs.map(({ title, colour }) => ({ name: title || '–', colour }))),
    el('h3', {}, 'Training loss, and validation as dots'),
    chart({
      title: 'Training loss of both recipes over the steps',
      x: 'steps',
      y: 'nats',
      series: [...training, ...validation],
      marks,
      height: 300,
    }),
    hasAccuracy && el('h3', {}, 'Validation accuracy'),
    hasAccuracy &&
      chart({
        title: 'Validation accuracy of both recipes',
        x: 'steps',
        y: '% right',
        series: accuracy,
        height: 180,
      }),
    runs.some(({ flips: rates }) => rates.length > 0) &&
      el('h3', {}, 'Share of the codes that flip in a step'),
    runs.some(({ flips: rates }) => rates.length > 0) &&
      chart({
        title: 'Share of codes that change in a step',
        x: 'steps',
        y: 'share',
        series: flips,
        height: 180,
      }),
  );
}

function pictures(runs: readonly Run[]): HTMLElement | null {
  const shown = runs.flatMap(({ picture, title }) => (picture === undefined ? [] : [{ picture, title }]));
  if (shown.length === 0) return null;
  return part(
    'Weights and codes',
    el(
      'p',
      { class: 'note' },
      'A corner of the largest matrix: weights as they are held, and the elements that the forward pass reads.',
    ),
    el(
      'div',
      { class: 'pair' },
      ...shown.flatMap(({ picture, title }) => [
        drawing(picture, picture.weights, `${title}: ${picture.name}, weights after ${picture.step} steps`),
        ...(picture.elements === undefined
          ? []
          : [drawing(picture, picture.elements, `${title}: as the forward pass reads it`)]),
      ]),
    ),
  );
}

function download(name: string, content: string): void {
  const link = el('a', {
    href: URL.createObjectURL(new Blob([content], { type: 'application/octet-stream' })),
    download: name,
  });
  link.click();
  URL.revokeObjectURL(link.href);
}

/** The command that gives the same losses. */
function command(form: Form): string {
  const { data, model, steps, seed, probes, label } = form.state;
  const source: Readonly<Record<string, string>> = {
    spirals: ' --csv spirals.csv --label class',
    file: ` --csv FILE.csv${label === '' ? '' : ` --label ${label}`}`,
  };
  const probing = probes === '0' ? '' : ` --probe-every ${probes}`;
  return `halfulp train recipe.json --model ${model} --steps ${steps} --seed ${seed}${probing}${source[data!] ?? ''}`;
}

/** Files of the command line: a recipe, or the config.json of a run, into the fields; nothing else. */
function opened(content: string, form: Form): void {
  const given = JSON.parse(content) as {
    training?: { recipe?: object; steps?: number; seed?: number; model?: { name?: string } };
  };
  const { training } = given;
  if (training?.recipe === undefined) {
    form.set({ recipe: JSON.stringify(given, null, 2) });
    return;
  }
  const { recipe, steps, seed, model } = training;
  const numbers = {
    ...(steps === undefined ? {} : { steps: `${steps}` }),
    ...(seed === undefined ? {} : { seed: `${seed}` }),
  };
  form.set({
    recipe: JSON.stringify(recipe, null, 2),
    ...numbers,
    ...(model?.name === undefined ? {} : { model: model.name }),
  });
}

export function mount(root: HTMLElement, place: Place): Mounted {
  const data = file({
    name: 'file',
    label: 'file',
    value: '',
    hint: 'a text, or a table .csv; it stays in this browser',
  });
  const open = file({
    name: 'open',
    label: 'open a recipe or a run',
    value: '',
    hint: 'recipe.json, or the config.json of halfulp train',
  });
  const hint = '{ "recipe": "bitnetTransition", "at": 0.4 }';
  const form = makeForm(
    [
      {
        title: 'Network',
        fields: [
          choice({ name: 'data', label: 'data', options: dataNames, value: 'spirals' }),
          data,
          text({ name: 'label', label: 'column of the class', value: '' }),
          choice({ name: 'model', label: 'model', options: modelNames, value: 'mlp' }),
          text({ name: 'steps', label: 'steps', value: '200' }),
          text({ name: 'seed', label: 'seed', value: '1' }),
          text({ name: 'probes', label: 'steps between probes', value: '10', hint: '0 for none' }),
        ],
      },
      {
        title: 'Recipes',
        fields: [
          lines({ name: 'recipe', label: 'one recipe', value: '{ "recipe": "float32" }', hint }),
          lines({
            name: 'other',
            label: 'another',
            value: '{ "recipe": "bitnetTransition", "at": 0.4 }',
            hint: 'empty for one run alone',
          }),
          open,
        ],
      },
    ],
    () => {
      form.fault(undefined);
      form.remember();
      showCommand();
    },
  );
  const shownCommand = el('code', { class: 'code command' });
  const showCommand = (): void => {
    shownCommand.textContent = command(form);
  };
  let runs: Run[] = [];
  let isPaused = false;
  let timer: ReturnType<typeof setTimeout> | undefined;
  const [states, drawings] = [
    el('div', { class: 'pair', 'aria-live': 'off' }),
    el('div', { class: 'sheet' }),
  ];
  const show = (): void => {
    timer = undefined;
    states.replaceChildren(...runs.map(state));
    drawings.replaceChildren(...[curves(runs), pictures(runs)].filter((one) => one !== null));
  };
  const later = (): void => {
    timer ??= setTimeout(show, 120);
  };
  const button = (name: string, click: () => void, kind = ''): HTMLButtonElement =>
    el('button', { type: 'button', class: kind, click }, name);
  const tell = (words: 'pause' | 'go' | 'step' | 'stop'): void => {
    for (const { asker } of runs) void asker.ask('trainingControl', { command: words });
  };
  const close = (): void => {
    clearTimeout(timer);
    for (const { asker } of runs) asker.close();
  };
  const begin = async (paused: boolean): Promise<void> => {
    close();
    timer = undefined;
    form.fault(undefined);
    isPaused = paused;
    const fields = (['recipe', 'other'] as const).filter((field) => form.state[field]!.trim() !== '');
    runs = fields.map((field) => newRun(field, field === 'recipe' ? 0 : 1, place.base));
    setButtons();
    root.dataset['state'] = 'busy';
    const dropped =
      data.dropped === undefined
        ? {}
        : { file: { name: data.dropped.name, bytes: await data.dropped.arrayBuffer() } };
    const mine = runs;
    await Promise.all(
      mine.map(async (run) => {
        try {
          const input = { ...form.state, ...dropped, recipe: form.state[run.field]!, paused };
          const result = await run.asker.ask('training', input as never, (report: TrainingReport) => {
            take(run, report);
            later();
          });
          const { divergence, validationLoss, validationAccuracy: right, spike } = result;
          run.outcome =
            divergence !== null
              ? `diverged at step ${divergence.step}`
              : `validation ${validationLoss.toFixed(4)}${right === undefined ? '' : `, ${(100 * right).toFixed(2)} % right`}${spike === null ? '' : `; spike ${spike.height.toFixed(3)}`}`;
        } catch (error) {
          const { argument, message } = error as Fault;
          run.outcome = 'refused';
          form.fault({
            message,
            ...(argument === undefined
              ? {}
              : { argument: /^recipe\b/.test(argument) ? run.field : argument }),
          });
        }
        later();
      }),
    );
    if (mine !== runs) return;
    show();
    root.dataset['state'] = mine.some(({ outcome }) => outcome === 'refused') ? 'refused' : 'ready';
    runs.every(({ outcome }) => outcome !== '') && setButtons();
  };
  const start = button('train', () => void begin(false), 'main');
  const pause = button('pause', () => {
    isPaused = !isPaused;
    tell(isPaused ? 'pause' : 'go');
    setButtons();
  });
  const step = button('step', () => {
    if (runs.length === 0 || runs.every(({ outcome }) => outcome !== '')) return void begin(true);
    isPaused = true;
    tell('step');
    setButtons();
  });
  const stop = button('stop', () => tell('stop'));
  const take_ = (field: Run['field'], name: string): HTMLButtonElement =>
    button(name, () => {
      const run = runs.find((one) => one.field === field);
      if (run !== undefined && run.json !== '') download('recipe.json', run.json);
    });
  const [one, other] = [take_('recipe', 'first recipe as JSON'), take_('other', 'second recipe as JSON')];
  const spirals = button('spirals.csv', () => download('spirals.csv', csvOfSpirals()));
  const setButtons = (): void => {
    const isRunning = runs.some(({ outcome }) => outcome === '');
    pause.textContent = isPaused ? 'go on' : 'pause';
    for (const each of [pause, stop]) each.disabled = !isRunning;
    for (const [each, field] of [
      [one, 'recipe'],
      [other, 'other'],
    ] as const)
      each.disabled = !runs.some((run) => run.field === field);
  };
  open.onChange(async () => {
    if (open.dropped === undefined) return;
    try {
      opened(await open.dropped.text(), form);
    } catch (error) {
      form.fault({ argument: 'open', message: `${open.dropped.name}: ${(error as Error).message}` });
    }
  });
  form.watch(({ state: given, field }) => {
    for (const name of ['file', 'label']) field(name).element.hidden = given['data'] !== 'file';
    spirals.hidden = given['data'] !== 'spirals';
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
        el('p', { class: 'note' }, 'The same losses, bit for bit, from the command line:'),
        shownCommand,
        el('div', { class: 'buttons' }, one, other, spirals),
      ),
      drawings,
    ),
  );
  showCommand();
  setButtons();
  root.dataset['state'] = 'ready';
  return { close };
}
