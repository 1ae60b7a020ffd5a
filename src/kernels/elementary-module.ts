/** The module of elementary functions on arrays. */
import bytes from './generated/elementary.ts';
import { type KernelModule, kernelModule, type PieceExports } from './module.ts';

/** The exports of `assembly/elementary/index.ts`: the pieces of `elementary/elementary-plan.ts`. */
export const elementaryModule: KernelModule<PieceExports> = kernelModule(bytes);
