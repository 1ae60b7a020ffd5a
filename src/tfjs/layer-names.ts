/** Whether a layer is meant by a name in a policy. Strings only. */

const expressions = new Map<string, RegExp>();

function expressionOf(pattern: string): RegExp {
  let known = expressions.get(pattern);
  if (known === undefined) {
    const parts = pattern.split('*').map((part) => part.replace(/[\\^$.|?+()[\]{}]/g, '\\$&'));
    known = new RegExp(`^${parts.join('.*')}$`);
    expressions.set(pattern, known);
  }
  return known;
}

/**
 * Whether a pattern is the name of a layer on the path, or of the path itself, its names joined by `/`. `*` stands for any
 * characters. An empty pattern means what lies in no layer.
 */
export function matchesLayer(pattern: string, path: readonly string[]): boolean {
  const expression = expressionOf(pattern);
  return expression.test(path.join('/')) || path.some((name) => expression.test(name));
}
