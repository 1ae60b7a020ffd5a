/**
 * Checkpoints as bytes in the safetensors format: 8 bytes of header length, a JSON header with type, shape and place of
 * each array, the arrays' bytes. The run's numbers are JSON in the header's metadata, with a hash of each array, so
 * that a damaged file is told from a good one and says where. No file is touched here.
 * Source: github.com/huggingface/safetensors, README, "Format".
 */
import type { Checkpoint, CheckpointState } from './checkpoint.ts';
import { fnv1a64 } from './hash.ts';
import type { SavedArray } from './stores/index.ts';

const elementBytes: Readonly<Record<SavedArray['dtype'], number>> = {
  F32: 4,
  F64: 8,
  BF16: 2,
  U8: 1,
  I32: 4,
};

interface HeaderEntry {
  readonly dtype: SavedArray['dtype'];
  readonly shape: readonly number[];
  readonly data_offsets: readonly [number, number];
}

const hashText = (text: string): string => fnv1a64(new TextEncoder().encode(text));

/** The bytes of a checkpoint. Equal checkpoints give equal bytes. */
export function encodeCheckpoint({ state, arrays }: Checkpoint): Uint8Array {
  const entries: Record<string, HeaderEntry> = {};
  const hashes: Record<string, string> = {};
  let end = 0;
  for (const [name, { dtype, shape, data }] of arrays) {
    entries[name] = { dtype, shape, data_offsets: [end, end + data.byteLength] };
    hashes[name] = fnv1a64(data);
    end += data.byteLength;
  }
  const text = JSON.stringify(state);
  const metadata = { state: text, stateHash: hashText(text), hashes: JSON.stringify(hashes) };
  const header = new TextEncoder().encode(JSON.stringify({ __metadata__: metadata, ...entries }));
  // Spaces fill up to a multiple of 8, so that arrays are aligned.
  const length = Math.ceil(header.length / 8) * 8;
  const bytes = new Uint8Array(8 + length + end);
  new DataView(bytes.buffer).setBigUint64(0, BigInt(length), true);
  bytes.set(header, 8);
  bytes.fill(0x20, 8 + header.length, 8 + length);
  let offset = 8 + length;
  for (const { data } of arrays.values()) {
    bytes.set(data, offset);
    offset += data.byteLength;
  }
  return bytes;
}

/**
 * The checkpoint of a file's bytes.
 * @param file What messages call it.
 * @throws Error naming the file and the place that is damaged.
 */
export function decodeCheckpoint(given: Uint8Array, file: string): Checkpoint {
  // A Buffer's slices are views of the whole file; those of a plain array are copies.
  const bytes = new Uint8Array(given.buffer, given.byteOffset, given.byteLength);
  const damaged = (place: string): Error => new Error(`${file} is damaged: ${place}`);
  if (bytes.length < 8) throw damaged(`it has ${bytes.length} bytes, not even the header's length`);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const length = Number(view.getBigUint64(0, true));
  if (!(length <= bytes.length - 8))
    throw damaged(`byte 0: a header of ${length} bytes does not fit into ${bytes.length}`);
  let header: Record<string, unknown>;
  try {
    header = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes.subarray(8, 8 + length)));
  } catch (error) {
    throw damaged(`byte 8: the header is not JSON (${(error as Error).message})`);
  }
  const { __metadata__: metadata, ...entries } = header as Record<string, HeaderEntry> & {
    __metadata__?: Readonly<Record<string, string>>;
  };
  const text = metadata?.['state'];
  if (typeof text !== 'string' || hashText(text) !== metadata?.['stateHash'])
    throw damaged('header, __metadata__.state: it does not match its hash');
  let hashes: Record<string, string>;
  try {
    hashes = JSON.parse(metadata['hashes'] ?? '');
  } catch {
    throw damaged('header, __metadata__.hashes: it is not JSON');
  }
  const names = Object.keys(hashes);
  const missing = names.find((name) => !Object.hasOwn(entries, name));
  if (missing !== undefined) throw damaged(`header: the array ${missing} is missing`);
  const arrays = new Map<string, SavedArray>();
  for (const [name, { dtype, shape, data_offsets: offsets }] of Object.entries(entries)) {
    const [from, to] = Array.isArray(offsets) ? offsets : [Number.NaN, Number.NaN];
    const start = 8 + length + from;
    const count = Array.isArray(shape) ? shape.reduce((product, extent) => product * extent, 1) : Number.NaN;
    if (!(from >= 0 && to >= from) || to - from !== count * elementBytes[dtype])
      throw damaged(`header, ${name}: type, shape and offsets do not fit together`);
    if (8 + length + to > bytes.length)
      throw damaged(`byte ${start}: the array ${name} ends at byte ${8 + length + to} of ${bytes.length}`);
    const data = bytes.slice(start, 8 + length + to);
    if (fnv1a64(data) !== hashes[name])
      throw damaged(`bytes ${start} to ${8 + length + to}: the array ${name} does not match its hash`);
    arrays.set(name, { dtype, shape, data });
  }
  const state = JSON.parse(text) as CheckpointState;
  if (state.version !== 1) throw new Error(`${file}: version ${state.version} of checkpoints is not known`);
  return { state, arrays };
}
