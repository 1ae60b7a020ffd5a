/**
 * What a user adds to an instance: functions and values that are imported, whose results enter the format, and configuration.
 */
import type { ConfigOptions, MathJsInstance } from 'mathjs';
import { type AnyFunction, changed, type Factory, type Typed, type TypedFunction } from './factories.ts';
import { type Settler, treatedFunction } from './settle.ts';

/** What is imported, with results and values in the format: functions, factories, values, and lists and objects of these. */
function inFormat(given: unknown, settler: Settler, typed: Typed): unknown {
  const { settle } = settler;
  const each = (value: unknown): unknown => inFormat(value, settler, typed);
  if (typeof given === 'function') {
    if ('isFactory' in given) return changed(given as unknown as Factory, each);
    const { signatures } = given as unknown as Partial<TypedFunction>;
    if (signatures !== undefined)
      return treatedFunction(typed, given as unknown as TypedFunction, signatures, {}, { after: settle });
    // In all but its results, as a constructor too, it is the one given.
    return new Proxy(given, { apply: (f, self, args) => settle(Reflect.apply(f, self, args)) });
  }
  if (Array.isArray(given)) return given.map(each);
  if (Object.getPrototypeOf(given ?? 0) !== Object.prototype) return settle(given);
  return Object.fromEntries(Object.entries(given as object).map(([name, value]) => [name, each(value)]));
}

/** Has imports enter the format, and every configuration checked. */
export function guard(
  math: MathJsInstance,
  settler: Settler,
  checkConfig: (config: ConfigOptions) => void,
): void {
  const open = math as unknown as Record<string, AnyFunction> & {
    readonly expression: { readonly mathWithTransform: Record<string, AnyFunction> };
  };
  const [importAll, configure] = [open['import']!, open['config']!] as unknown as ((
    ...x: unknown[]
  ) => unknown)[];
  open['import'] = (functions: unknown, ...options: unknown[]) =>
    importAll!(inFormat(functions, settler, open['typed'] as unknown as Typed), ...options);
  // Its fields are the configuration.
  open['config'] = new Proxy(configure!, {
    apply: (f, self, [config]: [ConfigOptions?]) => {
      if (config !== undefined) checkConfig(config);
      return Reflect.apply(f, self, [config]);
    },
  });
  open.expression.mathWithTransform['config'] = open['config'];
}
