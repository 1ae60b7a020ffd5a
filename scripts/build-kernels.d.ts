/** Types of `build-kernels.js`, for the test that compiles the kernels and compares. */
export declare const modules: readonly string[];
export declare function compileKernels(module: string, isShared?: boolean): Promise<Uint8Array>;
export declare function compressed(bytes: Uint8Array): Buffer<ArrayBuffer>;
export declare function generatedModule(module: string, binary: Uint8Array): string;
export declare function moduleIn(text: string): Buffer<ArrayBuffer>;
export declare function generatedPath(module: string): string;
export declare function generatedSources(): readonly { path: string; text: string }[];
