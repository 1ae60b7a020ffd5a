/** Whose values data are: copies, transposed ones too, by what they were made of, and trained variables. */
import type { Variable } from '@tensorflow/tfjs';
import { variableFoldedIn } from './folded-weights.ts';
import type { DataId, KernelArguments, KernelResult, TensorInfo } from './internals.ts';

/** Kernels whose result has the values of their operand, in its order or transposed. */
const copying: ReadonlySet<string> = new Set(['Identity', 'Reshape', 'ExpandDims', 'Cast', 'Transpose']);

/** Whether a transposition swaps the last two axes (true) or none (false); undefined: it does something else. */
function isSwap(perm: readonly number[]): boolean | undefined {
  const last = perm.length - 1;
  if (perm.every((axis, i) => axis === i)) return false;
  const isLast = last >= 1 && perm[last] === last - 1 && perm[last - 1] === last;
  return isLast && perm.every((axis, i) => i >= last - 1 || axis === i) ? true : undefined;
}

/** The data that others are a copy of. */
interface Root {
  readonly dataId: DataId;
  /** Whether the last two axes are swapped. */
  readonly isSwap: boolean;
}

export class DataOrigins {
  readonly #variables: () => Iterable<Variable>;
  readonly #sources = new WeakMap<DataId, Root>();
  readonly #owners = new WeakMap<DataId, Variable>();

  constructor(variables: () => Iterable<Variable>) {
    this.#variables = variables;
  }

  /** Data that stand for others. */
  standsFor(dataId: DataId, source: DataId): void {
    this.#sources.set(dataId, this.rootOf(source));
  }

  /** Remembers whose values a kernel has copied: backends may copy where others share. */
  moved(name: string, { inputs, attrs }: KernelArguments, result: KernelResult): void {
    if (!copying.has(name) || Array.isArray(result) || result.dtype !== 'float32') return;
    const { x, input } = inputs as { x?: TensorInfo; input?: TensorInfo };
    const given = x ?? input;
    if (given === undefined || given.dataId === result.dataId) return;
    const known = this.#sources.get(given.dataId);
    const swaps = name === 'Transpose' ? isSwap(attrs?.['perm'] as readonly number[]) : false;
    if (swaps === undefined) return;
    this.#sources.set(result.dataId, {
      dataId: known?.dataId ?? given.dataId,
      isSwap: swaps !== (known?.isSwap ?? false),
    });
  }

  rootOf(dataId: DataId): Root {
    return this.#sources.get(dataId) ?? { dataId, isSwap: false };
  }

  /** The trained variable whose values the data is, stored as they are or transposed, or that something was folded into. */
  owner(dataId: DataId): Variable | undefined {
    const known = this.#owners.get(dataId);
    if (known !== undefined) return known;
    const source = this.rootOf(dataId).dataId;
    const folded = variableFoldedIn(source);
    for (const variable of this.#variables())
      if (variable.dataId === source || variable === folded) {
        this.#owners.set(dataId, variable);
        return variable;
      }
    return undefined;
  }
}
