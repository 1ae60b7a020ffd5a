/** What quantisers do to tensors, in numbers for people. */
export {
  type Analysis,
  type AnalyzeOptions,
  analyze,
  type CodeCount,
  type ErrorPoint,
  errorAgainstBits,
} from './analyze.ts';
