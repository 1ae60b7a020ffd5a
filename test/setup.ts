/** What every test file begins with: typed arrays of the same type and bytes are equal, which elements one by one take a thousandfold of. */
import { expect } from 'vitest';

/** Whether two values are such arrays; undefined leaves the comparison to the elements. */
function areSameArrays(a: unknown, b: unknown): true | undefined {
  if (!ArrayBuffer.isView(a) || !ArrayBuffer.isView(b) || a.constructor !== b.constructor) return undefined;
  const [left, right] = [a, b].map(({ buffer, byteOffset, byteLength }) =>
    Buffer.from(buffer as ArrayBuffer, byteOffset, byteLength),
  );
  return left!.equals(right!) ? true : undefined;
}

expect.addEqualityTesters([areSameArrays]);
