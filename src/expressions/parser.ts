/**
 * The parser of mathjs, an optional peer: loaded when the first expression is compiled, so that nothing else needs it. Its numbers are decimal
 * fractions of any length, so that a constant is rounded once, from what is written.
 */
import { checkFunction } from '../check.ts';
import { notInstalled } from '../optional.ts';

/** A node of a tree of mathjs, as much of it as is read here. */
export interface ParsedNode {
  readonly type: string;
  readonly op?: string;
  readonly fn?: string | ParsedNode;
  readonly name?: string;
  readonly args?: readonly ParsedNode[];
  readonly content?: ParsedNode;
  readonly value?: unknown;
  toString(): string;
}

/** `parse` of an instance of mathjs. */
export type Parse = (text: string) => ParsedNode;

interface NodeProcess {
  getBuiltinModule?(name: string): { createRequire(from: string): (name: string) => unknown } | undefined;
}

interface Mathjs {
  readonly parseDependencies: object;
  create(dependencies: object, config: object): { readonly parse: Parse };
}

let loaded: Parse | undefined;

/**
 * The parser that is given, or that of mathjs where Node finds it.
 *
 * @throws ArgumentError where there is none.
 */
export function parserOf(given: Parse | undefined): Parse {
  if (given !== undefined) {
    checkFunction('parse', given);
    return given;
  }
  if (loaded !== undefined) return loaded;
  try {
    const { process } = globalThis as unknown as { process?: NodeProcess };
    const load = process!.getBuiltinModule!('node:module')!.createRequire(import.meta.url);
    const { create, parseDependencies } = load('mathjs') as Mathjs;
    loaded = create({ parseDependencies }, { number: 'BigNumber' }).parse;
    return loaded;
  } catch {
    throw notInstalled('compile', 'mathjs', ', or pass its parser: { parse }');
  }
}
