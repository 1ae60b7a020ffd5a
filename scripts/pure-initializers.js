/**
 * Says of what top-level constants of a module are computed from that it does nothing else, in the words that bundlers read: whoever
 * bundles a chunk that has many modules then leaves out what is not used, as `sideEffects` in `package.json` says of whole modules.
 */
import ts from 'typescript';

/** Whether a bundler that is told nothing has to run an expression. */
function acts(node) {
  if (ts.isFunctionLike(node)) return false;
  return (
    ts.isCallExpression(node) ||
    ts.isNewExpression(node) ||
    ts.isPropertyAccessExpression(node) ||
    ts.isElementAccessExpression(node) ||
    ts.isSpreadElement(node) ||
    ts.isSpreadAssignment(node) ||
    ts.isBinaryExpression(node) ||
    (ts.forEachChild(node, acts) ?? false)
  );
}

const pure = (expression) => `/*@__PURE__*/(() => (${expression}))()`;

/** A declaration anew; undefined where it can stay. */
function declared(declaration, source) {
  const { name, initializer } = declaration;
  if (initializer === undefined) return undefined;
  const value = initializer.getText(source);
  if (ts.isIdentifier(name)) {
    if (!acts(initializer)) return undefined;
    const head = source.text.slice(declaration.getStart(source), initializer.getStart(source));
    return `${head}${pure(value)}`;
  }
  // Taken apart, each name has its own initializer.
  if (!ts.isObjectBindingPattern(name) || !ts.isIdentifier(initializer)) return undefined;
  return name.elements
    .map(
      (element) =>
        `${element.name.text} = ${pure(`${value}.${(element.propertyName ?? element.name).text}`)}`,
    )
    .join(', ');
}

/** The code of a module of TypeScript, with that said. */
export function pureInitializers(code, id) {
  const source = ts.createSourceFile(id, code, ts.ScriptTarget.Latest);
  const pieces = [];
  let end = 0;
  for (const statement of source.statements) {
    if (!ts.isVariableStatement(statement)) continue;
    for (const declaration of statement.declarationList.declarations) {
      const text = declared(declaration, source);
      if (text === undefined) continue;
      pieces.push(code.slice(end, declaration.getStart(source)), text);
      end = declaration.end;
    }
  }
  return [...pieces, code.slice(end)].join('');
}
