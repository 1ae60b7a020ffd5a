/**
 * A recipe as a table of roles: what each operand of each layer's products is read as, how its weight is held, and its
 * optimiser state. For people; numbers come from the recipe alone.
 */
import type { ModelConfig } from './model-config.ts';
import type { StateCodecSpec } from './optimizers/index.ts';
import { type LinearSlots, type OperandSpec, type Recipe, slotsOf } from './recipe.ts';
import { isStoreOf, type WeightStoreSpec } from './stores/index.ts';
import { parameterCounts } from './task.ts';

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

/** A quantiser in a few words: `int8 row absmax`. */
function quantizerWords(spec: OperandSpec | 'same' | null): string {
  if (spec === null) return '-';
  if (spec === 'same') return 'same';
  const { format, rounding, strength, scale } = spec;
  return [
    ...(format === undefined ? [] : [format]),
    ...(scale === undefined ? [] : [scale.per, scale.from]),
    ...(rounding === undefined || rounding === 'nearest-even' ? [] : [rounding]),
    ...(strength === undefined || strength === 1 ? [] : [`x${strength}`]),
  ].join(' ');
}

function storeWords(store: WeightStoreSpec): string {
  switch (store.kind) {
    case 'grid': {
      const range = store.range === 'absmean' ? 'mean|w|' : `${store.range.deviations} sigma`;
      return `${store.format} grid ${range} ${store.rounding}`;
    }
    case 'bfloat16':
      return `bfloat16 ${store.rounding}`;
    case 'group-int8':
      return `int8 group${store.size} ${store.rounding}`;
    case 'master':
      return 'float32';
  }
}

const codecWords = (codec: StateCodecSpec | undefined): string => {
  if (codec === undefined) return 'float32';
  return codec.kind === 'dynamic8' ? `dynamic8 block${codec.block}` : codec.kind;
};

function slotWords({ forward, inputGradient, weightGradient }: LinearSlots): string[] {
  const { x, w } = forward;
  return [x, w, inputGradient.g, inputGradient.w, weightGradient.g, weightGradient.x].map(quantizerWords);
}

/** One table for each phase: its heading, and a row of {@link roleColumns} for each parameter. */
export function roleTable(
  recipe: Recipe,
  config: ModelConfig,
): { readonly phase: string; readonly rows: readonly (readonly string[])[] }[] {
  const { optimizer, store } = recipe;
  return recipe.phases.map((phase, index) => {
    // Long after its beginning every phase has its full strength.
    const slots = slotsOf(phase, Number.MAX_SAFE_INTEGER, 1);
    const emulated = phase.emulate === null ? '' : `, kernels emulate ${phase.emulate.format}`;
    const phaseIn =
      phase.phaseIn === undefined
        ? ''
        : `, phased in: ${phase.phaseIn.kind} over ${phase.phaseIn.over * 100} %`;
    const rows = parameterCounts(config, 1).map(({ name, role }) => [
      name,
      ...(role === 'linear' ? slotWords(slots(name)) : ['-', '-', '-', '-', '-', '-']),
      store !== undefined && isStoreOf(store, { name, role }) ? storeWords(store) : 'float32',
      optimizer.kind === 'adamw' ? codecWords(optimizer.first) : '-',
      optimizer.kind === 'adamw' ? codecWords(optimizer.second) : 'factored',
    ]);
    const state = index === 0 ? '' : `, optimiser state: ${phase.optimizerState}`;
    return { phase: `from ${phase.from * 100} %${emulated}${phaseIn}${state}`, rows };
  });
}
