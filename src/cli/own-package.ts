/** Where this package is, and its description: wherever in it the code is that asks. */
import { createRequire } from 'node:module';
import { dirname } from 'node:path';

const require = createRequire(import.meta.url);

/** The folder of this package. */
export const packageFolder = (): string => dirname(require.resolve('halfulp/package.json'));

export const packageVersion = (): string =>
  (require('halfulp/package.json') as { readonly version: string }).version;
