/** Quantisers and codecs that a recipe names (`'int8/row'`), spelled out as the data that recipes are hashed by and engines read. */
import { pathOf, refusedAs } from '../check.ts';
import { ArgumentError } from '../errors.ts';
import { parseFormat, toFormat } from '../formats/index.ts';
import { namedQuantizerOptions, roundingOrQuantizer, standsAlone } from '../quantizers/index.ts';

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

function spelledAt(path: string, given: unknown, spell: (text: string) => object): unknown {
  if (typeof given !== 'string' || given === 'same') return given;
  return refusedAs(
    () => spell(given),
    ({ argument }) => (argument === 'format' || argument === 'quantizer' ? path : `${path}: ${argument}`),
  );
}

/** Fields that say how tensors are held: states of optimisers, and what operations keep. */
const codecs: ReadonlySet<string> = new Set(['first', 'second', 'codec']);

/** Names of codecs that are no quantisers, or are but hold states in a way of their own, and what they are. */
const ownCodecs: Readonly<Record<string, string>> = {
  dynamic8:
    "dynamic8/block:2048 (the quantiser), or { kind: 'dynamic8', block: 2048 } (states that keep their sign)",
  expansion8: "{ kind: 'expansion8', block: 128 }",
  ranges8: "{ kind: 'ranges8', groups: 1 }",
};

/** How a tensor is held by a name, as data: float32, bfloat16, or a quantiser on the tensor in its own shape. */
function spelledCodec(field: string, text: string): object {
  const own = ownCodecs[text.trim().toLowerCase()];
  if (own !== undefined) throw new ArgumentError('format', text, own);
  if (field === 'codec' && text === 'none') return { kind: 'none' };
  if (!text.includes('/')) {
    const { name, kind } = parseFormat(text);
    if (name === 'binary32') return { kind: 'float32' };
    if (name === 'bfloat16') return { kind: 'bfloat16' };
    if (kind !== 'block' && kind !== 'complex' && !standsAlone(toFormat(name)))
      throw new ArgumentError(
        'format',
        text,
        `${name}/tensor, ${name}/row, ${name}/block:256 and others, or ${name}/unscaled`,
      );
  }
  const { format, scale, ...rest } = namedQuantizerOptions(text);
  const stored = scale.format === undefined ? {} : { format: toFormat(scale.format).name };
  const quantizer = { format: toFormat(format).name, scale: { ...scale, ...stored }, ...rest };
  return { kind: 'quantizer', quantizer, ...(field !== 'codec' && { shape: 'own' }) };
}

/** Slots by product, inference weights by `w`; everything else is walked through. */
function walk(path: string, given: unknown, names: readonly string[]): unknown {
  if (Array.isArray(given)) return given.map((each, i) => walk(pathOf(path, i), each, names));
  if (typeof given !== 'object' || given === null) return given;
  return Object.fromEntries(
    Object.entries(given).map(([field, value]) => {
      const place = pathOf(path, field);
      if (names.includes(field)) return [field, spelledAt(place, value, spelled)];
      if (codecs.has(field) && typeof value === 'string')
        return [field, spelledAt(place, value, (text) => spelledCodec(field, text))];
      return [field, walk(place, value, field === 'inference' ? ['w'] : (slots[field] ?? []))];
    }),
  );
}

/** Whether any slot has a name. */
const hasNames = (given: unknown, names: readonly string[] = []): boolean =>
  typeof given === 'object' &&
  given !== null &&
  Object.entries(given).some(([field, value]) =>
    names.includes(field) || codecs.has(field)
      ? (typeof value === 'string' && value !== 'same') || (codecs.has(field) && hasNames(value))
      : hasNames(value, Array.isArray(given) ? names : field === 'inference' ? ['w'] : (slots[field] ?? [])),
  );

/**
 * A recipe whose quantisers are data: itself, if it names none.
 * @throws ArgumentError naming the field whose name is that of no quantiser
 */
export function withSpelledQuantizers<R>(path: string, recipe: object): R {
  return (hasNames(recipe) ? walk(path, recipe, []) : recipe) as R;
}
