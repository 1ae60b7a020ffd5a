/**
 * TensorFlow.js' own tests of its core, under emulation in an identity format: what passes on a backend's stock kernels
 * passes on ours. Each run is a process of its own.
 */
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';

const script = fileURLToPath(new URL('./tfjs-core/run.js', import.meta.url));

interface Outcome {
  readonly name: string;
  readonly status: 'passed' | 'failed' | 'pending' | 'excluded';
  readonly why: string;
}

/** What came of each test. Some names occur twice; they are numbered. */
function run(backend: string, arm: 'stock' | 'emulated'): Map<string, Outcome> {
  const { stdout } = spawnSync(process.execPath, [script, backend, arm], {
    encoding: 'utf8',
    maxBuffer: 2 ** 28,
  });
  const lines = stdout.trim().split('\n');
  expect(lines.pop()).toBe('"done"');
  const outcomes = new Map<string, Outcome>();
  for (const line of lines.filter((text) => text.startsWith('{"name"'))) {
    const outcome: Outcome = JSON.parse(line);
    let name = outcome.name;
    for (let i = 2; outcomes.has(name); i++) name = `${outcome.name} (${i})`;
    outcomes.set(name, outcome);
  }
  return outcomes;
}

const passed = (outcomes: Map<string, Outcome>): string[] =>
  [...outcomes].filter(([, { status }]) => status === 'passed').map(([name]) => name);

describe.each([
  ['cpu', 4227],
  ['wasm', 3891],
])('the tests of tfjs-core on %s', (backend, least) => {
  it('lose none that stock kernels pass', () => {
    const stock = run(backend, 'stock');
    const emulated = run(backend, 'emulated');
    const [before, after] = [passed(stock), passed(emulated)];
    console.log(
      `${backend}: ${stock.size} tests, ${before.length} pass on stock kernels, ${after.length} on ours`,
    );
    expect(before.length).toBeGreaterThanOrEqual(least);
    const lost = before.filter((name) => emulated.get(name)?.status !== 'passed');
    expect(lost.map((name) => `${name}: ${emulated.get(name)?.why}`)).toEqual([]);
  });
});
