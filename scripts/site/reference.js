/** A plugin of typedoc: modules have the names that users import them by. */
import { readFileSync } from 'node:fs';
import { Converter, ReflectionKind } from 'typedoc';

const { exports } = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8'));

/** The names of the package's entry points, by the names that typedoc gives their files. */
export const entryNames = new Map(
  Object.entries(exports).flatMap(([subpath, { types }]) => {
    if (types === undefined) return [];
    const file = types.replace('./dist/', '').replace(/\.d\.ts$/, '');
    return [[file.replace(/\/index$/, ''), `halfulp${subpath.slice(1)}`]];
  }),
);

export function load(app) {
  app.converter.on(Converter.EVENT_RESOLVE_BEGIN, ({ project }) => {
    for (const module of project.getReflectionsByKind(ReflectionKind.Module))
      module.name = entryNames.get(module.name) ?? module.name;
  });
}
