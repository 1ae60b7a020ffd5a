/** The forms of one row a line: TestFloat's, CSV, JSON Lines and the words of Verilog's $readmemh. */

import type { Code } from '../../formats/format.ts';
import { parseJson } from '../../json.ts';
import { columnsOf, digitsOf, type Field } from '../fields.ts';
import type { TestOperation } from '../operation.ts';
import { flagBitCount, NotARow, type Row, type TextForm } from './form.ts';
import { hexReader, hexWriter } from './hex.ts';

const flagField: Field = { name: 'flags', format: undefined, bits: flagBitCount, count: 1 };

/** All columns of a row, the flags last where there are any. */
function rowColumns({ operands, results, hasFlags }: TestOperation): Field[] {
  return columnsOf([...operands, ...results, ...(hasFlags ? [flagField] : [])]);
}

/** The row of all columns' codes. */
function rowOf(codes: Code[], { hasFlags }: TestOperation): Row {
  return hasFlags ? { flags: codes.pop() as number, codes } : { flags: 0, codes };
}

/** A row's codes with its flags at the end. */
function allCodes({ codes, flags }: Row, { hasFlags }: TestOperation): readonly Code[] {
  return hasFlags ? [...codes, flags] : codes;
}

function isBlank(line: string): boolean {
  return line.trim() === '';
}

/** TestFloat: operands, results and flags in hexadecimal, a space between two. */
const testfloat: TextForm = {
  head: () => '',
  writer: (operation) => {
    const writers = rowColumns(operation).map(hexWriter);
    return (row) =>
      `${allCodes(row, operation)
        .map((code, i) => writers[i]!(code))
        .join(' ')}\n`;
  },
  reader: (operation) => {
    const columns = rowColumns(operation);
    const readers = columns.map(hexReader);
    return (line) => {
      const words = line.split(' ');
      if (words.length !== readers.length || words[0] === '') {
        if (isBlank(line)) return undefined;
        const trimmed = line.trim().split(/\s+/);
        if (trimmed.length !== readers.length)
          throw new NotARow(
            `${readers.length} words (${columns.map(({ name }) => name).join(' ')}), not ${trimmed.length}`,
          );
        return rowOf(
          trimmed.map((word, i) => readers[i]!(word)),
          operation,
        );
      }
      const codes = new Array<Code>(words.length);
      for (let i = 0; i < words.length; i++) codes[i] = readers[i]!(words[i]!);
      return rowOf(codes, operation);
    };
  },
};

function withPrefix(reader: (text: string) => Code): (text: string) => Code {
  return (text) => {
    if (!/^0x/i.test(text)) throw new NotARow('0x and hexadecimal digits');
    return reader(text.slice(2));
  };
}

/** CSV (RFC 4180): a line of names, then codes as 0x and digits. Columns may come in any order. */
const csv: TextForm = {
  head: (operation) =>
    `${rowColumns(operation)
      .map(({ name }) => name)
      .join(',')}\n`,
  writer: (operation) => {
    const writers = rowColumns(operation).map(hexWriter);
    return (row) =>
      `${allCodes(row, operation)
        .map((code, i) => `0x${writers[i]!(code)}`)
        .join(',')}\n`;
  },
  reader: (operation) => {
    const columns = rowColumns(operation);
    const readers = columns.map((field) => withPrefix(hexReader(field)));
    let order: readonly number[] | undefined;
    return (line) => {
      if (isBlank(line)) return undefined;
      const cells = line.split(',').map((cell) => cell.trim().replace(/^"(.*)"$/, '$1'));
      if (order === undefined) {
        order = columns.map(({ name }) => cells.indexOf(name));
        if (cells.length !== columns.length || order.includes(-1))
          throw new NotARow(`the columns ${columns.map(({ name }) => name).join(', ')}`);
        return undefined;
      }
      if (cells.length !== columns.length) throw new NotARow(`${columns.length} cells, not ${cells.length}`);
      return rowOf(
        order.map((place, i) => readers[i]!(cells[place]!)),
        operation,
      );
    };
  },
};

/** JSON Lines: an object a line, codes as strings of 0x and digits, fields of several codes as arrays, flags as a number. */
const jsonl: TextForm = {
  head: () => '',
  writer: (operation) => {
    const fields = [...operation.operands, ...operation.results];
    const writers = fields.map(hexWriter);
    return ({ codes, flags }) => {
      let at = 0;
      const parts = fields.map(({ name, count }, i) => {
        const own = codes.slice(at, at + count).map((code) => `"0x${writers[i]!(code)}"`);
        at += count;
        return `"${name}":${count === 1 ? own[0]! : `[${own.join(',')}]`}`;
      });
      return `{${[...parts, ...(operation.hasFlags ? [`"flags":${flags}`] : [])].join(',')}}\n`;
    };
  },
  reader: (operation) => {
    const fields = [...operation.operands, ...operation.results];
    const readers = fields.map((field) => withPrefix(hexReader(field)));
    const names = [...fields.map(({ name }) => name), ...(operation.hasFlags ? ['flags'] : [])];
    const words = `an object with ${names.join(', ')}`;
    return (line) => {
      if (isBlank(line)) return undefined;
      let row: unknown;
      try {
        row = parseJson(line);
      } catch {
        throw new NotARow(words);
      }
      const isRow = typeof row === 'object' && row !== null && Object.keys(row).length === names.length;
      if (!isRow || !names.every((name) => Object.hasOwn(row as object, name))) throw new NotARow(words);
      const given = row as Readonly<Record<string, unknown>>;
      const codes = fields.flatMap(({ name, count }, i) => {
        const list: unknown = count === 1 ? [given[name]] : given[name];
        if (!Array.isArray(list) || list.length !== count || !list.every((code) => typeof code === 'string'))
          throw new NotARow(
            `${words}; ${name} is ${count === 1 ? 'a string' : `an array of ${count} strings`}`,
          );
        return (list as string[]).map(readers[i]!);
      });
      const flags = operation.hasFlags ? given['flags'] : 0;
      if (!Number.isInteger(flags) || (flags as number) < 0 || (flags as number) >= 2 ** flagBitCount)
        throw new NotARow(`flags from 0 to ${2 ** flagBitCount - 1}`);
      return { codes, flags: flags as number };
    };
  },
};

/** Verilog's $readmemh: a word a line, the columns one after the other, each of whole digits, an underscore between two. */
const readmemh: TextForm = {
  head: (operation) => {
    const columns = rowColumns(operation);
    const digits = columns.reduce((sum, { bits }) => sum + digitsOf(bits), 0);
    const widths = columns.map(({ name, bits }) => `${name}[${4 * digitsOf(bits)}]`);
    return `// ${operation.title}\n// ${4 * digits} bits a word: ${widths.join(' ')}\n`;
  },
  writer: (operation) => {
    const writers = rowColumns(operation).map(hexWriter);
    return (row) =>
      `${allCodes(row, operation)
        .map((code, i) => writers[i]!(code))
        .join('_')}\n`;
  },
  reader: (operation) => {
    const columns = rowColumns(operation);
    const readers = columns.map(hexReader);
    const widths = columns.map(({ bits }) => digitsOf(bits));
    const total = widths.reduce((sum, width) => sum + width, 0);
    return (line) => {
      const [word = ''] = line.split('//');
      if (isBlank(word)) return undefined;
      const digits = word.trim().replaceAll('_', '');
      if (digits.length !== total)
        throw new NotARow(`a word of ${total} hexadecimal digits, not ${digits.length}`);
      let at = 0;
      const codes = readers.map((reader, i) => {
        const own = digits.slice(at, at + widths[i]!);
        at += widths[i]!;
        return reader(own);
      });
      return rowOf(codes, operation);
    };
  },
};

export const textForms: Readonly<Record<'testfloat' | 'csv' | 'jsonl' | 'readmemh', TextForm>> = {
  testfloat,
  csv,
  jsonl,
  readmemh,
};
