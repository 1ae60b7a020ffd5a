/** From a tree of mathjs to a tree of operations of an arithmetic, each with the format that it is rounded to. */
import { type ElementaryName, elementaryFunctions } from '../arithmetic/elementary/index.ts';
import { ArgumentError } from '../errors.ts';
import type { Format } from '../formats/format.ts';
import { nearestWords } from '../nearest-words.ts';
import { namedConstants } from './constants.ts';
import type { ParsedNode } from './parser.ts';

export type Tree =
  | { readonly kind: 'constant'; readonly text: string }
  | { readonly kind: 'variable'; readonly name: string }
  | Operation;

interface Operation {
  readonly kind: 'operation';
  /** The method of the arithmetic. */
  readonly name: string;
  readonly format: Format;
  readonly operands: readonly Tree[];
  /** As it is written. */
  readonly text: string;
}

const operators: Readonly<Record<string, string>> = {
  ...{ '+': 'add', '-': 'sub', '*': 'mul', '/': 'div', '^': 'pow', '.*': 'mul', './': 'div', '.^': 'pow' },
};

/** The functions and how many operands they take. */
function arities(): Readonly<Record<string, number>> {
  const elementary = Object.keys(elementaryFunctions).map(
    (name) => [name, elementaryFunctions[name as ElementaryName].arity] as const,
  );
  return {
    ...Object.fromEntries(elementary),
    ...{ sqrt: 1, abs: 1, neg: 1, add: 2, sub: 2, mul: 2, div: 2, min: 2, max: 2, fma: 3 },
  };
}

const accepted = `numbers, names, parentheses, + - * / ^ and functions of the arithmetic`;

function refused(node: ParsedNode, what: string, hint = ''): ArgumentError {
  return new ArgumentError('expression', node.toString(), `${hint}${what}`);
}

/** Which format an operation is rounded to. */
type FormatOf = (name: string, text: string) => Format;

/** The tree of operations. Throws ArgumentError for what no arithmetic has, with the nearest name. */
export function treeOf(parsed: ParsedNode, formatOf: FormatOf): Tree {
  const known = arities();
  const operation = (name: string, node: ParsedNode, args: readonly ParsedNode[]): Tree => {
    const text = node.toString();
    const operands = args.map(read);
    return { kind: 'operation', name, format: formatOf(name, text), operands, text };
  };
  function callOf(node: ParsedNode): Tree {
    const name = typeof node.fn === 'string' ? node.fn : (node.fn?.name ?? '');
    const args = node.args ?? [];
    const arity = Object.hasOwn(known, name) ? known[name] : undefined;
    if (arity === undefined) {
      const near = nearestWords(name, Object.keys(known));
      const hint = near.length === 0 ? '' : `${near.join(', ')}; `;
      throw new ArgumentError('expression', name, `${hint}a function of the arithmetic`);
    }
    // The least and the largest of several are found from left to right.
    if ((name === 'min' || name === 'max') && args.length > 2)
      return args.map(read).reduce((left, right) => ({
        ...{ kind: 'operation', name, operands: [left, right], text: node.toString() },
        format: formatOf(name, node.toString()),
      }));
    if (args.length !== arity) throw refused(node, `${arity} operand${arity === 1 ? '' : 's'} for ${name}`);
    return operation(name, node, args);
  }
  function operatorOf(node: ParsedNode): Tree {
    const args = node.args ?? [];
    if (args.length === 1 && node.op === '+') return read(args[0]!);
    if (args.length === 1 && node.op === '-') return operation('neg', node, args);
    const name = args.length === 2 ? operators[node.op ?? ''] : undefined;
    if (name === undefined) throw refused(node, accepted);
    return operation(name, node, args);
  }
  function read(node: ParsedNode): Tree {
    switch (node.type) {
      case 'ParenthesisNode':
        return read(node.content!);
      case 'ConstantNode':
        if (typeof node.value === 'string' || typeof node.value === 'boolean' || node.value == null) break;
        return { kind: 'constant', text: String(node.value) };
      case 'SymbolNode': {
        const constant = Object.hasOwn(namedConstants, node.name!) ? namedConstants[node.name!] : undefined;
        return constant === undefined
          ? { kind: 'variable', name: node.name! }
          : { kind: 'constant', text: constant };
      }
      case 'OperatorNode':
        return operatorOf(node);
      case 'FunctionNode':
        return callOf(node);
    }
    throw refused(node, accepted);
  }
  return read(parsed);
}

const isOperation = (tree: Tree, name: string): tree is Operation =>
  tree.kind === 'operation' && tree.name === name;

function negated(tree: Tree, format: Format): Operation {
  const text =
    tree.kind === 'operation' ? `-(${tree.text})` : `-${tree.kind === 'constant' ? tree.text : tree.name}`;
  return { kind: 'operation', name: 'neg', format, operands: [tree], text };
}

/** Products that are added or subtracted become fused multiply-adds, where both are of one format; of two products the left one. */
export function contracted(tree: Tree): Tree {
  if (tree.kind !== 'operation') return tree;
  const operands = tree.operands.map(contracted);
  const [left, right] = operands as [Tree, Tree];
  const fuses = (side: Tree): side is Operation => isOperation(side, 'mul') && side.format === tree.format;
  const fma = (a: Tree, b: Tree, c: Tree): Tree => ({ ...tree, name: 'fma', operands: [a, b, c] });
  const { format } = tree;
  if (tree.name === 'add' && fuses(left)) return fma(left.operands[0]!, left.operands[1]!, right);
  if (tree.name === 'add' && fuses(right)) return fma(right.operands[0]!, right.operands[1]!, left);
  if (tree.name === 'sub' && fuses(left))
    return fma(left.operands[0]!, left.operands[1]!, negated(right, format));
  if (tree.name === 'sub' && fuses(right))
    return fma(negated(right.operands[0]!, format), right.operands[1]!, left);
  return { ...tree, operands };
}
