/**
 * TensorFlow.js' own tests of its core, with Jasmine, on one backend: `node run.js wasm|cpu [emulated]`. Writes one line of
 * JSON a test. Emulated: under a policy that rounds nothing and takes our kernels.
 */
import { createRequire, register } from 'node:module';

register('./hooks.js', import.meta.url);
const [backendName = 'cpu', arm] = process.argv.slice(2);
const require = createRequire(import.meta.url);
const jasmine = require('jasmine-core').boot();
Object.assign(globalThis, { require, jasmine });
const env = jasmine.getEnv();
env.configure({ random: false });

const tf = await import('@tensorflow/tfjs-core');
await import('@tensorflow/tfjs-core/dist/register_all_gradients');
await import('@tensorflow/tfjs-core/dist/public/chained_ops/register_all_chained_ops');
const { setTestEnvs } = await import('@tensorflow/tfjs-core/dist/jasmine_util');
await import(`@tensorflow/tfjs-backend-${backendName}`);
if (backendName === 'wasm') await import('@tensorflow/tfjs-backend-cpu');

if (arm === 'emulated') {
  const { emulate } = await import('../../../src/tfjs/index.ts');
  const engine = tf.engine();
  let emulation;
  const { setBackend, reset } = engine;
  engine.setBackend = async function (name) {
    const done = await setBackend.call(this, name);
    if (name === backendName && emulation === undefined)
      emulation = await emulate(tf, { format: 'binary32', roles: { other: 'binary32' } });
    return done;
  };
  engine.reset = function () {
    emulation?.stop();
    emulation = undefined;
    reset.call(this);
  };
}

setTestEnvs([{ name: backendName, backendName, isDataSync: true }]);
await import('@tensorflow/tfjs-core/dist/tests');
env.addReporter({
  specDone({ fullName, status, failedExpectations }) {
    const why = failedExpectations.map(({ message }) => message.slice(0, 500)).join('; ');
    process.stdout.write(`${JSON.stringify({ name: fullName, status, why })}\n`);
  },
});
await env.execute();
process.stdout.write('"done"\n', () => process.exit(0));
