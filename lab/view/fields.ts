/**
 * Fields of a form: a label, an input, and a message beside it. What fields say together is a page's state, which the address
 * holds: every field has a name there, and what is the default is left out.
 */
import { type Child, el, replace } from './dom.ts';

/** A field of a form. */
export interface Field {
  readonly name: string;
  readonly element: HTMLElement;
  /** As the address has it. */
  value: string;
  /** What is wrong with it; undefined for nothing. */
  fault(message: string | undefined): void;
  /** Calls on every change that the user makes. */
  onChange(listener: () => void): void;
}

interface Described {
  readonly name: string;
  readonly label: string;
  readonly value: string;
  /** What may be written, in a few words. */
  readonly hint?: string;
}

let numbered = 0;

type Input = HTMLInputElement | HTMLSelectElement | HTMLTextAreaElement;

function frame(
  given: Described,
  input: Input,
  event: 'input' | 'change',
  beside: readonly Child[] = [],
): Field {
  const id = `field-${++numbered}`;
  const message = el('p', { id: `${id}-message`, class: 'message', role: 'alert' });
  const hint = given.hint === undefined ? null : el('p', { id: `${id}-hint`, class: 'hint' }, given.hint);
  input.id = id;
  input.name = given.name;
  const described = [hint === null ? '' : `${id}-hint`, `${id}-message`].join(' ').trim();
  input.setAttribute('aria-describedby', described);
  const element = el(
    'div',
    { class: `field field-${given.name}` },
    el('label', { for: id }, given.label),
    el('div', { class: 'input' }, input, ...beside),
    hint,
    message,
  );
  return {
    name: given.name,
    element,
    get value() {
      return input.value;
    },
    set value(value) {
      input.value = value;
      input.dispatchEvent(new Event('shown'));
    },
    fault(text) {
      if (text === undefined) input.removeAttribute('aria-invalid');
      else input.setAttribute('aria-invalid', 'true');
      element.classList.toggle('wrong', text !== undefined);
      if (message.textContent !== (text ?? '')) message.textContent = text ?? '';
    },
    onChange: (listener) => input.addEventListener(event, listener),
  };
}

/** A line of text; `words` are offered while one types. */
export function text(given: Described & { readonly words?: readonly string[] }): Field {
  const { words } = given;
  const list = words === undefined ? null : el('datalist', { id: `words-${++numbered}` });
  if (list !== null && words !== undefined) replace(list, ...words.map((value) => el('option', { value })));
  const input = el('input', {
    type: 'text',
    autocomplete: 'off',
    autocapitalize: 'off',
    spellcheck: 'false',
    ...(list === null ? {} : { list: list.id }),
  });
  input.value = given.value;
  return frame(given, input, 'input', [list]);
}

/** Several lines of text. */
export function lines(given: Described & { readonly rows?: number }): Field {
  const input = el('textarea', { rows: given.rows ?? 4, spellcheck: 'false' });
  input.value = given.value;
  return frame(given, input, 'input');
}

/** One of a few words. */
export function choice(
  given: Described & { readonly options: readonly (string | readonly [string, string])[] },
): Field {
  const options = given.options.map((option) =>
    typeof option === 'string' ? ([option, option] as const) : option,
  );
  const input = el('select', {}, ...options.map(([value, label]) => el('option', { value }, label)));
  input.value = given.value;
  const field = frame(given, input, 'change');
  return Object.defineProperty(field, 'value', {
    get: () => input.value,
    set(value: string) {
      // A word of an address that is none of the options is shown, so that the message beside it can be understood.
      if (!options.some(([known]) => known === value)) input.append(el('option', { value }, value));
      input.value = value;
    },
  });
}

/** An integer on a scale. */
export function slider(given: Described & { readonly min: number; readonly max: number }): Field {
  const { min, max } = given;
  const input = el('input', { type: 'range', min, max, step: 1 });
  input.value = given.value;
  const shown = el('output', {}, given.value);
  const show = (): void => {
    shown.textContent = input.value;
  };
  input.addEventListener('input', show);
  input.addEventListener('shown', show);
  return frame(given, input, 'input', [shown]);
}

/** A field that takes files; the address does not hold them. */
export interface FileField extends Field {
  readonly dropped: File | undefined;
  readonly names: readonly string[];
  /** All of them, with their bytes. */
  read(): Promise<{ readonly name: string; readonly bytes: ArrayBuffer }[]>;
}

/** A file to choose, or to drop onto the field; or several. */
export function file(given: Described & { readonly multiple?: boolean }): FileField {
  const input = el('input', { type: 'file', multiple: given.multiple === true });
  const field = frame(given, input, 'change');
  const { element } = field;
  element.addEventListener('dragover', (event) => event.preventDefault());
  element.addEventListener('drop', (event) => {
    event.preventDefault();
    if (event.dataTransfer === null || event.dataTransfer.files.length === 0) return;
    input.files = event.dataTransfer.files;
    input.dispatchEvent(new Event('change'));
  });
  return Object.defineProperties(field, {
    value: { get: () => '', set: () => {} },
    dropped: { get: () => input.files?.[0] },
    names: { get: () => [...(input.files ?? [])].map(({ name }) => name) },
    read: {
      value: () =>
        Promise.all(
          [...(input.files ?? [])].map(async (one) => ({ name: one.name, bytes: await one.arrayBuffer() })),
        ),
    },
  }) as FileField;
}

/** A box to tick: `yes` or `no`. */
export function tick(given: Described): Field {
  const input = el('input', { type: 'checkbox' });
  input.checked = given.value === 'yes';
  const field = frame(given, input, 'change');
  field.element.classList.add('tick');
  return Object.defineProperty(field, 'value', {
    get: () => (input.checked ? 'yes' : 'no'),
    set(value: string) {
      input.checked = value === 'yes';
    },
  });
}

/** What a page's fields say, by their names; of those that take files nothing. */
export type State = Readonly<Record<string, string>>;

/** The fields of a page, and the address that remembers them. */
export interface Form {
  readonly element: HTMLFormElement;
  readonly state: State;
  readonly field: (name: string) => Field;
  /** Shows what is wrong beside the field whose name the argument's path begins with, or above all of them. */
  fault(fault: { readonly argument?: string; readonly message: string } | undefined): void;
  /** Sets fields as a user would. */
  set(values: State): void;
  /** Calls at once and on every change, before anything is asked for. */
  watch(listener: (form: Form) => void): void;
  /** Puts the state into the address. */
  remember(): void;
}

/** Characters of an address that servers take; what makes it longer is not remembered. */
const longestSearch = 8000;

interface Group {
  readonly title?: string;
  readonly fields: readonly Field[];
}

export function form(groups: readonly Group[], changed: () => void): Form {
  const fields = new Map(groups.flatMap((group) => group.fields).map((field) => [field.name, field]));
  const initial = new Map([...fields].map(([name, { value }]) => [name, value]));
  const general = el('p', { class: 'message general', role: 'alert' });
  const element = el(
    'form',
    { class: 'fields', submit: (event: Event) => event.preventDefault() },
    ...groups.map(({ title, fields: own }) =>
      el(
        'fieldset',
        {},
        title === undefined ? null : el('legend', {}, title),
        ...own.map((one) => one.element),
      ),
    ),
    general,
  );
  const given = new URLSearchParams(location.search);
  for (const [name, field] of fields) {
    const value = given.get(name);
    if (value !== null) field.value = value;
    field.onChange(() => alter());
  }
  const watching: ((form: Form) => void)[] = [];
  const alter = (): void => {
    for (const listener of watching) listener(made);
    changed();
  };
  const made: Form = {
    element,
    get state() {
      const held = [...fields].filter(([, field]) => !('dropped' in field));
      return Object.fromEntries(held.map(([name, { value }]) => [name, value]));
    },
    field: (name) => fields.get(name)!,
    fault(fault) {
      const at = fault?.argument === undefined ? undefined : fields.get(/^[\w$]*/.exec(fault.argument)![0]);
      for (const field of fields.values()) field.fault(field === at ? fault?.message : undefined);
      general.textContent = at === undefined ? (fault?.message ?? '') : '';
    },
    set(values) {
      for (const [name, value] of Object.entries(values)) fields.get(name)!.value = value;
      alter();
    },
    watch(listener) {
      watching.push(listener);
      listener(made);
    },
    remember() {
      const search = new URLSearchParams();
      for (const [name, { value }] of fields) {
        if (value === initial.get(name)) continue;
        search.set(name, value);
        if (`${search}`.length > longestSearch) search.delete(name);
      }
      const query = search.size === 0 ? '' : `?${search}`;
      history.replaceState(history.state, '', `${location.pathname}${query}${location.hash}`);
    },
  };
  return made;
}
