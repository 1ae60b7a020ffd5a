/**
 * Hashes of data: canonical JSON and FNV-1a with 64 bits, so that a recipe has one name wherever it is written. Not
 * a cryptographic hash.
 * Source: Fowler, Noll, Vo, draft-eastlake-fnv, parameters of the 64-bit version.
 */

/** JSON with the fields of every object in ascending order and without the undefined ones. */
export function canonicalJson(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(canonicalJson).join(',')}]`;
  if (typeof value !== 'object' || value === null) return JSON.stringify(value) ?? 'null';
  const fields = Object.entries(value)
    .filter(([, field]) => field !== undefined)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, field]) => `${JSON.stringify(name)}:${canonicalJson(field)}`);
  return `{${fields.join(',')}}`;
}

/** FNV-1a, 64 bits, of bytes: 16 hexadecimal digits. */
export function fnv1a64(bytes: Uint8Array): string {
  // Two halves of 32 bits: the prime is 2^40 + 0x1b3, and BigInt takes 50 times as long.
  let low = 0x84222325;
  let high = 0xcbf29ce4;
  for (let i = 0; i < bytes.length; i++) {
    low = (low ^ bytes[i]!) >>> 0;
    const product = low * 0x1b3;
    const carry = Math.floor(product / 2 ** 32);
    high = (Math.imul(high, 0x1b3) + carry + (low << 8)) >>> 0;
    low = product >>> 0;
  }
  return high.toString(16).padStart(8, '0') + low.toString(16).padStart(8, '0');
}

/** Hash of plain data by its canonical JSON. */
export function hashData(value: unknown): string {
  return fnv1a64(new TextEncoder().encode(canonicalJson(value)));
}

/** Hash of training data: the names of characters or classes, and the arrays' bytes in little-endian order. */
export function hashArrays(names: readonly string[], arrays: readonly ArrayBufferView[]): string {
  const parts = arrays.map(({ buffer, byteOffset, byteLength }) =>
    fnv1a64(new Uint8Array(buffer, byteOffset, byteLength)),
  );
  return fnv1a64(new TextEncoder().encode([JSON.stringify(names), ...parts].join()));
}
