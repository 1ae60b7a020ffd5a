/** The kernels of factorisations, where they have the bits of an arithmetic and nothing else is asked for. */
import type { Arithmetic } from '../arrays/index.ts';
import { type Eliminator, eliminatorOf } from '../kernels/eliminations.ts';

/** Runs what takes an eliminator. False, and nothing is run, where there is none for the arithmetic: its flags are counted, or its rounding has no kernel. */
export function withEliminator(
  f: Pick<Arithmetic, 'format' | 'options'> & { readonly flags?: unknown },
  run: (eliminator: Eliminator) => void,
): boolean {
  const eliminator = f.flags !== undefined ? undefined : eliminatorOf(f.format, f.options);
  if (eliminator === undefined) return false;
  try {
    run(eliminator);
  } finally {
    eliminator.free();
  }
  return true;
}
