/**
 * Matrix products out = op(a) op(b), row-major, by tiles: whatever the tile's kernel does with each product and sum, each
 * output is summed strictly in order of k from +0 (or as a tree), for any blocking and any division of the work. Panels of both
 * operands are packed. Blocking over k stores and reloads the partial sums, which does not change them.
 */
import {
  aShiftSlot,
  aSlot,
  batchBytesASlot,
  batchBytesBSlot,
  blockKSlot,
  blockMSlot,
  blockNSlot,
  bShiftSlot,
  bSlot,
  byColumnsSlot,
  drawBitsSlot,
  instructionSlot,
  integer32,
  kernelSlot,
  kSlot,
  mSlot,
  nearest32,
  nSlot,
  out2Slot,
  outSlot,
  packedSlot,
  packsSlot,
  pattern32,
  pieceSlot,
  plain32,
  plain64,
  productStreamSlot,
  rowBytesASlot,
  rowBytesBSlot,
  scaleASlot,
  scaleBSlot,
  scratchBytesSlot,
  scratchSlot,
  split32,
  startsSlot,
  sumSlot,
  sumSplit,
  sumStreamSlot,
  transposeASlot,
  transposeBSlot,
  unit64,
} from '../../generated/layout-products';
import { drawBytes, drawPanel, drawPointersBytes, drawTile, panelBytes } from './draws';
import { tileBytes, treeBytes } from './general';
import { generalTile64 } from './generated';
import { integerTile32, packIntegers } from './integers';
import { nearestTile32 } from './nearest';
import { packPanel } from './pack';
import { patternTile32 } from './pattern-tile';
import { plainTile32, plainTile64 } from './plain';
import { splitTile32 } from './split';
import { unitTile64 } from './unit';
import { prepareUnitPanel } from './unit-exponents';
import { vectorTimes } from './vector';

const tileRows = 4;

/** Where the parts of a piece's scratch memory are. */
const edgeAt: usize = 0;
const edge2At: usize = tileBytes;
const pointersAt: usize = 2 * tileBytes;
const treeAt: usize = pointersAt + 2 * drawPointersBytes;
const panelsAt: usize = treeAt + treeBytes;

/** What is written behind a panel of draws at most: three words of a tile. */
const drawSlack: usize = 3 * 128;

/** Copies rows x columns elements between matrices of different row strides: an edge goes through a whole tile. */
function copyEdge<F>(
  from: usize,
  fromStride: usize,
  to: usize,
  toStride: usize,
  rows: i32,
  columns: i32,
): void {
  for (let row = 0; row < rows; row++) {
    for (let column = 0; column < columns; column++) {
      const at = <usize>column * sizeof<F>();
      store<F>(to + at, load<F>(from + at));
    }
    from += fromStride;
    to += toStride;
  }
}

/** Steps of k, filled up to whole instructions of a matrix unit. */
@inline
function wholeSteps(block: usize, count: i32): i32 {
  const instruction = load<i32>(block, instructionSlot);
  return (count + instruction - 1) / instruction * instruction;
}

/** Steps that a packed panel has room for: a matrix unit has powers of two behind its operands, integers lie two by two. */
@inline
function packedSteps<F>(block: usize, count: i32): i32 {
  const kernel = load<i32>(block, kernelSlot);
  if (sizeof<F>() == 8) return kernel == unit64 ? 2 * wholeSteps(block, count) : count;
  return kernel == integer32 ? (count + 1) >> 1 : count;
}

/** Packs a panel of an operand as the tile's kernel wants it. */
@inline
function packOperand<F>(
  block: usize,
  isA: bool,
  along: bool,
  shift: i32,
  from: usize,
  rowBytes: usize,
  count: i32,
  valid: i32,
  panel: usize,
): void {
  const width = isA ? tileRows : <i32>(32 / sizeof<F>());
  const kernel = load<i32>(block, kernelSlot);
  if (sizeof<F>() == 4 && kernel == integer32) {
    const scale = load<f32>(block + (isA ? scaleASlot : scaleBSlot));
    packIntegers(width, along, shift, from, rowBytes, count, valid, panel, scale);
    return;
  }
  packPanel<F>(width, along, shift, from, rowBytes, count, valid, panel);
  if (sizeof<F>() == 8 && kernel == unit64) prepareUnitPanel(block, isA, panel, count, wholeSteps(block, count));
}

/** Packs the panel of op(b) of the columns from `column` on, `valid` of which exist, for `count` steps from `step` on. */
@inline
function packColumns<F>(
  block: usize,
  b: usize,
  column: i32,
  valid: i32,
  step: i32,
  count: i32,
  panel: usize,
): void {
  const shift = load<i32>(block, bShiftSlot);
  const transpose = load<i32>(block, transposeBSlot) != 0;
  const rowBytes = <usize>load<u32>(block, rowBytesBSlot);
  const from = transpose
    ? b + <usize>column * rowBytes + (<usize>step << shift)
    : b + <usize>step * rowBytes + (<usize>column << shift);
  packOperand<F>(block, false, transpose, shift, from, rowBytes, count, valid, panel);
}

/** Where the panels of op(b) from `column` on lie, for the steps from `step` on, if it is packed as a whole: block by block of k. */
@inline
function placePacked<F>(block: usize, column: i32, step: i32, count: i32): usize {
  const blockK = load<i32>(block, blockKSlot);
  const columns = (<usize>load<i32>(block, nSlot) * sizeof<F>() + 31) & ~31;
  const before = <usize>(step / blockK) * <usize>packedSteps<F>(block, blockK);
  const within = <usize>packedSteps<F>(block, count) * <usize>column * sizeof<F>();
  return <usize>load<u32>(block, packedSlot) + before * columns + within;
}

/** Packs the panels `from` to `end` of op(b), of the only product, for all pieces. */
function packPanels<F>(block: usize, from: i32, end: i32): void {
  const tileColumns = <i32>(32 / sizeof<F>());
  const n = load<i32>(block, nSlot);
  const k = load<i32>(block, kSlot);
  const blockK = load<i32>(block, blockKSlot);
  const b = <usize>load<u32>(block, bSlot);
  for (let column = from * tileColumns; column < end * tileColumns; column += tileColumns) {
    for (let step = 0; step < k; step += blockK) {
      const count = min(k - step, blockK);
      const panel = placePacked<F>(block, column, step, count);
      packColumns<F>(block, b, column, min(n - column, tileColumns), step, count, panel);
    }
  }
}

/** One tile, of which `rows` x `columns` outputs exist; the first is `output`, and a row has `rowOutputs`. */
@inline
function computeTile<F>(
  block: usize,
  scratch: usize,
  panelA: usize,
  panelB: usize,
  count: i32,
  target: usize,
  target2: usize,
  outStride: usize,
  step: i32,
  rows: i32,
  columns: i32,
  output: u64,
  rowOutputs: u64,
  draws: usize,
): void {
  const tileColumns = <i32>(32 / sizeof<F>());
  const first = step == 0 && load<i32>(block, startsSlot) == 0;
  const kernel = load<i32>(block, kernelSlot);
  let products = scratch + pointersAt;
  let sums = products + drawPointersBytes;
  if (draws != 0) {
    const bits = load<i32>(block, drawBitsSlot);
    if (sizeof<F>() == 4) {
      products = draws;
      sums = products + panelBytes(count, bits) + drawSlack;
      const work = sums + panelBytes(count, bits) + drawSlack;
      drawPanel(block, productStreamSlot, output, rowOutputs, rows, columns, step, count, products, work);
      drawPanel(block, sumStreamSlot, output, rowOutputs, rows, columns, step, count, sums, work);
    } else {
      const half = draws + <usize>(tileRows * tileColumns) * drawBytes(count, bits);
      drawTile(block, productStreamSlot, output, rowOutputs, rows, columns, tileColumns, step, count, products, draws);
      drawTile(block, sumStreamSlot, output, rowOutputs, rows, columns, tileColumns, step, count, sums, half);
    }
  }
  const isRegister = sizeof<F>() == 4 || kernel == plain64;
  const isWhole = isRegister && rows == tileRows && columns == tileColumns;
  const edge = scratch + edgeAt;
  const to = isWhole ? target : edge;
  const stride = isWhole ? outStride : 32;
  const isSplit = sizeof<F>() == 8 && load<i32>(block, sumSlot) == sumSplit;
  if (!isWhole && !first) {
    copyEdge<F>(target, outStride, edge, 32, rows, columns);
    if (isSplit) copyEdge<F>(target2, outStride, scratch + edge2At, 32, rows, columns);
  }
  if (sizeof<F>() == 4) {
    if (kernel == plain32) plainTile32(panelA, panelB, count, to, stride, first);
    else if (kernel == integer32) integerTile32(block, panelA, panelB, count, to, stride, first);
    else if (kernel == nearest32) nearestTile32(block, panelA, panelB, count, to, stride, first);
    else if (kernel == split32) splitTile32(block, panelA, panelB, count, to, stride, first);
    else if (kernel == pattern32)
      patternTile32(block, panelA, panelB, count, to, stride, first, rows, products, sums);
    else unreachable();
  } else if (kernel == plain64) plainTile64(panelA, panelB, count, to, stride, first);
  else if (kernel == unit64) unitTile64(block, panelA, panelB, wholeSteps(block, count), to, first, rows);
  else {
    const edge2 = scratch + edge2At;
    const tree = scratch + treeAt;
    generalTile64(block, panelA, panelB, count, edge, edge2, first, rows, columns, products, sums, tree);
  }
  if (!isWhole) {
    copyEdge<F>(edge, 32, target, outStride, rows, columns);
    if (isSplit) copyEdge<F>(scratch + edge2At, 32, target2, outStride, rows, columns);
  }
}

/** The outputs [row0, row1) x [column0, column1) of one product of a batch. */
function multiply<F>(
  block: usize,
  item: i32,
  row0: i32,
  row1: i32,
  column0: i32,
  column1: i32,
  scratch: usize,
): void {
  const tileColumns = <i32>(32 / sizeof<F>());
  const m = load<i32>(block, mSlot);
  const n = load<i32>(block, nSlot);
  const k = load<i32>(block, kSlot);
  const blockM = load<i32>(block, blockMSlot);
  const blockN = load<i32>(block, blockNSlot);
  const blockK = load<i32>(block, blockKSlot);
  const shiftA = load<i32>(block, aShiftSlot);
  const shiftB = load<i32>(block, bShiftSlot);
  const transposeA = load<i32>(block, transposeASlot) != 0;
  const transposeB = load<i32>(block, transposeBSlot) != 0;
  const rowBytesA = <usize>load<u32>(block, rowBytesASlot);
  const rowBytesB = <usize>load<u32>(block, rowBytesBSlot);
  const a = <usize>load<u32>(block, aSlot) + <usize>item * <usize>load<u32>(block, batchBytesASlot);
  const b = <usize>load<u32>(block, bSlot) + <usize>item * <usize>load<u32>(block, batchBytesBSlot);
  const firstOutput = <u64>item * <u64>m * <u64>n;
  const out = <usize>load<u32>(block, outSlot);
  const out2 = <usize>load<u32>(block, out2Slot);
  const outStride = <usize>n * sizeof<F>();
  const isVector = m == 1 && (!transposeA || rowBytesA == <usize>1 << shiftA);
  if (sizeof<F>() == 4 && isVector && load<i32>(block, kernelSlot) == plain32 && shiftA == 2 && shiftB == 2) {
    const from = b + (transposeB ? <usize>column0 * rowBytesB : <usize>column0 << 2);
    const to = out + (<usize>(firstOutput + <u64>column0) << 2);
    const starts = load<i32>(block, startsSlot) != 0;
    vectorTimes(transposeB, a, from, rowBytesB, k, column1 - column0, to, !starts);
    return;
  }
  const depth = <usize>packedSteps<F>(block, min(k, blockK));
  const panelsA = scratch + panelsAt;
  const isPacked = load<u32>(block, packedSlot) != 0;
  const ownPanelsB = panelsA + <usize>min((row1 - row0 + 3) & ~3, blockM) * depth * sizeof<F>();
  const ownColumns = isPacked ? 0 : min((column1 - column0 + 7) & ~7, blockN);
  const behind = ownPanelsB + <usize>ownColumns * depth * sizeof<F>();
  const draws = load<i32>(block, drawBitsSlot) == 0 ? 0 : behind;
  for (let column = column0; column < column1; column += blockN) {
    const columns = min(column1 - column, blockN);
    for (let step = 0; step < k; step += blockK) {
      const count = min(k - step, blockK);
      const packed = <usize>packedSteps<F>(block, count);
      const panelBytesB = packed << 5;
      const panelsB = isPacked ? placePacked<F>(block, column, step, count) : ownPanelsB;
      for (let j = 0; j < columns && !isPacked; j += tileColumns) {
        const panel = panelsB + <usize>(j / tileColumns) * panelBytesB;
        packColumns<F>(block, b, column + j, min(columns - j, tileColumns), step, count, panel);
      }
      for (let row = row0; row < row1; row += blockM) {
        const rows = min(row1 - row, blockM);
        const panelBytesA = packed * tileRows * sizeof<F>();
        for (let i = 0; i < rows; i += tileRows) {
          const at = <usize>(row + i);
          const from = transposeA
            ? a + <usize>step * rowBytesA + (at << shiftA)
            : a + at * rowBytesA + (<usize>step << shiftA);
          const panel = panelsA + <usize>(i / tileRows) * panelBytesA;
          const valid = min(rows - i, tileRows);
          packOperand<F>(block, true, !transposeA, shiftA, from, rowBytesA, count, valid, panel);
        }
        for (let j = 0; j < columns; j += tileColumns) {
          const panelB = panelsB + <usize>(j / tileColumns) * panelBytesB;
          for (let i = 0; i < rows; i += tileRows) {
            const output = firstOutput + <u64>(row + i) * <u64>n + <u64>(column + j);
            const target = <usize>output * sizeof<F>();
            computeTile<F>(
              block,
              scratch,
              panelsA + <usize>(i / tileRows) * panelBytesA,
              panelB,
              count,
              out + target,
              out2 + target,
              outStride,
              step,
              min(rows - i, tileRows),
              min(columns - j, tileColumns),
              output,
              n,
              draws,
            );
          }
        }
      }
    }
  }
}

/**
 * Units `from` to `from + count` of the work that `block` describes. A unit is a tile's height of rows of one product, or a
 * tile's width of columns; they are numbered through the batch. `from` is a multiple of the piece that `block` names. k is not 0.
 * Where op(b) is to be packed for all pieces, a unit is one of its panels.
 * Returns -1, as a piece of any module's work does that has nothing to say.
 */
export function piece(block: usize, from: i32, count: i32): i32 {
  const kernel = load<i32>(block, kernelSlot);
  const isNarrow = kernel == plain32 || kernel == nearest32 || kernel == split32 || kernel == pattern32 || kernel == integer32;
  if (load<i32>(block, packsSlot) != 0) {
    if (isNarrow) packPanels<f32>(block, from, from + count);
    else packPanels<f64>(block, from, from + count);
    return -1;
  }
  const byColumns = load<i32>(block, byColumnsSlot) != 0;
  const m = load<i32>(block, mSlot);
  const n = load<i32>(block, nSlot);
  const width = byColumns ? (isNarrow ? 8 : 4) : tileRows;
  const extent = byColumns ? n : m;
  const units = (extent + width - 1) / width;
  const place = <usize>(from / load<i32>(block, pieceSlot));
  const scratch = <usize>load<u32>(block, scratchSlot) + place * <usize>load<u32>(block, scratchBytesSlot);
  const end = from + count;
  while (from < end) {
    const item = from / units;
    const stop = min(end, (item + 1) * units);
    const low = (from - item * units) * width;
    const high = min((stop - item * units) * width, extent);
    const row0 = byColumns ? 0 : low;
    const row1 = byColumns ? m : high;
    const column0 = byColumns ? low : 0;
    const column1 = byColumns ? high : n;
    if (isNarrow) multiply<f32>(block, item, row0, row1, column0, column1, scratch);
    else multiply<f64>(block, item, row0, row1, column0, column1, scratch);
    from = stop;
  }
  return -1;
}
