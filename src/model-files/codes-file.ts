/** The safetensors file of codes and scales. How they lie in it is layout.ts' and matrix-layout.ts'. */

import { safetensorsHead, type TensorHeading } from '../files/safetensors.ts';
import { openWholeFile } from '../files/write.ts';
import type { CodeArray } from '../formats/codes.ts';
import type { Format } from '../formats/index.ts';
import { pack } from '../formats/packing.ts';
import { encode } from '../operations/index.ts';
import { bytesFrom } from './dtypes.ts';
import { type Heading, layoutOf, metadataKey, valuesOf } from './layout.ts';
import { matrixHeadings, type PartKind, partEndings } from './matrix-layout.ts';
import { dtypeOfNumbers, keptBytes, type ModelFile, type StoredTensor } from './model-file.ts';
import type { ModelOutput } from './output.ts';
import { mostOfPart } from './quantize-tensor.ts';
import type { Description } from './quantized-tensors.ts';
import type { Choice } from './rules.ts';

/** A name that is not taken yet. */
function freshName(name: string, taken: Set<string>): string {
  let fresh = name;
  while (taken.has(fresh)) fresh += '_';
  taken.add(fresh);
  return fresh;
}

/** The tensors of a file that hold a quantised one, in their order. */
function headingsOf({ shape }: StoredTensor, { quantizer, matrix }: Choice): [kind: string, Heading][] {
  const headings = matrix === undefined ? layoutOf(quantizer, shape) : matrixHeadings(matrix, quantizer);
  return Object.entries(headings).filter((entry): entry is [string, Heading] => entry[1] !== undefined);
}

/** The tensors of the file that a quantised tensor becomes, and what the metadata say of it. */
function placeOf(
  tensor: StoredTensor,
  choice: Choice,
  taken: Set<string>,
): { readonly headings: readonly TensorHeading[]; readonly description: Description } {
  const { name, shape } = tensor;
  const { quantizer, said, matrix } = choice;
  const names: Record<string, string> = {};
  const headings = headingsOf(tensor, choice).map(([kind, heading]): TensorHeading => {
    if (kind === 'codes') return { name, ...heading };
    names[kind] = freshName(`${name}${partEndings[kind as PartKind]}`, taken);
    return { name: names[kind], ...heading };
  });
  const dtype = dtypeOfNumbers(tensor);
  const own = matrix ?? { ...said, shape, dtype, values: valuesOf(quantizer, dtype) };
  return { headings, description: { ...own, ...names } };
}

/** All codes of several parts, packed. */
function packed(parts: readonly CodeArray[], format: Format): Uint8Array {
  if (parts.length === 1) return pack(parts[0]!, format);
  const length = parts.reduce((sum, part) => sum + part.length, 0);
  const whole = new (parts[0]!.constructor as Uint8ArrayConstructor)(length) as CodeArray;
  let at = 0;
  for (const part of parts) {
    whole.set(part as never, at);
    at += part.length;
  }
  return pack(whole, format);
}

/** What is stored of a tensor behind its codes: kept until these are written. */
interface Rest {
  readonly scales: CodeArray[];
  readonly tensorScales: Float32Array[];
  readonly zeroPoints: Float64Array[];
}

/** Opens the file. */
export function codesFile(
  model: ModelFile,
  chosen: ReadonlyMap<StoredTensor, Choice>,
  out: string,
): ModelOutput {
  const taken = new Set(model.tensors.map(({ name }) => name));
  const descriptions: Record<string, Description> = Object.create(null);
  const headings = model.tensors.flatMap((tensor): readonly TensorHeading[] => {
    const choice = chosen.get(tensor);
    if (choice === undefined)
      return [{ name: tensor.name, dtype: dtypeOfNumbers(tensor), shape: tensor.shape }];
    const place = placeOf(tensor, choice, taken);
    descriptions[tensor.name] = place.description;
    return place.headings;
  });
  const file = openWholeFile(out);
  file.write(safetensorsHead(headings, { ...model.metadata, [metadataKey]: JSON.stringify(descriptions) }));
  let rest: Rest = { scales: [], tensorScales: [], zeroPoints: [] };
  return {
    order: model.tensors,
    write(tensor, part) {
      const choice = chosen.get(tensor)!;
      if ('stored' in part) {
        for (const [kind] of headingsOf(tensor, choice)) file.write(part.stored[kind as 'codes']);
        return;
      }
      const { quantizer } = choice;
      const { codes, scaleCodes, tensorScales, zeroPoints } = part;
      file.write(pack(codes, quantizer.format));
      // One scale of the whole tensor comes with every part.
      if (quantizer.scale.grouping.per !== 'tensor' || rest.scales.length === 0) rest.scales.push(scaleCodes);
      if (zeroPoints !== undefined && rest.zeroPoints.length < rest.scales.length)
        rest.zeroPoints.push(zeroPoints);
      if (tensorScales === undefined) return;
      if (quantizer.scale.tensorScale === 'row' || rest.tensorScales.length === 0)
        rest.tensorScales.push(tensorScales);
    },
    end(tensor) {
      const { quantizer, matrix } = chosen.get(tensor)!;
      if (matrix !== undefined) return;
      const { scale, format } = quantizer;
      const { scale: heading, zeroPoint } = layoutOf(quantizer, tensor.shape);
      if (heading !== undefined) file.write(packed(rest.scales, scale.format));
      for (const part of rest.tensorScales) file.write(bytesFrom(part, 'F32'));
      if (zeroPoint !== undefined)
        file.write(
          packed(
            rest.zeroPoints.map((each) => encode(each, format)),
            format,
          ),
        );
      rest = { scales: [], tensorScales: [], zeroPoints: [] };
    },
    async keep(tensor) {
      for await (const piece of tensor.pieces(mostOfPart)) file.write(keptBytes(tensor, piece));
    },
    commit: () => file.commit(),
    discard: () => file.discard(),
  };
}
