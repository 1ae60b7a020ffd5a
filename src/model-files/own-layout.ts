/**
 * A model's own files again, with other numbers in the tensors that are quantised: the bytes of each take the place of those that were
 * there, all else is copied. Weights that tfjs has quantised become binary32, which their manifest says then. Arrays of NumPy are
 * numpy-output.ts'.
 */
import { existsSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { ArgumentError } from '../errors.ts';
import { makeFolders, openWholeFile, refuseInputs } from '../files/write.ts';
import { jsonText } from '../json.ts';
import { bytesFrom } from './dtypes.ts';
import {
  dtypeOfNumbers,
  type Extent,
  keptBytes,
  type ModelFile,
  type StoredTensor,
  sliceExtents,
} from './model-file.ts';
import { type OpenFiles, openFiles } from './open-files.ts';
import type { ModelOutput } from './output.ts';
import type { QuantizedPart } from './quantize-tensor.ts';
import { openRandomAccess } from './random-access.ts';
import type { Choice } from './rules.ts';
import { plainManifest } from './tfjs.ts';

/** Bytes that are copied at once. */
const copiedAtOnce = 2 ** 22;

type WholeFile = ReturnType<typeof openWholeFile>;

const keyOf = (extents: readonly Extent[]): string =>
  extents.map(({ file, offset, length }) => `${file}:${offset}+${length}`).join();

/** The files of a model under other names, written from their beginning to their end. */
export class PatchedFiles implements ModelOutput {
  readonly order: readonly StoredTensor[];
  private readonly model: ModelFile;
  /** Whether weights that tfjs has quantised grow: the files of each group become one. */
  private readonly isMerged: boolean;
  private readonly files: readonly string[];
  private readonly targets = new Map<string, string>();
  private readonly inputs: OpenFiles;
  private readonly outputs = new Map<string, WholeFile>();
  /** Tensors that share their bytes with one that is written. */
  private readonly shared = new Set<StoredTensor>();
  /** The file that is being copied, up to where, and how much of the tensor that is being written has come. */
  private index = 0;
  private position = 0;
  private written = 0;

  /**
   * @param read Files that are being read.
   * @throws ArgumentError for a tensor whose bytes cannot be replaced, or files that are read or are others'.
   */
  constructor(
    model: ModelFile,
    chosen: ReadonlyMap<StoredTensor, Choice>,
    { out, read }: { readonly out: string; readonly read: readonly string[] },
  ) {
    this.model = model;
    this.isMerged = [...chosen.keys()].some(({ affine }) => affine !== undefined);
    this.files = this.isMerged ? model.files.filter((file) => file !== model.path) : model.files;
    const place = (file: string): string =>
      file === model.path ? out : join(dirname(out), relative(dirname(model.path), file));
    for (const file of model.files) this.targets.set(file, place(file));
    if (this.isMerged)
      for (const [first, ...others] of model.groups ?? [])
        for (const file of others) this.targets.set(file, place(first!));
    this.refuseTargets(out, read);
    this.order = this.ordered(chosen);
    this.inputs = openFiles(openRandomAccess(model.path));
  }

  /** Refuses targets that are read, and those beside `out` that are there where it is not: they are of another model. */
  private refuseTargets(out: string, read: readonly string[]): void {
    for (const target of this.targets.values()) {
      refuseInputs(target, 'out', read);
      if (target !== out && existsSync(target) && !existsSync(out))
        throw new ArgumentError('out', out, `a name in a folder without ${target}, which would be replaced`);
    }
    const groups = this.model.groups ?? [];
    for (const files of this.isMerged ? [groups.flat()] : groups) {
      const twice = files.find((file, i) => files.indexOf(file) < i);
      if (twice !== undefined)
        throw new ArgumentError(
          'dequantized',
          true,
          `false: ${twice} is there twice, and can be written once`,
        );
    }
  }

  /** The tensors as their bytes lie in the files; none of those that are quantised may lie within another. */
  private ordered(chosen: ReadonlyMap<StoredTensor, Choice>): StoredTensor[] {
    const byPlace = new Map<string, StoredTensor>();
    for (const [tensor, { said }] of chosen) {
      if (tensor.extents === undefined)
        throw new ArgumentError(
          'dequantized',
          true,
          `false: the numbers of ${tensor.name} are a list of integers of varying lengths, which others cannot replace`,
        );
      const key = keyOf(tensor.extents);
      const first = byPlace.get(key);
      if (first === undefined) byPlace.set(key, tensor);
      else if (JSON.stringify(chosen.get(first)!.said) === JSON.stringify(said)) this.shared.add(tensor);
      else
        throw new ArgumentError(
          'dequantized',
          true,
          `false: ${first.name} and ${tensor.name} share their bytes and are quantised differently`,
        );
    }
    const places = new Map(this.files.map((file, i) => [file, i]));
    const rank = ({ extents = [] }: StoredTensor): readonly [number, number] => {
      const [first] = extents;
      return first === undefined ? [-1, 0] : [places.get(first.file)!, first.offset];
    };
    return [...this.model.tensors].sort((a, b) => {
      const [one, other] = [rank(a), rank(b)];
      return one[0] - other[0] || one[1] - other[1];
    });
  }

  /** The file that a file becomes. */
  private output(file: string): WholeFile {
    const target = this.targets.get(file)!;
    const known = this.outputs.get(target);
    if (known !== undefined) return known;
    makeFolders(dirname(target));
    const opened = openWholeFile(target);
    this.outputs.set(target, opened);
    return opened;
  }

  /** Copies all up to a place of a file, or to the end of all files. */
  private copyTo(file: string | undefined, offset: number): void {
    for (; this.index < this.files.length; this.index++, this.position = 0) {
      const current = this.files[this.index]!;
      const end = current === file ? offset : this.inputs.open(current).size;
      const output = this.output(current);
      for (; this.position < end; this.position += copiedAtOnce) {
        const count = Math.min(copiedAtOnce, end - this.position);
        output.write(this.inputs.open(current).read(this.position, count));
      }
      this.position = end;
      if (current === file) return;
    }
  }

  private isBehind({ file, offset }: Extent): boolean {
    const at = this.files.indexOf(file);
    return at < this.index || (at === this.index && offset < this.position);
  }

  write(tensor: StoredTensor, { values }: Pick<QuantizedPart, 'values'>): void {
    this.put(tensor, bytesFrom(values, dtypeOfNumbers(tensor)));
  }

  /** Writes bytes of a tensor in place of its own, which are as many unless it has a scale. */
  private put(tensor: StoredTensor, bytes: Uint8Array): void {
    if (this.shared.has(tensor)) return;
    const extents = tensor.extents!;
    if (this.written === 0 && this.isBehind(extents[0]!))
      throw new ArgumentError(
        'dequantized',
        true,
        `false: ${tensor.name} shares a part of its bytes with another tensor`,
      );
    if (tensor.affine !== undefined) {
      if (this.written === 0) this.copyTo(extents[0]!.file, extents[0]!.offset);
      this.output(extents[0]!.file).write(bytes);
    } else {
      let at = 0;
      for (const { file, offset, length } of sliceExtents(extents, this.written, bytes.length)) {
        this.copyTo(file, offset);
        this.output(file).write(bytes.subarray(at, at + length));
        at += length;
        this.position = offset + length;
      }
    }
    this.written += bytes.length;
  }

  end(tensor: StoredTensor): void {
    this.written = 0;
    if (this.shared.has(tensor)) return;
    const last = tensor.extents!.at(-1)!;
    this.index = this.files.indexOf(last.file);
    this.position = last.offset + last.length;
  }

  /** Its bytes are copied with all that is between those which are replaced; weights with a scale lose it where others do. */
  async keep(tensor: StoredTensor): Promise<void> {
    if (!this.isMerged || tensor.affine === undefined || tensor.extents!.length === 0) return;
    for await (const piece of tensor.pieces(copiedAtOnce)) this.put(tensor, keptBytes(tensor, piece));
    this.end(tensor);
  }

  commit(): void {
    this.copyTo(undefined, 0);
    const main = this.targets.get(this.model.path)!;
    const last = this.output(this.model.path);
    if (this.isMerged) last.write(jsonText(plainManifest(this.model)));
    for (const [target, file] of this.outputs) if (target !== main) file.commit();
    last.commit();
    this.inputs.close();
  }

  discard(): void {
    for (const file of this.outputs.values()) file.discard();
    this.inputs.close();
  }
}
