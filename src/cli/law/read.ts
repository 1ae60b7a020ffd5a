/** Numbers of the commands of laws as people type them: `7e9`, `1.3B`, `300M`, `2T`. */
import { ArgumentError } from '../../errors.ts';
import { splitNames } from '../options.ts';

const units: Readonly<Record<string, number>> = { '': 1, k: 1e3, m: 1e6, b: 1e9, g: 1e9, t: 1e12 };

/** The number that a text is; NaN if it is none. */
function numberOf(text: string): number {
  const [, digits, unit] =
    /^(\d+\.?\d*(?:e[+-]?\d+)?|\.\d+(?:e[+-]?\d+)?)([kmbgt]?)$/i.exec(text.trim()) ?? [];
  return Number(digits) * units[(unit ?? '').toLowerCase()]!;
}

/** A reader of numbers above 0. */
export function amount(option: string): (text: string) => number {
  return (text) => {
    const value = numberOf(text);
    if (value > 0 && Number.isFinite(value)) return value;
    throw new ArgumentError(option, text, 'a number above 0: 7e9, 7B, 300M, 2T');
  };
}

/** A reader of `name=number` with commas between them, each name once. */
export function assignments(option: string): (text: string) => Record<string, number> {
  return (text) => {
    const read = new Map<string, number>();
    for (const part of splitNames(option, text)) {
      const [, name, number = ''] = /^(\w+)\s*=\s*(\S+)$/.exec(part) ?? [];
      const value = numberOf(number);
      if (name === undefined || !Number.isFinite(value))
        throw new ArgumentError(option, part, 'name=number, with commas between them');
      if (read.has(name)) throw new ArgumentError(option, part, `${name} once`);
      read.set(name, value);
    }
    return Object.fromEntries(read);
  };
}
