/** Changes to TensorFlow.js that several emulations share: made by the first, taken back by the last. */
import type { TensorFlow } from './internals.ts';

/** A change that is made once however many ask for it; each calls the function that is returned when it needs it no more. */
export function shared(begin: (tf: TensorFlow) => () => void): {
  watch(tf: TensorFlow): () => void;
  isWatched(): boolean;
} {
  let users = 0;
  let end: (() => void) | undefined;
  return {
    watch(tf) {
      users++;
      end ??= begin(tf);
      return () => {
        users--;
        if (users > 0) return;
        end?.();
        end = undefined;
      };
    },
    isWatched: () => users > 0,
  };
}
