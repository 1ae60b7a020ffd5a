/** What tensors have to be. */
import { ArgumentError } from '../errors.ts';
import type { Format } from '../formats/format.ts';
import { fitsBinary32 } from '../operations/conversions.ts';

/** A tensor or variable of a type. Throws ArgumentError. */
export function checkDtype(
  path: string,
  { dtype }: { readonly dtype: string },
  accepted: 'float32' | 'int32',
): void {
  if (dtype !== accepted)
    throw new ArgumentError(path, dtype, `${accepted === 'int32' ? 'an' : 'a'} ${accepted} tensor`);
}

/** A format whose values tensors have; `given` is what a message shows of it. Throws ArgumentError. */
export function checkTensorFormat(path: string, format: Format, given: unknown = format.name): void {
  if (!fitsBinary32(format))
    throw new ArgumentError(path, given, 'a format whose values are binary32 numbers, as tensors are');
}
