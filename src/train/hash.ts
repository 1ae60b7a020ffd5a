/**
 * Hashes of data: canonical JSON and FNV-1a with 64 bits, so that a recipe has one name wherever it is written. Not
 * a cryptographic hash.
 * Source: Fowler, Noll, Vo, draft-eastlake-fnv, parameters of the 64-bit version.
 */
import { checkObject, pathOf } from '../check.ts';
import { ArgumentError } from '../errors.ts';
import { deepestJson } from '../json.ts';

const accepted = `plain data: what JSON has words for, nested up to ${deepestJson} deep`;

function canonical(path: string, value: unknown, depth: number): string {
  const isPlain =
    typeof value === 'number' ? Number.isFinite(value) : /^(string|boolean|object)$/.test(typeof value);
  if (!isPlain || depth > deepestJson) throw new ArgumentError(path, value, accepted);
  if (typeof value !== 'object' || value === null) return JSON.stringify(value);
  if (Array.isArray(value) || ArrayBuffer.isView(value)) {
    const items = Array.from(value as ArrayLike<unknown>, (item, i) =>
      canonical(pathOf(path, i), item, depth + 1),
    );
    return `[${items.join(',')}]`;
  }
  const fields = Object.entries(checkObject(path, value, accepted))
    .filter(([, field]) => field !== undefined)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, field]) => `${JSON.stringify(name)}:${canonical(pathOf(path, name), field, depth + 1)}`);
  return `{${fields.join(',')}}`;
}

/**
 * JSON with the fields of every object in ascending order and without the undefined ones.
 * @throws ArgumentError naming what is no plain data
 */
export function canonicalJson(value: unknown): string {
  return canonical('value', value, 0);
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

/** Hash of plain data by its canonical JSON. Throws ArgumentError as {@link canonicalJson} does. */
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
