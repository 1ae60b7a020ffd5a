/** The manifest of `src/kernels/assembly/transforms`. Who writes the block: `src/kernels/transforms/hadamard-run.ts`. */
import { count, end, words } from './layout.js';

const block = [
  words(
    'axis',
    'Whether the blocks that are transformed lie along rows or along columns: one of the numbers below.',
  ),
  words(
    'source destination',
    'Pointers to element 0 of the first block and to its result; they may be the same.',
  ),
  words(
    'size factor',
    'Elements of a block, a power of two, and what they are multiplied by last, a binary32 number.',
  ),
  words(
    'before after',
    'Pointers to words, one for each place in a block: the sign bits that change before and afterwards.',
  ),
  words(
    'perRow rowBytes',
    'Blocks one behind the other; bytes from the first of those to the first of the next ones.',
  ),
  words(
    'columns strip',
    'Columns: how many there are, which are elements from row to row of a block; how many of them a unit has.',
  ),
  end('blockBytes'),
];

export const transforms = { block, numbers: [count('alongRows alongColumns')] };
