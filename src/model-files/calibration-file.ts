/**
 * What a file of calibration says of its tensors beside their numbers: what they are, which axes of a weight are its outputs, and how many
 * parts of these read inputs of their own. `calibrate` writes it into the metadata; other files are what a method takes them for.
 */
import { checkPart, jsonFrom } from '../files/json-file.ts';
import { fields, integer, list, maybe, record, type Schema, word } from '../schema.ts';
import type { ModelFile } from './model-file.ts';

const key = 'halfulp.calibration';

/** What numbers are of a tensor: how its inputs meet it, or squared gradients in its own shape. */
export interface CalibrationOf {
  /** Default: inputs. */
  readonly of?: 'gradients';
  /** Axes of the tensor, in the order of a matrix's rows; its others are the columns, in their order. */
  readonly outputs?: readonly number[];
  /** Above 1: the inputs are (groups, samples, columns), and the rows have as many parts. Default 1. */
  readonly groups?: number;
}

const schema = record(
  fields({
    of: maybe(word(['gradients'])),
    outputs: maybe(list(integer(0, 63), 0, 64)),
    groups: maybe(integer(1, Number.MAX_SAFE_INTEGER)),
  }),
) as unknown as Schema<Readonly<Record<string, CalibrationOf>>>;

/** The metadata of a file of calibration. */
export function calibrationMetadata(
  of: 'inputs' | 'gradients',
  tensors: ReadonlyMap<string, Pick<CalibrationOf, 'outputs' | 'groups'>>,
): Record<string, string> {
  const said = [...tensors].map(([name, { outputs, groups = 1 }]): [string, CalibrationOf] => [
    name,
    {
      ...(of === 'gradients' && { of }),
      ...(outputs && { outputs }),
      ...(groups > 1 && { groups }),
    },
  ]);
  return { [key]: JSON.stringify(Object.fromEntries(said)) };
}

/** What a file says of its numbers, by the names of tensors. Throws DamagedFileError. */
export function saidOfCalibration({ path, metadata }: ModelFile): ReadonlyMap<string, CalibrationOf> {
  const said = Object.hasOwn(metadata, key) ? metadata[key] : undefined;
  if (said === undefined) return new Map();
  const json = jsonFrom(Buffer.from(said), path, `__metadata__, ${key}:`);
  return new Map(Object.entries(checkPart(key, json, schema, path)));
}
