/** A Hadamard transform as a job: units of what the block describes. */
import {
  afterSlot,
  alongRows,
  axisSlot,
  beforeSlot,
  columnsSlot,
  destinationSlot,
  factorSlot,
  perRowSlot,
  rowBytesSlot,
  sizeSlot,
  sourceSlot,
  stripSlot,
} from '../../generated/layout-transforms';
import { hadamardColumns, hadamardRows } from './hadamard';

/** A unit is a block of consecutive elements. */
function rowsOf(block: usize, from: i32, count: i32): void {
  const source = <usize>load<u32>(block, sourceSlot);
  const destination = <usize>load<u32>(block, destinationSlot);
  const size = load<i32>(block, sizeSlot);
  const factor = load<f32>(block, factorSlot);
  const before = <usize>load<u32>(block, beforeSlot);
  const after = <usize>load<u32>(block, afterSlot);
  const perRow = load<i32>(block, perRowSlot);
  const rowBytes = <usize>load<u32>(block, rowBytesSlot);
  for (const end = from + count; from < end; ) {
    const row = from / perRow;
    const first = from - row * perRow;
    const blocks = min(perRow - first, end - from);
    const at = <usize>row * rowBytes + (<usize>first * <usize>size << 2);
    hadamardRows(source + at, destination + at, blocks, size, factor, before, after);
    from += blocks;
  }
}

/** A unit is a strip of the columns of a block. */
function columnsOf(block: usize, from: i32, count: i32): void {
  const source = <usize>load<u32>(block, sourceSlot);
  const destination = <usize>load<u32>(block, destinationSlot);
  const size = load<i32>(block, sizeSlot);
  const factor = load<f32>(block, factorSlot);
  const before = <usize>load<u32>(block, beforeSlot);
  const after = <usize>load<u32>(block, afterSlot);
  const perRow = load<i32>(block, perRowSlot);
  const rowBytes = <usize>load<u32>(block, rowBytesSlot);
  const columns = load<i32>(block, columnsSlot);
  const strip = load<i32>(block, stripSlot);
  const strips = (columns + strip - 1) / strip;
  const stride = <usize>columns << 2;
  for (const end = from + count; from < end; from++) {
    const which = from / strips;
    const left = (from - which * strips) * strip;
    const row = which / perRow;
    const at = <usize>row * rowBytes + <usize>(which - row * perRow) * <usize>size * stride + (<usize>left << 2);
    const width = min(strip, columns - left);
    hadamardColumns(source + at, destination + at, size, width, stride, factor, before, after);
  }
}

/** Returns -1: there is nothing that a transform refuses. */
export function piece(block: usize, from: i32, count: i32): i32 {
  if (load<i32>(block, axisSlot) == alongRows) rowsOf(block, from, count);
  else columnsOf(block, from, count);
  return -1;
}
