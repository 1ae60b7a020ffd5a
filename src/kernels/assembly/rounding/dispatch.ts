/**
 * From a kernel's number to its instance. Every case is an instance of its own, with all constants folded: a branch or a
 * variable shift in the loop would cost more than the arithmetic does.
 */
import {
  deferredBaseSlot,
  exactBase,
  kindDirected,
  kindEqual,
  kindNearest,
  kindOdd,
  kindStochastic,
  kinds,
  lanes32,
  lanes32in64,
  lanes64,
  listBase,
  listEqual,
  listSmall,
  listStochastic,
  listThresholds,
  positBase,
  quickBase,
  tailSlot,
} from '../../parameters';
import { dispatchQuick } from './dispatch-quick';
import { exact32, exact64 } from './exact';
import { listRandom, listSmall32, listThreshold } from './list';
import { drawsPerBlock, randomIntegers } from './philox';
import { posit32, posit64 } from './posit';
import { round32, round32in64, round64 } from './round';

function dispatchGeneral(
  kernel: i32,
  source: usize,
  destination: usize,
  bytes: usize,
  random: usize,
  parameters: usize,
): void {
  switch (kernel) {
    case lanes32 * kinds + kindNearest:
      round32(kindNearest, source, destination, bytes, random, parameters);
      break;
    case lanes32 * kinds + kindDirected:
      round32(kindDirected, source, destination, bytes, random, parameters);
      break;
    case lanes32 * kinds + kindOdd:
      round32(kindOdd, source, destination, bytes, random, parameters);
      break;
    case lanes32 * kinds + kindStochastic:
      round32(kindStochastic, source, destination, bytes, random, parameters);
      break;
    case lanes32 * kinds + kindEqual:
      round32(kindEqual, source, destination, bytes, random, parameters);
      break;
    case lanes32in64 * kinds + kindNearest:
      round32in64(kindNearest, source, destination, bytes, random, parameters);
      break;
    case lanes32in64 * kinds + kindDirected:
      round32in64(kindDirected, source, destination, bytes, random, parameters);
      break;
    case lanes32in64 * kinds + kindOdd:
      round32in64(kindOdd, source, destination, bytes, random, parameters);
      break;
    case lanes32in64 * kinds + kindStochastic:
      round32in64(kindStochastic, source, destination, bytes, random, parameters);
      break;
    case lanes32in64 * kinds + kindEqual:
      round32in64(kindEqual, source, destination, bytes, random, parameters);
      break;
    case lanes64 * kinds + kindNearest:
      round64(kindNearest, source, destination, bytes, random, parameters);
      break;
    case lanes64 * kinds + kindDirected:
      round64(kindDirected, source, destination, bytes, random, parameters);
      break;
    case lanes64 * kinds + kindOdd:
      round64(kindOdd, source, destination, bytes, random, parameters);
      break;
    case lanes64 * kinds + kindStochastic:
      round64(kindStochastic, source, destination, bytes, random, parameters);
      break;
    case lanes64 * kinds + kindEqual:
      round64(kindEqual, source, destination, bytes, random, parameters);
      break;
    case exactBase + kindNearest:
      exact32(kindNearest, source, destination, bytes, random, parameters);
      break;
    case exactBase + kindDirected:
      exact32(kindDirected, source, destination, bytes, random, parameters);
      break;
    case exactBase + kindOdd:
      exact32(kindOdd, source, destination, bytes, random, parameters);
      break;
    case exactBase + kindStochastic:
      exact32(kindStochastic, source, destination, bytes, random, parameters);
      break;
    case exactBase + kindEqual:
      exact32(kindEqual, source, destination, bytes, random, parameters);
      break;
    case exactBase + kinds + kindNearest:
      exact64(kindNearest, source, destination, bytes, random, parameters);
      break;
    case exactBase + kinds + kindDirected:
      exact64(kindDirected, source, destination, bytes, random, parameters);
      break;
    case exactBase + kinds + kindOdd:
      exact64(kindOdd, source, destination, bytes, random, parameters);
      break;
    case exactBase + kinds + kindStochastic:
      exact64(kindStochastic, source, destination, bytes, random, parameters);
      break;
    case exactBase + kinds + kindEqual:
      exact64(kindEqual, source, destination, bytes, random, parameters);
      break;
    case listBase + listThresholds:
      listThreshold<f32>(source, destination, bytes, parameters);
      break;
    case listBase + listSmall:
      listSmall32(source, destination, bytes, parameters);
      break;
    case listBase + listStochastic:
      listRandom<f32>(false, source, destination, bytes, random, parameters);
      break;
    case listBase + listEqual:
      listRandom<f32>(true, source, destination, bytes, random, parameters);
      break;
    case listBase + 4 + listThresholds:
      listThreshold<f64>(source, destination, bytes, parameters);
      break;
    case listBase + 4 + listStochastic:
      listRandom<f64>(false, source, destination, bytes, random, parameters);
      break;
    case listBase + 4 + listEqual:
      listRandom<f64>(true, source, destination, bytes, random, parameters);
      break;
    case positBase:
      posit32(false, source, destination, bytes, random, parameters);
      break;
    case positBase + 1:
      posit32(true, source, destination, bytes, random, parameters);
      break;
    case positBase + 2:
      posit64(false, source, destination, bytes, random, parameters);
      break;
    case positBase + 2 + 1:
      posit64(true, source, destination, bytes, random, parameters);
      break;
    default:
      unreachable();
  }
}

@inline
function dispatch(
  kernel: i32,
  source: usize,
  destination: usize,
  bytes: usize,
  random: usize,
  parameters: usize,
): void {
  if (kernel >= quickBase) dispatchQuick(kernel, source, destination, bytes, random, parameters);
  else dispatchGeneral(kernel, source, destination, bytes, random, parameters);
}

/**
 * Rounds `count` elements of 4 or 8 bytes (`elementShift` 2 or 3). `random` has one 32-bit integer an element, for the
 * kernels that read them. The last elements that fill no two vectors go through the parameter block's tail.
 */
export function round(
  kernel: i32,
  elementShift: i32,
  source: usize,
  destination: usize,
  count: i32,
  random: usize,
  parameters: usize,
): void {
  const bytes = (<usize>count) << elementShift;
  const whole = bytes & ~31;
  dispatch(kernel, source, destination, whole, random, parameters);
  const rest = bytes - whole;
  if (rest == 0) return;
  const tail = parameters + tailSlot;
  const done = whole >> elementShift;
  store<i32>(parameters, load<i32>(parameters, deferredBaseSlot) + <i32>done, deferredBaseSlot);
  memory.copy(tail, source + whole, rest);
  if (random != 0) memory.copy(tail + 32, random + (done << 2), (rest >> elementShift) << 2);
  dispatch(kernel, tail, tail, 32, tail + 32, parameters);
  memory.copy(destination + whole, tail, rest);
}

/**
 * The same with the random integers of stream elements `index` and on, made `chunk` at a time in `scratch`, which stays in
 * the first-level cache. `scratch` has room for chunk + 80 integers; chunk is a multiple of 16.
 */
export function roundStochastic(
  kernel: i32,
  elementShift: i32,
  source: usize,
  destination: usize,
  count: i32,
  parameters: usize,
  scratch: usize,
  chunk: i32,
  bits: i32,
  index: u64,
  stream: u64,
  seed: u64,
): void {
  const draws = <u64>drawsPerBlock(bits);
  for (let done = 0; done < count; done += chunk) {
    const size = min(chunk, count - done);
    const block = index / draws;
    const skip = <i32>(index - block * draws);
    randomIntegers(scratch, size + skip, bits, block, stream, seed);
    const offset = (<usize>done) << elementShift;
    const random = scratch + ((<usize>skip) << 2);
    round(kernel, elementShift, source + offset, destination + offset, size, random, parameters);
    index += size;
  }
}
