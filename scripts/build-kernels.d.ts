/** Types of `build-kernels.js`, for the test that compiles the kernels and compares. */
export type Build = 'shared' | 'unshared';
export declare const modules: readonly string[];
export declare const builds: readonly Build[];
export declare function compileKernels(module: string, build: Build): Promise<Uint8Array>;
export declare function generatedModule(module: string, build: Build, binary: Uint8Array): string;
export declare function generatedPath(module: string, build: Build): string;
