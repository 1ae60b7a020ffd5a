/**
 * JSON: of files that anybody may have written, nested no deeper than programs that read it can follow, and without
 * `__proto__`, which JavaScript takes for something else; and of numbers that JSON has no words for, as strings that
 * `Number` reads back, so that a loss that is NaN is told from one that is not there. No schema: that is schema.ts.
 */

/** Arrays and objects within each other. Whole recipes have 7, a tensor has as many as it has axes. */
export const deepestJson = 64;

/** Whether brackets nest deeper than {@link deepestJson}; those in strings do not count. */
function isTooDeep(text: string): boolean {
  let depth = 0;
  let inString = false;
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i);
    if (inString) {
      if (unit === 0x5c) i++;
      else if (unit === 0x22) inString = false;
    } else if (unit === 0x22) inString = true;
    else if (unit === 0x5b || unit === 0x7b) {
      if (++depth > deepestJson) return true;
    } else if (unit === 0x5d || unit === 0x7d) depth--;
  }
  return false;
}

function hasProto(value: unknown): boolean {
  if (typeof value !== 'object' || value === null) return false;
  if (Array.isArray(value)) return value.some(hasProto);
  return Object.hasOwn(value, '__proto__') || Object.values(value).some(hasProto);
}

/**
 * The value of a JSON text. Throws SyntaxError whose message says what is wrong with it.
 */
export function parseJson(text: string): unknown {
  if (isTooDeep(text)) throw new SyntaxError(`it nests deeper than ${deepestJson} arrays and objects`);
  const value: unknown = JSON.parse(text);
  if (hasProto(value)) throw new SyntaxError('it has a field __proto__');
  return value;
}

/** A key that an object of a JSON text has twice, of which a parser would drop one; undefined: there is none. */
function repeatedKey(text: string): string | undefined {
  const open: (Set<string> | undefined)[] = [];
  for (const [token] of text.matchAll(/"(?:[^"\\]|\\.)*"(?:\s*:)?|[[\]{}]/g)) {
    if (token === '{') open.push(new Set());
    else if (token === '[') open.push(undefined);
    else if (token === '}' || token === ']') open.pop();
    else if (token.endsWith(':')) {
      const key = JSON.parse(token.slice(0, token.lastIndexOf('"') + 1)) as string;
      if (open.at(-1)?.has(key)) return key;
      open.at(-1)?.add(key);
    }
  }
  return undefined;
}

/** The same of what somebody has written by hand or made to be read by others: no key twice in an object. */
export function parseOwnJson(text: string): unknown {
  const value = parseJson(text);
  const repeated = repeatedKey(text);
  if (repeated !== undefined) throw new SyntaxError(`it has the key ${repeated} twice`);
  return value;
}

/** Characters of a terminal that JSON leaves as they are: C1 controls, and marks that turn the direction of text. */
const controls = /[\u007f-\u009f\u200e\u200f\u2028-\u202e\u2066-\u2069]/g;

/** JSON text in which NaN, infinities and -0 are strings that `Number` reads back, and bigints decimal strings. */
export function jsonText(value: unknown, indent?: number): string {
  const text = JSON.stringify(
    value,
    (_, item: unknown) => {
      if (typeof item === 'bigint') return item.toString();
      if (typeof item !== 'number') return item;
      if (Object.is(item, -0)) return '-0';
      return Number.isFinite(item) ? item : String(item);
    },
    indent,
  );
  return text.replace(controls, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`);
}

/** The number of such a field. Null, which JSON makes of NaN and infinities by itself and older files have, is NaN. */
export function numberFrom(field: unknown): number {
  return field === null ? Number.NaN : Number(field);
}
