/** A tree as steps, each an operation of an arithmetic on what is there before it: constants rounded, conversions where formats meet. */
import type { Arithmetic, ArithmeticOptions } from '../arithmetic/index.ts';
import type { Format } from '../formats/format.ts';
import { arithmetic } from '../operations/arithmetic.ts';
import { dropsHighBits, hasAllCodes, type ResolvedRounding } from '../rounding/options.ts';
import { roundDecimal } from './constants.ts';
import type { Tree } from './tree.ts';

/** What a step reads. */
export type Operand =
  | { readonly kind: 'constant'; readonly value: number; readonly text: string }
  | { readonly kind: 'variable'; readonly name: string }
  | { readonly kind: 'step'; readonly index: number };

export interface Step {
  /** The method. */
  readonly name: string;
  readonly f: Arithmetic;
  readonly operands: readonly Operand[];
  readonly text: string;
  /** Whether an element takes a draw. */
  readonly draws: boolean;
}

export interface Program {
  readonly f: Arithmetic;
  readonly steps: readonly Step[];
  readonly result: Operand;
  /** The variables, in the order in which they are met. */
  readonly names: readonly string[];
}

const drawless = ['neg', 'abs', 'min', 'max'];

/** Options of an arithmetic as they apply to another format. */
function optionsFor(format: Format, own: Format, options: ResolvedRounding): ArithmeticOptions {
  const { rounding, saturation, subnormals, seed, stream, offset, randomBits, variant, random } = options;
  // A format without subnormals rounds to its smallest normal number by default; that is no wish for other formats.
  const isDefault =
    own.kind === 'float' && own.subnormals !== true && subnormals === 'round-to-minimum-normal';
  return {
    ...{ rounding, seed, stream, offset, randomBits, variant },
    saturation: dropsHighBits(options) && !hasAllCodes(format) ? 'none' : saturation,
    ...(!isDefault && subnormals !== 'keep' && { subnormals }),
    ...(random !== undefined && { random }),
  };
}

/** The steps of a tree. `variables`: formats that variables are rounded to when they come in. */
export function programOf(tree: Tree, f: Arithmetic, variables: Readonly<Record<string, Format>>): Program {
  const made = new Map<string, Arithmetic>([[String(f.format), f]]);
  const arithmeticOf = (format: Format): Arithmetic => {
    let found = made.get(String(format));
    if (found === undefined) {
      found = arithmetic(format, optionsFor(format, f.format, f.options));
      made.set(String(format), found);
    }
    return found;
  };
  const steps: Step[] = [];
  const names: string[] = [];
  const push = (name: string, format: Format, operands: readonly Operand[], text: string): Operand => {
    const draws = !drawless.includes(name) || format.kind === 'codebook';
    steps.push({ name, f: arithmeticOf(format), operands, text, draws });
    return { kind: 'step', index: steps.length - 1 };
  };
  const same = (a: Format, b: Format): boolean => String(a) === String(b);
  /** What an operand is in a format: converted where it is of another one. */
  function read(part: Tree, format: Format): Operand {
    if (part.kind === 'constant') {
      const { options } = arithmeticOf(format);
      return { ...part, value: roundDecimal(part.text, format, options) };
    }
    if (part.kind === 'variable') {
      const { name } = part;
      if (!names.includes(name)) names.push(name);
      const own = variables[name];
      const given: Operand = { kind: 'variable', name };
      if (own === undefined) return same(format, f.format) ? given : push('convert', format, [given], name);
      const entered = push('convert', own, [given], name);
      return same(own, format) ? entered : push('convert', format, [entered], name);
    }
    const operands = part.operands.map((operand) => read(operand, part.format));
    const result = push(part.name, part.format, operands, part.text);
    return same(part.format, format) ? result : push('convert', format, [result], part.text);
  }
  const root = read(tree, f.format);
  // A name alone is what `convert` makes of it.
  const isName = root.kind === 'variable';
  const result = isName ? push('convert', f.format, [root], root.name) : root;
  return { f, steps, result, names };
}

/** The steps as a tree, one a line, with the format that each is rounded to. */
export function textOfProgram({ steps, result, f }: Program): string {
  const lines: string[] = [];
  const write = (operand: Operand, indent: string): void => {
    if (operand.kind === 'variable') lines.push(`${indent}${operand.name}`);
    else if (operand.kind === 'constant')
      lines.push(
        `${indent}${operand.value}${String(operand.value) === operand.text ? '' : ` (${operand.text})`}`,
      );
    else {
      const { name, f: target, operands, text } = steps[operand.index]!;
      lines.push(`${indent}${name} -> ${target.format.name}: ${text}`);
      for (const each of operands) write(each, `${indent}  `);
    }
  };
  write(result, '');
  return `${lines.join('\n')}${result.kind === 'step' ? '' : ` -> ${f.format.name}`}`;
}
