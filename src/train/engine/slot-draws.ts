/** The random integers that a slot draws: those of one step follow each other. */
export class SlotDraws {
  /** The step that was drawn for last, and how many integers. */
  sofar: readonly [step: number, drawn: number] = [-1, 0];

  /** The index of the first of `size` further integers of a step. */
  take(step: number, size: number): number {
    const [last, drawn] = this.sofar;
    const first = last === step ? drawn : 0;
    this.sofar = [step, first + size];
    return first;
  }
}
