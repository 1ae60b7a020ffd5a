/**
 * Whether bytes are text in UTF-8, and what they may be instead. A decoder that puts U+FFFD in place of what it does not
 * know would make one of two words that differ.
 */

const marks: readonly (readonly [string, readonly number[]])[] = [
  ['UTF-32, little endian', [0xff, 0xfe, 0, 0]],
  ['UTF-32, big endian', [0, 0, 0xfe, 0xff]],
  ['UTF-16, little endian', [0xff, 0xfe]],
  ['UTF-16, big endian', [0xfe, 0xff]],
];

/** What zero bytes tell of a text without a mark: UTF-16 of mostly Latin letters has one in every second place. */
function ofZeros(bytes: Uint8Array): string {
  const head = bytes.subarray(0, 65536);
  const zeros = [0, 0];
  head.forEach((byte, i) => {
    if (byte === 0) zeros[i % 2]!++;
  });
  const most = head.length / 8;
  if (zeros[1]! > most && zeros[0]! < zeros[1]! / 8) return 'UTF-16, little endian, it seems';
  if (zeros[0]! > most && zeros[1]! < zeros[0]! / 8) return 'UTF-16, big endian, it seems';
  return 'no text: there are zero bytes';
}

/** Null for UTF-8, with or without a byte order mark; otherwise what the bytes seem to be, in words. */
export function otherEncoding(bytes: Uint8Array): string | null {
  const marked = marks.find(([, mark]) => mark.every((byte, i) => bytes[i] === byte));
  if (marked !== undefined) return marked[0];
  if (bytes.includes(0)) return ofZeros(bytes);
  const decoder = new TextDecoder('utf-8', { fatal: true });
  const piece = 2 ** 20;
  try {
    for (let from = 0; from < bytes.length; from += piece)
      decoder.decode(bytes.subarray(from, from + piece), { stream: true });
    decoder.decode();
    return null;
  } catch {
    return 'Latin-1, Windows-1252 or another encoding of one byte a character, it seems';
  }
}
