/** Quantisers that a recipe names (`'int8/row'`), spelled out as the data that recipes are hashed by and engines read. */
import { pathOf, refusedAs } from '../check.ts';
import { toFormat } from '../formats/index.ts';
import { namedQuantizerOptions, roundingOrQuantizer } from '../quantizers/index.ts';

/** The operands and results of each product. */
const slots: Readonly<Record<string, readonly string[]>> = {
  forward: ['x', 'w', 'y'],
  inputGradient: ['g', 'w', 'dx'],
  weightGradient: ['g', 'x', 'dw'],
};

/** A rounding or a quantiser by its name, as data; a scale of 1 is what a slot without one has. */
function spelled(text: string): object {
  const alone = roundingOrQuantizer(text).rounding !== undefined;
  const { format, scale, ...rest } = namedQuantizerOptions(text);
  const stored = scale.format === undefined ? {} : { format: toFormat(scale.format).name };
  const isUnscaled = alone || scale.from === 'constant';
  return { format: toFormat(format).name, ...(!isUnscaled && { scale: { ...scale, ...stored } }), ...rest };
}

function spelledAt(path: string, given: unknown): unknown {
  if (typeof given !== 'string' || given === 'same') return given;
  return refusedAs(
    () => spelled(given),
    ({ argument }) => (argument === 'format' || argument === 'quantizer' ? path : `${path}: ${argument}`),
  );
}

/** Slots by product, inference weights by `w`; everything else is walked through. */
function walk(path: string, given: unknown, names: readonly string[]): unknown {
  if (Array.isArray(given)) return given.map((each, i) => walk(pathOf(path, i), each, names));
  if (typeof given !== 'object' || given === null) return given;
  return Object.fromEntries(
    Object.entries(given).map(([field, value]) => {
      const place = pathOf(path, field);
      if (names.includes(field)) return [field, spelledAt(place, value)];
      return [field, walk(place, value, field === 'inference' ? ['w'] : (slots[field] ?? []))];
    }),
  );
}

/** Whether any slot has a name. */
const hasNames = (given: unknown, names: readonly string[] = []): boolean =>
  typeof given === 'object' &&
  given !== null &&
  Object.entries(given).some(([field, value]) =>
    names.includes(field)
      ? typeof value === 'string' && value !== 'same'
      : hasNames(value, Array.isArray(given) ? names : field === 'inference' ? ['w'] : (slots[field] ?? [])),
  );

/**
 * A recipe whose quantisers are data: itself, if it names none.
 * @throws ArgumentError naming the field whose name is that of no quantiser
 */
export function withSpelledQuantizers<R>(path: string, recipe: object): R {
  return (hasNames(recipe) ? walk(path, recipe, []) : recipe) as R;
}
