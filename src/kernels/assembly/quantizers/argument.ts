/** The arguments of a call that threads share: each is its value at unit 0, and what the units before, and those of the piece, add to it. */
import { callArguments } from '../../generated/layout-quantizers';

@inline
export function argument(block: usize, i: usize, from: i32, count: i32): i32 {
  const at = block + callArguments + i * 12;
  return load<i32>(at) + from * load<i32>(at, 4) + count * load<i32>(at, 8);
}
