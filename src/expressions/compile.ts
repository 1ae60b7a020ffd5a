/** From the text of an expression and its options to a program. */
import type { Arithmetic } from '../arithmetic/index.ts';
import { checkFields, checkObject, oneOf, pathOf, within } from '../check.ts';
import { ArgumentError } from '../errors.ts';
import type { Format } from '../formats/format.ts';
import { type FormatArgument, type FormatSpelling, toFormat } from '../formats/names.ts';
import { type Parse, parserOf } from './parser.ts';
import { type Program, programOf } from './program.ts';
import { contracted, treeOf } from './tree.ts';

export interface CompileOptions<F extends string = FormatSpelling> {
  /** Formats of variables: each is rounded to its own when it comes in. Default: values must be in the arithmetic's format. */
  readonly formats?: Readonly<Record<string, FormatArgument<F>>>;
  /**
   * Formats of operations, by the name of the method (`mul`) or by a part of the expression (`'a * b'`), which comes first. Default: the
   * arithmetic's. Operands of another format are converted.
   */
  readonly operations?: Readonly<Record<string, FormatArgument<F>>>;
  /** `'fma'`: a b + c is rounded once where both operations are of one format; of two products the left one is fused. */
  readonly contract?: 'fma';
  /** The parser: `parse` of an instance of mathjs. Default: that of the mathjs that Node finds. */
  readonly parse?: Parse;
}

const optionNames = ['formats', 'operations', 'contract', 'parse'] as const;

function readFormats(path: string, given: CompileOptions['formats']): Record<string, Format> {
  // Without the names that every object inherits: variables may be called so.
  const formats = Object.create(null) as Record<string, Format>;
  if (given === undefined) return formats;
  const named = checkObject(path, given, 'an object of formats by name') as NonNullable<typeof given>;
  const entries = Object.entries(named).map(([name, format]): [string, Format] => [
    name,
    within(path, () => {
      try {
        return toFormat(format);
      } catch (error) {
        if (!(error instanceof ArgumentError)) throw error;
        throw new ArgumentError(name, error.given, error.accepted);
      }
    }),
  ]);
  return Object.assign(formats, Object.fromEntries(entries));
}

/** Throws ArgumentError for names that the expression does not have. */
function checkUsed(path: string, given: readonly string[], used: readonly string[], what: string): void {
  for (const name of given)
    if (!used.includes(name))
      throw new ArgumentError(pathOf(path, name), name, `${what}: ${used.join(', ') || 'none'}`);
}

/**
 * The program of an expression.
 *
 * @throws ArgumentError for what cannot be parsed, for operators and functions that no arithmetic has, and for wrong options; Error where
 *   there is no parser.
 */
export function compileProgram(f: Arithmetic, text: unknown, options?: CompileOptions): Program {
  if (typeof text !== 'string' || text.trim() === '')
    throw new ArgumentError('expression', text, "an expression, such as 'a * b + c'");
  const given = checkFields<CompileOptions>('', options, optionNames);
  const parse = parserOf(given.parse);
  const parsed = (part: string): ReturnType<Parse> => {
    try {
      return parse(part);
    } catch (error) {
      throw new ArgumentError('expression', part, `what mathjs parses: ${(error as Error).message}`);
    }
  };
  const formats = readFormats('formats', given.formats);
  const operations = Object.entries(readFormats('operations', given.operations));
  const byText = new Map(
    operations.map(([name, format]) => [/^\w+$/.test(name) ? name : parsed(name).toString(), format]),
  );
  const used = new Set<string>();
  const tree = treeOf(parsed(text), (name, part) => {
    used.add(name).add(part);
    return byText.get(part) ?? byText.get(name) ?? f.format;
  });
  const written = new Map(
    operations.map(([name]) => [/^\w+$/.test(name) ? name : parsed(name).toString(), name]),
  );
  for (const [part, name] of written)
    if (!used.has(part))
      throw new ArgumentError(
        pathOf('operations', name),
        name,
        `an operation of the expression: ${[...used].join(', ')}`,
      );
  const contract = oneOf('contract', given.contract ?? 'none', ['fma', 'none']);
  const program = programOf(contract === 'fma' ? contracted(tree) : tree, f, formats);
  checkUsed('formats', Object.keys(formats), program.names, 'a variable of the expression');
  return program;
}
