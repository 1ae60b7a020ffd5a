/**
 * The patches of a tensor that the outputs of a convolution are made from: copies only. `sources` says for each tap of each
 * position which place of the image it reads, -1 for the padding.
 */

@inline
function copy(from: usize, to: usize, words: i32): void {
  let i = 0;
  for (; i + 4 <= words; i += 4, from += 16, to += 16) v128.store(to, v128.load(from));
  for (; i < words; i++, from += 4, to += 4) store<u32>(to, load<u32>(from));
}

@inline
function clear(to: usize, words: i32): void {
  let i = 0;
  for (; i + 4 <= words; i += 4, to += 16) v128.store(to, i32x4.splat(0));
  for (; i < words; i++, to += 4) store<u32>(to, 0);
}

/**
 * to[group][row][tap][channel of the group] = from[image of the row][source][channel], for `rows` rows from `firstRow` on and
 * `count` taps from `firstTap` on.
 */
export function patches(
  from: usize,
  to: usize,
  sources: usize,
  positions: i32,
  taps: i32,
  places: i32,
  channels: i32,
  groups: i32,
  firstRow: i32,
  rows: i32,
  firstTap: i32,
  count: i32,
): void {
  const width = channels / groups;
  const bytes = <usize>width * 4;
  const placeBytes = <usize>channels * 4;
  const imageBytes = <usize>places * placeBytes;
  for (let g = 0; g < groups; g++) {
    let position = firstRow % positions;
    let image = from + <usize>(firstRow / positions) * imageBytes + <usize>g * bytes;
    for (let row = 0; row < rows; row++) {
      let source = sources + <usize>(position * taps + firstTap) * 4;
      const end = source + <usize>count * 4;
      if (width == 1)
        for (; source < end; source += 4, to += 4) {
          const place = load<i32>(source);
          store<u32>(to, place < 0 ? 0 : load<u32>(image + <usize>place * placeBytes));
        }
      else
        for (; source < end; source += 4, to += bytes) {
          const place = load<i32>(source);
          if (place < 0) clear(to, width);
          else copy(image + <usize>place * placeBytes, to, width);
        }
      if (++position == positions) {
        position = 0;
        image += imageBytes;
      }
    }
  }
}
