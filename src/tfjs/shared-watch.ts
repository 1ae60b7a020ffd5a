/** Changes to TensorFlow.js that several emulations share: made by the first, taken back by the last. */
import type { TensorFlow } from './internals.ts';

export interface SharedWatch {
  /** Makes the change unless it is made; the function that is returned says that the caller needs it no more. */
  watch(tf: TensorFlow): () => void;
  isWatched(): boolean;
}

/** A change that is made once however many ask for it. */
export function shared(begin: (tf: TensorFlow) => () => void): SharedWatch {
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
