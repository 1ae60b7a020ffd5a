/** TensorFlow.js in simulated precision: `emulate`, our kernels for its wasm backend, quantisers as tensor operations. */
export type { AccumulatorSpec } from './accumulator.ts';
export { cpuBackend, wasmBackend } from './backends.ts';
export type { Effect } from './effect.ts';
export { type Emulation, type EmulationState, emulate } from './emulate.ts';
export { fakeQuantize } from './fake-quantize.ts';
export { inRole } from './in-role.ts';
export type { TensorFlow } from './internals.ts';
export type { EmulationLog, HeatMapCell, HeatMapMeasure, LogCounts, LogRow } from './log.ts';
export type { LossScalingState } from './loss-scale.ts';
export {
  type LossScaling,
  type LossScalingOptions,
  lossScaling,
  type ScaledGradients,
} from './loss-scaling.ts';
export { installMissingKernels } from './missing-kernels.ts';
export {
  type Implementation,
  type InputSpec,
  type KernelSpec,
  type LayerSpec,
  type Policy,
  type Role,
  type RoleSpec,
  type Rule,
  roles,
} from './policy.ts';
export type { ResolvedPolicy } from './resolve-policy.ts';
