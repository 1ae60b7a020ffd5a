/** What every page of the laboratory does: fields, a question to the worker whenever they change, and the answer shown. */
import { Asker, type Fault } from '../client.ts';
import type { TaskName, Tasks } from '../tasks.ts';
import { el, keepingFocus } from './dom.ts';
import { type Form, form as makeForm, type State } from './fields.ts';
import { showChosen } from './table.ts';

/** Where a page is. */
export interface Place {
  /** Path of the site. */
  readonly base: string;
  /** Packages that pages read and that are not installed where they are served from. */
  readonly absent: readonly string[];
}

/** An open page. */
export interface Mounted {
  close(): void;
}

/** Fields in groups beside a sheet that shows the answer to what they say. */
export interface Instrument {
  readonly form: Form;
  readonly sheet: HTMLElement;
  readonly asker: Asker;
  close(): void;
}

/** Milliseconds that a state must last before it is asked for: a slider passes many. */
const settleTime = 15;

/**
 * Opens an instrument: asks `task` for what the fields say, as soon as it is open and whenever they change, and shows the latest
 * answer. What the worker refuses stands beside the field that it names, and the last right answer stays.
 */
export function instrument<T extends TaskName>(
  root: HTMLElement,
  place: Place,
  groups: Parameters<typeof makeForm>[0],
  task: T,
  show: (answer: Awaited<ReturnType<Tasks[T]>>, state: State, page: Instrument) => void,
  /** What a question holds beside the fields' texts. */
  beside: () => Promise<object> = () => Promise.resolve({}),
): Instrument {
  const asker = new Asker(place.base);
  const sheet = el('div', { class: 'sheet', 'aria-live': 'off' });
  let latest = 0;
  let again: (() => void) | undefined;
  let timer: ReturnType<typeof setTimeout> | undefined;
  const ask = async (): Promise<void> => {
    const mine = ++latest;
    const { state } = form;
    form.remember();
    root.dataset['state'] = 'busy';
    try {
      const answer = await asker.ask(task, { ...state, ...(await beside()) } as never);
      if (mine !== latest) return;
      form.fault(undefined);
      again = () => {
        keepingFocus(sheet, () => show(answer, state, page));
        showChosen(sheet);
      };
      again();
      root.dataset['state'] = 'ready';
    } catch (error) {
      if (mine !== latest) return;
      form.fault(error as Fault);
      root.dataset['state'] = 'refused';
    }
  };
  const form = makeForm(groups, () => {
    root.dataset['state'] = 'busy';
    clearTimeout(timer);
    timer = setTimeout(ask, settleTime);
  });
  const page: Instrument = {
    form,
    sheet,
    asker,
    close() {
      stopFitting();
      clearTimeout(timer);
      latest++;
      asker.close();
    },
  };
  root.replaceChildren(form.element, sheet);
  root.dataset['state'] = 'busy';
  const stopFitting = onNewWidth(sheet, () => again?.());
  void ask();
  return page;
}

/** Calls when an element has become wider or narrower: drawings are as wide as their sheet. Returns what ends it. */
export function onNewWidth(element: HTMLElement, call: () => void): () => void {
  let width = element.clientWidth;
  const observer = new ResizeObserver(() => {
    if (element.clientWidth === width) return;
    width = element.clientWidth;
    call();
  });
  observer.observe(element);
  return () => observer.disconnect();
}
