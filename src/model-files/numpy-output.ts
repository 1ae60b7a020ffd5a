/** NumPy's arrays with other numbers, little-endian and row by row. The npm package `yazl` writes zip files. */
import { once } from 'node:events';
import { PassThrough } from 'node:stream';
import { ZipFile } from 'yazl';
import { bytesOf, type Dtype } from '../files/safetensors.ts';
import { openWholeFile } from '../files/write.ts';
import { sizeOf } from '../shape.ts';
import { bytesFrom } from './dtypes.ts';
import type { ModelFile, StoredTensor } from './model-file.ts';
import { numpyType } from './numpy.ts';
import type { ModelOutput } from './output.ts';
import { mostOfPart } from './quantize-tensor.ts';

/** The beginning of a `.npy` file of version 1. The numbers begin at a multiple of 64. */
function npyHead(dtype: Dtype, shape: readonly number[]): Uint8Array {
  const type = numpyType(dtype);
  const sides = shape.length === 1 ? `${shape[0]},` : shape.join(', ');
  const words = `{'descr': '${type.endsWith('1') ? '|' : '<'}${type}', 'fortran_order': False, 'shape': (${sides}), }`;
  const length = Math.ceil((words.length + 11) / 64) * 64;
  const head = Buffer.alloc(length, 0x20);
  Buffer.from('\x93NUMPY\x01\x00', 'latin1').copy(head);
  head.writeUInt16LE(length - 10, 8);
  head.write(words, 10, 'latin1');
  head[length - 1] = 0x0a;
  return head;
}

/** Files that say nothing of when they were made: equal contents give equal bytes. */
const noTime = new Date(1980, 0, 1);

/** Opens the file of one array, or of several. */
export function numpyOutput(model: ModelFile, out: string): ModelOutput {
  const file = openWholeFile(out);
  const output = model.kind === 'npy' ? plainOutput(file.write) : zipOutput(model, file.write);
  return {
    order: model.tensors,
    write: (tensor, { values }) => output.write(tensor, bytesFrom(values, tensor.dtype)),
    end: (tensor) => output.end(tensor),
    async keep(tensor) {
      for await (const piece of tensor.pieces(mostOfPart)) await output.write(tensor, piece);
      if (sizeOf(tensor.shape) === 0) await output.write(tensor, new Uint8Array());
      await output.end(tensor);
    },
    async commit() {
      await output.finish();
      file.commit();
    },
    discard: () => file.discard(),
  };
}

interface ArrayOutput {
  /** Bytes of an array, those of its head before the first of them. */
  write(tensor: StoredTensor, bytes: Uint8Array): void | Promise<void>;
  end(tensor: StoredTensor): void | Promise<void>;
  finish(): void | Promise<void>;
}

function plainOutput(write: (bytes: Uint8Array) => void): ArrayOutput {
  let isBegun = false;
  return {
    write(tensor, bytes) {
      if (!isBegun) write(npyHead(tensor.dtype, tensor.shape));
      isBegun = true;
      write(bytes);
    },
    end: () => {},
    finish: () => {},
  };
}

function zipOutput({ compressed }: ModelFile, write: (bytes: Uint8Array) => void): ArrayOutput {
  const zip = new ZipFile();
  const whole = new Promise<void>((resolve, reject) => {
    zip.outputStream.on('data', (bytes: Uint8Array) => {
      try {
        write(bytes);
      } catch (error) {
        reject(error);
      }
    });
    zip.outputStream.on('end', resolve);
    zip.on('error', reject);
  });
  // A failure is told by `finish`, or by the write that fails.
  whole.catch(() => {});
  let current: PassThrough | undefined;
  return {
    async write(tensor, bytes) {
      if (current === undefined) {
        const { name, dtype, shape } = tensor;
        const head = npyHead(dtype, shape);
        current = new PassThrough();
        const size = head.length + bytesOf(sizeOf(shape), dtype);
        const compress = compressed?.has(tensor) ?? false;
        zip.addReadStream(current, `${name}.npy`, { size, compress, mtime: noTime });
        current.write(head);
      }
      if (!current.write(bytes)) await Promise.race([once(current, 'drain'), whole]);
    },
    end() {
      current?.end();
      current = undefined;
    },
    async finish() {
      zip.end();
      await whole;
    },
  };
}
