/** Model files of every kind that is read, made by hand, all right. */
import { PbfWriter } from 'pbf';
import { ZipFile } from 'yazl';

/** A tensor of a file to be made. */
export interface Made {
  readonly name: string;
  readonly dtype: string;
  readonly shape: readonly number[];
  readonly bytes: Uint8Array;
}

/** The bytes of numbers in an array of some kind. */
export const bytesOf = (array: ArrayBufferView): Uint8Array =>
  new Uint8Array(array.buffer, array.byteOffset, array.byteLength).slice();

/** A safetensors file with any header. */
export function sealed(header: string | object, arrays: Uint8Array): Uint8Array {
  const text = Buffer.from(typeof header === 'string' ? header : JSON.stringify(header));
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(text.length));
  return new Uint8Array(Buffer.concat([length, text, arrays]));
}

export function safetensors(
  tensors: readonly Made[],
  metadata?: Readonly<Record<string, string>>,
): Uint8Array {
  let at = 0;
  const entries = tensors.map(({ name, dtype, shape, bytes }) => {
    const data_offsets = [at, at + bytes.length];
    at += bytes.length;
    return [name, { dtype, shape, data_offsets }];
  });
  const header = { ...(metadata && { __metadata__: metadata }), ...Object.fromEntries(entries) };
  return sealed(header, Buffer.concat(tensors.map(({ bytes }) => bytes)));
}

/** A `.npy` file of version 1, 2 or 3. */
export function npy(
  descr: string,
  shape: readonly number[],
  bytes: Uint8Array,
  { fortran = false, version = 1 } = {},
): Uint8Array {
  const sides = shape.length === 1 ? `${shape[0]},` : shape.join(', ');
  const header = `{'descr': '${descr}', 'fortran_order': ${fortran ? 'True' : 'False'}, 'shape': (${sides}), }`;
  const start = version === 1 ? 10 : 12;
  const padded = `${header.padEnd(Math.ceil((header.length + start + 1) / 64) * 64 - start - 1)}\n`;
  const length = Buffer.alloc(start - 8);
  if (version === 1) length.writeUInt16LE(padded.length);
  else length.writeUInt32LE(padded.length);
  const magic = Buffer.from(`\x93NUMPY${String.fromCharCode(version)}\x00`, 'latin1');
  return new Uint8Array(Buffer.concat([magic, length, Buffer.from(padded, 'latin1'), bytes]));
}

/** A zip file of arrays. */
export async function npz(
  arrays: Readonly<Record<string, Uint8Array>>,
  options: { readonly compress?: boolean; readonly forceZip64Format?: boolean } = {},
): Promise<Uint8Array> {
  const zip = new ZipFile();
  for (const [name, bytes] of Object.entries(arrays))
    zip.addBuffer(Buffer.from(bytes), `${name}.npy`, {
      compress: false,
      mtime: new Date(1980, 0, 1),
      ...options,
    });
  zip.end();
  const parts: Uint8Array[] = [];
  for await (const part of zip.outputStream) parts.push(part as Uint8Array);
  return new Uint8Array(Buffer.concat(parts));
}

/** The fields of a TensorProto. */
export interface TensorProto {
  readonly name: string;
  readonly type: number;
  readonly shape: readonly number[];
  readonly raw?: Uint8Array;
  readonly floats?: readonly number[];
  readonly doubles?: readonly number[];
  readonly int32s?: readonly number[];
  readonly external?: Readonly<Record<string, string>>;
  /** Lists of numbers as one field each, which older writers made. */
  readonly isUnpacked?: boolean;
}

function writeTensor(tensor: TensorProto, writer: PbfWriter): void {
  const { isUnpacked = false } = tensor;
  if (isUnpacked) for (const side of tensor.shape) writer.writeVarintField(1, side);
  else writer.writePackedVarint(1, [...tensor.shape]);
  writer.writeVarintField(2, tensor.type);
  if (tensor.floats !== undefined)
    if (isUnpacked) for (const x of tensor.floats) writer.writeFloatField(4, x);
    else writer.writePackedFloat(4, [...tensor.floats]);
  if (tensor.int32s !== undefined)
    if (isUnpacked) for (const x of tensor.int32s) writer.writeVarintField(5, x);
    else writer.writePackedVarint(5, [...tensor.int32s]);
  writer.writeStringField(8, tensor.name);
  if (tensor.raw !== undefined) writer.writeBytesField(9, tensor.raw);
  if (tensor.doubles !== undefined) writer.writePackedDouble(10, [...tensor.doubles]);
  if (tensor.external === undefined) return;
  for (const [key, value] of Object.entries(tensor.external))
    writer.writeMessage(
      13,
      (_, part) => {
        part.writeStringField(1, key);
        part.writeStringField(2, value);
      },
      null,
    );
  writer.writeVarintField(14, 1);
}

/** An ONNX model with initialisers, and others in the graph of a branch of a node. */
export function onnx(tensors: readonly TensorProto[], inner: readonly TensorProto[] = []): Uint8Array {
  const writer = new PbfWriter();
  writer.writeVarintField(1, 8);
  writer.writeStringField(2, 'test');
  const graph =
    (own: readonly TensorProto[], branch: readonly TensorProto[]) => (_: null, into: PbfWriter) => {
      into.writeMessage(
        1,
        (_node, node) => {
          node.writeStringField(4, 'If');
          if (branch.length > 0)
            node.writeMessage(
              5,
              (_a, attribute) => {
                attribute.writeStringField(1, 'then_branch');
                attribute.writeMessage(6, graph(branch, []), null);
              },
              null,
            );
        },
        null,
      );
      into.writeStringField(2, 'graph');
      for (const tensor of own) into.writeMessage(5, writeTensor, tensor);
    };
  writer.writeMessage(7, graph(tensors, inner), null);
  return writer.finish();
}
