/**
 * What is written as mathematics against what it stands for: broadcast operations against flat ones, compiled expressions against the
 * sequence of calls, factorisations against products of as many operations (2 n^3 / 3 of LU in its time, 2 n^3 of the product in its), and what
 * the first import of the package takes. Pairs take turns, by processor time.
 */
import { execFileSync } from 'node:child_process';
import { arithmetic, round } from '../build/index.js';
import { lu, solve } from '../build/linalg/index.js';
import { fill, medianOf, processorSeconds } from './measure.js';
import { digits, judge, table } from './report.js';

const formats = ['binary16', 'bfloat16', 'e4m3fn'];
const extent = 1000;
const order = 256;

/** Seconds of a call. @param {() => unknown} call */
function secondsOf(call) {
  const start = processorSeconds();
  call();
  return processorSeconds() - start;
}

/**
 * The rates of calls by that of the first, each per its operations.
 * @param {Record<string, readonly [call: () => unknown, operations?: number]>} calls
 * @param {number} seconds of measuring each
 * @returns {{ what: string, milliseconds: number, ratio: number }[]} of all but the first
 */
function rates(calls, seconds) {
  const cases = Object.entries(calls);
  const times = cases.map(() => /** @type {number[]} */ ([]));
  const turn = () => cases.map(([, [call]]) => secondsOf(call));
  // Until the compiler has done what it does of code that is called often.
  for (let i = 0; i < 60; i++) turn();
  const end = performance.now() + 1e3 * seconds * cases.length;
  for (let turns = 0; turns < 11 || performance.now() < end; turns++)
    for (const [i, time] of turn().entries()) times[i]?.push(time);
  const own = cases.map(([, [, operations = 1]], i) => medianOf(times[i] ?? []) / operations);
  return cases.slice(1).map(([what, [, operations = 1]], i) => {
    const time = own[i + 1] ?? Number.NaN;
    return { what, milliseconds: 1e3 * time * operations, ratio: (own[0] ?? Number.NaN) / time };
  });
}

/** Numbers from -1 to 1. @param {number} length */
function uniform(length) {
  let state = 1;
  return Float32Array.from({ length }, () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 31 - 1;
  });
}

/** @param {string} format @param {number} seconds */
function ofFormat(format, seconds) {
  const f = arithmetic(format);
  const array = (/** @type {number[]} */ ...shape) =>
    f.array(round(fill(new Float32Array(shape.reduce((n, m) => n * m, 1))), format), shape);
  const [a, b] = [array(extent, extent), array(extent, extent)];
  const [row, column, out] = [array(extent), array(extent, 1), array(extent, extent)];
  const broadcast = rates(
    {
      flat: [() => a.add(b, { out })],
      row: [() => a.add(row, { out })],
      column: [() => a.add(column, { out })],
      'row first': [() => row.add(a, { out })],
      scalar: [() => a.add(1, { out })],
      transposed: [() => a.T.add(b, { out })],
    },
    seconds,
  );
  const [x, y, z, sum] = [a.data, b.data, out.data.map(() => 1), out.data];
  const compiled = f.compile('x * y + x * z');
  const expressions = rates(
    {
      calls: [() => f.add(f.mul(x, y), f.mul(x, z), { out: sum })],
      'x * y + x * z': [() => compiled({ x, y, z }, { out: sum })],
    },
    seconds,
  );
  // Of one magnitude: where sums come near the end of the range, they are rounded otherwise.
  const m = f.array(round(uniform(order * order), format), [order, order]);
  const linalg = rates(
    {
      product: [() => m.matmul(m), 2 * order ** 3],
      LU: [() => lu(m), (2 / 3) * order ** 3],
      solve: [() => solve(m, m.column(0)), (2 / 3) * order ** 3 + 2 * order ** 2],
    },
    seconds,
  );
  const named = [
    ...broadcast.map((each) => ({ ...each, than: 'flat sum' })),
    ...expressions.map((each) => ({ ...each, than: 'calls' })),
    ...linalg.map((each) => ({ ...each, than: 'product' })),
  ];
  return named.map((each) => ({ format, ...each }));
}

/** Milliseconds of processor time of the first `import('halfulp')` of a process: of the package in `dist`. */
function importing() {
  const program = `
    const start = process.cpuUsage();
    await import('halfulp');
    const { user, system } = process.cpuUsage(start);
    console.log((user + system) / 1e3);`;
  const once = () => Number(execFileSync(process.execPath, ['--input-type=module', '-e', program]));
  const milliseconds = medianOf(Array.from({ length: 9 }, once));
  return { what: "import('halfulp')", format: '', than: '60 ms', milliseconds, ratio: 60 / milliseconds };
}

/**
 * @param {{ seconds: number, report: (line: string) => void }} options
 * @returns rows of rates by that of what each is compared with
 */
export function benchShaped({ seconds, report }) {
  const rows = formats.flatMap((format) => {
    report(`shaped arrays: ${format}`);
    return ofFormat(format, seconds);
  });
  return [...rows, importing()];
}

/** @param {ReturnType<typeof benchShaped>} rows */
export const shapedTable = (rows) =>
  table(
    `Shaped arrays, expressions and linear algebra: rate by that of what each is compared with; ${extent} x ${extent}, n = ${order}`,
    ['what', 'format', 'ms', 'ratio', 'to'],
    rows.map((row) => [row.what, row.format, digits(row.milliseconds), digits(row.ratio), row.than]),
  );

/** @param {ReturnType<typeof benchShaped>} rows */
export function shapedTargets(rows) {
  const of = (/** @type {string[]} */ ...whats) =>
    rows
      .filter(({ what }) => whats.includes(what))
      .map(({ what, format, ratio }) => ({ label: `${what} ${format}`.trim(), ratio }));
  return [
    judge('broadcast sums by the flat one', 1 / 1.3, of('row', 'column', 'row first', 'scalar')),
    judge('expressions by their calls', 1 / 1.5, of('x * y + x * z')),
    judge(
      'LU in binary16 by its product',
      1 / 3,
      of('LU').filter(({ label }) => label === 'LU binary16'),
    ),
    judge("import('halfulp') in 60 ms", 1, of("import('halfulp')")),
  ];
}
