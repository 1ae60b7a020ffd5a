/** Matrix units against MMA-Sim, an independent model of the hardware: every configuration of a set, every output bit. */
import { describe, expect, it } from 'vitest';
import {
  type MatrixUnit,
  type MatrixUnitScales,
  matrixUnit,
} from '../../src/arithmetic/matrix-unit/index.ts';
import { type FloatFormat, formats } from '../../src/formats/index.ts';
import { arithmetic } from '../../src/operations/arithmetic.ts';
import { column, families, type GoldenSet, hasGolden, loadGolden, setsOf } from './load.ts';

type Codes = Uint8Array | Uint16Array | Uint32Array;

interface Configuration {
  readonly name: string;
  readonly m: number;
  readonly n: number;
  readonly k: number;
}

function decoded(codes: Codes, format: FloatFormat): Float64Array {
  return Float64Array.from(codes, (code) => format.decode(code));
}

/** Scale factors: an unsigned format's code may come in a byte whose top bit the hardware does not read. */
function decodedScales(codes: Codes, format: FloatFormat): Float64Array {
  return decoded(format === formats.ue4m3 ? codes.map((code) => code & 0x7f) : codes, format);
}

/** Codes of four bits, two a byte along k, the lower one first: rows are contiguous along k with `stride` 1. */
function unpacked(bytes: Codes, lines: number, k: number, stride: 'row' | 'column'): Uint8Array {
  const codes = new Uint8Array(lines * k);
  for (let line = 0; line < lines; line++)
    for (let i = 0; i < k; i++) {
      const half = i >> 1;
      const byte = stride === 'row' ? bytes[(line * k) / 2 + half]! : bytes[half * lines + line]!;
      codes[stride === 'row' ? line * k + i : i * lines + line] = (byte >> (4 * (i & 1))) & 15;
    }
  return codes;
}

/** The operands of a configuration. */
function operandsOf(
  set: GoldenSet,
  unit: MatrixUnit,
): { readonly [key in 'a' | 'b' | 'c']: Float64Array } & { readonly scales: MatrixUnitScales | undefined } {
  const codes = (part: string): Codes => column<Codes>(set, `${unit.name}.${part}`);
  const isFp4 = unit.operands.bits === 4;
  const a = isFp4 ? unpacked(codes('A'), unit.m, unit.k, 'row') : codes('A');
  const b = isFp4 ? unpacked(codes('B'), unit.n, unit.k, 'column') : codes('B');
  const register = unit.operands === formats.tf32 ? formats.binary32 : unit.operands;
  const c = decoded(codes('C'), unit.addend);
  const { scales } = unit;
  return {
    a: decoded(a, register),
    b: decoded(b, register),
    c,
    scales: scales && {
      scalesA: decodedScales(codes('sA'), scales.format),
      scalesB: decodedScales(codes('sB'), scales.format),
    },
  };
}

for (const { set: name } of setsOf(families.matrixUnits))
  describe.runIf(hasGolden(name))(name, () => {
    const set = hasGolden(name) ? loadGolden(name) : undefined;
    const configurations = (set?.header['configs'] ?? []) as readonly Configuration[];
    it.each(configurations)('$name', (configuration) => {
      const unit = matrixUnit(configuration.name);
      expect([unit.m, unit.n, unit.k]).toEqual([configuration.m, configuration.n, configuration.k]);
      expect(unit.verified).toBe(true);
      const expected = column<Codes>(set!, `${unit.name}.D`);
      const register = unit.addend === formats.binary16 ? formats.binary16 : formats.binary32;
      const wanted = Array.from(decoded(expected, register));
      const { a, b, c, scales } = operandsOf(set!, unit);
      expect(Array.from(unit.multiply(a, b, c, scales))).toEqual(wanted);
      // The kernel of matrix products, which takes no scales.
      if (scales !== undefined) return;
      const product = arithmetic('binary64').matmul(
        a,
        b,
        { m: unit.m, k: unit.k, n: unit.n, c },
        { accumulate: unit },
      );
      expect(Array.from(product)).toEqual(wanted);
    });
  });
