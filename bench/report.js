/** Benchmark results as text tables, and the targets that they are held against. */

/**
 * Columns padded to their widest cell, numbers to the right.
 * @param {string} title
 * @param {readonly string[]} header
 * @param {readonly (readonly (string | number)[])[]} rows
 */
function table(title, header, rows) {
  const cells = rows.map((row) => row.map(String));
  const widths = header.map((name, i) => Math.max(name.length, ...cells.map((row) => (row[i] ?? '').length)));
  const line = (/** @type {readonly string[]} */ row, /** @type {readonly (string | number)[]} */ kinds) =>
    row
      .map((cell, i) =>
        typeof kinds[i] === 'number' ? cell.padStart(widths[i] ?? 0) : cell.padEnd(widths[i] ?? 0),
      )
      .join('  ')
      .trimEnd();
  const body = rows.map((row, i) => line(cells[i] ?? [], row));
  return [title, line(header, rows[0] ?? []), ...body, ''].join('\n');
}

/** Three significant digits. @param {number} x */
const digits = (x) => Number(x.toPrecision(3));

/** @param {any[]} rows */
export function roundingTable(rows) {
  return table(
    'Rounding of float32, M elements/s; ratios of the heap-resident and the ordinary array',
    [
      'format',
      'rounding',
      'length',
      'memmove',
      'heap',
      'in place',
      'ordinary',
      'plain JS',
      'heap/memmove',
      'ordinary/memmove',
      'heap/JS',
      'ordinary/JS',
    ],
    rows.map((r) => [
      r.format,
      r.rounding,
      r.length,
      ...[r.memmove, r.heap, r.inPlace, r.ordinary, r.reference].map(digits),
      ...[r.heap / r.memmove, r.ordinary / r.memmove, r.heap / r.reference, r.ordinary / r.reference].map(
        digits,
      ),
    ]),
  );
}

/** @param {any[]} rows */
export function arithmeticTable(rows) {
  return table(
    'Operations on float32 arrays, M elements/s; copy reads two arrays and writes one; known: operands not looked at',
    [
      'format',
      'rounding',
      'operation',
      'length',
      'copy',
      'round',
      'checked',
      'known',
      'ordinary',
      'plain JS',
      'checked/copy',
      'known/copy',
      'checked/round',
      'known/round',
      'checked/JS',
    ],
    rows.map((r) => [
      r.format,
      r.setting,
      r.operation,
      r.length,
      ...[r.copy, r.round, r.checked, r.known, r.ordinary, r.reference].map(digits),
      ...[r.checked / r.copy, r.known / r.copy, r.checked / r.round, r.known / r.round].map(digits),
      digits(r.checked / r.reference),
    ]),
  );
}

/** @param {any[]} rows */
export function familiesTable(rows) {
  return table(
    'Rounding to every family of formats, arrays of 10^6 in kernel memory, M elements/s',
    ['format', 'rounding', 'array', 'path', 'memmove', 'kernel', 'plain JS', 'kernel/memmove', 'kernel/JS'],
    rows.map((r) => [
      r.format,
      r.setting,
      r.type,
      r.path,
      ...[r.memmove, r.kernel, r.reference, r.kernel / r.memmove, r.kernel / r.reference].map(digits),
    ]),
  );
}

/** @param {any[]} rows */
export function codecTable(rows) {
  return table(
    'Encoding and decoding ordinary float32 arrays of 10^6, M elements/s',
    ['format', 'memmove', 'encode', 'decode', 'encode/memmove', 'decode/memmove', 'encode/JS', 'decode/JS'],
    rows.map((r) => [
      r.format,
      ...[
        r.memmove,
        r.encode,
        r.decode,
        r.encode / r.memmove,
        r.decode / r.memmove,
        r.encode / r.encodeReference,
        r.decode / r.decodeReference,
      ].map(digits),
    ]),
  );
}

/** @param {any[]} rows */
export function threadsTable(rows) {
  const cores = rows[0]?.cores;
  return table(
    'Rounding of float32 to binary16 by several threads, M elements/s',
    ['arrays', 'rounding', 'bits', 'length', '1', '2', `${cores} (all cores)`, '2/1', `${cores}/1`],
    rows.map((r) => [
      r.place,
      r.rounding,
      r.randomBits,
      r.length,
      ...[r.one, r.two, r.all, r.two / r.one, r.all / r.one].map(digits),
    ]),
  );
}

/** @param {any[]} rows */
export function matmulTable(rows) {
  return table(
    'Float32 matrix products, GFLOP/s',
    ['m x k x n', 'batch', 'transposed', 'own', 'tfjs-wasm', 'ratio'],
    rows.map((r) => [
      `${r.m} x ${r.k} x ${r.n}`,
      r.batch,
      r.transposeA ? 'a' : r.transposeB ? 'b' : '-',
      ...[r.own, r.tfjs, r.own / r.tfjs].map(digits),
    ]),
  );
}

/** @param {any[]} rows Of `products.js`. */
export function productsTable(rows) {
  const sizes = Object.keys(rows[0].times).map(Number);
  return table(
    'Square matrix products, G multiply-adds/s by size; at the last size, how many times tfjs-wasm is faster',
    ['accumulator', ...sizes.map(String), 'ratio'],
    rows.map(({ name, times }) => {
      const last = sizes.findLast((n) => times[n] !== undefined) ?? 0;
      const rates = sizes.map((n) => (times[n] === undefined ? '-' : digits(n ** 3 / times[n] / 1e9)));
      return [name, ...rates, digits(times[last] / rows[0].times[last])];
    }),
  );
}

/** @param {any[]} rows elements, then products */
export function quantizersTable(rows) {
  const elements = table(
    'Quantising and dequantising float32 with a given result array, M elements/s',
    [
      'quantiser',
      'length',
      'memmove',
      'heap',
      'ordinary',
      'plain JS',
      'heap/memmove',
      'ordinary/memmove',
      'heap/JS',
    ],
    rows
      .filter((r) => r.quantizer !== undefined)
      .map((r) => [
        r.quantizer,
        r.length,
        ...[r.memmove, r.heap, r.ordinary, r.reference].map(digits),
        ...[r.heap / r.memmove, r.ordinary / r.memmove, r.heap / r.reference].map(digits),
      ]),
  );
  const products = table(
    'Products of 512 x 512, both operands quantised first, ms',
    ['operands', 'plain', 'quantised', 'quantised/plain'],
    rows
      .filter((r) => r.product !== undefined)
      .map((r) => [r.product, ...[r.plain * 1e3, r.quantized * 1e3, r.quantized / r.plain].map(digits)]),
  );
  return `${elements}\n${products}`;
}

/** @param {any[]} rows */
export function transformsTable(rows) {
  return table(
    'Random Hadamard transform, M elements/s',
    [
      'size',
      'length',
      'memmove',
      'heap',
      'ordinary',
      'columns',
      'heap/memmove',
      'ordinary/memmove',
      'heap/JS',
    ],
    rows.map((r) => [
      r.size,
      r.length.toExponential(0),
      ...[r.memmove, r.heap, r.ordinary, r.columns, r.heap / r.memmove, r.ordinary / r.memmove].map(digits),
      digits(r.heap / r.reference),
    ]),
  );
}

/** @param {any[]} rows the first one is float32 on stock kernels */
export function trainingTable(rows) {
  const stock = rows[0];
  return table(
    'A training step of llama-tiny (1024 characters), median',
    ['arm', 'kernels', 'ms', 'characters/s', 'time / float32 on stock', 'time / float32 on the same kernels'],
    rows.map((r) => {
      const same = rows.find((other) => other.arm === 'float32' && other.kernels === r.kernels);
      const ratios = [r.milliseconds / stock.milliseconds, r.milliseconds / same.milliseconds];
      return [r.arm, r.kernels, ...[r.milliseconds, 1024e3 / r.milliseconds, ...ratios].map(digits)];
    }),
  );
}

/** @param {any[]} rows by model, recipe and optimiser */
export function memoryTable(rows) {
  const optimizers = [...new Set(rows.map((r) => r.optimizer))];
  const models = [...new Set(rows.map((r) => r.model))];
  return models
    .map((model) => {
      const own = rows.filter((r) => r.model === model);
      return table(
        `Bytes per parameter of ${model}: weights, optimiser state and gradients as they are held`,
        ['recipe', 'weights', ...optimizers],
        [...new Set(own.map((r) => r.arm))].map((arm) => {
          const [first, ...others] = own.filter((r) => r.arm === arm);
          const parameters = first.gradients / 4;
          const all = [first, ...others].map((r) => r.bytesPerParameter.toFixed(2));
          return [arm, (first.weights / parameters).toFixed(2), ...all];
        }),
      );
    })
    .join('\n');
}

/** @param {any[]} rows one worker, two workers */
export function sweepTable(rows) {
  return table(
    'A sweep of llama-tiny: runs from start to final validation',
    ['workers', 'runs', 'steps', 's', 'times faster'],
    rows.map((r) => [r.workers, r.runs, r.steps, ...[r.seconds, rows[0].seconds / r.seconds].map(digits)]),
  );
}

/** @param {any[]} rows the first one of a net is what the others are compared with */
export function tfjsTable(rows) {
  return table(
    'A training step under TensorFlow.js (MLP 784-512-512-10, batch 128; convolutional net, batch 64), median',
    ['net', 'format', 'backend', 'kernels', 'ms', 'times faster than the first', 'time / float32 on ours'],
    rows.map((r) => {
      const first = rows.find((other) => other.net === r.net);
      const ours = rows.find(
        (other) => other.net === r.net && other.arm === 'float32' && other.kernels === 'own',
      );
      const ratios = [first.milliseconds / r.milliseconds, r.milliseconds / ours.milliseconds];
      return [r.net, r.arm, r.backend, r.kernels, ...[r.milliseconds, ...ratios].map(digits)];
    }),
  );
}

/**
 * @param {string} what
 * @param {number} wanted
 * @param {readonly { label: string, ratio: number }[]} measured the least of them is judged
 */
function judge(what, wanted, measured) {
  const least = measured.reduce((a, b) => (b.ratio < a.ratio ? b : a));
  return { target: what, wanted, least: digits(least.ratio), at: least.label, met: least.ratio >= wanted };
}

/** @param {readonly any[]} rows those of the operations */
function arithmeticTargets(rows) {
  const hot = rows.filter((r) => ['add', 'mul', 'fma'].includes(r.operation));
  const label = (/** @type {any} */ r) => `${r.format} ${r.operation} ${r.length.toExponential(0)}`;
  const judged = [];
  for (const way of ['checked', 'known']) {
    const long = hot.filter((r) => r.setting === 'nearest-even' && r.length === 1e7);
    const directed = hot.filter((r) => r.setting === 'toward-positive' && r.length === 1e6);
    const random = hot.filter((r) => r.setting === 'stochastic 32');
    if (long.length === 0) continue;
    judged.push(
      judge(
        `operations, nearest-even, ${way}, against a copy loop at 1e7`,
        0.5,
        long.map((r) => ({ label: label(r), ratio: r[way] / r.copy })),
      ),
      judge(
        `operations, directed, ${way}, against nearest-even at 1e6`,
        0.33,
        directed.map((r) => {
          const nearest = hot.find((n) => label(n) === label(r) && n.setting === 'nearest-even');
          return { label: label(r), ratio: r[way] / nearest[way] };
        }),
      ),
      judge(
        `operations, stochastic, ${way}, against round`,
        0.7,
        random.map((r) => ({ label: label(r), ratio: r[way] / r.round })),
      ),
    );
  }
  return judged;
}

/**
 * @param {readonly any[]} training rows of a training step
 * @param {readonly any[]} sweep rows of a sweep
 */
function trainingTargets(training, sweep) {
  const judged = [];
  const time = (/** @type {string} */ arm, /** @type {string} */ kernels) =>
    training.find((r) => r.arm === arm && r.kernels === kernels)?.milliseconds;
  if (training.length > 0) {
    const float32 = time('float32', 'own');
    const against = (/** @type {string} */ arm) => ({ label: arm, ratio: float32 / time(arm, 'own') });
    judged.push(
      judge('training step in float32 against stock wasm', 3, [
        { label: 'llama-tiny', ratio: time('float32', 'stock') / float32 },
      ]),
      judge('training step in float32 / BitNet step', 1 / 1.5, [against('bitnet')]),
      judge('training step in float32 / step on a grid', 1 / 1.3, ['dqt8', 'dqt4', 'dqt1.58'].map(against)),
    );
  }
  const [one, two] = sweep;
  if (two !== undefined)
    judged.push(
      judge('two sweep workers against one', 1.8, [{ label: '4 runs', ratio: one.seconds / two.seconds }]),
    );
  return judged;
}

/**
 * The targets, each judged by its worst case.
 * @param {Record<string, any[]>} results
 */
export function targets({
  rounding = [],
  arithmetic = [],
  families = [],
  threads = [],
  matmul = [],
  quantizers = [],
  transforms = [],
  tfjs = [],
  training = [],
  sweep = [],
}) {
  const label = (/** @type {any} */ r) => `${r.format} ${r.length.toExponential(0)}`;
  const pick = (/** @type {string} */ mode, /** @type {readonly number[]} */ lengths) =>
    rounding.filter((r) => r.rounding === mode && lengths.includes(r.length));
  const ratios = (/** @type {any[]} */ rows, /** @type {string} */ key, /** @type {string} */ by) =>
    rows.map((r) => ({ label: label(r), ratio: r[key] / r[by] }));
  const judged = [];
  if (rounding.length > 0) {
    const cached = pick('nearest-even', [1e4, 1e6]);
    const random = pick('stochastic', [1e4, 1e6, 1e7]);
    for (const place of ['heap', 'ordinary']) {
      judged.push(
        judge(
          `nearest-even, ${place}, against plain JS at 1e4 and 1e6`,
          10,
          ratios(cached, place, 'reference'),
        ),
        judge(`stochastic, ${place}, against plain JS`, 5, ratios(random, place, 'reference')),
      );
    }
    for (const place of ['heap', 'inPlace', 'ordinary'])
      for (const mode of ['nearest-even', 'toward-zero', 'toward-positive', 'to-odd'])
        for (const [length, wanted] of /** @type {const} */ ([
          [1e6, 0.6],
          [1e7, 0.9],
        ]))
          judged.push(
            judge(
              `${mode}, ${place}, against memmove at ${length.toExponential(0)}`,
              wanted,
              ratios(pick(mode, [length]), place, 'memmove'),
            ),
          );
  }
  judged.push(...arithmeticTargets(arithmetic));
  const shared = threads.filter((r) => r.place === 'heap' && r.rounding === 'stochastic');
  const divided = shared.filter((r) => r.randomBits === 32 && r.length === 1e7);
  if (divided.length > 0) {
    const measured = divided.map((r) => ({ label: 'binary16 1e+7', ratio: r.two / r.one }));
    judged.push(judge('stochastic, heap, two threads against one at 1e7', 1.7, measured));
  }
  const lists = families.filter((r) => ['posit16', 'nf4', 'dynamic8'].includes(r.format));
  if (lists.length > 0) {
    const measured = lists.map((r) => ({
      label: `${r.format} ${r.setting} ${r.type}`,
      ratio: r.kernel / r.reference,
    }));
    judged.push(judge('posit16, nf4, dynamic8, heap, against plain JS', 10, measured));
  }
  for (const [what, wanted] of /** @type {const} */ ([
    ['one scale a tensor or row', 0.3],
    ['MX and NVFP4', 0.15],
  ])) {
    const rows = quantizers.filter((r) => r.wanted === wanted && r.length === 1e7);
    for (const place of rows.length > 0 ? ['heap', 'ordinary'] : []) {
      const measured = rows.map((r) => ({ label: r.quantizer, ratio: r[place] / r.memmove }));
      judged.push(judge(`quantisers, ${what}, ${place}, against memmove at 1e7`, wanted, measured));
    }
  }
  const products = quantizers.filter((r) => r.product !== undefined);
  if (products.length > 0) {
    const measured = products.map((r) => ({ label: r.product, ratio: r.plain / r.quantized }));
    judged.push(judge('plain product of 512 x 512 against one of quantised operands', 0.91, measured));
  }
  const rotated = transforms.filter((r) => r.size === 16 && r.length === 1e7);
  for (const place of rotated.length > 0 ? ['heap', 'ordinary'] : []) {
    const measured = rotated.map((r) => ({ label: '1e+7', ratio: r[place] / r.memmove }));
    judged.push(judge(`random Hadamard-16, ${place}, against memmove at 1e7`, 0.3, measured));
  }
  const square = matmul.filter((r) => r.m === 512 && !r.transposeA && !r.transposeB);
  if (square.length > 0) {
    const measured = square.map((r) => ({ label: '512', ratio: r.own / r.tfjs }));
    judged.push(judge('plain product of 512 x 512 against tfjs-wasm', 1.6, measured));
  }
  const [stock, own, emulated, cpu, , convolved] = tfjs.map((r) => r.milliseconds);
  if (tfjs.length > 0)
    judged.push(
      judge('MLP step in bfloat16 against stock wasm in float32', 3, [
        { label: 'mlp', ratio: stock / emulated },
      ]),
      judge('MLP step in float32 against bfloat16, both ours', 1 / 1.15, [
        { label: 'mlp', ratio: own / emulated },
      ]),
      judge('convolutional step in bfloat16 against cpu in float32', 10, [
        { label: 'convnet', ratio: cpu / convolved },
      ]),
    );
  judged.push(...trainingTargets(training, sweep));
  return judged;
}

/** @param {ReturnType<typeof targets>} judged */
export function targetsTable(judged) {
  return table(
    'Targets, by the worst case of each',
    ['target', 'wanted', 'least', 'at', 'met'],
    judged.map((j) => [j.target, digits(j.wanted), j.least, j.at, j.met ? 'yes' : 'NO']),
  );
}
