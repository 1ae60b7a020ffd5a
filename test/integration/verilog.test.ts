/** The multiplier in Verilog of docs/verification.md: right as it stands, and found out with its planted fault. Runs where Icarus Verilog is. */
import { execFileSync, spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { run } from '../../src/cli/main.ts';
import { testWorld, withFolder } from '../unit/cli-world.ts';

const hasIcarus = spawnSync('iverilog', ['-V']).status === 0;
if (!hasIcarus)
  console.info('Icarus Verilog is not installed: the multiplier of examples/verilog is skipped');

const sources = ['e4m3fn_mul.v', 'testbench.v'].map((file) => join('examples/verilog', file));
const what = ['mul', '--format', 'e4m3fn', '--no-flags'];

/** What verify says of the multiplier with the parameter STICKY. */
function verified(sticky: 0 | 1): Promise<{ code: number; stdout: string }> {
  return withFolder(async (folder) => {
    const [vectors, program] = [join(folder, 'vectors.txt'), join(folder, 'mul')];
    expect(await run(['vectors', ...what, '--level', 'exhaustive', '--out', vectors], testWorld().io)).toBe(
      0,
    );
    execFileSync('iverilog', ['-g2005', '-P', `testbench.STICKY=${sticky}`, '-o', program, ...sources]);
    const results = execFileSync('vvp', ['-n', program, `+vectors=${vectors}`], { encoding: 'utf8' });
    const world = testWorld(undefined, [results]);
    const code = await run(['verify', ...what, '--json'], world.io);
    return { code, stdout: world.stdout() };
  });
}

describe.runIf(hasIcarus)('the multiplier in Verilog', () => {
  it('is right on every pair', async () => {
    const { code, stdout } = await verified(1);
    expect(JSON.parse(stdout)).toMatchObject({ lines: 65536, differing: 0 });
    expect(code).toBe(0);
  });

  it('without a sticky bit is found out, and the fault named', async () => {
    const { code, stdout } = await verified(0);
    expect(JSON.parse(stdout).kinds).toEqual({ 'lost sticky bit': 6412, 'wrong overflow': 72 });
    expect(code).toBe(1);
  });
});

it.skipIf(hasIcarus)('the multiplier in Verilog: Icarus Verilog is not installed', ({ skip }) => skip());
