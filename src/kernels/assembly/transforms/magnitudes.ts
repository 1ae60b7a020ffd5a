/**
 * Magnitudes of binary32 numbers by their patterns, which order as they do: the sums that the mean logarithm is made of, and steps
 * from one value to the next. The definitions are in `src/quantizers/transforms/log-shift.ts` and `src/quantizers/stepped.ts`.
 */

const magnitude: i32 = 0x7fffffff;
const infinite: i32 = 0x7f800000;
const leastNormal: i32 = 0x00800000;
/** As many significands have a product that is a binary64 number. */
const together: i32 = 512;
const one: i64 = 0x3ff0000000000000;

/** The significand of a pattern that is not 0, as the bits of a binary64 number from 1 to 2. */
@inline
function significandOf(size: i32): f64 {
  if (size >= leastNormal) return reinterpret<f64>((<i64>(size & 0x7fffff) << 29) | one);
  // Without its leading one, which is at bit 31 - zeros.
  return reinterpret<f64>(((<i64>size << (21 + clz<i32>(size))) & 0x000fffffffffffff) | one);
}

/** The significand of a normal number. */
@inline
function normalSignificand(at: usize): f64 {
  return reinterpret<f64>((<i64>(load<i32>(at) & 0x7fffff) << 29) | one);
}

/** Four products of 512 significands each, which do not wait for each other, of 2048 normal numbers. */
@inline
function fourProducts(source: usize, products: usize): void {
  let p0: f64 = 1;
  let p1: f64 = 1;
  let p2: f64 = 1;
  let p3: f64 = 1;
  for (const end = source + 4 * together; source < end; source += 4) {
    p0 *= normalSignificand(source);
    p1 *= normalSignificand(source + 4 * together);
    p2 *= normalSignificand(source + 8 * together);
    p3 *= normalSignificand(source + 12 * together);
  }
  store<f64>(products, p0);
  store<f64>(products, p1, 8);
  store<f64>(products, p2, 16);
  store<f64>(products, p3, 24);
}

/**
 * Takes `length` numbers into sums. At `state`: how many are not 0, the sum of their exponents (both as binary64 numbers), the product of
 * the significands that no product below holds, how many these are and the largest pattern, as words. Products of 512
 * significands, in their order, are written to `products`.
 *
 * @returns how many of these; -1 where a number is not finite.
 */
export function logarithmSums(source: usize, length: i32, state: usize, products: usize): i32 {
  const first = products;
  let product = load<f64>(state, 16);
  let factors = load<i32>(state, 24);
  let largest = load<i32>(state, 28);
  let count = 0;
  let exponents: i64 = 0;
  const end = source + (<usize>length << 2);
  const mask = i32x4.splat(magnitude);
  while (source < end) {
    if (factors == 0 && end - source >= 16 * together) {
      let least = mask;
      let most = i32x4.splat(0);
      let fields = i32x4.splat(0);
      for (let at = source, stop = source + 16 * together; at < stop; at += 16) {
        const sizes = v128.and(v128.load(at), mask);
        least = i32x4.min_s(least, sizes);
        most = i32x4.max_s(most, sizes);
        fields = i32x4.add(fields, i32x4.shr_u(sizes, 23));
      }
      if (i32x4.all_true(i32x4.ge_s(least, i32x4.splat(leastNormal)))) {
        fourProducts(source, products);
        products += 32;
        source += 16 * together;
        count += 4 * together;
        fields = i32x4.add(fields, v128.shuffle<i64>(fields, fields, 1, 0));
        exponents += <i64>(i32x4.extract_lane(fields, 0) + i32x4.extract_lane(fields, 1) - 4 * 127 * together);
        most = i32x4.max_s(most, v128.shuffle<i64>(most, most, 1, 0));
        largest = max(largest, max(i32x4.extract_lane(most, 0), i32x4.extract_lane(most, 1)));
        continue;
      }
    }
    for (; source < end && factors < together; source += 4) {
      const size = load<i32>(source) & magnitude;
      if (size == 0) continue;
      largest = max(largest, size);
      exponents += <i64>(size >= leastNormal ? (size >>> 23) - 127 : -118 - clz<i32>(size));
      product *= significandOf(size);
      count++;
      factors++;
    }
    if (factors == together) {
      store<f64>(products, product);
      products += 8;
      product = 1;
      factors = 0;
    }
  }
  store<f64>(state, load<f64>(state) + <f64>count);
  store<f64>(state, load<f64>(state, 8) + <f64>exponents, 8);
  store<f64>(state, product, 16);
  store<i32>(state, factors, 24);
  store<i32>(state, largest, 28);
  return largest < infinite ? <i32>((products - first) >>> 3) : -1;
}

/** The pattern that a finite number's becomes. */
@inline
function placed(bits: i32, bounds: usize, images: usize, places: usize, shift: i32): i32 {
  const size = bits & magnitude;
  let at = <usize>load<u8>(places + <usize>(size >>> shift)) << 2;
  while (size >= load<i32>(bounds + at)) at += 4;
  return load<i32>(images + at) | (bits ^ size);
}

/**
 * Each number becomes the image of the step that its magnitude lies on, with its sign: `images` has a pattern for each of the steps,
 * `bounds` the least pattern of each but the first, and then one that is beyond all numbers; `places` how many bounds are at or
 * below the first pattern of those that `shift` makes the same. The source may be the destination.
 */
export function placeSteps(
  source: usize,
  destination: usize,
  length: i32,
  bounds: usize,
  images: usize,
  places: usize,
  shift: i32,
): void {
  const end = source + (<usize>(length & ~3) << 2);
  for (; source < end; source += 16) {
    const bits = v128.load(source);
    const sizes = v128.and(bits, i32x4.splat(magnitude));
    const slots = i32x4.shr_u(sizes, shift);
    // Four searches at a time, so that none waits for the loads of another.
    const s0 = i32x4.extract_lane(sizes, 0);
    const s1 = i32x4.extract_lane(sizes, 1);
    const s2 = i32x4.extract_lane(sizes, 2);
    const s3 = i32x4.extract_lane(sizes, 3);
    let a0 = <usize>load<u8>(places + <usize>i32x4.extract_lane(slots, 0)) << 2;
    let a1 = <usize>load<u8>(places + <usize>i32x4.extract_lane(slots, 1)) << 2;
    let a2 = <usize>load<u8>(places + <usize>i32x4.extract_lane(slots, 2)) << 2;
    let a3 = <usize>load<u8>(places + <usize>i32x4.extract_lane(slots, 3)) << 2;
    while (s0 >= load<i32>(bounds + a0)) a0 += 4;
    while (s1 >= load<i32>(bounds + a1)) a1 += 4;
    while (s2 >= load<i32>(bounds + a2)) a2 += 4;
    while (s3 >= load<i32>(bounds + a3)) a3 += 4;
    let image = v128.load32_zero(images + a0);
    image = v128.load_lane<i32>(images + a1, image, 1);
    image = v128.load_lane<i32>(images + a2, image, 2);
    image = v128.load_lane<i32>(images + a3, image, 3);
    v128.store(destination, v128.or(image, v128.xor(bits, sizes)));
    destination += 16;
  }
  for (const stop = end + (<usize>(length & 3) << 2); source < stop; source += 4) {
    store<i32>(destination, placed(load<i32>(source), bounds, images, places, shift));
    destination += 4;
  }
}
