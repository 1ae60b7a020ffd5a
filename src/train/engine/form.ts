/**
 * What stands between a weight or input and its quantiser, or beside it, with numbers of its own that are trained with the run: the
 * interface. Each has a file; which there are and how they are applied is slot-form.ts', how the numbers are trained
 * learned-parameters.ts'.
 */

/** A matrix as slots see it, or one after the other: rows along the last axis. */
export interface FormedMatrix {
  readonly values: Float32Array;
  /** Of all, or of each matrix where the form stays in a tap. */
  readonly rows: number;
  readonly columns: number;
}

/** Where in a run a form is applied. */
interface FormPlace {
  readonly step: number;
  readonly steps: number;
}

/** What a form's numbers begin with. */
interface FormBeginning {
  readonly seed: number;
  /** Whose draws are the form's. */
  readonly key: string;
  /** What the quantiser makes of the matrix. */
  quantised(): Float32Array;
}

export interface Form {
  /** Whether it is of each tap's matrix of a filter, and of each matrix of a stack, not of all as one. */
  readonly staysInTap: boolean;
  initial(matrix: FormedMatrix, beginning: FormBeginning): readonly number[];
  /** What the quantiser is given. Default: the operand. */
  before?(matrix: FormedMatrix, numbers: readonly number[]): Float32Array;
  /** What is read, from what the quantiser gave. Default: the same. */
  after?(image: FormedMatrix, numbers: readonly number[], place: FormPlace): Float32Array;
  /** The gradient of the operand, from that of what the quantiser was given. Default: the same. */
  pullback?(matrix: FormedMatrix, numbers: readonly number[], gradient: Float32Array): Float32Array;
  /**
   * The gradient of the numbers, from the one with respect to what the quantiser was given, or, of a form with `after`, to what is
   * read. Absent: none are trained.
   */
  trained?(
    matrix: FormedMatrix,
    numbers: readonly number[],
    gradient: Float32Array,
    place: FormPlace,
  ): Float64Array;
  /** Numbers and scales after a step, in their ranges, as binary32 has them. */
  settled(numbers: readonly number[], scales?: readonly number[]): SettledForm;
}

export interface SettledForm {
  readonly form: readonly number[];
  readonly scales?: readonly number[];
}
