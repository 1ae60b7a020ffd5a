/** A name for the contents of an array: FNV-1a over its words, twice, from two beginnings. Not cryptographic. */
export function fingerprint(values: Float32Array): string {
  const words = new Uint32Array(values.buffer, values.byteOffset, values.length);
  const digits = [0x811c9dc5, 0x9e3779b9].map((begin) => {
    let hash = begin;
    for (const word of words)
      for (let shift = 0; shift < 32; shift += 8)
        hash = Math.imul(hash ^ ((word >>> shift) & 255), 0x01000193);
    return (hash >>> 0).toString(16).padStart(8, '0');
  });
  return digits.join('');
}
