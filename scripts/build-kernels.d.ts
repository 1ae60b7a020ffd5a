/** Types of `build-kernels.js`, for the test that compiles the kernels and compares. */
export type Build = 'shared' | 'unshared';
export declare const builds: readonly Build[];
export declare function compileKernels(build: Build): Promise<Uint8Array>;
export declare function generatedModule(build: Build, binary: Uint8Array): string;
export declare function generatedPath(build: Build): string;
