/** Elements of pages and drawings, made in one expression. */

/** What an element may hold; nothing stands for no child. */
export type Child = Node | string | number | false | null | undefined;

/** Attributes; true is the attribute alone, false and undefined leave it out; functions are listeners of events. */
export type Attributes = Readonly<
  Record<string, string | number | boolean | undefined | ((event: never) => void)>
>;

function fill<T extends Element>(element: T, attributes: Attributes, children: readonly Child[]): T {
  for (const [name, value] of Object.entries(attributes)) {
    if (value === undefined || value === false) continue;
    if (typeof value === 'function') element.addEventListener(name, value as EventListener);
    else element.setAttribute(name, value === true ? '' : String(value));
  }
  element.append(
    ...children.filter((child) => child !== false && child !== null && child !== undefined).map(toNode),
  );
  return element;
}

const toNode = (child: Child): Node | string => (child instanceof Node ? child : String(child));

/** An element of HTML. */
export function el<K extends keyof HTMLElementTagNameMap>(
  tag: K,
  attributes: Attributes = {},
  ...children: readonly Child[]
): HTMLElementTagNameMap[K] {
  return fill(document.createElement(tag), attributes, children);
}

/** An element of SVG. */
export function svg<K extends keyof SVGElementTagNameMap>(
  tag: K,
  attributes: Attributes = {},
  ...children: readonly Child[]
): SVGElementTagNameMap[K] {
  return fill(document.createElementNS('http://www.w3.org/2000/svg', tag), attributes, children);
}

/** Puts children in place of what an element holds. */
export function replace(element: Element, ...children: readonly Child[]): void {
  element.replaceChildren(
    ...children.filter((child) => child !== false && child !== null && child !== undefined).map(toNode),
  );
}

/** Changes what an element holds; what had the focus in it, by its place among what can have it, has it again. */
export function keepingFocus(element: Element, change: () => void): void {
  const stops = (): HTMLElement[] => [...element.querySelectorAll<HTMLElement>('button, [tabindex]')];
  const place = stops().indexOf(document.activeElement as HTMLElement);
  change();
  if (place >= 0) stops()[place]?.focus({ preventScroll: true });
}
