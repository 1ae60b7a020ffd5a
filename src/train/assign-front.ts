/**
 * Which of a layer's formats each layer has: the assignments that no other beats in both bits and cost. The exact ones are those of the
 * multiple-choice knapsack problem, by dynamic programming over layers: of the partial assignments of the first layers none is kept that
 * another one beats. The greedy ones begin with the narrowest formats and widen where that saves most for each bit that it adds.
 * Nothing is measured here.
 */
import { ArgumentError } from '../errors.ts';

/** A format that a layer may have. */
export interface FormatChoice<F> {
  readonly format: F;
  /** Of all of the layer's weights, with their scales. */
  readonly bits: number;
  readonly cost: number;
}

/** A layer with the formats that are worth their bits: each wider one costs less than all before it. */
export interface Place<F> {
  readonly name: string;
  /** Its weights. */
  readonly size: number;
  readonly choices: readonly FormatChoice<F>[];
}

/** A choice for each place, in their order. */
export type Chosen<F> = readonly FormatChoice<F>[];

/** The largest front that is kept. */
const mostPoints = 2 ** 20;

/** Those of some choices that are worth their bits. */
export function worthChoices<F>(choices: readonly FormatChoice<F>[]): FormatChoice<F>[] {
  const worth: FormatChoice<F>[] = [];
  for (const one of choices.toSorted((a, b) => a.bits - b.bits || a.cost - b.cost))
    if (worth.length === 0 || one.cost < worth.at(-1)!.cost) worth.push(one);
  return worth;
}

/** A partial assignment: the last layer's choice, and the rest. */
interface Partial<F> {
  readonly bits: number;
  readonly cost: number;
  readonly choice: FormatChoice<F> | undefined;
  readonly before: Partial<F> | undefined;
}

/** The exact front, fewest bits first. Throws ArgumentError where it has more points than can be held. */
export function exactFront<F>(places: readonly Place<F>[]): Chosen<F>[] {
  let front: Partial<F>[] = [{ bits: 0, cost: 0, choice: undefined, before: undefined }];
  for (const { choices } of places) {
    const all = front.flatMap((before) =>
      choices.map((choice) => ({
        ...{ choice, before },
        bits: before.bits + choice.bits,
        cost: before.cost + choice.cost,
      })),
    );
    all.sort((a, b) => a.bits - b.bits || a.cost - b.cost);
    front = [];
    for (const one of all) if (front.length === 0 || one.cost < front.at(-1)!.cost) front.push(one);
    if (front.length > mostPoints)
      throw new ArgumentError('by', 'exact', `greedy, as the front has more than ${mostPoints} points`);
  }
  return front.map((end) => {
    const chosen: FormatChoice<F>[] = [];
    for (let at: Partial<F> | undefined = end; at?.choice !== undefined; at = at.before)
      chosen.push(at.choice);
    return chosen.reverse();
  });
}

/** The wider format of a place that saves most for each bit it adds; undefined: there is none. */
function bestStep<F>(at: FormatChoice<F>, choices: readonly FormatChoice<F>[], room: number) {
  let best: { readonly to: FormatChoice<F>; readonly gain: number } | undefined;
  for (const to of choices) {
    const added = to.bits - at.bits;
    if (added <= 0 || added > room) continue;
    const gain = (at.cost - to.cost) / added;
    if (best === undefined || gain > best.gain) best = { to, gain };
  }
  return best;
}

/** The greedy assignments of growing bits, each a step from the one before it, as long as one is within `most` bits. */
export function greedyFront<F>(
  places: readonly Place<F>[],
  most: number = Number.POSITIVE_INFINITY,
): Chosen<F>[] {
  const at = places.map(({ choices }) => choices[0]!);
  const front = [[...at]];
  for (;;) {
    const room = most - at.reduce((sum, { bits }) => sum + bits, 0);
    let best: { readonly i: number; readonly to: FormatChoice<F>; readonly gain: number } | undefined;
    places.forEach(({ choices }, i) => {
      const step = bestStep(at[i]!, choices, room);
      if (step !== undefined && (best === undefined || step.gain > best.gain)) best = { i, ...step };
    });
    if (best === undefined) return front;
    at[best.i] = best.to;
    front.push([...at]);
  }
}
