/**
 * A recipe as a table of roles: what each operand of each layer's products is read as, how its weight is held, and its
 * optimiser state. For people; numbers come from the recipe alone.
 */
import { toFormat } from '../formats/index.ts';
import type { QuantizerOptions } from '../tensor/quantizers/index.ts';
import { blocksOf, type Selectable, settingsUnder, slotsUnder } from './engine/rules.ts';
import { storeOf } from './engine/stored-weights.ts';
import { rulesOfPhase } from './engine/timeline.ts';
import { type ModelConfig, modelConfig } from './model-config.ts';
import {
  type MomentCodecs,
  momentsOf,
  type OptimizerSettings,
  type StateCodecSpec,
} from './optimizers/index.ts';
import { type EmulationSpec, type LinearSlots, type OperandSpec, plainSlots, type Recipe } from './recipe.ts';
import { checkRecipe } from './recipe-check.ts';
import { checkNames, selectables } from './recipe-fit.ts';
import { feedsBack, type GridStore, type MasterStore, type WeightStoreSpec } from './stores/index.ts';
import { parameterShapes } from './task.ts';

export const roleColumns = [
  'layer',
  'F.x',
  'F.w',
  'D.g',
  'D.w',
  'W.g',
  'W.x',
  'store.w',
  'opt.m',
  'opt.v',
] as const;

/** Fields that have no word of their own, each as its name and its value, in the order in which they are given. */
const others = (fields: object): string[] =>
  Object.entries(fields).flatMap(([name, value]) =>
    value === undefined ? [] : `${name} ${typeof value === 'object' ? JSON.stringify(value) : value}`,
  );

function groupingWords(scale: QuantizerOptions['scale']): string {
  if (scale.per === 'block') return `block${scale.size}`;
  return scale.per === 'tile' ? `tile${scale.rows}x${scale.columns}` : scale.per;
}

/**
 * A quantiser in a few words, different ones for different quantisers: element format, groups, statistic, format of the
 * scales unless it is binary32, and what else is said. `int8 row absmax`, `e2m1 block16 absmax e4m3fn tensorScale true`.
 */
function quantizerWords(spec: OperandSpec | QuantizerOptions | 'same' | null): string {
  if (spec === null) return '-';
  if (spec === 'same') return 'same';
  const { format, rounding = 'nearest-even', strength = 1, scale, ...rest } = spec as OperandSpec;
  const { per: _, from, format: scaleFormat = 'binary32', ...options } = scale ?? {};
  const { size: _size, rows: _rows, columns: _columns, ...ofScale } = options as Record<string, unknown>;
  const stored = toFormat(scaleFormat).name;
  return [
    ...(format === undefined ? [] : [toFormat(format).name]),
    ...(scale === undefined ? [] : [groupingWords(scale), from]),
    ...(stored === 'binary32' ? [] : [stored]),
    ...(rounding === 'nearest-even' ? [] : [rounding]),
    ...(strength === 1 ? [] : [`x${strength}`]),
    ...others(ofScale),
    ...others(rest),
  ].join(' ');
}

function storeWords(store: WeightStoreSpec): string {
  switch (store.kind) {
    case 'grid':
      return `${store.format} grid ${rangeWords(store.range)} ${writeWords(store)}`;
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
  if (range === 'absmean') return 'mean|w|';
  return 'scale' in range ? `scale ${range.scale}` : `${range.deviations} sigma`;
}

const writeWords = (store: Exclude<WeightStoreSpec, MasterStore>): string =>
  `${store.rounding}${feedsBack(store) ? ', feedback' : ''}`;

function codecWords(codec: StateCodecSpec | undefined): string {
  if (codec === undefined) return 'float32';
  if (codec.kind === 'float32' || codec.kind === 'bfloat16') return codec.kind;
  const least = codec.least === undefined ? '' : ` least ${codec.least}`;
  return codec.kind === 'dynamic8'
    ? `dynamic8 block${codec.block}${least}`
    : `${quantizerWords(codec.quantizer)}${least}`;
}

/** Whether its second moment is kept as row and column means. */
const isMatrix = ({ shape }: { readonly shape: readonly number[] }): boolean => shape.length > 1;

/** How an optimiser holds its states of a parameter: first and second moment. */
function stateWords(optimizer: OptimizerSettings, isFactored: boolean): string[] {
  const kept = momentsOf(optimizer);
  const [first, second] = (['first', 'second'] as const).map((moment) =>
    kept.includes(moment) ? codecWords((optimizer as MomentCodecs)[moment]) : '-',
  ) as [string, string];
  if (optimizer.kind !== 'adafactor' || !isFactored) return [first, second];
  return [first, `factored${second === 'float32' ? '' : ` ${second}`}`];
}

/** What a phase emulates, in words. */
const emulationWords = ({ format, ...modes }: EmulationSpec): string =>
  ['kernels emulate', toFormat(format).name, ...others(modes)].join(' ');

function slotWords({ forward, inputGradient, weightGradient }: LinearSlots): string[] {
  const { x, w } = forward;
  return [x, w, inputGradient.g, inputGradient.w, weightGradient.g, weightGradient.x].map(quantizerWords);
}

/** The words of a parameter's slots, at their full strength; none where it has none. */
const wordsOf = (slots: LinearSlots): string[] =>
  slots === plainSlots ? ['-', '-', '-', '-', '-', '-'] : slotWords(slots);

/** A phase as people read it: its heading, and a row of {@link roleColumns} for each parameter. */
export interface PhaseRoles {
  readonly phase: string;
  readonly rows: readonly (readonly string[])[];
}

/** One table for each phase. */
export function rolesOf(recipe: Recipe, parameters: readonly Selectable[]): PhaseRoles[] {
  const { optimizer } = recipe;
  const blocks = blocksOf(parameters);
  return recipe.phases.map((phase, index) => {
    const emulated = phase.emulate === null ? '' : `, ${emulationWords(phase.emulate)}`;
    const phaseIn =
      phase.phaseIn === undefined
        ? ''
        : `, phased in: ${phase.phaseIn.kind} over ${phase.phaseIn.over * 100} %`;
    const inForce = rulesOfPhase(recipe, phase);
    const rows = parameters.map((one) => {
      const { first, second } = settingsUnder(inForce, one, blocks);
      const own = { ...optimizer, ...(first && { first }), ...(second && { second }) } as OptimizerSettings;
      const store = storeOf(recipe, one, blocks);
      return [
        one.name,
        ...wordsOf(slotsUnder(inForce, one, blocks)),
        store === undefined ? 'float32' : storeWords(store),
        ...stateWords(own, isMatrix(one)),
      ];
    });
    const state = index === 0 ? '' : `, optimiser state: ${phase.optimizerState}`;
    const rewarm = phase.rewarm ? `, rate re-warmed over ${phase.rewarm * 100} %` : '';
    return { phase: `from ${phase.from * 100} %${emulated}${phaseIn}${state}${rewarm}`, rows };
  });
}

/** The tables as text, columns aligned. */
export function rolesAsText(phases: readonly PhaseRoles[]): string {
  const tables = phases.map(({ phase, rows }) => {
    const lines = [[...roleColumns], ...rows];
    const widths = roleColumns.map((_, column) => Math.max(...lines.map((cells) => cells[column]!.length)));
    const aligned = lines.map((cells) =>
      cells
        .map((cell, column) => cell.padEnd(widths[column]!))
        .join('  ')
        .trimEnd(),
    );
    return [phase, ...aligned].join('\n');
  });
  return tables.join('\n\n');
}

/**
 * The tables of a model of the harness.
 * @throws ArgumentError naming the field of the recipe or of the model that is wrong, or a pattern that matches no layer of it
 */
export function roleTable(recipe: Recipe, config: ModelConfig): PhaseRoles[] {
  checkRecipe(recipe);
  modelConfig(config);
  const parameters = selectables(parameterShapes(config, 1));
  checkNames(recipe, parameters);
  return rolesOf(recipe, parameters);
}
