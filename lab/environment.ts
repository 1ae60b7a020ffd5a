/** What a task has around it beside its input. */
export interface Environment {
  /** Address of the site's folder, for files that are read when they are needed. */
  readonly base: string;
  /** Sends a report on the way to the answer. */
  report(report: unknown, transfer?: Transferable[]): void;
}
