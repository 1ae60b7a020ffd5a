/**
 * Styles in attributes as classes: the site's policy allows none, and the colours of code and the alignment of tables are
 * written so. Each style gets a class named by its hash; the rules of all that were met go into one style sheet.
 */
import { createHash } from 'node:crypto';

const rules = new Map();

function classFor(style) {
  const name = `s${createHash('sha256').update(style).digest('hex').slice(0, 8)}`;
  rules.set(name, style);
  return name;
}

/** HTML whose tags have classes in place of styles. */
export function withoutStyles(html) {
  return html.replace(/<[a-z][^<>]*? style="([^"]*)"[^<>]*>/g, (tag, style) => {
    const rest = tag.replace(/ style="[^"]*"/, '');
    if (style === '') return rest;
    const name = classFor(style);
    return / class="/.test(rest)
      ? rest.replace(/ class="/, ` class="${name} `)
      : rest.replace(/^<[a-z][\w-]*/, (start) => `${start} class="${name}"`);
  });
}

/** The rules of all classes that were given out. */
export const styleRules = () =>
  [...rules]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, style]) => `.${name}{${style}}`)
    .join('\n');
