/**
 * How the source files hang together: rooms import rooms below them only, no file imports itself by way of others (types
 * included), what a file exports some other file uses, and comments name files that there are. Reads syntax alone.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, normalize } from 'node:path';
import ts from 'typescript';
import { describe, expect, test } from 'vitest';

/** The rooms, and which they may import. Files beside them are the ground floor, which imports nothing but itself. */
const core = ['formats', 'rounding', 'products'];
const below: Readonly<Record<string, readonly string[]>> = {
  formats: [],
  rounding: ['formats'],
  products: ['formats', 'rounding'],
  explained: ['formats', 'rounding'],
  arithmetic: [...core, 'explained'],
  kernels: core,
  operations: [...core, 'arithmetic', 'kernels'],
  expressions: [...core, 'arithmetic', 'operations'],
  arrays: [...core, 'arithmetic', 'kernels', 'operations', 'expressions'],
  linalg: [...core, 'kernels', 'arrays'],
  quantizers: [...core, 'arithmetic', 'kernels', 'operations'],
  mathjs: [...core, 'arithmetic'],
  vectors: [...core, 'arithmetic', 'kernels', 'operations', 'quantizers'],
  testing: [...core, 'vectors'],
  tfjs: [...core, 'arithmetic', 'kernels', 'operations', 'quantizers'],
  files: [],
  after: [...core, 'operations', 'quantizers'],
  'model-files': [...core, 'kernels', 'operations', 'quantizers', 'files', 'after'],
  laws: ['formats', 'rounding'],
  experiments: [],
  train: [...core, 'arithmetic', 'kernels', 'operations', 'quantizers', 'tfjs', 'files', 'laws'],
  cli: [
    ...core,
    'explained',
    'arithmetic',
    'kernels',
    'operations',
    'quantizers',
    'vectors',
    'tfjs',
    'files',
    'after',
    'model-files',
    'train',
    'laws',
    'expressions',
    'experiments',
  ],
  studies: ['files', 'train', 'cli'],
};
/** Rooms that work without any package. */
const bare = [
  'formats',
  'rounding',
  'products',
  'explained',
  'arithmetic',
  'kernels',
  'operations',
  'expressions',
  'arrays',
  'linalg',
  'quantizers',
  'vectors',
];

/** What users import or run: their exports are for them. */
const entries = [
  ...Object.values(JSON.parse(readFileSync('package.json', 'utf8')).exports as Record<string, unknown>),
  { default: './dist/cli/main.js' },
].flatMap((entry) =>
  typeof entry === 'object'
    ? [(entry as { default: string }).default.replace('./dist/', 'src/').replace(/\.js$/, '.ts')]
    : [],
);

/** Source files of TensorFlow.js that comments name. */
const foreign = ['engine', 'operation', 'optimizer', 'tensor', 'topology', 'training', 'training_dataset']
  .concat([
    'regularizers',
    'normalization',
    'serialization',
    'kernel_names',
    'global_util',
    'backend_cpu',
    'backend_wasm',
  ])
  .map((name) => `${name}.ts`);

const filesIn = (folder: string, ending: RegExp): string[] =>
  readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .filter((file) => ending.test(file) && !file.startsWith(join('kernels', 'assembly')))
    .map((file) => join(folder, file));

const sources = filesIn('src', /\.ts$/);
const users = ['test', 'bench', 'scripts', 'examples', 'lab'].flatMap((folder) =>
  filesIn(folder, /\.[jt]s$/),
);

/** An import: the file or package, and the names, undefined for all. */
interface Import {
  readonly from: string;
  readonly names: readonly string[] | undefined;
}

/** The file that an import is of, dist/ and build/ read as src/; a package as it is. */
function resolved(file: string, specifier: string): string {
  if (!specifier.startsWith('.')) return specifier;
  return normalize(join(dirname(file), specifier)).replace(/^(?:dist|build)(\/.*)\.js$/, 'src$1.ts');
}

function parsed(file: string): { readonly imports: Import[]; readonly exports: string[] } {
  const source = ts.createSourceFile(file, readFileSync(file, 'utf8'), ts.ScriptTarget.Latest, true);
  const imports: Import[] = [];
  const exports: string[] = [];
  const isExported = (node: ts.Node): boolean =>
    ts.canHaveModifiers(node) &&
    ts.getModifiers(node)?.some(({ kind }) => kind === ts.SyntaxKind.ExportKeyword) === true;
  const wholly = (node: ts.Node | undefined): void => {
    if (node !== undefined && ts.isStringLiteral(node))
      imports.push({ from: resolved(file, node.text), names: undefined });
  };
  const visit = (node: ts.Node): void => {
    if (ts.isImportDeclaration(node) || ts.isExportDeclaration(node)) {
      const { moduleSpecifier } = node;
      const bindings = ts.isImportDeclaration(node) ? node.importClause?.namedBindings : node.exportClause;
      const elements = bindings !== undefined && 'elements' in bindings ? [...bindings.elements] : undefined;
      const names = elements?.map(({ propertyName, name }) => (propertyName ?? name).text);
      if (moduleSpecifier === undefined) exports.push(...(names ?? []));
      else imports.push({ from: resolved(file, (moduleSpecifier as ts.StringLiteral).text), names });
    } else if (ts.isCallExpression(node) && node.expression.kind === ts.SyntaxKind.ImportKeyword)
      wholly(node.arguments[0]);
    else if (ts.isImportTypeNode(node) && ts.isLiteralTypeNode(node.argument)) wholly(node.argument.literal);
    else if (ts.isVariableStatement(node) && isExported(node)) {
      for (const { name } of node.declarationList.declarations)
        if (ts.isIdentifier(name)) exports.push(name.text);
    } else if (isExported(node)) exports.push((node as ts.DeclarationStatement).name?.text ?? 'default');
    ts.forEachChild(node, visit);
  };
  visit(source);
  return { imports, exports };
}

const modules = new Map([...sources, ...users].map((file) => [file, parsed(file)]));
const importsOf = (file: string): string[] => [
  ...new Set(modules.get(file)!.imports.map(({ from }) => from)),
];
const roomOf = (file: string): string => {
  const [, room, ...rest] = file.split('/');
  return rest.length === 0 ? '' : room!;
};

/** The groups of files each of which imports itself by way of the others (Tarjan). */
function circles(): string[][] {
  const order = new Map<string, number>();
  const lowest = new Map<string, number>();
  const open: string[] = [];
  const found: string[][] = [];
  const enter = (file: string): void => {
    order.set(file, order.size);
    lowest.set(file, order.get(file)!);
    open.push(file);
    for (const next of importsOf(file).filter((one) => one.startsWith('src/') && modules.has(one))) {
      if (!order.has(next)) enter(next);
      if (open.includes(next)) lowest.set(file, Math.min(lowest.get(file)!, lowest.get(next)!));
    }
    if (lowest.get(file) !== order.get(file)) return;
    const group = open.splice(open.indexOf(file));
    if (group.length > 1) found.push(group.sort());
  };
  for (const file of sources) if (!order.has(file)) enter(file);
  return found;
}

describe('source files', () => {
  test('are all read', () => {
    expect(sources.length).toBeGreaterThan(400);
    expect(
      sources.flatMap(importsOf).filter((from) => from.startsWith('src/') && !modules.has(from)),
    ).toEqual([]);
  });

  test('import rooms below their own only', () => {
    const wrong = sources.flatMap((file) => {
      const room = roomOf(file);
      if (file === 'src/index.ts') return [];
      const accepted = ['', room, ...(room === '' ? [] : (below[room] ?? []))];
      return importsOf(file)
        .filter((from) => from.startsWith('src/') && !accepted.includes(roomOf(from)))
        .map((from) => `${file} imports ${from}`);
    });
    expect(wrong).toEqual([]);
    expect([...new Set(sources.map(roomOf))].filter((room) => room !== '').sort()).toEqual(
      Object.keys(below).sort(),
    );
  });

  test('of the core need no package', () => {
    const wrong = sources
      .filter((file) => bare.includes(roomOf(file)))
      .flatMap((file) =>
        importsOf(file)
          .filter((from) => !/^(src\/|node:)/.test(from))
          .map((from) => `${file}: ${from}`),
      );
    expect(wrong).toEqual([]);
  });

  test('do not import themselves by way of others', () => {
    expect(circles()).toEqual([]);
  });

  test('export what another file uses', () => {
    const used = new Set<string>();
    for (const [file, { imports }] of modules) {
      // What is imported whole is used by the names that the file has.
      const words = new Set(readFileSync(file, 'utf8').match(/\w+/g));
      for (const { from, names } of imports)
        for (const name of names ?? modules.get(from)?.exports.filter((one) => words.has(one)) ?? [])
          if (from !== file) used.add(`${from} ${name}`);
    }
    const unused = sources
      .filter((file) => !entries.includes(file) && !/^src\/kernels\/(assembly|generated)\//.test(file))
      .flatMap((file) => modules.get(file)!.exports.map((name) => `${file} ${name}`))
      .filter((one) => !used.has(one));
    expect(unused).toEqual([]);
  });

  test('name files in comments that there are', () => {
    const files = [...modules.keys(), ...filesIn('src/kernels/assembly', /\.ts$/), 'vitest.config.ts'];
    const missing = sources.flatMap((file) => {
      const text = readFileSync(file, 'utf8');
      const comments = text.match(/\/\*[\s\S]*?\*\/|(?<=^|\s)\/\/[^\n]*/g) ?? [];
      return comments
        .flatMap((comment) => comment.match(/(?<![\w/.*-])(?:[\w.-]+\/)*\w[\w-]*\.ts\b/g) ?? [])
        .filter((name) => !foreign.includes(name) && !files.some((one) => `/${one}`.endsWith(`/${name}`)))
        .map((name) => `${file} names ${name}`);
    });
    expect(missing).toEqual([]);
  });
});
