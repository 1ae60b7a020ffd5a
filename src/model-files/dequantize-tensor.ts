/** The values of one quantised tensor of a file, a part at a time: bit for bit what its quantiser or its method gave. */
import { bitsOfDtypes, type Dtype } from '../files/safetensors.ts';
import { pack } from '../formats/packing.ts';
import { encode } from '../operations/index.ts';
import { sizeOf } from '../shape.ts';
import { bytesFrom } from './dtypes.ts';
import { countScales, packedSlice } from './layout.ts';
import { matrixValues, type PartKind } from './matrix-layout.ts';
import { breathe, type PlainTensor } from './model-file.ts';
import { type Part, partsOf } from './parts.ts';
import { mostOfPart } from './quantize-tensor.ts';
import { isMatrix, type QuantizedTensor } from './quantized-tensors.ts';

/** All bytes of a tensor. */
const whole = (tensor: PlainTensor): Uint8Array =>
  tensor.read(
    0,
    tensor.extents.reduce((sum, { length }) => sum + length, 0),
  );

/** The values of a quantised tensor, as bytes, a part at a time. */
export async function* dequantizeTensor(
  tensor: QuantizedTensor,
  dtype: Dtype,
  most: number = mostOfPart,
): AsyncGenerator<Uint8Array, void, void> {
  const { description, quantizer, codes: stored, parts } = tensor;
  const { shape, values } = description;
  if (sizeOf(shape) === 0) return;
  const bytesOfPart = (kind: PartKind): Uint8Array | undefined => {
    const part = parts.get(kind);
    return part === undefined ? undefined : whole(part);
  };
  if (isMatrix(description)) {
    const beside = Object.fromEntries([...parts].map(([kind, part]) => [kind, whole(part)]));
    const made = tensor.within(() =>
      matrixValues(description, quantizer, { codes: whole(stored), ...beside }),
    );
    yield bytesFrom(made, dtype);
    return;
  }
  const { format, scale } = quantizer!;
  const [scales, tensorScales, zeroPoints] = (['scale', 'tensorScale', 'zeroPoint'] as const).map(
    bytesOfPart,
  );
  const one = pack(encode(Float64Array.of(1), scale.format), scale.format);
  const packedParts = (part: Part): Uint8Array[] => {
    const { elements, start, firstGroup, groups, firstRow } = part;
    const { tensorScales: count } = countScales(quantizer!, part.shape);
    const codes = stored.read((start * format.bits) / 8, Math.ceil((elements * format.bits) / 8));
    const packed = [
      codes,
      scales === undefined ? one : packedSlice(scales, scale.format, firstGroup, groups),
    ];
    if (tensorScales !== undefined) {
      const first = scale.tensorScale === 'row' ? firstRow : 0;
      packed.push(tensorScales.subarray(4 * first, 4 * (first + count)));
    }
    if (zeroPoints !== undefined) packed.push(packedSlice(zeroPoints, format, firstGroup, groups));
    return packed;
  };
  for (const part of partsOf(scale, [format.bits, bitsOfDtypes[dtype]], shape, most)) {
    const bytes = new Uint8Array(Buffer.concat(packedParts(part)));
    const carrier = values === 'F64' ? 'float64' : 'float32';
    yield bytesFrom(quantizer!.unpack(bytes, part.shape, { dtype: carrier }).values, dtype);
    await breathe();
  }
}
