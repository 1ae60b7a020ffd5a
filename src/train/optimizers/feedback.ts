/**
 * What writing back loses as part of the momentum, in place of a copy of the weights in a wider format.
 * Source: Nikdan, Zandieh, Alistarh, Mirrokni, "ECO: quantized training without full-precision master weights", arXiv
 * 2601.22101: m <- m + (1 / rate) (1 - 1 / beta) e.
 */

/**
 * The part of a step's loss that its momentum takes up, in units of steps: of a momentum that shrinks by `beta` a step, all
 * later steps together then give back exactly what was lost, -sum over k >= 1 of beta^k (1 - 1 / beta) = 1.
 */
export function lossInMomentum(beta: number): number {
  return 1 - 1 / beta;
}
