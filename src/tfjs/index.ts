/** TensorFlow.js in simulated precision: `emulate`, our kernels for its wasm backend, quantisers as tensor operations. */
export { cpuBackend, wasmBackend } from './backends.ts';
export { type Emulation, type EmulationState, emulate } from './emulate.ts';
export { fakeQuantize } from './fake-quantize.ts';
export type { TensorFlow } from './internals.ts';
export { installMissingKernels } from './missing-kernels.ts';
export { type Policy, type ResolvedPolicy, type Role, type RoleSpec, roles } from './policy.ts';
export { inRole } from './roles.ts';
