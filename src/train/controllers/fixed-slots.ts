/** Slots whose formats a controller sets: those with signed fixed-point ones. */
import { toFormat } from '../../formats/index.ts';
import type { LinearSlots, OperandSpec, PartialSlots } from '../linear-slots.ts';
import type { FixedPoint } from './adapt.ts';

/** The fixed-point format of a slot; undefined: it has another one, or none. */
function fixedOf(spec: unknown): FixedPoint | undefined {
  const { format } = (typeof spec === 'object' && spec !== null ? spec : {}) as OperandSpec;
  const known = format === undefined ? undefined : toFormat(format);
  return known?.kind === 'fixed' && known.isSigned
    ? { word: known.bits, fraction: Math.round(-Math.log2(known.step)) }
    : undefined;
}

/** The first fixed-point format of some slots. */
export function fixedPointOf(slots: PartialSlots): FixedPoint | undefined {
  for (const product of [slots.forward, slots.inputGradient, slots.weightGradient])
    for (const spec of Object.values(product ?? {})) {
      const found = fixedOf(spec);
      if (found !== undefined) return found;
    }
  return undefined;
}

/** The name of a fixed-point format. */
export const nameOf = ({ word, fraction }: FixedPoint): string => `fixed(${word - fraction - 1},${fraction})`;

/** Slots whose fixed-point formats are another one. */
export function inFormat(slots: LinearSlots, format: string): LinearSlots {
  const changed = Object.entries(slots).map(([product, operands]) => [
    product,
    Object.fromEntries(
      Object.entries(operands as object).map(([name, spec]) => [
        name,
        fixedOf(spec) === undefined ? spec : { ...(spec as OperandSpec), format },
      ]),
    ),
  ]);
  return Object.fromEntries(changed) as LinearSlots;
}
