/**
 * Parts of a recipe in a few words each, different ones for different parts: quantisers, stores, codecs, accumulators. For people.
 */

import { findMatrixUnit } from '../arithmetic/matrix-unit/index.ts';
import { blockFormats } from '../formats/block.ts';
import { toFormat } from '../formats/index.ts';
import { blockQuantizerOptions, type QuantizerOptions } from '../quantizers/index.ts';
import type { AccumulatorSpec } from '../tfjs/accumulator.ts';
import type { AdaptSpec } from './controllers/adapt.ts';
import { canonicalJson } from './hash.ts';
import type { OperandSpec } from './linear-slots.ts';
import type { StateCodecSpec } from './optimizers/index.ts';
import type { EmulationSpec, EventAction, ObjectiveSpec, RecipeEvent } from './recipe.ts';
import type { SavedRule } from './saved/spec.ts';
import { feedsBack, type GridStore, type MasterStore, type WeightStoreSpec } from './stores/index.ts';

/** Fields that have no word of their own, each as its name and its value, in the order in which they are given. */
const others = (fields: object): string[] =>
  Object.entries(fields).flatMap(([name, value]) =>
    value === undefined ? [] : `${name} ${typeof value === 'object' ? JSON.stringify(value) : value}`,
  );

function groupingWords(scale: QuantizerOptions['scale']): string {
  if (scale.per === 'block') return `block${scale.size}`;
  return scale.per === 'tile' ? `tile${scale.rows}x${scale.columns}` : scale.per;
}

/** Names of block formats by the quantiser that each is, in blocks and in tiles. */
const blockNames: ReadonlyMap<string, string> = new Map(
  Object.keys(blockFormats).flatMap((name) =>
    [false, true].map((tile): [string, string] => {
      const { format, scale } = blockQuantizerOptions(name, { tile });
      return [
        canonicalJson(namedFormats({ format, scale })),
        tile ? `${name} ${groupingWords(scale)}` : name,
      ];
    }),
  ),
);

/** Formats by one name each. */
function namedFormats({ format, scale }: Pick<QuantizerOptions, 'format' | 'scale'>): object {
  const stored = scale.format === undefined ? {} : { format: toFormat(scale.format).name };
  return { format: toFormat(format).name, scale: { ...scale, ...stored } };
}

/** The format and scale of a quantiser: a block format by its name, others as `int8 row absmax`. */
function gridWords({ format, scale }: Pick<OperandSpec, 'format' | 'scale'>): string[] {
  if (format === undefined) return [];
  if (scale === undefined) return [toFormat(format).name];
  const known = blockNames.get(canonicalJson(namedFormats({ format, scale })));
  if (known !== undefined) return [known];
  const { per: _, from, format: scaleFormat = 'binary32', ...options } = scale;
  const { size: _size, rows: _rows, columns: _columns, ...rest } = options as Record<string, unknown>;
  const stored = toFormat(scaleFormat).name;
  return [
    toFormat(format).name,
    groupingWords(scale),
    from,
    ...(stored === 'binary32' ? [] : [stored]),
    ...others(rest),
  ];
}

/** A transform: a Hadamard transform by its size and where its signs come from, others as data. */
function transformWords(
  transform: NonNullable<OperandSpec['transform']>,
  invert: boolean | undefined,
): string[] {
  const { name, size, signs, seed, ...rest } = transform as unknown as Readonly<Record<string, unknown>>;
  const isKnown = name === 'hadamard' && typeof signs !== 'object' && Object.keys(rest).length === 0;
  const origin = [
    ...(signs === undefined ? [] : ['published signs']),
    ...(seed === undefined ? [] : [seed === 'step' ? 'signs of the step' : `signs of seed ${seed}`]),
  ];
  const words = isKnown ? [`hadamard${size ?? ''}`, ...origin] : others({ transform });
  return [...words, ...(invert === false ? ['stays turned'] : [])];
}

/**
 * A quantiser in a few words, different ones for different quantisers: norm, format and scale, rounding, transform, and what else
 * is said. `int8 row absmax`, `nvfp4 stochastic`.
 */
export function quantizerWords(spec: OperandSpec | QuantizerOptions | 'same' | null | undefined): string {
  if (spec == null) return '-';
  if (spec === 'same') return 'same';
  const {
    format,
    rounding = 'nearest-even',
    strength = 1,
    scale,
    transform,
    invert,
    norm,
    learn,
    ...rest
  } = spec as OperandSpec;
  return [
    ...(norm === undefined ? [] : [`${norm} norm`]),
    ...gridWords({ ...(format === undefined ? {} : { format }), ...(scale === undefined ? {} : { scale }) }),
    ...(rounding === 'nearest-even' ? [] : [rounding]),
    ...(strength === 1 ? [] : [`x${strength}`]),
    ...(transform === undefined ? others({ invert }) : transformWords(transform, invert)),
    ...others(learn === undefined ? rest : { ...rest, learn }),
  ].join(' ');
}

/** An accumulator: a format or unit by its name, a model by its fields. */
export function accumulatorWords(spec: AccumulatorSpec | null | undefined): string {
  if (spec == null) return '-';
  if (typeof spec === 'string') return spec;
  return findMatrixUnit(spec)?.name ?? ('decode' in spec ? spec.name : others(spec).join(' '));
}

/** What a phase emulates, in words. */
export const emulationWords = ({ format, ...modes }: EmulationSpec): string =>
  ['kernels emulate', toFormat(format).name, ...others(modes)].join(' ');

/** What a phase makes small, in words. */
export const objectiveWords = (objective: ObjectiveSpec): string =>
  `objective: ${others(objective).join(' ')}`;

export function storeWords(store: WeightStoreSpec): string {
  switch (store.kind) {
    case 'grid':
      return `${store.format} grid ${rangeWords(store.range)}${store.per === 'channel' ? ' by channel' : ''} ${writeWords(store)}`;
    case 'format':
      return `${store.format} ${writeWords(store)}`;
    case 'bfloat16':
      return `bfloat16 ${writeWords(store)}`;
    case 'group-int8':
      return `int8 group${store.size} ${writeWords(store)}`;
    case 'master':
      return 'float32';
  }
}

function rangeWords(range: GridStore['range']): string {
  if (typeof range === 'string') return range === 'absmean' ? 'mean|w|' : 'max|w|';
  return 'scale' in range ? `scale ${range.scale}` : `${range.deviations} sigma`;
}

const writeWords = (store: Exclude<WeightStoreSpec, MasterStore>): string =>
  `${store.rounding}${feedsBack(store) ? ', feedback' : ''}`;

export function codecWords(codec: StateCodecSpec | undefined): string {
  if (codec === undefined) return 'float32';
  if (codec.kind === 'float32' || codec.kind === 'bfloat16') return codec.kind;
  const least = codec.least === undefined ? '' : ` least ${codec.least}`;
  return codec.kind === 'quantizer'
    ? `${quantizerWords(codec.quantizer)}${least}`
    : `${codec.kind} block${codec.block}${least}`;
}

/** How what operations keep for their gradients is held. */
export function savedWords({ where: { role = 'all', layer }, codec }: SavedRule): string {
  const of = [role === 'all' ? 'operations' : role, ...(layer === undefined ? [] : [`in ${layer}`])].join(
    ' ',
  );
  switch (codec.kind) {
    case 'none':
      return `${of} keep tensors as they are`;
    case 'quantizer':
      return `${of} keep ${quantizerWords(codec.quantizer)}`;
    case 'ranges8':
      return [
        `${of} keep 8 bits between ranges of ${codec.groups} groups`,
        ...others({ decay: codec.decay, rounding: codec.rounding }),
      ].join(' ');
    default:
      return `${of} keep ${codec.kind}`;
  }
}

/** A part of all steps, or a number of steps. */
const timeWords = (time: number): string =>
  time === 0 || time >= 1 ? `step ${time}` : `${Number((100 * time).toFixed(4))} %`;
const durationWords = (time: number): string => (time >= 1 ? `${time} steps` : timeWords(time));

function actionWords(action: EventAction): string {
  if ('reset' in action) return 'moments forgotten';
  if ('rewarm' in action)
    return `rate re-warmed over ${durationWords(action.rewarm)}${action.shape === 'cosine' ? ' (cosine)' : ''}`;
  if ('freeze' in action) return `frozen: ${canonicalJson(action.freeze)}`;
  return `${action.switch.length} ${action.switch.length === 1 ? 'rule' : 'rules'} switched on`;
}

/** When an event happens, and what. */
export function eventWords({ at, every, do: actions }: RecipeEvent): string {
  const times = [
    ...(at === undefined ? [] : [`at ${timeWords(at)}`]),
    ...(every === undefined ? [] : [`${at === undefined ? 'every' : 'then every'} ${durationWords(every)}`]),
  ];
  return [...times, ...actions.map(actionWords)].join(', ');
}

/** What changes formats in the course of a run. */
export const controllerWords = ({ kind, ...options }: AdaptSpec): string =>
  [`${kind} sets fixed-point formats`, ...others(options)].join(' ');
