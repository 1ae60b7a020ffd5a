/** Which slots a layer has at a step or in an evaluation, as a recipe's phases say. */

import type { LinearSlots, OperandSpec } from './linear-slots.ts';
import { namePattern } from './name-pattern.ts';
import { isSlotted } from './parameter-role.ts';
import type { Inference, Phase } from './recipe.ts';
import { strengthAt } from './strength.ts';

/** Whether an operand's rows keep a rotation, which the product's result then has. */
export function keepsRowsTurned(spec: OperandSpec | 'same' | null | undefined): spec is OperandSpec {
  if (spec == null || spec === 'same' || spec.invert !== false) return false;
  return (spec.transform as { readonly axis?: unknown } | undefined)?.axis === -2;
}

/** A quantiser of which `strength` is left. */
function weakened<T extends OperandSpec | 'same' | null>(spec: T, strength: number): T {
  if (spec === null || spec === 'same' || strength === 1) return spec;
  return { ...(spec as OperandSpec), strength: ((spec as OperandSpec).strength ?? 1) * strength } as T;
}

/** Slots of whose quantisers `strength` is left. */
export function weakenedSlots(slots: LinearSlots, strength: number): LinearSlots {
  if (strength === 1) return slots;
  const { forward, inputGradient, weightGradient } = slots;
  return {
    forward: { ...forward, x: weakened(forward.x, strength), w: weakened(forward.w, strength) },
    inputGradient: {
      ...inputGradient,
      g: weakened(inputGradient.g, strength),
      w: weakened(inputGradient.w, strength),
    },
    weightGradient: {
      ...weightGradient,
      g: weakened(weightGradient.g, strength),
      x: weakened(weightGradient.x, strength),
    },
  };
}

/** The slots of each layer of a phase, `since` steps after it began, of `steps` in all. */
export function slotsOf(phase: Phase, since: number, steps: number): (name: string) => LinearSlots {
  const strength = phase.phaseIn === undefined ? 1 : strengthAt(phase.phaseIn, since, steps);
  const prepare = (slots: LinearSlots): LinearSlots =>
    strength === 1 ? slots : weakenedSlots(slots, strength);
  const all = prepare(phase.linear);
  const { layers } = phase;
  if (layers === undefined || layers.length === 0) return () => all;
  const special = layers.map(({ match, linear }) => ({
    pattern: namePattern(match, 'layers.match'),
    slots: prepare(linear),
  }));
  return (name) => special.find(({ pattern }) => pattern.test(name))?.slots ?? all;
}

/**
 * The slots of an evaluation with other weights: of each layer that has slots, but for those that the phase gives slots of their own,
 * which keep them.
 */
export function inferenceSlots(
  { layers = [] }: Phase,
  parameters: readonly { readonly name: string; readonly role: string }[],
  { w }: Inference,
): (name: string, own: LinearSlots) => LinearSlots {
  const patterns = layers.map(({ match }) => namePattern(match, 'layers.match'));
  const read = new Set(
    parameters.flatMap(({ name, role }) =>
      isSlotted(role) && !patterns.some((pattern) => pattern.test(name)) ? [name] : [],
    ),
  );
  return (name, own) => (read.has(name) ? { ...own, forward: { ...own.forward, w } } : own);
}
