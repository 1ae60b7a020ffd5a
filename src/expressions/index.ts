/** Expressions in the arithmetic of a format: parsed by mathjs, each operation rounded, run in one pass over memory. */
export { type CompileOptions, compileProgram } from './compile.ts';
export { type ExplainedStep, explain } from './explain.ts';
export { type Program, textOfProgram } from './program.ts';
export { type Reader, run } from './run.ts';
