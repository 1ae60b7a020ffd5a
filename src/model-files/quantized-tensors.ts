/** The quantised tensors of a file of codes and scales: what its metadata say of them, and the tensors that hold them. */
import { ArgumentError, DamagedFileError } from '../errors.ts';
import { checkPart, jsonFrom } from '../files/json-file.ts';
import type { Quantizer } from '../quantizers/index.ts';
import { having, record } from '../schema.ts';
import { isFloat } from './dtypes.ts';
import {
  type Heading,
  layoutOf,
  metadataKey,
  type TensorDescription,
  tensorQuantizer,
  tensorSchema,
} from './layout.ts';
import {
  type Headings,
  type MatrixDescription,
  matrixHeadings,
  matrixSchema,
  type PartKind,
  partKinds,
} from './matrix-layout.ts';
import type { ModelFile, PlainTensor, StoredTensor } from './model-file.ts';

/** What the metadata say of a tensor. */
export type Description = TensorDescription | MatrixDescription;

export const isMatrix = (description: Description): description is MatrixDescription =>
  Object.hasOwn(description, 'method');

const descriptionsSchema = record(having('method', matrixSchema, tensorSchema));

/** A quantised tensor of a file, whose parts are all as they should be. */
export interface QuantizedTensor {
  readonly description: Description;
  /** Of codebooks: none. */
  readonly quantizer: Quantizer | undefined;
  /** What lies under its own name. */
  readonly codes: PlainTensor;
  readonly parts: ReadonlyMap<PartKind, PlainTensor>;
  /** What throws in it throws DamagedFileError that names the tensor. */
  within<T>(work: () => T): T;
}

const isSameHeading = ({ dtype, shape }: StoredTensor, other: Heading): boolean =>
  dtype === other.dtype && shape.length === other.shape.length && shape.every((n, i) => n === other.shape[i]);

function headingsOf(description: Description, quantizer: Quantizer | undefined): Headings {
  return isMatrix(description)
    ? matrixHeadings(description, quantizer)
    : layoutOf(quantizer!, description.shape);
}

/** The quantiser of a description. Throws ArgumentError. */
function quantizerOf(description: Description): Quantizer | undefined {
  const { quantizer } = description;
  if (quantizer === undefined) return undefined;
  // Blocks of a matrix lie along its columns, whatever axis of the tensor these are.
  return tensorQuantizer(isMatrix(description) ? { quantizer } : { ...description, quantizer }, 'quantizer');
}

/** The quantised tensors of a file by name; undefined: it says nothing of any. Throws DamagedFileError. */
export function describedTensors(model: ModelFile): ReadonlyMap<string, QuantizedTensor> | undefined {
  const { path, metadata } = model;
  const said = Object.hasOwn(metadata, metadataKey) ? metadata[metadataKey] : undefined;
  if (said === undefined) return undefined;
  const json = jsonFrom(Buffer.from(said), path, `__metadata__, ${metadataKey}:`);
  const descriptions = checkPart(metadataKey, json, descriptionsSchema, path);
  const byName = new Map(model.tensors.map((tensor) => [tensor.name, tensor as PlainTensor]));
  const used = new Set<string>();
  const found = new Map<string, QuantizedTensor>();
  for (const [name, description] of Object.entries(descriptions)) {
    const damaged = (why: string): Error => new DamagedFileError(path, `${metadataKey}, ${name}: ${why}`);
    const within = <T>(work: () => T): T => {
      try {
        return work();
      } catch (error) {
        throw damaged((error as Error).message);
      }
    };
    if (!isFloat(description.dtype)) throw damaged(`${description.dtype} elements are no floats`);
    const quantizer = within(() => quantizerOf(description));
    const headings = within(() => headingsOf(description, quantizer));
    const take = (tensorName: string, heading: Heading): PlainTensor => {
      const tensor = byName.get(tensorName);
      if (tensor === undefined) throw damaged(`there is no tensor ${tensorName}`);
      if (!isSameHeading(tensor, heading))
        throw damaged(`the tensor ${tensorName} is no ${heading.dtype} of shape [${heading.shape}]`);
      if (used.has(tensorName)) throw damaged(`the tensor ${tensorName} is of another one too`);
      used.add(tensorName);
      return tensor;
    };
    const names: { readonly [kind in PartKind]?: string } = description;
    const parts = new Map<PartKind, PlainTensor>();
    const codes = take(name, headings.codes);
    for (const kind of partKinds) {
      const [own, heading] = [names[kind], headings[kind]];
      if ((own === undefined) !== (heading === undefined))
        throw damaged(
          isMatrix(description)
            ? `${kind} is ${own === undefined ? 'missing' : `nothing of ${description.method}`}`
            : 'its scales and zero points are not those of its quantiser',
        );
      if (own !== undefined && heading !== undefined) parts.set(kind, take(own, heading));
    }
    found.set(name, { description, quantizer, codes, parts, within });
  }
  return found;
}

/** The same of a file that has to have some. Throws ArgumentError for one without any. */
export function quantizedTensors(model: ModelFile, argument: string): ReadonlyMap<string, QuantizedTensor> {
  const found = describedTensors(model);
  if (found === undefined)
    throw new ArgumentError(
      argument,
      model.path,
      'a safetensors file of codes and scales that quantize wrote',
    );
  return found;
}
